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
    ("an upload of the voice alone to the Hugging Face Hub, private", "adapter"),
    ("an upload of the whole model to the Hugging Face Hub, private", "merged"),
]
UPLOADS = ("adapter", "merged")
"""Targets that leave this machine: the part of a run that is uploaded."""
LEAVES = (
    "This leaves your machine: the voice goes to your account on the Hugging Face Hub, where you alone can see it, "
    "with a card of its settings and scores. Your manuscripts do not. HF_TOKEN must hold a token that may write; that "
    "is asked first, and then a voice that is to go as a whole model is merged where it was not."
)
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
    if to == "zip" or to in UPLOADS:
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
    leaves = to in UPLOADS
    said = views.sentence(lacking, "bad") if lacking else views.sentence(LEAVES if leaves else NEEDS_MERGE, "caption")
    button = gr.Button("Upload" if leaves else "Export", interactive=not lacking)
    return str(said), gr.Dropdown(visible=to in ("gguf", "ollama")), gr.Textbox(visible=leaves), button


def export(workspace: Workspace, chosen: str | None, to: str, precision: str, repository: str = "") -> None:
    """Start the export or the upload as a job."""
    if chosen not in trained_runs(workspace):
        raise JobError("There is no voice to export: choose a run that left one, or train one on the tab Train first.")
    if jobs.load(workspace, chosen).status in ("queued", "running"):
        raise JobError(f"The run {chosen} is still going: wait for it, or stop it on the tab Train.")
    if lacking := missing(to, precision):
        raise ModelError(lacking)
    if to not in UPLOADS:
        jobs.start(workspace, "export", [chosen, "--to", to, "--quantization", precision])
        return
    if to == "adapter" and not (workspace.runs / chosen / to).is_dir():
        raise JobError(f"The run {chosen} trained every weight, so there is no such part: upload the whole model.")
    named = ["--repository", repository.strip()] if repository.strip() else []
    jobs.start(workspace, "push", [chosen, "--part", to, *named])


def build(page: Page, chosen: Any) -> None:
    """Lay out the export of the chosen run's voice."""
    with gr.Accordion("Export: take the voice to another program or machine", open=False):
        to = gr.Dropdown(TARGETS, value="gguf", label="As")
        precision = gr.Dropdown(PRECISIONS, value="q8_0", label="Precision")
        repository = gr.Textbox(label="Repository on the Hub (empty: named as the run)", max_lines=1, visible=False)
        said = gr.HTML()
        button = gr.Button("Export", size="sm")
    inputs = [to, precision]
    page.follow(
        lambda workspace: trained_runs(workspace),
        lambda _, *values: show(*values),
        [said, precision, repository, button],
        inputs,
        [part.change for part in inputs],
    )
    page.on(button.click, export, [chosen, to, precision, repository], None, **HIDDEN)
