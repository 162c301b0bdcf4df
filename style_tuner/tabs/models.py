"""Models: the trained voices, merging, checking and exporting them, and the server that writes with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import gradio as gr

from style_tuner import jobs
from style_tuner.bin import move_to_bin
from style_tuner.errors import JobError, ModelError
from style_tuner.serving import server
from style_tuner.tabs import export_view, registry_view, server_view, views
from style_tuner.tabs.common import HIDDEN, Page, choice, inform, last_line
from style_tuner.workspace import PROJECT_ROOT, Workspace

PURPOSE = "Keep the voices you have trained, take them elsewhere, and start the server that writes with them."


def _need(workspace: Workspace, chosen: str | None) -> str:
    if not chosen:
        raise JobError("There is no voice yet: train one on the tab Train first.")
    jobs.load(workspace, chosen)
    return chosen


def merge(workspace: Workspace, chosen: str | None) -> None:
    """Start the merge as a job."""
    run = jobs.load(workspace, _need(workspace, chosen))
    if run.status in ("queued", "running"):
        raise JobError(f"The run {run.id} is still going: wait for it, or stop it on the tab Train.")
    if not (workspace.runs / run.id / "adapter").is_dir():
        raise ModelError(
            f"The run {run.id} has no trained voice to merge: let it train, or resume it on the tab Train."
        )
    jobs.start(workspace, "merge", ["--run", run.id])


def check(workspace: Workspace, chosen: str | None) -> Iterator[str]:
    """Check the merged model, and whether it answers as what it was merged from, where that is there.

    That is done in a process of its own: it loads an ML library, and the page does not.
    """
    run = workspace.runs / _need(workspace, chosen)
    folder, adapter = run / "merged", run / "adapter"
    if not folder.is_dir():
        raise ModelError(f"The voice {chosen} is not merged yet, so there is no model folder to check: press Merge.")
    against = ["--adapter", str(adapter)] if adapter.is_dir() else []
    voice = " and asking it what the voice was asked" if against else ""
    yield str(views.sentence(f"Reading the merged model{voice}; with a large one that takes minutes.", "caption"))
    command = [sys.executable, "-m", "style_tuner", "check-model", str(folder), *against, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL)
    if not done.stdout.strip():
        raise ModelError(done.stderr.strip().splitlines()[-1])
    found = json.loads(done.stdout.strip().splitlines()[-1])
    well = "The merged model is complete and has the voice." if against else "The merged model is complete."
    head = well if found["ok"] else "The merged model has faults."
    yield str(views.sentence(head, "good" if found["ok"] else "bad") + views.bullets(found["findings"]))


def delete(workspace: Workspace, chosen: str | None) -> None:
    """Move a run with its voice to the bin."""
    run = jobs.load(workspace, _need(workspace, chosen))
    if run.status in ("queued", "running"):
        raise JobError(f"The run {run.id} is still going: stop it on the tab Train first.")
    if run.id in server.served(workspace):
        raise JobError(f"The voice {run.id} is being served: stop the server first.")
    inform(f"Moved to the bin: {move_to_bin(workspace, workspace.runs / run.id)}")


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    table = gr.HTML()
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7):
            chosen = choice("Run")
            with gr.Row():
                names = ("Merge", "Check", "Delete to bin")
                pressed = [gr.Button(name, interactive=False) for name in names]
            checked = gr.HTML()
            registry_view.build_label(page, chosen)
            export_view.build(page, chosen)
            registry_view.build_comparison(page)
            registry_view.build_disk(page)
        with gr.Column(scale=5):
            server_view.build(page)
    page.follow(registry_view.stamp, registry_view.show, [table, chosen, *pressed], [chosen])
    page.on(chosen.input, registry_view.buttons, [chosen], pressed, **HIDDEN)
    page.on(pressed[0].click, merge, [chosen], None)
    page.on(pressed[1].click, check, [chosen], checked, **HIDDEN)
    page.on(pressed[2].click, delete, [chosen], None)
    page.on(chosen.change, lambda _: "", [], checked, **HIDDEN)
    last_line(page, "merge", "export", "push")
