"""One training run on the tab Train: follow it, end it, go on from it, and take its settings elsewhere."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from style_tuner import jobs, stages, training
from style_tuner.errors import JobError
from style_tuner.records import Run
from style_tuner.tabs import plots, recipes, run_view, train_view, views
from style_tuner.tabs.common import Page, changed, choice, inform
from style_tuner.tabs.train_view import kept, last_reports, loss_sentence
from style_tuner.tuning.handover import Trainer
from style_tuner.workspace import PROJECT_ROOT, Workspace, read_tail, time_stamp

TRAINERS: dict[Trainer, str] = {"axolotl": "Axolotl", "llama-factory": "LLaMA-Factory"}


def chosen_run(workspace: Workspace, run_id: str | None) -> Run | None:
    """Return the run that is looked at: the one chosen, else the newest."""
    found = jobs.runs(workspace, "train")
    return next((run for run in found if run.id == run_id), found[0] if found else None)


def _need(workspace: Workspace, run_id: str | None) -> Run:
    run = chosen_run(workspace, run_id)
    if run is None:
        raise JobError("There is no training run yet: press Start training.")
    return run


def stop(workspace: Workspace, run_id: str | None) -> None:
    """Ask the run to end at its next step with what it has."""
    run = _need(workspace, run_id)
    jobs.request_stop(workspace, run.id)
    going = "The run ends at its next step and keeps what it has learned."
    inform("The run leaves the queue." if run.status == "queued" else going, title="Stopping")


def kill(workspace: Workspace, run_id: str | None) -> None:
    """End the run at once."""
    jobs.abandon(workspace, _need(workspace, run_id).id)


def resume(workspace: Workspace, run_id: str | None) -> None:
    """Go on with a run that ended early."""
    jobs.resume(workspace, _need(workspace, run_id).id)


def go_on(workspace: Workspace, run_id: str | None, epochs: float | None) -> None:
    """Start a new run that begins with the voice of the chosen one."""
    run = _need(workspace, run_id)
    if not epochs or epochs <= 0:
        raise JobError("Say how many epochs to train on: a number above 0.")
    training.continuation(workspace, run.id, epochs)
    jobs.start(workspace, "train", ["--continue", run.id, "--epochs", f"{epochs:g}"])


def use_state(workspace: Workspace, run_id: str | None, step: int | None) -> None:
    """Make an earlier state of the run its voice; a whole model is read in a process of its own, not by the page."""
    if step is None:
        raise JobError("Choose a state first: the run keeps one at each of its last validations, and the best.")
    run = _need(workspace, run_id)
    if training.kept_settings(workspace, run.id)[0].method == "full":
        inform(_use_whole(workspace, run.id, int(step)), title="Changed")
    else:
        inform(training.use_step(workspace, run.id, int(step)).message, title="Changed")


def _use_whole(workspace: Workspace, run_id: str, step: int) -> str:
    command = ["-m", "style_tuner", "use-checkpoint", run_id, str(step), "--workspace", workspace.name]
    environment = os.environ | {"STYLE_TUNER_HOME": str(workspace.home)}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=PROJECT_ROOT, env=environment,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["It ended without a word."]
    if done.returncode != 0:
        raise JobError(said[-1])
    return said[-1]


def copy_settings(workspace: Workspace, run_id: str | None) -> Any:
    """Offer the settings of the run as a recipe, and choose it."""
    run = _need(workspace, run_id)
    copied = (f"As in the run {run.id}", str(training.recipe_of(workspace, run.id)))
    return gr.Dropdown(choices=[*recipes.choices(), copied], value=copied[1])


def export(workspace: Workspace, run_id: str | None, to: Trainer) -> tuple[Any, str]:
    """Write the run's settings and rows for another trainer, and offer them as one file."""
    run = _need(workspace, run_id)
    name = f"{time_stamp()}-{run.id}-{to}"
    with tempfile.TemporaryDirectory() as scratch:
        stages.export_run(workspace, run.id, to, Path(scratch) / name)
        workspace.exports.mkdir(parents=True, exist_ok=True)
        packed = shutil.make_archive(str(workspace.exports / name), "zip", scratch, name)
    same = ["python", "-m", "style_tuner", "export-config", run.id, "--to", to, "--output", name]
    command = views.command(shlex.join([*same, "--workspace", workspace.name]))
    return gr.File(packed, visible=True), str(command)


def show_run(workspace: Workspace, run_id: str | None) -> tuple[Any, ...]:
    """Return progress, plot, words, samples, log and origin, which buttons can be pressed, and the states kept."""
    run = chosen_run(workspace, run_id)
    if run is None:
        text = "No run yet. Choose a recipe and press Start training; progress and losses appear here."
        off = [gr.Button(interactive=False) for _ in range(7)]
        none = gr.Dropdown(choices=[], value=None)
        return str(views.sentence(text, "empty")), gr.Plot(visible=False), "", "", "", "", *off, none
    states = _states(workspace, run)
    return *_told(workspace, run), *_buttons(workspace, run, bool(states)), _choice(states, kept(run))


