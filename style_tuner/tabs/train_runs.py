"""All training runs of the tab Train: the list, the queue, several in one plot, and the search for a learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from style_tuner import jobs
from style_tuner.errors import JobError
from style_tuner.records import Run
from style_tuner.registry import label_of
from style_tuner.tabs import plots, train_run, train_view, views
from style_tuner.tabs.common import Page, choice, inform, labels, listing, named_runs, newest_run, run_stamp
from style_tuner.tabs.train_settings import epochs
from style_tuner.tabs.train_view import last_reports, losses
from style_tuner.turns import queue
from style_tuner.workspace import Workspace, read_json


def show_runs(workspace: Workspace, chosen: str | None, seen: str | None) -> tuple[str, Any, str | None]:
    """Return the table of all runs, the choice of one, and the newest, which is chosen when it is first seen."""
    found = jobs.runs(workspace, "train")
    if not found:
        empty = views.sentence("No run yet. Each run will be one line here.", "empty")
        return str(empty), gr.Dropdown(choices=[], value=None), None
    headers = ["Run", "Started", "State", "With", "Base loss", "Best loss", "Took"]
    table = views.table("All runs", headers, [_line(workspace, run) for run in found], numbers="efg")
    ids = [run.id for run in found]
    value = chosen if chosen in ids and seen == ids[0] else ids[0]
    box = gr.Dropdown(choices=named_runs(workspace, ids), value=value)
    return str(train_view.waiting(workspace) + table), box, ids[0]


def show_going(workspace: Workspace) -> Any:
    """Choose the training that the strip shows; a search for a learning rate has its own place."""
    active = jobs.active(workspace)
    run = jobs.foremost(active) if active else None
    return run.id if run is not None and run.stage == "train" else gr.skip()


def _line(workspace: Workspace, run: Run) -> tuple[str, ...]:
    by_step = losses(last_reports(jobs.metrics(workspace, run.id)))
    first, best = (f"{by_step[0][1]:.3f}", f"{min(loss for _, loss in by_step):.3f}") if by_step else ("", "")
    took = views.duration(run.result.get("seconds", run.ended - run.created)) if run.ended else ""
    name = label_of(workspace, run.id).name or run.id
    return name, views.when(run.created), views.STATES[run.status], _with(workspace, run), first, best, took


def _with(workspace: Workspace, run: Run) -> str:
    """Return what a run learns from, and with which model, epochs and rate."""
    settings = workspace.runs / run.id / "settings.json"
    if not settings.is_file():
        return ""
    kept = read_json(settings)
    config, rows = kept["config"], kept["dataset"]
    name = "passages" if Path(rows).parent == workspace.datasets else Path(rows).name
    model = Path(config["base_model"].removesuffix("/merged")).name
    said = [name, model, epochs(config["num_epochs"])]
    if run.stage == "train":  # a search has many rates
        said.append(f"rate {config['learning_rate']:g}")
    return ", ".join(said)


def show_curves(workspace: Workspace, chosen: list[str] | None) -> tuple[Any, Any, str]:
    """Return the choice of runs to compare, their losses on unseen passages in one plot, and what it shows."""
    ids = [run.id for run in jobs.runs(workspace, "train")]
    picked = [one for one in chosen or [] if one in ids]
    curves = {one: train_view.curve(workspace, one) for one in picked}
    shown = gr.Plot(plots.overlay(curves), visible=True) if picked else gr.Plot(visible=False)
    box = gr.Dropdown(choices=named_runs(workspace, ids), value=picked, multiselect=True)
    return box, shown, train_view.lowest(curves)


def show_sweep(workspace: Workspace) -> tuple[Any, ...]:
    """Return the newest search for a learning rate, and what can be done with it: stop, kill, go on, use its rate."""
    run = newest_run(workspace, "sweep")
    going = run is not None and run.status in ("queued", "running")
    early = run is not None and run.status in ("stopped", "interrupted", "failed")
    found = run is not None and not going and run.result.get("best_rate") is not None
    buttons = [gr.Button(visible=one) for one in (going, going, early, found)]
    said = train_view.swept(workspace, run)
    if run is not None and (tried := _with(workspace, run)):
        said += views.sentence(f"Tried {views.when(run.created)} with {tried}.", "caption")
    return str(said), *buttons


def _need_sweep(workspace: Workspace) -> Run:
    run = newest_run(workspace, "sweep")
    if run is None:
        raise JobError("No learning rates were tried yet: press Find the learning rate.")
    return run


def stop_sweep(workspace: Workspace) -> None:
    """Ask the search to end at its next step with the rates that it has tried."""
    jobs.request_stop(workspace, _need_sweep(workspace).id)
    inform("The search ends at its next step and keeps the rates that it has tried.", title="Stopping")


def kill_sweep(workspace: Workspace) -> None:
    """End the search at once; the rates that it has tried are kept."""
    jobs.abandon(workspace, _need_sweep(workspace).id)


def resume_sweep(workspace: Workspace) -> None:
    """Try the rates that are left."""
    jobs.resume(workspace, _need_sweep(workspace).id)


def use_rate(workspace: Workspace) -> float:
    """Put the rate that did best into the settings."""
    rate = _need_sweep(workspace).result["best_rate"]
    inform(f"The settings have the learning rate {rate:g} now.", title="Changed")
    return float(rate)


def lay_out_sweep() -> dict[str, Any]:
    """Lay out the search for a learning rate; return its parts by name."""
    part: dict[str, Any] = {"start": gr.Button("Find the learning rate", size="sm")}
    part["found"] = gr.HTML(elem_id="shown-sweep")
    with gr.Row():
        part["stop"] = gr.Button("Stop the search", size="sm", visible=False)
        part["kill"] = gr.Button("Kill the search", size="sm", visible=False)
        part["resume"] = gr.Button("Try the others too", size="sm", visible=False)
        part["use"] = gr.Button("Use this rate", size="sm", visible=False)
    return part


def wire_sweep(page: Page, part: dict[str, Any], rate: Any) -> None:
    """Let the search follow the disk, and its buttons act on it."""
    shown = [part[name] for name in ("found", "stop", "kill", "resume", "use")]
    page.follow(lambda workspace: run_stamp(workspace, "sweep"), show_sweep, shown)
    page.on(part["stop"].click, stop_sweep, [], None)
    page.on(part["kill"].click, kill_sweep, [], None)
    page.on(part["resume"].click, resume_sweep, [], None)
    page.on(part["use"].click, use_rate, [], rate)


def lay_out_comparison() -> dict[str, Any]:
    """Lay out the plot of several runs; return its parts by name."""
    with gr.Accordion("Compare runs", open=False):
        return {
            "compared": choice("Runs in one plot", multiselect=True),
            "curves": gr.Plot(label="Runs", show_label=False, visible=False),
            "lowest": gr.HTML(),
        }


def wire(page: Page, comparison: dict[str, Any], table: Any, chosen: Any) -> None:
    """Let the list and the comparison follow the disk."""
    seen = gr.State(None)
    page.follow(_stamp, show_runs, [table, chosen, seen], [chosen, seen])
    page.on(page.job.click, show_going, [], chosen, show_progress="hidden")
    compared = list(comparison.values())
    page.follow(_curves_stamp, show_curves, compared, compared[:1], [comparison["compared"].input])


def _curves_stamp(workspace: Workspace) -> Any:
    return labels(workspace), train_run.stamp(workspace)


def _stamp(workspace: Workspace) -> Any:
    waiting = [ticket.name for ticket in queue(workspace.home)]
    return listing(workspace.runs), labels(workspace), run_stamp(workspace, "train"), waiting
