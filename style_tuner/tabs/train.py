"""Train: choose a recipe, see what it needs, start it, and follow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import jobs
from style_tuner.config import TrainingConfig, load_training_config
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import DatasetError, JobError, StyleTunerError
from style_tuner.records import Run
from style_tuner.stages import default_config
from style_tuner.tabs import estimate, plots, recipes, views
from style_tuner.tabs.common import Page, changed, last_line, listing, run_stamp
from style_tuner.workspace import Workspace, read_tail

PURPOSE = "Let a model learn your voice from the passages you prepared; you may close the page meanwhile."


def settings_title(config: TrainingConfig) -> str:
    """Return the defaults in a line."""
    return f"Settings: {config.num_epochs:g} epochs, learning rate {config.learning_rate:g}, rank {config.lora_r}"


def overrides(recipe: str, base_model: str, epochs: float, rate: float, rank: float) -> list[str]:
    """Return `key=value` for what differs from the recipe."""
    config = load_training_config(recipes.path_of(recipe))
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
    config = load_training_config(recipes.path_of(recipe))
    title = gr.Accordion(label=settings_title(config))
    return title, config.base_model, config.num_epochs, config.learning_rate, config.lora_r


def start(workspace: Workspace, recipe: str, *settings: Any) -> None:
    """Start the training as a job."""
    if latest_dataset(workspace) is None:
        raise DatasetError("There is no dataset yet: press Prepare dataset on the tab Manuscripts first.")
    changes = overrides(recipe, *settings)
    load_training_config(recipes.path_of(recipe), changes)
    sets = [part for change in changes for part in ("--set", change)]
    jobs.start(workspace, "train", ["--config", recipe, *sets])


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


def last_reports(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that hold a loss, without those of steps that were done again after a resume."""
    kept: list[dict[str, Any]] = []
    for row in rows:
        kinds = {"loss", "validation_loss"} & row.keys()
        if not kinds:
            continue
        step = row["step"]
        if any(other["step"] > step or (other["step"] == step and kinds & other.keys()) for other in kept[-2:]):
            kept = [other for other in kept if other["step"] < step]
        kept.append(row)
    return kept


def losses(rows: Sequence[dict[str, Any]]) -> list[tuple[int, float]]:
    """Return validation losses by step."""
    return [(row["step"], row["validation_loss"]) for row in rows if "validation_loss" in row]


def loss_sentence(rows: Sequence[dict[str, Any]], run: Run) -> str:
    """Say in words what the plot shows now."""
    found = losses(rows)
    if len(found) < 2:
        return "The validation loss is measured several times in a run; lower is closer to passages it has not seen."
    lowest_step, lowest = min(found, key=lambda pair: pair[1])
    first, (last_step, last) = found[0][1], found[-1]
    kept_step = kept(run)
    if lowest_step == found[0][0]:
        state = "" if kept_step is None else f" The state of step {kept_step} is kept."
        return f"Validation loss has not fallen below {first:.3f}: the learning rate may be too high.{state}"
    fell = f"Validation loss fell from {first:.3f} to {lowest:.3f}"
    if kept_step is not None:
        place = f"by step {last_step}, its last;" if kept_step == last_step else f"at step {kept_step};"
        return f"{fell} {place} that state is kept."
    if last > lowest:
        return f"{fell}, its lowest at step {lowest_step}, which is the best so far."
    return f"{fell} and is still falling." if run.status == "running" else f"{fell} by step {last_step}, its last."


def kept(run: Run) -> int | None:
    """Return the step whose state a run that is over has kept."""
    return run.result.get("best_step") if run.status in ("done", "stopped") else None


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
        str(views.table("All runs", headers, rows, numbers="def")),
        gr.Dropdown(choices=[run.id for run in found], value=found[0].id if newest else value),
    )


