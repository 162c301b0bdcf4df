"""The strip on top of every tab: hardware, models, world and the running job; each item leads to its tab."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from markupsafe import Markup

from style_tuner import jobs
from style_tuner.errors import ConfigError, ServerError, WorldError
from style_tuner.hardware import Hardware, hardware
from style_tuner.records import Run
from style_tuner.serving import lore, server, world
from style_tuner.serving.state import ServerState
from style_tuner.tabs import setup, views
from style_tuner.tabs.common import HIDDEN, Page
from style_tuner.workspace import Workspace, open_workspace, storage_errors, workspace_names

NO_GPU = "No GPU: using the starter model; good for trying things, not for writing"
STAGE_TABS = {
    "prepare": "Manuscripts",
    "train": "Train",
    "sweep": "Train",
    "merge": "Models",
    "score": "Score",
    "generate": "Write",
}
SHOW_TAB = """element.addEventListener('click', event => {
  const {tab: name, run: stage} = event.target.closest('[data-tab]')?.dataset ?? {};
  const tabs = [...document.querySelectorAll('button[role=tab]')];
  tabs.find(tab => tab.textContent.trim() === name)?.click();
  if (!stage) return;
  trigger('click');
  const place = document.getElementById(`shown-${stage}`);
  setTimeout(() => place?.scrollIntoView({behavior: 'smooth', block: 'center'}), 300);
})"""
"""A job's item also has its run chosen (`train_runs.show_going`), and leads to where that is shown on its tab."""


def _item(tab: str, what: str, text: str, title: str = "", stage: str = "") -> Markup:
    lead = Markup("<span class='what'>{}</span>").format(what) if what else ""
    job = Markup(" data-run='{}'").format(stage) if stage else ""
    return Markup("<button type='button' data-tab='{}'{} title='{}'>{}{}</button>").format(
        tab, job, title or f"Show {tab}", lead, text
    )


def _hardware(found: Hardware) -> Markup:
    if not found.gpus:
        return _item(setup.NAME, "", NO_GPU, "Show what this machine can do, and what a large model needs")
    gpu = found.gpus[0]
    memory = f"{gpu.memory_used / 1024**3:.1f}/{gpu.memory_total / 1024**3:.0f} GB"
    return _item(setup.NAME, "GPU", f"{gpu.name} · {memory}")


def _models(state: ServerState | None) -> Markup:
    if state is None or state.health == "stopped":
        return _item("Models", "Models:", "server off")
    if state.health == "failed":
        return _item("Models", "Models:", "server failed", state.message)
    voices = max(0, len(state.models) - 1)
    names = f"base + {voices} voice{'' if voices == 1 else 's'}" if voices else "base only"
    health = "up" if state.health == "up" else "starting"
    return _item("Models", "Models:", f"{state.engine} {health}, {names}", ", ".join(state.models))


def _world(state: world.WorldState | None) -> Markup:
    if state is None:
        return _item("World", "World:", "off")
    try:
        found = lore.worlds(state.url)
    except (ServerError, WorldError) as error:
        return _item("World", "World:", "not answering", str(error))
    return _item("World", "World:", f"{sum(found.values())} entries", ", ".join(found))


def _job(workspace: Workspace, active: Sequence[Run]) -> Markup:
    """Return the newest of the runs that go, else the first of those that wait, and how many wait beside it."""
    if not active:
        return Markup("")
    run = jobs.foremost(active)
    waiting = sum(one.status == "queued" for one in active if one is not run)
    progress = jobs.progress(jobs.metrics(workspace, run.id))
    words = [f"{run.stage} {progress.share:.0%}".replace("%", " %"), views.left(progress)]
    if run.status == "queued":
        words = [run.stage, "waiting"]
    text = " · ".join(filter(None, [*words, f"+{waiting} waiting" if waiting else ""]))
    return _item(STAGE_TABS.get(run.stage, "Models"), "Job:", f"{text} [Show]", stage=run.stage)


def render(workspace: Workspace) -> str:
    """Return the strip as it stands now."""
    items = (
        _hardware(hardware()),
        _models(server.state(workspace)),
        _world(world.state(workspace)),
        _job(workspace, jobs.active(workspace)),
    )
    return _strip(Markup("").join(items))


def _strip(inside: Markup) -> str:
    return str(Markup("<div class='strip' role='status'>{}</div>").format(inside))


def create(page: Page, name: str) -> gr.Dropdown:
    """Make a new workspace and choose it."""
    if not name.strip():
        raise ConfigError("The new workspace has no name yet: type one, then press Create.")
    made = open_workspace(name.strip(), page.home)
    with storage_errors(made.root):
        made.root.mkdir(parents=True, exist_ok=True)
    return gr.Dropdown(choices=workspace_names(page.home), value=made.name)


def build(page: Page) -> None:
    """Lay out the title, the workspace and the strip."""
    with gr.Row(elem_classes="title-row"):
        gr.HTML("<h1>Style Tuner</h1>", min_width=120)
        page.workspace.render()  # type: ignore[no-untyped-call]
        with gr.Accordion("New workspace", open=False):
            name = gr.Textbox(label="Name of the new workspace", max_lines=1)
            button = gr.Button("Create", size="sm")
    strip = gr.HTML(_strip(Markup(views.LOADING)), js_on_load=SHOW_TAB)
    page.job = strip
    page.follow(render, render, strip)
    page.on(button.click, lambda workspace, text: create(page, text), [name], page.workspace, **HIDDEN)
