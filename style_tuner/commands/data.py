"""Manuscripts and training rows: `import`, `prepare`, `validate`."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from style_tuner.commands.options import (
    ConfigOption,
    JsonOption,
    SetOption,
    WorkspaceOption,
    answer,
    counted,
    training_settings,
)
from style_tuner.errors import StorageError, StyleTunerError
from style_tuner.workspace import existing_workspace, open_workspace


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
        chapters = counted(len(m.chapters), "chapter")
        lines.append(f"{m.title} ({m.id}), version {m.version}: {counted(m.words, 'word')} in {chapters}")
        lines += [f"  {note}" for note in m.notes]
    words = counted(sum(m.words for m in added), "word")
    lines.append(f"Added {counted(len(added), 'manuscript')}, {words}, to {place.name!r}.")
    for fault in faults:
        typer.echo(fault, err=True)
    answer(as_json, {"added": rows, "faults": faults}, "\n".join(lines))
    if faults:
        raise typer.Exit(1)


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
    settings = training_settings(config, [*(overrides or []), *changes])
    settings = stages.with_dataset_settings(settings, min_tokens=min_tokens, max_tokens=max_tokens, split=split)
    if input_path and output:
        with tempfile.TemporaryDirectory() as scratch:  # these paths alone: nothing of it shows on the page
            own = jobs.Job(Path(scratch))
            stages.prepare_files(input_path, output, settings, own)
    else:
        place = existing_workspace(workspace)
        with jobs.job(place, "prepare") as own:
            stages.prepare_workspace(place, settings, own)
    answer(as_json, own.result, f"{own.message}\nDataset: {own.result['dataset']}")


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
    answer(as_json, asdict(report), "\n".join(lines))
    if report.faults:
        raise typer.Exit(1)
