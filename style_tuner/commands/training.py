"""From rows to a model: `train`, `merge`, `check-model`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from style_tuner.commands.options import ConfigOption, JsonOption, SetOption, WorkspaceOption, answer, training_settings
from style_tuner.workspace import existing_workspace


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

        settings = training_settings(config, overrides)
        typer.echo(show(settings, dataset or stages.newest_dataset(place)))
        return
    folder = place.runs / jobs.resumable(place, resume).id if resume else None
    with jobs.job(place, "train", folder) as own:
        stages.train_run(place, own, lambda: training_settings(config, overrides), dataset)
    result = own.result | {"run": own.folder.name}
    base, tuned = result["base_validation_loss"], result["tuned_validation_loss"]
    answer(as_json, result, f"Run {own.folder.name}: validation loss {base:.3f} → {tuned:.3f}.\nVoice: {own.folder}")


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
        answer(as_json, report, f"Merged model: {output}")
        return
    if base_model or adapter or output:
        raise typer.BadParameter("--base-model, --adapter and --output go together; or name a --run.")
    run = run or stages.newest_voice(place)
    with jobs.job(place, "merge") as own:
        merged = stages.merge_run(place, run, own)
    answer(as_json, own.result, f"Merged model: {merged}")


def check_model(
    path: Annotated[Path, typer.Argument(help="A model folder.")],
    as_json: JsonOption = False,
) -> None:
    """Check a model folder: every file there, readable, complete, and of the right size."""
    from style_tuner.tuning.check import check_model as check

    found = check(path)
    answer(as_json, asdict(found), "\n".join(found.findings))
    if not found.ok:
        raise typer.Exit(1)
