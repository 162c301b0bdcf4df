"""The command line: every stage of the pipeline, each importing only what it needs."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from style_tuner.config import (
    STARTER_CONFIG,
    SamplingConfig,
    ScoreConfig,
    ServingConfig,
    TrainingConfig,
    load_training_config,
    validated,
)
from style_tuner.errors import ConfigError, StorageError, StyleTunerError
from style_tuner.privacy import quiet_environment
from style_tuner.workspace import existing_workspace, open_workspace

app = typer.Typer(
    help="Train a language model on an author's own voice, write with it, and score whether it sounds like them.\n\n"
    "The usual order: import, prepare, train, merge, serve, generate, score. `demo` runs all of it on the sample "
    "author. Everything is kept in a workspace under STYLE_TUNER_HOME (else the platform's user data folder).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

WorkspaceOption = Annotated[str, typer.Option("--workspace", "-w", help="Name of the workspace to work in.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Recipe, such as configs/starter_cpu.yaml. Default: the guide's on a GPU, else it."),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change one setting: --set lora_r=16 --set dataset.min_tokens=200.")
]


def _training(config: Path | None, overrides: list[str] | None) -> TrainingConfig:
    from style_tuner.stages import default_config

    return load_training_config(config or default_config(), overrides or [])


def _say(text: str) -> None:
    typer.echo(text)


def _answer(as_json: bool, value: Any, text: str) -> None:
    _say(json.dumps(value, ensure_ascii=False) if as_json else text)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


@app.command(name="import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Manuscripts (.txt .md .docx .odt .epub) or folders of them.")],
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Add manuscripts to a workspace: kept as they are, and as cleaned text with its chapters."""
    from style_tuner.manuscripts.store import import_file
    from style_tuner.stages import manuscript_files

    place = open_workspace(workspace)
    added, faults = [], []
    for file, name in [
        (found, found.relative_to(path) if path.is_dir() else found.name)
        for path in files
        for found in manuscript_files(path)
    ]:
        try:
            added.append(import_file(place, file, str(name)))
        except StyleTunerError as error:
            faults.append(str(error))
            if isinstance(error, StorageError):  # what keeps one file from being written keeps the others too
                break
    rows = [
        {"id": m.id, "title": m.title, "version": m.version, "words": m.words, "chapters": len(m.chapters)}
        | {"notes": m.notes}
        for m in added
    ]
    lines = []
    for m in added:
        chapters = _count(len(m.chapters), "chapter")
        lines.append(f"{m.title} ({m.id}), version {m.version}: {_count(m.words, 'word')} in {chapters}")
        lines += [f"  {note}" for note in m.notes]
    words = _count(sum(m.words for m in added), "word")
    lines.append(f"Added {_count(len(added), 'manuscript')}, {words}, to {place.name!r}.")
    for fault in faults:
        typer.echo(fault, err=True)
    _answer(as_json, {"added": rows, "faults": faults}, "\n".join(lines))
    if faults:
        raise typer.Exit(1)


