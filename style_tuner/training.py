"""Training runs as the command line and the page start them: whose turn it is, what they go on from, what is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from style_tuner import jobs
from style_tuner.config import TrainingConfig, config_hash, validated
from style_tuner.errors import JobError, ServerError
from style_tuner.jobs import Job
from style_tuner.records import Run
from style_tuner.stages import rows_source
from style_tuner.turns import queue, queue_folder, turn
from style_tuner.workspace import Workspace, read_json, time_stamp, write_json, write_text

if TYPE_CHECKING:
    from style_tuner.serving.state import ServerState

log = logging.getLogger(__name__)


def train_run(workspace: Workspace, own: Job, wanted: Callable[[], TrainingConfig], dataset: str | Path | None) -> None:
    """Train in the job's folder; what it was started with is kept there, so that resuming uses the same."""
    config, data = settle(workspace, own, wanted, dataset)
    from style_tuner.tuning.train import train

    with our_turn(workspace, own) as mine:
        if mine:
            own.result = train(config, data, own.folder, own)


def sweep_run(
    workspace: Workspace,
    own: Job,
    wanted: Callable[[], TrainingConfig],
    dataset: str | Path | None,
    epochs: float,
    rates: tuple[float, ...] | None = None,
) -> None:
    """Try learning rates in the job's folder, as `tuning.sweep` does."""
    config, data = settle(workspace, own, wanted, dataset)
    from style_tuner.tuning.sweep import sweep

    with our_turn(workspace, own) as mine:
        if mine:
            own.result = sweep(config, data, own.folder, own, rates, epochs)
            own.message = own.result["advice"]


def settle(
    workspace: Workspace, own: Job, wanted: Callable[[], TrainingConfig], dataset: str | Path | None
) -> tuple[TrainingConfig, str]:
    """Return the settings and the dataset of a run, those it began with where it is resumed, else keep them."""
    path = own.folder / "settings.json"
    if path.is_file():
        config, data = kept_settings(workspace, own.folder.name)
    else:
        config = named(wanted())
        data = rows_source(workspace, config, dataset)
        write_json(path, {"config": config.model_dump(mode="json"), "dataset": data})
    own.update(config_hash=config_hash(config))
    return config, data


def named(config: TrainingConfig) -> TrainingConfig:
    """Return the settings with the time of now in the run's name where that asks for it."""
    name = config.run_name and config.run_name.replace("{time}", time_stamp())
    return config.model_copy(update={"run_name": name})


def kept_settings(workspace: Workspace, run_id: str) -> tuple[TrainingConfig, str]:
    """Return what a training run was started with; its dataset is looked for here where the workspace was moved."""
    path = workspace.runs / run_id / "settings.json"
    if not path.is_file():
        jobs.load(workspace, run_id)
        raise JobError(f"The run {run_id!r} holds no training settings: name a training run that has begun.")
    kept = read_json(path)
    data = Path(kept["dataset"])
    here = workspace.datasets / data.name
    moved = data.is_absolute() and not data.exists() and here.exists()
    return validated(TrainingConfig, kept["config"], str(path)), str(here if moved else kept["dataset"])


def last_pace(workspace: Workspace, config: TrainingConfig) -> float | None:
    """Return the tokens a second of the newest run with this base model; None where there is none that told."""
    for run in jobs.runs(workspace, "train"):
        settings = workspace.runs / run.id / "settings.json"
        if settings.is_file() and read_json(settings)["config"]["base_model"] == config.base_model:
            speeds = [
                row["tokens_per_second"] for row in jobs.metrics(workspace, run.id) if row.get("tokens_per_second")
            ]
            if speeds:
                return float(sum(speeds) / len(speeds))
    return None


def recipe_of(workspace: Workspace, run_id: str) -> Path:
    """Return a file like those in `configs/` with the settings of a run, to start others from."""
    config, _ = kept_settings(workspace, run_id)
    values = config.model_dump(mode="json", exclude={"start_from"})
    text = f"# As in the run {run_id}\n\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}"
    return write_text(workspace.runs / run_id / "recipe.yaml", text)


def rows_of_its_own(workspace: Workspace, run_id: str) -> str | None:
    """Return the rows that a run was trained on where they are none of the workspace's datasets; else None."""
    _, source = kept_settings(workspace, run_id)
    return None if workspace.datasets in Path(source).parents else source