def _told(workspace: Workspace, run: Run) -> tuple[Any, ...]:
    """Return how far a run is with its figures and signs, its plot and what that shows, samples, log and origin."""
    reports = jobs.metrics(workspace, run.id)
    rows = last_reports(reports)
    said = train_view.head(workspace, run) + train_view.figures(reports, run) + run_view.settled(workspace, run)
    return (
        str(said + train_view.signs(workspace, run, reports)),
        gr.Plot(plots.loss(rows, kept(run)), visible=True) if rows else gr.Plot(visible=False),
        str(views.sentence(loss_sentence(rows, run), "caption")) if rows else "",
        str(train_view.samples(workspace, run)),
        read_tail(workspace.runs / run.id / "log.txt", 60),
        str(run_view.made_with(workspace, run)),
    )


def _choice(states: list[tuple[str, int]], voice: int | None) -> Any:
    """Return the choice of states, the one that is the voice chosen."""
    return gr.Dropdown(choices=states, value=voice if voice in [step for _, step in states] else None)


def _buttons(workspace: Workspace, run: Run, states: bool) -> list[Any]:
    """Return whether stop, kill, resume, continue, use, copy and export can be pressed."""
    going = run.status in ("queued", "running")
    begun = (workspace.runs / run.id / "settings.json").is_file()
    ended_early = run.status in ("stopped", "interrupted", "failed")
    can = (going, going, ended_early, not going and bool(run.result), states, begun, begun)
    return [gr.Button(interactive=one) for one in can]


def _states(workspace: Workspace, run: Run) -> list[tuple[str, int]]:
    """Return the states that a run keeps, each with its step; while it goes there is none to choose."""
    going = run.status in ("queued", "running")
    if going or not (workspace.runs / run.id / "settings.json").is_file():
        return []
    return [(f"Step {step}, loss {loss:.3f}", step) for step, loss in training.kept_steps(workspace, run.id).items()]


def stamp(workspace: Workspace) -> Any:
    """Return what changes whenever there is something new of any training run."""
    files = ("metrics.jsonl", "samples.jsonl", "settings.json")
    return [
        (run.id, run.status, run.message, changed(*(workspace.runs / run.id / file for file in files)))
        for run in jobs.runs(workspace, "train")
    ]


SHOWN = (
    *("head", "plot", "caption", "samples", "log", "origin"),
    *("stop", "kill", "resume", "continue", "use", "copy", "export", "state"),
)
"""The parts that `show_run` fills, in its order."""


def lay_out() -> dict[str, Any]:
    """Lay out what is followed, and return its parts by name."""
    part: dict[str, Any] = {"run": choice("Run", elem_id="shown-train"), "head": gr.HTML()}
    part["plot"] = gr.Plot(label="Loss", show_label=False, visible=False)
    part["caption"] = gr.HTML()
    with gr.Row():
        part["stop"] = gr.Button("Stop and keep", interactive=False)
        part["kill"] = gr.Button("Kill", interactive=False)
        part["resume"] = gr.Button("Resume", interactive=False)
    part["samples"] = gr.HTML()
    with gr.Accordion("Go on from this run", open=False):
        with gr.Row():
            with gr.Column(min_width=160):
                part["epochs"] = gr.Number(1, label="More epochs", minimum=0.1)
                part["continue"] = gr.Button("Continue in a new run", size="sm", interactive=False)
            with gr.Column(min_width=160):
                part["state"] = choice("States that are kept")
                part["use"] = gr.Button("Use this state as the voice", size="sm", interactive=False)
            with gr.Column(min_width=160):
                trainers = [(name, key) for key, name in TRAINERS.items()]
                part["to"] = gr.Dropdown(trainers, label="Train it elsewhere, with", value="axolotl")
                part["export"] = gr.Button("Export settings and rows", size="sm", interactive=False)
        part["exported"] = gr.File(label="Exported settings and rows", interactive=False, visible=False)
        part["same"] = gr.HTML()
        part["copy"] = gr.Button("Copy its settings", size="sm", interactive=False)
    with gr.Accordion("Show details", open=False):
        part["origin"] = gr.HTML()
        part["log"] = gr.Textbox(label="Log", lines=14, max_lines=14, interactive=False)
    return part


def wire(page: Page, part: dict[str, Any], recipe: Any) -> None:
    """Let the parts follow the disk, and the buttons act on the chosen run."""
    chosen = part["run"]
    page.follow(stamp, show_run, [part[name] for name in SHOWN], [chosen], [chosen.change])
    page.on(part["stop"].click, stop, [chosen], None)
    page.on(part["kill"].click, kill, [chosen], None)
    page.on(part["resume"].click, resume, [chosen], None)
    page.on(part["continue"].click, go_on, [chosen, part["epochs"]], None)
    page.on(part["use"].click, use_state, [chosen, part["state"]], None)
    page.on(part["copy"].click, copy_settings, [chosen], recipe)
    page.on(part["export"].click, export, [chosen, part["to"]], [part["exported"], part["same"]])