@app.command()
def prepare(
    workspace: WorkspaceOption = "default",
    input_path: Annotated[
        Path | None, typer.Option("--input", help="A file or folder of manuscripts instead of the workspace's.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder, or training .jsonl file, to write with --input.")
    ] = None,
    min_tokens: Annotated[int | None, typer.Option(help="Shortest passage, in tokens of the model.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest passage, in tokens of the model.")] = None,
    split: Annotated[float | None, typer.Option(help="Share for training; the rest is for validation.")] = None,
    model: Annotated[str | None, typer.Option(help="Model whose tokenizer measures the passages.")] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut manuscripts into passages and write chat rows: train, validation, and a held-out part for scoring."""
    from style_tuner import jobs, stages

    if (input_path is None) != (output is None):
        raise typer.BadParameter("--input and --output go together: the first is read, the second written.")
    changes = [f"base_model={model}"] if model else []
    settings = _training(config, [*(overrides or []), *changes])
    settings = stages.with_dataset_settings(settings, min_tokens=min_tokens, max_tokens=max_tokens, split=split)
    if input_path and output:
        with tempfile.TemporaryDirectory() as scratch:  # these paths alone: nothing of it shows on the page
            own = jobs.Job(Path(scratch))
            stages.prepare_files(input_path, output, settings, own)
    else:
        place = existing_workspace(workspace)
        with jobs.job(place, "prepare") as own:
            stages.prepare_workspace(place, settings, own)
    _answer(as_json, own.result, f"{own.message}\nDataset: {own.result['dataset']}")


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(help="A chat JSONL file.")],
    as_json: JsonOption = False,
) -> None:
    """Check a JSONL file of chat rows; name each faulty line and its fault."""
    from style_tuner.dataset.chat_jsonl import validate_file

    report = validate_file(file)
    lines = [f"{fault.place(file)}: {fault.sentence}" for fault in report.faults]
    lines += [f"{file}, line {warning.line}: {warning.sentence}" for warning in report.warnings]
    lines.append(f"{report.rows} rows, {len(report.faults)} faults.")
    _answer(as_json, asdict(report), "\n".join(lines))
    if report.faults:
        raise typer.Exit(1)


@app.command()
def profile(
    workspace: WorkspaceOption = "default",
    input_path: Annotated[Path | None, typer.Option("--input", help="A file or folder instead.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the author's voice and print it in sentences, with the system prompt made from it."""
    from style_tuner import stages
    from style_tuner.manuscripts.read import read_manuscript
    from style_tuner.manuscripts.store import list_manuscripts
    from style_tuner.voice.describe import summary, system_prompt
    from style_tuner.voice.profile import build_profile

    if input_path:
        manuscripts = [read_manuscript(path) for path in stages.manuscript_files(input_path)]
    else:
        manuscripts = list_manuscripts(existing_workspace(workspace))
    texts = [chapter.text for manuscript in manuscripts for chapter in manuscript.chapters]
    measured = build_profile(texts)
    prompt = system_prompt(measured)
    _answer(
        as_json,
        asdict(measured) | {"system_prompt": prompt},
        "\n".join([*summary(measured), "", f"System prompt: {prompt}"]),
    )


@app.command()
def train(
    workspace: WorkspaceOption = "default",
    config: ConfigOption = None,
    overrides: SetOption = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Dataset folder. Default: the newest one of the workspace.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show an example with its loss mask, and the estimate; train nothing."),
    ] = False,
    resume: Annotated[str | None, typer.Option(help="Id of a stopped or interrupted run to go on with.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train the author's voice (QLoRA) on a prepared dataset; the run can be stopped and resumed."""
    from style_tuner import jobs, stages

    place = existing_workspace(workspace)
    if dry_run:
        from style_tuner.tuning.train import dry_run as show

        settings = _training(config, overrides)
        _say(show(settings, dataset or stages.newest_dataset(place)))
        return
    folder = place.runs / jobs.resumable(place, resume).id if resume else None
    with jobs.job(place, "train", folder) as own:
        stages.train_run(place, own, lambda: _training(config, overrides), dataset)
    result = own.result | {"run": own.folder.name}
    base, tuned = result["base_validation_loss"], result["tuned_validation_loss"]
    _answer(as_json, result, f"Run {own.folder.name}: validation loss {base:.3f} → {tuned:.3f}.\nVoice: {own.folder}")


@app.command()
def merge(
    workspace: WorkspaceOption = "default",
    run: Annotated[str | None, typer.Option(help="Training run to merge. Default: the newest.")] = None,
    base_model: Annotated[str | None, typer.Option(help="Base model, with --adapter and --output.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Adapter folder to merge.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder to write the merged model to.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Merge a voice into a plain bf16 model and check that it answers as the adapter does."""
    from style_tuner import jobs, stages
    from style_tuner.config import resolve_model
    from style_tuner.tuning.merge import merge as merge_model

    place = existing_workspace(workspace)
    if base_model and adapter and output:
        report = asdict(merge_model(resolve_model(base_model), adapter, output))
        _answer(as_json, report, f"Merged model: {output}")
        return
    if base_model or adapter or output:
        raise typer.BadParameter("--base-model, --adapter and --output go together; or name a --run.")
    run = run or stages.newest_voice(place)
    with jobs.job(place, "merge") as own:
        merged = stages.merge_run(place, run, own)
    _answer(as_json, own.result, f"Merged model: {merged}")


@app.command(name="check-model")
def check_model(
    path: Annotated[Path, typer.Argument(help="A model folder.")],
    as_json: JsonOption = False,
) -> None:
    """Check a model folder: every file there, readable, complete, and of the right size."""
    from style_tuner.tuning.check import check_model as check

    found = check(path)
    _answer(as_json, asdict(found), "\n".join(found.findings))
    if not found.ok:
        raise typer.Exit(1)


@app.command()
def serve(
    model: Annotated[str, typer.Argument(help="Base model. Default: that of the newest voice, else the starter.")] = "",
    workspace: WorkspaceOption = "default",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = ServingConfig().port,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = ServingConfig().host,
    engine: Annotated[str, typer.Option(help="auto, vllm or transformers.")] = ServingConfig().engine,
    gpu_memory: Annotated[float, typer.Option(help="Share of the GPU's memory for vLLM.")] = ServingConfig().gpu_memory,
    max_model_len: Annotated[int | None, typer.Option(help="Longest prompt and reply together, in tokens.")] = None,
    voice: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER of a voice to serve too. Default: all of the workspace.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Use the server at this address instead of starting one.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start in the background and return when it is up.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the running server.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve the base model and the voices by name behind one OpenAI-compatible address."""
    from style_tuner.serving import server
    from style_tuner.serving.voices import parse_voices

    place = open_workspace(workspace)
    if stop:
        stopped = server.stop(place)
        verb = "No longer using" if stopped and stopped.external else "Stopped"
        said = f"{verb} the model server at {stopped.url}." if stopped else "No model server is running."
        _answer(as_json, {"stopped": stopped.url if stopped else None}, said)
        return
    if url:
        state = server.use_url(place, url)
        _answer(as_json, asdict(state), f"Using the model server at {state.url}: {', '.join(state.models)}.")
        return
    values = {"port": port, "host": host, "engine": engine, "gpu_memory": gpu_memory, "max_model_len": max_model_len}
    settings = validated(ServingConfig, values, "serve")
    if not detach:
        server.supervise(place, settings, model, parse_voices(voice))
        return
    server.start(place, settings, model, parse_voices(voice))
    state = server.wait_until_up(place, settings.start_seconds)
    serves = f"{state.engine} serves {', '.join(state.models)} at {state.url}."
    _answer(as_json, asdict(state), f"{serves} {state.message}".strip())


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to write.")],
    model: Annotated[str, typer.Option(help="`base`, or the name of a voice.")] = "base",
    workspace: WorkspaceOption = "default",
    world: Annotated[str | None, typer.Option(help="Add facts of this world (the World service must run).")] = None,
    count: Annotated[int, typer.Option(min=1, help="Drafts to write.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Seed of the first draft; the next ones count up.")] = None,
    temperature: Annotated[float, typer.Option(help="0 to 2.")] = SamplingConfig().temperature,
    max_tokens: Annotated[int, typer.Option(help="Longest draft.")] = SamplingConfig().max_tokens,
    as_json: JsonOption = False,
) -> None:
    """Write drafts with the base model or a voice, with or without the world; every draft is kept."""
    from style_tuner.drafting import draft

    place = open_workspace(workspace)
    values = {"temperature": temperature, "max_tokens": max_tokens}
    sampling = validated(SamplingConfig, values, "generate")
    seeds = [None if seed is None else seed + number for number in range(count)]
    drafts = [draft(place, prompt, model, sampling, one, world) for one in seeds]
    texts = [one.text + (f"\n\n[facts: {', '.join(one.sources)}]" if one.sources else "") for one in drafts]
    _answer(as_json, {"drafts": [asdict(one) for one in drafts]}, "\n\n———\n\n".join(texts))


@app.command()
def score(
    files: Annotated[list[Path] | None, typer.Argument(help="Drafts (manuscript formats) to score, pooled.")] = None,
    workspace: WorkspaceOption = "default",
    models: Annotated[
        str | None, typer.Option(help="base,VOICE: let both write from held-out requests, and score them.")
    ] = None,
    drafts: Annotated[int, typer.Option(min=2, help="Drafts for each model.")] = ScoreConfig().drafts,
    dataset: Annotated[Path | None, typer.Option(help="Dataset of the author. Default: the newest.")] = None,
    panel: Annotated[Path | None, typer.Option(help="Folder of a panel of your own. Default: the shipped one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score drafts against the author's voice; or a base model and a voice on the same requests, side by side."""
    from style_tuner import jobs, scoring

    place = existing_workspace(workspace)
    if bool(files) == bool(models):
        raise typer.BadParameter("name draft files, or --models base,VOICE; one of the two.")
    with jobs.job(place, "score") as own:
        if files:
            own.result = scoring.score_files(place, files, dataset, panel)
        else:
            names = [name.strip() for name in str(models).split(",")]
            own.result = scoring.score_models(place, names, ScoreConfig(drafts=drafts), dataset, own, panel)
        own.message = own.result["verdict"]
    _answer(as_json, own.result, "\n".join(scoring.lines(own.result)))


panel_app = typer.Typer(help="The panel of other authors that a voice is told from.", no_args_is_help=True)
app.add_typer(panel_app, name="panel")


@panel_app.command(name="build")
def build_panel(
    corpus: Annotated[Path, typer.Option(help="Folder of novels named Author_Title_Year.txt.")],
    output: Annotated[Path, typer.Option(help="New folder for the panel, for `score --panel`.")],
) -> None:
    """Make a panel of one's own: statistics of masked text, no text itself."""
    from style_tuner.voice.panel import build_panel as build
    from style_tuner.voice.panel import save_panel, save_reference

    if output.exists():
        raise ConfigError(f"{output} exists and is not overwritten: name a new folder, or move it away.")
    panel = build(corpus)
    save_reference(corpus, save_panel(panel, output))
    _say(f"A panel of {len(panel.authors)} authors: {output}")


@app.command()
def demo(
    workspace: WorkspaceOption = "demo",
    config: Annotated[Path, typer.Option(help="Recipe to train with.")] = STARTER_CONFIG,
    overrides: SetOption = None,
    drafts: Annotated[int, typer.Option(min=2, help="Drafts that each model writes.")] = ScoreConfig().drafts,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on the sample author: prepare, train, merge, serve, write, score, and report."""
    from style_tuner.demo import run_demo, show

    training = load_training_config(config, overrides or [])
    result = run_demo(open_workspace(workspace), training, ScoreConfig(drafts=drafts))
    if not as_json:
        show(result)
    _answer(as_json, result, f"Report: {result['report']}")


def main() -> None:
    """Run the command line; errors of the user's kind are one sentence, without a trace."""
    os.environ.update(quiet_environment())
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in ("httpx", "httpx2", "httpcore", "openai"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        app()
    except StyleTunerError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)
    except OSError as error:
        typer.secho(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.", fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
