"""What is measured of a voice: `profile`, `score`, `panel build`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from style_tuner.commands.options import JsonOption, WorkspaceOption, answer
from style_tuner.config import ScoreConfig
from style_tuner.errors import ConfigError
from style_tuner.workspace import existing_workspace, write_json, write_text

MEASURED = "Measured on all of the text; the tab Voice leaves out what is held out for scoring."


def profile(
    workspace: WorkspaceOption = "default",
    input_path: Annotated[Path | None, typer.Option("--input", help="A file or folder instead.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the fingerprint as one HTML file.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write it as a picture (needs Chrome, Chromium or Edge).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the author's voice and print it in sentences, with the system prompt made from it."""
    from style_tuner import stages
    from style_tuner.manuscripts.read import read_manuscript
    from style_tuner.manuscripts.store import list_manuscripts
    from style_tuner.voice import fingerprint
    from style_tuner.voice.describe import summary, system_prompt
    from style_tuner.voice.profile import build_profile
    from style_tuner.voice.typical import cut_passages, quoted_passages

    for path in filter(None, (html, png)):
        if path.exists():
            raise ConfigError(f"{path} exists and is not overwritten: name another file, or move it away.")
    if input_path:
        manuscripts = [read_manuscript(path) for path in stages.manuscript_files(input_path)]
    else:
        manuscripts = list_manuscripts(existing_workspace(workspace))
    measured = build_profile([chapter.text for manuscript in manuscripts for chapter in manuscript.chapters])
    prompt = system_prompt(measured)
    quoted = quoted_passages(cut_passages(manuscripts), measured.quote_style)
    if html or png:
        page = fingerprint.document(measured, prompt, manuscripts, quoted)
        if html:
            write_text(html, page)
        if png:
            fingerprint.write_picture(page, png)
    answer(
        as_json,
        asdict(measured) | {"system_prompt": prompt, "passages": [asdict(passage) for passage in quoted]},
        "\n".join([MEASURED, *summary(measured), "", f"System prompt: {prompt}"]),
    )


def score(
    files: Annotated[list[Path] | None, typer.Argument(help="Drafts (manuscript formats) to score, pooled.")] = None,
    workspace: WorkspaceOption = "default",
    models: Annotated[
        str | None, typer.Option(help="base,VOICE: let both write from held-out requests, and score them.")
    ] = None,
    drafts: Annotated[int, typer.Option(min=2, help="Drafts for each model.")] = ScoreConfig().drafts,
    dataset: Annotated[Path | None, typer.Option(help="Dataset of the author. Default: the newest.")] = None,
    panel: Annotated[Path | None, typer.Option(help="Folder of a panel of your own. Default: the shipped one.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the drafts here too, each sentence marked (HTML).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score drafts against the author's voice; or a base model and a voice on the same requests, side by side."""
    from style_tuner import jobs, scoring
    from style_tuner.score_report import MANNER, document

    place = existing_workspace(workspace)
    if bool(files) == bool(models):
        raise typer.BadParameter("name draft files, or --models base,VOICE; one of the two.")
    if html and models:
        raise typer.BadParameter("--html shows draft files; for two models see benchmarks.style_transfer_quality.")
    with jobs.job(place, "score") as own:
        if files:
            own.result = scoring.score_files(place, files, dataset, own, panel)
        else:
            names = [name.strip() for name in str(models).split(",")]
            own.result = scoring.score_models(place, names, ScoreConfig(drafts=drafts), dataset, own, panel)
        own.message = own.result["verdict"]
    said = scoring.lines(own.result)
    if any(one["score"] is not None for one in own.result["models"].values()):
        said.insert(1, MANNER)
    if html and files:
        title = ", ".join(path.name for path in files)
        said.append(f"\nEvery sentence marked: {write_text(html, document(title, own.result))}")
    answer(as_json, own.result, "\n".join(said))


def build_panel(
    corpus: Annotated[Path, typer.Option(help="Folder of novels named Author_Title_Year.txt.")],
    output: Annotated[Path, typer.Option(help="New folder for the panel, for `score --panel`.")],
) -> None:
    """Make a panel of one's own: statistics of masked text, no text itself."""
    from style_tuner.voice.reference import build_reference
    from style_tuner.voice.verification.panel import build_panel as build
    from style_tuner.voice.verification.panel import save_panel

    if output.exists():
        raise ConfigError(f"{output} exists and is not overwritten: name a new folder, or move it away.")
    if not corpus.is_dir():
        raise ConfigError(f"There is no folder {corpus}: name the one that holds the novels, Author_Title_Year.txt.")
    panel, reference = build(corpus), build_reference(corpus)
    write_json(save_panel(panel, output) / "reference.json", reference)
    typer.echo(f"A panel of {len(panel.authors)} authors: {output}")
