"""Train: choose a recipe, see what it needs, start it, follow it, and go on from it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from style_tuner import jobs
from style_tuner.config import TrainingConfig, load_training_config
from style_tuner.errors import DatasetError, StyleTunerError
from style_tuner.stages import default_config
from style_tuner.tabs import estimate, hub_view, recipes, train_run, train_runs, train_settings, train_source, views
from style_tuner.tabs.common import Page, changed, last_line
from style_tuner.tabs.train_source import Wanted, wanted
from style_tuner.tuning.hub import hub_client
from style_tuner.workspace import Workspace

PURPOSE = "Let a model learn your voice from the passages you prepared; you may close the page meanwhile."
NO_PASSAGES = "There is no dataset yet: press Prepare dataset on the tab Manuscripts."


def start(workspace: Workspace, recipe: str, *values: Any) -> None:
    """Start the training as a job."""
    _start(workspace, "train", recipe, *values)


def sweep(workspace: Workspace, recipe: str, *values: Any) -> None:
    """Start short runs with several learning rates as a job."""
    _start(workspace, "sweep", recipe, *values)


def _start(workspace: Workspace, stage: str, recipe: str, *values: Any) -> None:
    asked = wanted(recipe, *values)
    source = asked.rows(workspace)
    if source is None:
        raise DatasetError(NO_PASSAGES)
    train_source.refuse_faulty(asked.config(), source)
    jobs.start(workspace, stage, asked.arguments())


def show_recipe(recipe: str) -> tuple[Any, ...]:
    """Return the settings and the source that a recipe brings."""
    return *train_settings.show_recipe(recipe), *train_source.show_recipe(recipe)


def show_estimate(workspace: Workspace, recipe: str, *values: Any) -> tuple[str, str, Any, str, Any]:
    """Return what a run with these settings needs, of the Hub too, whether to ask that, the folds, and the title."""
    try:
        config, source, missing = _asked(workspace, wanted(recipe, *values))
        hub = hub_view.state(config, source, hub_client())
        needs = estimate.render(workspace, config, source, missing)
    except StyleTunerError as error:
        return str(views.sentence(str(error), "bad")), "", gr.Button(visible=False), "", gr.skip()
    title = gr.Accordion(label=train_settings.settings_title(config))
    return str(needs), str(hub), gr.Button(visible=bool(hub)), str(estimate.folds(config, source)), title


def _asked(workspace: Workspace, asked: Wanted) -> tuple[TrainingConfig, str | None, str]:
    """Return settings and rows of what is asked for, and what to say where there are no rows yet."""
    config = asked.config()
    try:
        return config, asked.rows(workspace), NO_PASSAGES
    except DatasetError as error:
        return config, None, str(error)


def ask_hub(workspace: Workspace, recipe: str, *values: Any) -> str:
    """Ask the Hub for all that the run needs of it."""
    asked = wanted(recipe, *values)
    return str(hub_view.ask(asked.config(), asked.rows(workspace), hub_client()))


def _left() -> tuple[list[Any], dict[str, Any]]:
    """Lay out what is chosen before a run; return the controls that callbacks are given, and other parts by name."""
    recipe = recipes.label(default_config())
    config = load_training_config(train_settings.recipe_path(recipe))
    choice = gr.Dropdown(recipes.choices(), value=recipe, label="Recipe")
    source, part = train_source.build(config)
    fold, settings = train_settings.build(config)
    choice.change(show_recipe, choice, [*settings, *source], show_progress="hidden", api_visibility="private")
    part |= {"needs": gr.HTML(), "hub": gr.HTML(), "ask": gr.Button("Ask the Hub", size="sm", visible=False)}
    part["train"] = gr.Button("Start training", variant="primary")
    part |= {"place": source[1], "fold": fold}
    part["rate"] = settings[list(train_settings.SETTINGS).index("learning_rate")]
    return [choice, *settings, *source], part


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=4):
            chosen, left = _left()
            search = train_runs.lay_out_sweep()
        with gr.Column(scale=7):
            right = train_run.lay_out()
            comparison = train_runs.lay_out_comparison()
    folds = gr.HTML()
    table = gr.HTML()
    train_runs.wire(page, comparison, table, right["run"])
    train_run.wire(page, right, chosen[0])
    train_runs.wire_sweep(page, search, left["rate"])
    changes = [control.change for control in chosen]
    estimated = [left["needs"], left["hub"], left["ask"], folds, left["fold"]]
    page.follow(_stamp, show_estimate, estimated, chosen, changes)
    page.follow(_stamp, train_source.show_rows, left["report"], chosen, changes)
    page.on(left["check"].click, train_source.check, chosen, left["report"])
    page.on(left["upload"].upload, train_source.upload, [left["upload"]], left["place"])
    page.on(left["ask"].click, ask_hub, chosen, left["hub"])
    page.on(left["train"].click, start, chosen, None)
    page.on(search["start"].click, sweep, chosen, None)
    last_line(page, "train", "sweep")


def _stamp(workspace: Workspace) -> Any:
    """Return what changes with a new dataset, or with the pace of a first run."""
    ended = [run.id for run in jobs.runs(workspace, "train") if run.ended]
    return changed(workspace.datasets), ended[:1]