def show_run(workspace: Workspace, run_id: str | None) -> tuple[Any, ...]:
    """Return progress, plot, sentence, log and which buttons can be pressed."""
    run = chosen_run(workspace, run_id)
    if run is None:
        text = "No run yet. Choose a recipe and press Start training; progress and losses appear here."
        off = gr.Button(interactive=False)
        return str(views.sentence(text, "empty")), gr.Plot(visible=False), "", "", off, off, off
    rows = last_reports(jobs.metrics(workspace, run.id))
    going = run.status in ("queued", "running")
    return (
        str(_head(workspace, run)),
        gr.Plot(plots.loss(rows, kept(run)), visible=True) if rows else gr.Plot(visible=False),
        str(views.sentence(loss_sentence(rows, run), "caption")) if rows else "",
        read_tail(workspace.runs / run.id / "log.txt", 60),
        gr.Button(interactive=going),
        gr.Button(interactive=going),
        gr.Button(interactive=run.status in ("stopped", "interrupted", "failed")),
    )


def _head(workspace: Workspace, run: Run) -> Markup:
    if run.status in ("queued", "running"):
        return views.progress_bar(workspace, run)
    if run.status in ("failed", "interrupted"):
        return views.sentence(run.message, "bad")
    state = "Stopped as asked; it can be used as it is, or resumed." if run.status == "stopped" else "Done."
    return views.sentence(f"{state} {run.message} Serve it on the tab Models, then write with it.", "good")


def show_estimate(workspace: Workspace, recipe: str, *settings: Any) -> str:
    """Return what a run with these settings needs."""
    try:
        config = load_training_config(recipes.path_of(recipe), overrides(recipe, *settings))
        return str(estimate.render(workspace, config, latest_dataset(workspace)))
    except (StyleTunerError, TypeError) as error:
        return str(views.sentence(str(error), "bad"))


def _left(page: Page) -> list[Any]:
    recipe = recipes.label(default_config())
    config = load_training_config(recipes.path_of(recipe))
    choice = gr.Dropdown(recipes.choices(), value=recipe, label="Recipe")
    base = gr.Textbox(config.base_model, label="Base model", max_lines=1)
    with gr.Accordion(settings_title(config), open=False) as fold:
        epochs = gr.Number(config.num_epochs, label="Epochs (passes over the passages)", minimum=0.1)
        rate = gr.Number(config.learning_rate, label="Learning rate", step=0.00001, minimum=0)
        rank = gr.Number(config.lora_r, label="Rank (how much can be learned)", precision=0, minimum=1)
    settings = [base, epochs, rate, rank]
    choice.change(show_recipe, choice, [fold, *settings], api_visibility="private")
    return [choice, *settings]


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=4):
            settings = _left(page)
            needs = gr.HTML()
            button = gr.Button("Start training", variant="primary")
        with gr.Column(scale=7):
            chosen = gr.Dropdown(label="Run", choices=[])
            head = gr.HTML()
            plot = gr.Plot(label="Loss", show_label=False, visible=False)
            caption = gr.HTML()
            with gr.Row():
                stop_button = gr.Button("Stop and keep", interactive=False)
                kill_button = gr.Button("Kill", interactive=False)
                resume_button = gr.Button("Resume", interactive=False)
            with gr.Accordion("Show details", open=False):
                log = gr.Textbox(label="Log", lines=14, max_lines=14, interactive=False)
    table = gr.HTML()
    shown = [head, plot, caption, log, stop_button, kill_button, resume_button]
    page.follow(lambda w: (listing(w.runs), run_stamp(w, "train")), show_runs, [table, chosen], [chosen])
    page.follow(_all_stamp, show_run, shown, [chosen], [chosen.change])
    changes = [control.change for control in settings]
    page.follow(lambda w: str(latest_dataset(w)), show_estimate, needs, settings, changes)
    page.on(button.click, start, settings, None)
    page.on(stop_button.click, stop, [chosen], None)
    page.on(kill_button.click, kill, [chosen], None)
    page.on(resume_button.click, resume, [chosen], None)
    last_line(page, "train")


def _all_stamp(workspace: Workspace) -> Any:
    runs = jobs.runs(workspace, "train")
    return [(run.id, run.status, changed(workspace.runs / run.id / "metrics.jsonl")) for run in runs[:20]]
