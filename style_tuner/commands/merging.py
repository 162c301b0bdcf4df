"""A voice as a plain model: `merge`, `check-model`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from style_tuner.commands.options import JsonOption, WorkspaceOption, answer
from style_tuner.records import Message
from style_tuner.workspace import existing_workspace


def merge(
    workspace: WorkspaceOption = "default",
    run: Annotated[str | None, typer.Option(help="Training run to merge. Default: the newest.")] = None,
    base_model: Annotated[str | None, typer.Option(help="Base model, with --adapter and --output.")] = None,
    adapter: Annotated[
        Path | None, typer.Option("--adapter", "--checkpoint", help="Adapter folder, or a run's checkpoint, to merge.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder to write the merged model to.")] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(help="JSONL of passages to compare on, with --adapter. Default: those held out of its run."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Merge a voice into a plain bf16 model and check that it answers as the adapter does."""
    from style_tuner import jobs, stages
    from style_tuner.config import resolve_model
    from style_tuner.tuning.merge import merge as merge_model

    place = existing_workspace(workspace)
    if base_model and adapter and output:
        passages = _passages(held_out, adapter)
        report = asdict(merge_model(resolve_model(base_model), adapter, output, held_out=passages))
        answer(as_json, report, _merged(output, report))
        return
    if base_model or adapter or output:
        raise typer.BadParameter("--base-model, --adapter and --output go together; or name a --run.")
    run = run or stages.newest_voice(place)
    with jobs.job(place, "merge") as own:
        merged = stages.merge_run(place, run, own)
    answer(as_json, own.result, _merged(merged, own.result))


def _passages(held_out: Path | None, adapter: Path) -> list[tuple[Message, ...]]:
    """Return the passages of a file; without one, those that the run in which the adapter lies never saw."""
    from style_tuner.dataset.chat_jsonl import read_examples
    from style_tuner.stages import unseen_by

    return [example.messages for example in read_examples(held_out)] if held_out else unseen_by(adapter)


def _merged(folder: Path, report: dict[str, Any]) -> str:
    """Say where the merged model is, and how near it is to the adapter."""
    return (
        f"It answers as the adapter does: {report['mean_divergence']:.1e} nats a token apart, the same likeliest token "
        f"for {report['agreement']:.1%} of {report['tokens']} tokens.\nMerged model: {folder}"
    )


def check_model(
    path: Annotated[Path, typer.Argument(help="A model folder.")],
    plain: Annotated[
        bool, typer.Option("--plain", help="It writes plain text: a chat template need not be there.")
    ] = False,
    adapter: Annotated[
        Path | None,
        typer.Option(help="Adapter that it is to be merged from: compare what both answer, as `merge` does."),
    ] = None,
    base_model: Annotated[
        str | None, typer.Option(help="Base model, with --adapter. Default: what the adapter itself names.")
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(help="JSONL of passages to compare on, with --adapter. Default: those held out of its run."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a model folder: every file there, readable, complete, of the right size, and with --adapter that voice."""
    from style_tuner.config import resolve_model
    from style_tuner.tuning.check import check_model as check
    from style_tuner.tuning.likeness import check_against

    if adapter is None:
        if base_model or held_out:
            raise typer.BadParameter("--base-model and --held-out go with --adapter.")
        found, likeness = check(path, plain), None
    else:
        base = resolve_model(base_model) if base_model else None
        passages = _passages(held_out, adapter)
        found, likeness = check_against(path, adapter, base, passages, plain)
    compared = asdict(likeness) if likeness else None
    answer(as_json, asdict(found) | {"compared": compared}, "\n".join(found.findings))
    if not found.ok:
        raise typer.Exit(1)