def continuation(workspace: Workspace, run_id: str, epochs: float) -> tuple[Path, list[str], str]:
    """Return recipe, changes and dataset of a new run that begins with the voice of `run_id` and trains on."""
    config, data = kept_settings(workspace, run_id)
    folder = workspace.runs / run_id
    changes = [f"num_epochs={epochs:g}"]
    if config.method == "full" and (folder / "merged" / "config.json").is_file():
        changes.append(f"base_model={folder / 'merged'}")
    elif (folder / "adapter").is_dir():
        changes.append(f"start_from={run_id}")
    else:
        raise JobError(f"The run {run_id} has no voice to go on from: let it train, or resume it.")
    return recipe_of(workspace, run_id), changes, data


def kept_steps(workspace: Workspace, run_id: str) -> dict[int, float]:
    """Return the steps whose state a run still keeps, each with its validation loss."""
    from style_tuner.tuning.checkpoints import whole_checkpoints

    losses = {
        row["step"]: row["validation_loss"] for row in jobs.metrics(workspace, run_id) if "validation_loss" in row
    }
    folder = _checkpoints(workspace, run_id)
    return {step: losses[step] for step in sorted(whole_checkpoints(folder)) if step in losses}


def use_step(workspace: Workspace, run_id: str, step: int) -> Run:
    """Make the state of a step the run's voice; the voice before it is kept in the run's folder `earlier`.

    The state that is the voice already is left as it is.
    """
    from style_tuner.tuning.checkpoints import use_checkpoint

    run = jobs.load(workspace, run_id)
    if run.status in ("queued", "running"):
        raise JobError(f"The run {run_id} is still going: stop it first, or wait for it.")
    voice = "merged" if kept_settings(workspace, run_id)[0].method == "full" else "adapter"
    if run.result.get("best_step") == step and (workspace.runs / run_id / voice).is_dir():
        return replace(run, message=f"Its voice is the state of step {step} already.")
    kept = use_checkpoint(workspace.runs / run_id, _checkpoints(workspace, run_id), step)
    where = f" The voice before it is kept in {kept.relative_to(workspace.runs)}." if kept else ""
    status = run.status if run.status == "done" else "stopped"
    loss = kept_steps(workspace, run_id).get(step)
    result = run.result | {"best_step": step, "tuned_validation_loss": loss, "adapter": voice}
    message = f"Its voice is the state of step {step}.{where}"
    return jobs.save(workspace, replace(run, status=status, message=message, result=result))


def _checkpoints(workspace: Workspace, run_id: str) -> Path:
    config, _ = kept_settings(workspace, run_id)
    return workspace.runs / run_id / Path(config.output_dir).expanduser()


@contextmanager
def our_turn(workspace: Workspace, own: Job) -> Iterator[bool]:
    """Wait for our turn; where there is a GPU, stop this project's model server meanwhile and start it again after.

    The server is started again by the last of the runs that wait, not between two of them.
    """
    from style_tuner.serving import server
    from style_tuner.serving.state import load as last_server

    to_restart = queue_folder(workspace.home) / "server-to-restart"

    def let_go() -> None:
        if _on_gpu(workspace) is not None:
            log.info("Stopping the model server, which holds the GPU; it starts again when the training ends.")
            write_text(to_restart, "")  # on disk, so that it is started again even where this run is killed
            server.stop(workspace)

    try:
        let_go()
        with turn(workspace, own, let_go) as mine:
            yield mine
    finally:
        if to_restart.exists() and not queue(workspace.home):
            to_restart.unlink(missing_ok=True)
            if (previous := last_server(workspace)) is not None:
                server.restart(workspace, previous)


def _on_gpu(workspace: Workspace) -> ServerState | None:
    """Return this project's model server if it holds a GPU; one that is not ours to stop is a `ServerError`."""
    from style_tuner.hardware import gpus
    from style_tuner.serving import server

    state = server.state(workspace) if gpus() else None
    if state is None or not state.running:
        return None
    if state.external:
        raise ServerError(
            f"The model server at {state.url} may hold this GPU and is not ours to stop: stop it, then train again."
        )
    return state
