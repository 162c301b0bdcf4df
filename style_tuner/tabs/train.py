"""Train: choose a recipe, see what it needs, start it, follow it, and go on from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from style_tuner import jobs, training
from style_tuner.config import TrainingConfig, load_training_config
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import DatasetError, JobError, StyleTunerError
from style_tuner.records import Run
from style_tuner.stages import default_config
from style_tuner.tabs import estimate, plots, recipes, train_view, views
from style_tuner.tabs.common import Page, changed, last_line, listing, newest_run, run_stamp
from style_tuner.tabs.train_view import kept, last_reports, loss_sentence, losses
from style_tuner.workspace import Workspace, read_tail

PURPOSE = "Let a model learn your voice from the passages you prepared; you may close the page meanwhile."


def settings_title(config: TrainingConfig) -> str:
    """Return the defaults in a line."""
    return f"Settings: {config.num_epochs:g} epochs, learning rate {config.learning_rate:g}, rank {config.lora_r}"


def recipe_path(recipe: str) -> Path:
    """Return the file of a recipe of the project, or of one that was copied from a run."""
    return Path(recipe) if Path(recipe).is_absolute() else recipes.path_of(recipe)


def overrides(recipe: str, base_model: str, epochs: float, rate: float, rank: float) -> list[str]:
    """Return `key=value` for what differs from the recipe."""
    config = load_training_config(recipe_path(recipe))
    found = []
    if base_model.strip() != config.base_model:
        found.append(f"base_model={base_model.strip()}")
    if epochs != config.num_epochs:
        found.append(f"num_epochs={epochs:g}")
    if rate != config.learning_rate:
        found.append(f"learning_rate={rate:g}")
    if int(rank) != config.lora_r:
        found += [f"lora_r={int(rank)}", f"lora_alpha={2 * int(rank)}"]
    return found


def show_recipe(recipe: str) -> tuple[Any, ...]:
    """Return the settings that a recipe brings."""
    config = load_training_config(recipe_path(recipe))
    title = gr.Accordion(label=settings_title(config))
    return title, config.base_model, config.num_epochs, config.learning_rate, config.lora_r


def start(workspace: Workspace, recipe: str, *settings: Any) -> None:
    """Start the training as a job."""
    if latest_dataset(workspace) is None:
        raise DatasetError("There is no dataset yet: press Prepare dataset on the tab Manuscripts first.")
    changes = overrides(recipe, *settings)
    load_training_config(recipe_path(recipe), changes)
    sets = [part for change in changes for part in ("--set", change)]
    jobs.start(workspace, "train", ["--config", recipe, *sets])


def sweep(workspace: Workspace, recipe: str, *settings: Any) -> None:
    """Start short runs with several learning rates as a job."""
    if latest_dataset(workspace) is None:
        raise DatasetError("There is no dataset yet: press Prepare dataset on the tab Manuscripts first.")
    changes = overrides(recipe, *settings)
    load_training_config(recipe_path(recipe), changes)
    jobs.start(workspace, "sweep", ["--config", recipe, *(part for change in changes for part in ("--set", change))])


def go_on(workspace: Workspace, run_id: str | None, epochs: float | None) -> None:
    """Start a new run that begins with the voice of the chosen one."""
    run = _need(workspace, run_id)
    if not epochs or epochs <= 0:
        raise JobError("Say how many epochs to train on: a number above 0.")
    training.continuation(workspace, run.id, epochs)
    jobs.start(workspace, "train", ["--continue", run.id, "--epochs", f"{epochs:g}"])


def use_state(workspace: Workspace, run_id: str | None, step: int | None) -> None:
    """Make an earlier state of the run its voice."""
    if step is None:
        raise JobError("Choose a state first: the run keeps one at each of its last validations, and the best.")
    run = _need(workspace, run_id)
    if training.kept_settings(workspace, run.id)[0].method == "full":  # the page loads no model
        raise JobError(
            "This run trained every weight, so that its states are whole models. In a shell: python -m style_tuner "
            f"use-checkpoint {run.id} {step} --workspace '{workspace.name}'"
        )
    gr.Info(training.use_step(workspace, run.id, int(step)).message, title="Changed")


def copy_settings(workspace: Workspace, run_id: str | None) -> Any:
    """Offer the settings of the run as a recipe, and choose it."""
    run = _need(workspace, run_id)
    copied = (f"As in the run {run.id}", str(training.recipe_of(workspace, run.id)))
    return gr.Dropdown(choices=[*recipes.choices(), copied], value=copied[1])


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
    jobs.request_stop(workspace, _need(workspace, run_id).id)
    gr.Info("The run ends at its next step and keeps what it has learned.", title="Stopping")


def kill(workspace: Workspace, run_id: str | None) -> None:
    """End the run at once."""
    jobs.kill(workspace, _need(workspace, run_id).id)


def resume(workspace: Workspace, run_id: str | None) -> None:
    """Go on with a run that ended early."""
    jobs.resume(workspace, _need(workspace, run_id).id)


def show_runs(workspace: Workspace, chosen: str | None) -> tuple[str, Any]:
    """Return the table of all runs and the choice of one."""
    found = jobs.runs(workspace, "train")
    if not found:
        return str(views.sentence("No run yet. Each run will be one line here.", "empty")), gr.Dropdown(
            choices=[], value=None
        )
    rows = []
    for run in found:
        by_step = losses(last_reports(jobs.metrics(workspace, run.id)))
        first, best = (f"{by_step[0][1]:.3f}", f"{min(loss for _, loss in by_step):.3f}") if by_step else ("", "")
        took = views.duration(run.ended - run.created) if run.ended else ""
        rows.append((run.id, views.when(run.created), views.STATES[run.status], first, best, took))
    headers = ["Run", "Started", "State", "Base loss", "Best loss", "Took"]
    value = chosen if chosen in {run.id for run in found} else found[0].id
    newest = found[0].status in ("queued", "running")
    return (
        str(train_view.waiting(workspace) + views.table("All runs", headers, rows, numbers="def")),
        gr.Dropdown(choices=[run.id for run in found], value=found[0].id if newest else value),
    )


def show_run(workspace: Workspace, run_id: str | None) -> tuple[Any, ...]:
    """Return progress, plot, words, samples, log, which buttons can be pressed, and the states that are kept."""
    run = chosen_run(workspace, run_id)
    if run is None:
        text = "No run yet. Choose a recipe and press Start training; progress and losses appear here."
        off = gr.Button(interactive=False)
        none = gr.Dropdown(choices=[], value=None)
        return str(views.sentence(text, "empty")), gr.Plot(visible=False), "", "", "", off, off, off, off, off, none
    reports = jobs.metrics(workspace, run.id)
    rows = last_reports(reports)
    going = run.status in ("queued", "running")
    over = not going and bool(run.result)
    said = train_view.figures(rows, run) + train_view.signs(workspace, run, reports)
    return (
        str(train_view.head(workspace, run) + said),
        gr.Plot(plots.loss(rows, kept(run)), visible=True) if rows else gr.Plot(visible=False),
        str(views.sentence(loss_sentence(rows, run), "caption")) if rows else "",
        str(train_view.samples(workspace, run)),
        read_tail(workspace.runs / run.id / "log.txt", 60),
        gr.Button(interactive=going),
        gr.Button(interactive=going),
        gr.Button(interactive=run.status in ("stopped", "interrupted", "failed")),
        gr.Button(interactive=over),
        gr.Button(interactive=not going),
        _states(workspace, run) if not going else gr.Dropdown(choices=[], value=None),
    )


def _states(workspace: Workspace, run: Run) -> Any:
    """Return the choice of states that a run keeps."""
    if not (workspace.runs / run.id / "settings.json").is_file():
        return gr.Dropdown(choices=[], value=None)
    found = training.kept_steps(workspace, run.id)
    choices = [(f"Step {step}, loss {loss:.3f}", step) for step, loss in found.items()]
    return gr.Dropdown(choices=choices, value=kept(run) if kept(run) in found else None)


def show_curves(workspace: Workspace, chosen: list[str] | None) -> tuple[Any, Any, str]:
    """Return the choice of runs to compare, their losses on unseen passages in one plot, and what it shows."""
    ids = [run.id for run in jobs.runs(workspace, "train")]
    picked = [one for one in chosen or [] if one in ids]
    curves = {one: train_view.curve(workspace, one) for one in picked}
    shown = gr.Plot(plots.overlay(curves), visible=True) if picked else gr.Plot(visible=False)
    return gr.Dropdown(choices=ids, value=picked, multiselect=True), shown, train_view.lowest(curves)


def show_sweep(workspace: Workspace) -> str:
    """Return the newest search for a learning rate."""
    return str(train_view.swept(workspace, newest_run(workspace, "sweep")))


def show_estimate(workspace: Workspace, recipe: str, *settings: Any) -> str:
    """Return what a run with these settings needs."""
    try:
        config = load_training_config(recipe_path(recipe), overrides(recipe, *settings))
        return str(estimate.render(workspace, config, latest_dataset(workspace)))
    except (StyleTunerError, TypeError) as error:
        return str(views.sentence(str(error), "bad"))


def _left(page: Page) -> list[Any]:
    recipe = recipes.label(default_config())
    config = load_training_config(recipe_path(recipe))
    choice = gr.Dropdown(recipes.choices(), value=recipe, label="Recipe")
    base = gr.Textbox(config.base_model, label="Base model", max_lines=1)
    with gr.Accordion(settings_title(config), open=False) as fold:
        epochs = gr.Number(config.num_epochs, label="Epochs (passes over the passages)", minimum=0.1)
        rate = gr.Number(config.learning_rate, label="Learning rate", step=0.00001, minimum=0)
        rank = gr.Number(config.lora_r, label="Rank (how much can be learned)", precision=0, minimum=1)
    settings = [base, epochs, rate, rank]
    choice.change(show_recipe, choice, [fold, *settings], api_visibility="private")
    return [choice, *settings]


def _right() -> dict[str, Any]:
    """Lay out what is followed, and return its parts by name."""
    part: dict[str, Any] = {"run": gr.Dropdown(label="Run", choices=[]), "head": gr.HTML()}
    part["plot"] = gr.Plot(label="Loss", show_label=False, visible=False)
    part["caption"] = gr.HTML()
    with gr.Row():
        part["stop"] = gr.Button("Stop and keep", interactive=False)
        part["kill"] = gr.Button("Kill", interactive=False)
        part["resume"] = gr.Button("Resume", interactive=False)
    part["samples"] = gr.HTML()
    with gr.Accordion("Go on from this run", open=False):
        with gr.Row(equal_height=True):
            part["epochs"] = gr.Number(1, label="More epochs", minimum=0.1)
            part["continue"] = gr.Button("Continue in a new run", interactive=False)
        with gr.Row(equal_height=True):
            part["state"] = gr.Dropdown(label="States that are kept", choices=[])
            part["use"] = gr.Button("Use this state as the voice", interactive=False)
        part["copy"] = gr.Button("Copy its settings", size="sm")
    with gr.Accordion("Compare runs", open=False):
        part["compared"] = gr.Dropdown(label="Runs in one plot", choices=[], multiselect=True)
        part["curves"] = gr.Plot(label="Runs", show_label=False, visible=False)
        part["lowest"] = gr.HTML()
    with gr.Accordion("Show details", open=False):
        part["log"] = gr.Textbox(label="Log", lines=14, max_lines=14, interactive=False)
    return part


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=4):
            settings = _left(page)
            needs = gr.HTML()
            button = gr.Button("Start training", variant="primary")
            sweep_button = gr.Button("Find the learning rate", size="sm")
            found = gr.HTML()
        with gr.Column(scale=7):
            part = _right()
    table = gr.HTML()
    names = ("head", "plot", "caption", "samples", "log", "stop", "kill", "resume", "continue", "use", "state")
    chosen = part["run"]
    page.follow(lambda w: (listing(w.runs), run_stamp(w, "train")), show_runs, [table, chosen], [chosen])
    page.follow(_all_stamp, show_run, [part[name] for name in names], [chosen], [chosen.change])
    compared = [part["compared"], part["curves"], part["lowest"]]
    page.follow(_all_stamp, show_curves, compared, compared[:1], [part["compared"].input])
    page.follow(lambda w: run_stamp(w, "sweep"), show_sweep, found)
    changes = [control.change for control in settings]
    page.follow(lambda w: str(latest_dataset(w)), show_estimate, needs, settings, changes)
    page.on(button.click, start, settings, None)
    page.on(sweep_button.click, sweep, settings, None)
    page.on(part["stop"].click, stop, [chosen], None)
    page.on(part["kill"].click, kill, [chosen], None)
    page.on(part["resume"].click, resume, [chosen], None)
    page.on(part["continue"].click, go_on, [chosen, part["epochs"]], None)
    page.on(part["use"].click, use_state, [chosen, part["state"]], None)
    page.on(part["copy"].click, copy_settings, [chosen], settings[0])
    last_line(page, "train", "sweep")


def _all_stamp(workspace: Workspace) -> Any:
    runs = jobs.runs(workspace, "train")
    files = ("metrics.jsonl", "samples.jsonl")
    return [(run.id, run.status, run.message, changed(*(workspace.runs / run.id / f for f in files))) for run in runs]
