"""Voice: the author's fingerprint as the newest dataset measured it, to look at and to take away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import DatasetError
from style_tuner.manuscripts.store import list_manuscripts
from style_tuner.records import StyleProfile
from style_tuner.tabs import fingerprint, views
from style_tuner.tabs.common import Page, changed, last_line, listing
from style_tuner.voice.profile import profile_from_json
from style_tuner.workspace import Workspace, read_json, time_stamp, write_text

PURPOSE = "See what makes your writing yours: these are the measurements that the system prompt is written from."


@dataclass(frozen=True)
class Measured:
    """The newest dataset's profile and the system prompt written from it."""

    dataset: Path
    profile: StyleProfile
    system_prompt: str


def measured(workspace: Workspace) -> Measured | None:
    """Return what the newest dataset measured, or None before there is one."""
    folder = latest_dataset(workspace)
    if folder is None:
        return None
    profile = profile_from_json(read_json(folder / "profile.json"))
    return Measured(folder, profile, read_json(folder / "dataset.json")["system_prompt"])


def _stamp(workspace: Workspace) -> Any:
    folder = latest_dataset(workspace)
    return str(folder), folder and changed(folder / "profile.json"), listing(workspace.manuscripts, 2)


def render(workspace: Workspace) -> tuple[Any, ...]:
    """Return everything that the tab shows."""
    found = measured(workspace)
    if found is None:
        text = "Nothing is measured yet: press Prepare dataset on the tab Manuscripts, and your voice appears here."
        hidden = gr.Column(visible=False)
        return str(views.sentence(text, "empty")), hidden, None, "", None, None, "", "", gr.Button(interactive=False)
    profile = found.profile
    rhythm = fingerprint.rhythm(list_manuscripts(workspace))
    return (
        str(fingerprint.figures(profile)),
        gr.Column(visible=True),
        rhythm.plot if rhythm else gr.Plot(visible=False),
        str(views.sentence(rhythm.sentence, "caption")) if rhythm else "",
        fingerprint.punctuation(profile),
        fingerprint.openings(profile),
        str(fingerprint.words(profile)),
        found.system_prompt,
        gr.Button(interactive=True),
    )


def export(workspace: Workspace) -> Any:
    """Write the fingerprint as one HTML file and offer it."""
    found = measured(workspace)
    if found is None:
        raise DatasetError("There is no fingerprint to export yet: press Prepare dataset on the tab Manuscripts.")
    page = fingerprint.document(found.profile, found.system_prompt, list_manuscripts(workspace))
    path = write_text(workspace.exports / f"{time_stamp()}-fingerprint.html", page)
    return gr.File(str(path), visible=True)


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    figures = gr.HTML()
    with gr.Column(visible=False) as body:
        rhythm = gr.Plot(label="Sentence rhythm", show_label=False)
        caption = gr.HTML()
        with gr.Row(elem_classes="columns"):
            with gr.Column():
                punctuation = gr.Plot(label="Punctuation", show_label=False)
            with gr.Column():
                openings = gr.Plot(label="Sentence openings", show_label=False)
        words = gr.HTML()
        prompt = gr.Textbox(
            label="System prompt written from these measurements (used in every training row, and on the tab Write)",
            interactive=False,
            lines=3,
            buttons=["copy"],
        )
    button = gr.Button("Export fingerprint", variant="primary", interactive=False, elem_classes="narrow")
    file = gr.File(label="Exported fingerprint", interactive=False, visible=False)
    shown = [figures, body, rhythm, caption, punctuation, openings, words, prompt, button]
    page.follow(_stamp, render, shown)
    page.on(button.click, export, [], file)
    last_line(page, "prepare")
