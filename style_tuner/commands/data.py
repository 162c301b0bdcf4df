"""Manuscripts and training rows: `import`, `prepare`, `validate`."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from style_tuner.config import RowsConfig, TrainingConfig, resolve_model
from style_tuner.errors import StorageError, StyleTunerError
from style_tuner.workspace import existing_workspace, open_workspace

if TYPE_CHECKING:
    from style_tuner.dataset.formats import Example
    from style_tuner.dataset.inspection import Measure

MOST_NAMED = 12


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Manuscripts (.txt .md .docx .odt .epub) or folders of them.")],
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Add manuscripts to a workspace: kept as they are, and as cleaned text with its chapters."""
    from style_tuner.manuscripts.store import import_file
    from style_tuner.stages import left_out, manuscript_files

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
    others = [(folder, file) for folder in files if folder.is_dir() for file in left_out(folder)]
    lines += _left_out_lines(others)
    for fault in faults:
        typer.echo(fault, err=True)
    answer(as_json, {"added": rows, "faults": faults, "left_out": [_within(*one) for one in others]}, "\n".join(lines))
    if faults:
        raise typer.Exit(1)


def _within(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


def _left_out_lines(others: list[tuple[Path, Path]]) -> list[str]:
    """Say which texts of the folders were taken for no manuscripts, and what to do if they are."""
    from style_tuner.stages import is_note

    notes = [(folder, file) for folder, file in others if is_note(file, folder)]
    names = [_within(*one) for one in others if one not in notes]
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    lines = [f"Left out: {', '.join(names[:MOST_NAMED])}{more}. To add such a file, name it."] if names else []
    for place in dict.fromkeys(file.parent for _, file in notes):
        named = ", ".join(file.name for _, file in notes if file.parent == place)
        lines.append(
            f"Left out as notes of a world, in {place}: {named}. Index them: python -m rag index WORLD --input {place}"
        )
    return lines


def prepare(
    workspace: WorkspaceOption = "default",
    input_path: Annotated[
        str | None,
        typer.Option(
            "--input",
            help="A file or folder of manuscripts instead of the workspace's; or rows of another format: .jsonl, .csv, "
            ".parquet, a folder of them, or a dataset of the Hub.",
        ),
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
    """Cut manuscripts into passages and write chat rows: train, validation, and a held-out part for scoring.

    Rows of another format are checked, parted and written in this project's own.
    """
    from style_tuner import jobs, stages
    from style_tuner.dataset.formats import load_splits
    from style_tuner.dataset.inspection import write_splits
    from style_tuner.dataset.sources import is_rows

    if (input_path is None) != (output is None):
        raise typer.BadParameter("--input and --output go together: the first is read, the second written.")
    changes = [f"base_model={model}"] if model else []
    settings = training_settings(config, [*(overrides or []), *changes])
    settings = stages.with_dataset_settings(settings, min_tokens=min_tokens, max_tokens=max_tokens, split=split)
    if input_path and output and is_rows(input_path):
        splits = load_splits(input_path, settings.rows, settings.seed, with_test=True)
        counts = write_splits(splits, output, input_path)
        said = f"{counts['train']} rows for training, {counts['validation']} for validation, "
        said += f"{counts['held_out']} held out."
        answer(as_json, counts | {"dataset": str(output)}, f"{said}\nDataset: {output}")
        return
    if input_path and output:
        with tempfile.TemporaryDirectory() as scratch:  # these paths alone: nothing of it shows on the page
            own = jobs.Job(Path(scratch))
            stages.prepare_files(Path(input_path), output, settings, own)
    else:
        place = existing_workspace(workspace)
        with jobs.job(place, "prepare") as own:
            stages.prepare_workspace(place, settings, own)
    answer(as_json, own.result, f"{own.message}\nDataset: {own.result['dataset']}")


def validate(
    source: Annotated[
        str, typer.Argument(help="A file of rows (.jsonl .csv .parquet), a folder of them, or a dataset of the Hub.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(help="Recipe: its rows settings, and with its model's tokenizer the lengths and what is cut."),
    ] = None,
    overrides: SetOption = None,
    model: Annotated[str | None, typer.Option(help="Model whose tokenizer measures the rows.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check rows of any known format; name each faulty line or row, its column and the remedy."""
    from style_tuner.dataset.chat_jsonl import validate_file
    from style_tuner.dataset.inspection import inspect

    settings = _rows_settings(config, overrides, model)
    measure = _measure(settings) if settings else None
    rows = settings.rows if settings else RowsConfig()
    reports = inspect(source, rows, measure, settings.max_seq_length if settings else 0)
    lines, faults = [], 0
    for report in reports:
        found, more = list(report.told), [f"{report.name}: {warning}" for warning in report.warnings]
        if report.format == "chat" and (path := Path(report.name)).suffix == ".jsonl":
            more += [f"{path}, line {warning.line}: {warning.sentence}" for warning in validate_file(path).warnings]
        lines += [*found, *more]
        lines.append(
            f"{report.name} ({report.format}): {counted(report.rows, 'row')}, {counted(len(report.faults), 'fault')}."
        )
        if report.lengths:
            lines.append(report.lengths.sentence())
        faults += len(report.faults)
    total = {"rows": sum(report.rows for report in reports), "faults": [f for r in reports for f in r.faults]}
    answer(as_json, total | {"parts": [asdict(report) for report in reports]}, "\n".join(lines))
    if faults:
        raise typer.Exit(1)


def _rows_settings(config: Path | None, overrides: list[str] | None, model: str | None) -> TrainingConfig | None:
    """Return the settings to check against; None where nothing was said of them, so that no model is loaded."""
    if not (config or overrides or model):
        return None
    named = [f"base_model={model}", "model_type=auto"] if model else []
    return training_settings(config, [*named, *(overrides or [])])


def _measure(settings: TrainingConfig) -> Measure:
    from style_tuner.tokenizer import load_tokenizer
    from style_tuner.tuning.rows import prompt_and_whole, write_plainly

    tokenizer = load_tokenizer(resolve_model(settings.base_model))
    write_plainly(tokenizer, settings.rows.response_template)

    def measure(example: Example) -> tuple[int, int]:
        prompt, whole = prompt_and_whole(example, tokenizer)
        return len(prompt), len(whole)

    return measure
