"""What runs and what it takes: `runs`, `stop`, `needs`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from style_tuner.commands.options import (
    ConfigOption,
    JsonOption,
    SetOption,
    WorkspaceOption,
    answer,
    training_settings,
)
from style_tuner.config import CONFIGS
from style_tuner.workspace import existing_workspace

GUIDE = CONFIGS / "qlora_style_transfer.yaml"


def runs(
    stage: Annotated[str | None, typer.Option(help="Only runs of this stage, such as train.")] = None,
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """List the runs of a workspace, the newest first, those of the page among them."""
    from style_tuner import jobs

    place = existing_workspace(workspace)
    found = jobs.runs(place, stage)
    rows = [f"{run.id:32} {run.status:12} {_far(jobs.progress(jobs.metrics(place, run.id)), run)}" for run in found]
    answer(as_json, [asdict(run) for run in found], "\n".join(map(str.rstrip, rows)) or "No runs yet.")


def _far(progress: Any, run: Any) -> str:
    """Say how far a run is that is going, or what became of one that is over."""
    if run.status not in ("queued", "running") or not progress.total:
        return str(run.message)
    left = "" if progress.seconds_left is None else f", {progress.seconds_left / 60:.0f} min left"
    return f"{progress.step} of {progress.total}{left}: {progress.what}"


def stop(
    run: Annotated[str, typer.Argument(help="Id of a run that is going or waiting.")],
    now: Annotated[
        bool, typer.Option("--now", help="End it at once: what it did since its last save is lost.")
    ] = False,
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Stop a run at its next step, which it can be resumed from; or end it at once."""
    from style_tuner import jobs

    place = existing_workspace(workspace)
    if jobs.load(place, run).status not in ("queued", "running"):
        answer(as_json, {"run": run, "stopped": False}, f"The run {run} is over already.")
        return
    if now:
        jobs.abandon(place, run)
    else:
        jobs.request_stop(place, run)
    while jobs.load(place, run).status in ("queued", "running"):
        time.sleep(0.1)
    ended = jobs.load(place, run)
    answer(as_json, asdict(ended), f"The run {run} is {ended.status}. {ended.message}".strip())


def needs(
    config: ConfigOption = None,
    overrides: SetOption = None,
    gpu: Annotated[
        str, typer.Option(help="GPU to reckon the time for; an unknown name lists those known.")
    ] = "RTX 5090",
    rows: Annotated[int | None, typer.Option(min=1, help="Number of training rows to advise on.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate memory, disk and time of 7B to 32B by every method, with the guide's rank, batch and length."""
    from style_tuner.tuning import needs as reckoned

    known = {one.name: one for one in reckoned.GPUS}
    if gpu not in known:
        raise typer.BadParameter(f"--gpu is one of {', '.join(known)}, not {gpu!r}.")
    settings = training_settings(config or GUIDE, overrides)
    found = reckoned.needs(settings, known[gpu])
    lines = [f"{'Model':6} {'Method':14} {'Memory':>9} {'Disk':>9}  {gpu}, a million tokens"]
    for one in found:
        minutes = "not known" if one.tokens_per_second is None else f"{1e6 / one.tokens_per_second / 60:.0f} min"
        fits = minutes if one.fits(known[gpu]) else f"does not fit {known[gpu].memory:.0f} GB"
        lines.append(f"{one.model:6} {one.method:14} {one.memory:6.1f} GB {one.disk:6.1f} GB  {fits}")
    lines.append("What the guides say, and this project's estimate:")
    lines += [
        f"{one.source}: {one.model}, {one.method}, rank {one.rank}: {one.said} GB; estimate "
        f"{one.estimate(settings):.0f} GB; {one.fault or 'agrees'}."
        for one in reckoned.CLAIMS
    ]
    advice = reckoned.advice(rows) if rows else None
    lines += advice.sentences if advice else []
    value = {"needs": [asdict(one) for one in found], "claims": [asdict(one) for one in reckoned.CLAIMS]}
    answer(as_json, value | ({"advice": asdict(advice)} if advice else {}), "\n".join(lines))
