"""Take a voice away, on the tab Models: one file, a folder for Ollama, or a zip for another machine."""

from __future__ import annotations

from typing import Any

import gradio as gr

from style_tuner import jobs
from style_tuner.errors import JobError, ModelError
from style_tuner.stages import trained_runs
from style_tuner.tabs import views
from style_tuner.tabs.common import HIDDEN, Page
from style_tuner.tuning.gguf import find_converter, find_quantizer
from style_tuner.workspace import Workspace

TARGETS = [
    ("one file for llama.cpp or LM Studio (GGUF)", "gguf"),
    ("a folder for Ollama", "ollama"),
    ("a zip with everything for another machine", "zip"),
]
PRECISIONS = [
    ("16 bits: as the merged model, the largest file", "f16"),
    ("8 bits: half of that, hardly a difference", "q8_0"),
    ("4 bits: a quarter, for small machines", "q4_k_m"),
]
NEEDS_MERGE = (
    "A voice that is not merged yet is merged first. Manuscripts and passages are never in what you take away."
)


def missing(to: str, precision: str) -> str:
    """Say what an export needs that is not on this machine, and how to get it; empty where nothing is missing."""
    if to == "zip":
        return ""
    try:
        find_converter()
        if precision == "q4_k_m":
            find_quantizer()
    except ModelError as error:
        return str(error)
    return ""


def show(to: str, precision: str) -> tuple[Any, ...]:
    """Return what stands in the way of an export, and which controls apply."""
    lacking = missing(to, precision)
    said = views.sentence(lacking, "bad") if lacking else views.sentence(NEEDS_MERGE, "caption")
    return str(said), gr.Dropdown(visible=to != "zip"), gr.Button(interactive=not lacking)


def export(workspace: Workspace, chosen: str | None, to: str, precision: str) -> None:
    """Start the export as a job."""
    if chosen not in trained_runs(workspace):
        raise JobError("There is no voice to export: choose a run that left one, or train one on the tab Train first.")
    if jobs.load(workspace, chosen).status in ("queued", "running"):
        raise JobError(f"The run {chosen} is still going: wait for it, or stop it on the tab Train.")
    if lacking := missing(to, precision):
        raise ModelError(lacking)
    jobs.start(workspace, "export", [chosen, "--to", to, "--quantization", precision])


def build(page: Page, chosen: Any) -> None:
    """Lay out the export of the chosen run's voice."""
    with gr.Accordion("Export: take the voice to another program or machine", open=False):
        to = gr.Dropdown(TARGETS, value="gguf", label="As")
        precision = gr.Dropdown(PRECISIONS, value="q8_0", label="Precision")
        said = gr.HTML()
        button = gr.Button("Export", size="sm")
    inputs = [to, precision]
    page.follow(
        lambda workspace: trained_runs(workspace),
        lambda _, *values: show(*values),
        [said, precision, button],
        inputs,
        [part.change for part in inputs],
    )
    page.on(button.click, export, [chosen, to, precision], None, **HIDDEN)
