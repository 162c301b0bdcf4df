"""From rows to a voice: `train`, `sweep`, `use-checkpoint`, `export-config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from style_tuner.commands.options import ConfigOption, JsonOption, SetOption, WorkspaceOption, answer, training_settings
from style_tuner.errors import ConfigError
from style_tuner.workspace import existing_workspace


def _flag(name: str, said: str) -> Any:
    """Return an option that goes by another guide's name, with underscores or dashes, and sets the key of that name."""
    return typer.Option(
        *dict.fromkeys((name, name.replace("_", "-"))), help=said, rich_help_panel="Other guides' flags"
    )


def train(
    workspace: WorkspaceOption = "default",
    config: ConfigOption = None,
    overrides: SetOption = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Dataset folder, file of rows (.jsonl .csv .parquet) or Hub name. Default: rows.source of the recipe, "
            "else the newest dataset of the workspace."
        ),
    ] = None,
    base_model: Annotated[str | None, _flag("--base_model", "Model to tune: Hub name or folder.")] = None,
    output_dir: Annotated[str | None, _flag("--output_dir", "Folder for checkpoints and a copy of the voice.")] = None,
    lora_r: Annotated[int | None, _flag("--lora_r", "Rank of the adapter.")] = None,
    lora_alpha: Annotated[int | None, _flag("--lora_alpha", "Scaling of the adapter.")] = None,
    batch_size: Annotated[int | None, _flag("--batch_size", "Rows at a time on one device.")] = None,
    gradient_accumulation_steps: Annotated[
        int | None, _flag("--gradient_accumulation_steps", "Batches for each optimiser step.")
    ] = None,
    learning_rate: Annotated[float | None, _flag("--learning_rate", "Peak learning rate.")] = None,
    num_epochs: Annotated[float | None, _flag("--num_epochs", "Passes over the rows.")] = None,
    fp16: Annotated[bool, _flag("--fp16", "Ask for float16 arithmetic.")] = False,
    gradient_checkpointing: Annotated[
        bool, _flag("--gradient_checkpointing", "Recompute activations: less memory, slower.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show an example with its loss mask, and the estimate; train nothing."),
    ] = False,
    resume: Annotated[str | None, typer.Option(help="Id of a stopped or interrupted run to go on with.")] = None,
    go_on: Annotated[
        str | None,
        typer.Option("--continue", help="Id of a run whose voice a new run begins with; with --epochs."),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Epochs of a run that continues another. Default: one.")] = None,
    like: Annotated[str | None, typer.Option(help="Id of a run whose settings to take, in place of a recipe.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train the author's voice on a prepared dataset, or on rows of another format; it can be stopped and resumed."""
    from style_tuner import jobs, stages, training
    from style_tuner.tuning import parallel

    if parallel.is_helper():
        parallel.help_train()
        return
    given = {
        "base_model": base_model,
        "output_dir": output_dir,
        "lora_r": lora_r,
        "lora_alpha": lora_alpha,
        "batch_size": batch_size,
        "gradient_accumulation_steps": gradient_accumulation_steps,
        "learning_rate": learning_rate,
        "num_epochs": num_epochs,
        "gradient_checkpointing": True if gradient_checkpointing else None,
    }
    changes = [f"{key}={value}" for key, value in given.items() if value is not None]
    changes += ["model_type=auto"] if base_model else []  # the recipe's is that of its own model
    changes += ["fp16=true", "bf16=false", "bnb_4bit_compute_dtype=auto"] if fp16 else []
    changes += overrides or []
    place = existing_workspace(workspace)
    if sum(one is not None for one in (resume, go_on, like)) > 1 or (config and (go_on or like)):
        raise typer.BadParameter("--resume, --continue, --like and --config name different beginnings: keep one.")
    if go_on:
        config, more, dataset = training.continuation(place, go_on, epochs or 1)
        changes = [*more, *changes]
    elif epochs is not None:
        changes.append(f"num_epochs={epochs}")
    if like:
        config = training.recipe_of(place, like)
        dataset = dataset or training.rows_of_its_own(place, like)
    if dry_run:
        from style_tuner.tuning.train import dry_run as show

        settings = training.named(training_settings(config, changes))
        data = stages.rows_source(place, settings, dataset)
        typer.echo(show(settings, data, folder=place.runs, pace=training.last_pace(place, settings)))
        return
    folder = place.runs / jobs.resumable(place, resume).id if resume else None
    with jobs.job(place, "train", folder) as own:
        training.train_run(place, own, lambda: training_settings(config, changes), dataset)
    result = own.result | {"run": own.folder.name}
    answer(as_json, result, _trained(own.folder.name, own.result, own.message))
    if "fault" in result:
        raise typer.Exit(1)


def _trained(run: str, result: dict[str, Any], message: str) -> str:
    """Say in words what a training came to."""
    if not result:
        return f"Run {run}: {message}"
    base, tuned = result["base_validation_loss"], result["tuned_validation_loss"]
    lines = [f"Run {run}: validation loss {base:.3f} → {tuned:.3f}, the best at step {result['best_step']}."]
    return "\n".join([*lines, *filter(None, [message]), *result.get("signs", [])])


def sweep(
    workspace: WorkspaceOption = "default",
    config: ConfigOption = None,
    overrides: SetOption = None,
    dataset: Annotated[str | None, typer.Option(help="As for `train`.")] = None,
    rates: Annotated[str | None, typer.Option(help="Learning rates, separated by commas. Default: four.")] = None,
    epochs: Annotated[float, typer.Option(min=0.1, help="Length of each short run, in epochs.")] = 1.0,
    resume: Annotated[str | None, typer.Option(help="Id of a stopped or interrupted sweep to go on with.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Try a few learning rates in short runs and say which one to train with."""
    from style_tuner import jobs, training
    from style_tuner.tuning import parallel

    if parallel.processes() > 1:
        raise ConfigError("A sweep tries its rates in one process: start it with python, without accelerate launch.")
    try:
        tried = tuple(float(rate) for rate in rates.split(",")) if rates else None
    except ValueError:
        raise typer.BadParameter(f"--rates {rates!r} must be numbers separated by commas, such as 1e-4,2e-4.") from None
    place = existing_workspace(workspace)
    folder = place.runs / jobs.resumable(place, resume).id if resume else None
    with jobs.job(place, "sweep", folder) as own:
        training.sweep_run(place, own, lambda: training_settings(config, overrides or []), dataset, epochs, tried)
    rows = []
    for row in own.result.get("table", []):
        loss = row["best_validation_loss"]
        said = [f"{row['learning_rate']:>10g}", *([] if loss is None else [f"{loss:.4f}"]), row["note"]]
        rows.append("  ".join(said).rstrip())
    text = "\n".join(["Rate        Best validation loss", *rows, own.message])
    answer(as_json, own.result | {"run": own.folder.name}, text)


def use_checkpoint(
    run: Annotated[str, typer.Argument(help="Id of a training run that is over.")],
    step: Annotated[int | None, typer.Argument(help="Step whose state to use; none lists those that are kept.")] = None,
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Make an earlier state of a run its voice; the voice before it is kept."""
    from style_tuner import training

    place = existing_workspace(workspace)
    if step is None:
        kept = training.kept_steps(place, run)
        lines = [f"Step {at}: validation loss {loss:.3f}" for at, loss in kept.items()]
        answer(as_json, kept, "\n".join(lines) or "The run keeps no states.")
        return
    changed = training.use_step(place, run, step)
    answer(as_json, changed.result | {"run": run}, changed.message)


def export_config(
    run: Annotated[str, typer.Argument(help="Id of a training run.")],
    to: Annotated[str, typer.Option(help="Which trainer to write for: axolotl or llama-factory.")],
    output: Annotated[Path, typer.Option(help="New folder for the configuration and the rows.")],
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Write a run's settings and rows for Axolotl or LLaMA-Factory."""
    from style_tuner import stages

    if to not in ("axolotl", "llama-factory"):
        raise typer.BadParameter(f"--to is axolotl or llama-factory, not {to!r}.")
    written = stages.export_run(existing_workspace(workspace), run, to, output)  # type: ignore[arg-type]
    answer(as_json, {"config": str(written)}, f"Configuration: {written}")
