"""Voice: the author's fingerprint as the newest dataset measured it, to look at and to take away; the system prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.dataset.chat_jsonl import read_examples
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.dataset.system_prompt import VERSIONS, back_to_measured, edited_prompt, keep_prompt
from style_tuner.errors import DatasetError
from style_tuner.manuscripts.store import list_manuscripts
from style_tuner.records import QuotedPassage, StyleProfile
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, changed, choice, last_line, listing
from style_tuner.voice import drawings, fingerprint
from style_tuner.voice.profile import build_profile, is_complete, profile_from_json
from style_tuner.workspace import Workspace, read_json, time_stamp, write_text

PURPOSE = "See what makes your writing yours, beside what other novelists do."
NOTHING = "Nothing is measured yet: press Prepare dataset on the tab Manuscripts, and your voice appears here."
MEASURED = (
    "Measured on {measured:,} of the {all:,} words in your manuscripts: what the newest dataset holds out for scoring, "
    "or finds twice, is left out. The command profile measures every word, so that its figures differ a little."
)
DENSITIES = ("sentences", "paragraphs", "words", "dialogue")


@dataclass(frozen=True)
class Measured:
    """The newest dataset's profile, its most and least typical passages, and its system prompts."""

    profile: StyleProfile
    passages: tuple[QuotedPassage, ...]
    system_prompt: str
    measured_prompt: str


def measured(workspace: Workspace) -> Measured | None:
    """Return what the newest dataset measured, or None before there is one."""
    folder = latest_dataset(workspace)
    if folder is None:
        return None
    facts = read_json(folder / "dataset.json")
    quoted = folder / "passages.json"
    rows = read_json(quoted) if quoted.is_file() else []
    return Measured(
        _profile(folder),
        tuple(QuotedPassage(**(row | {"reasons": tuple(row["reasons"])})) for row in rows),
        facts["system_prompt"],
        facts.get("measured_prompt", facts["system_prompt"]),
    )


@lru_cache(maxsize=4)
def _profile(folder: Path) -> StyleProfile:
    """Return a dataset's profile; one of an earlier version, which measured less, is measured again."""
    profile = profile_from_json(read_json(folder / "profile.json"))
    if is_complete(profile):
        return profile
    return build_profile([example.messages[-1].content for example in read_examples(folder / "train.jsonl")])


def _stamp(workspace: Workspace) -> Any:
    folder = latest_dataset(workspace)
    return str(folder), folder and changed(folder / "profile.json"), listing(workspace.manuscripts, 2)


def _prompt_stamp(workspace: Workspace) -> Any:
    return str(latest_dataset(workspace)), changed(workspace.profiles / VERSIONS)


def render(workspace: Workspace) -> tuple[Any, ...]:
    """Return all that the tab shows but the system prompt."""
    found = measured(workspace)
    if found is None:
        plots = [value for _ in range(len(DENSITIES) + 2) for value in (None, "")]
        button = gr.Button(interactive=False)
        return (
            str(views.sentence(NOTHING, "empty")),
            gr.Column(visible=False),
            gr.Dropdown(),
            None,
            "",
            *plots,
            "",
            "",
            button,
        )
    manuscripts = list_manuscripts(workspace)
    named = fingerprint.chapters(manuscripts)
    chosen = fingerprint.longest_chapter(named)
    drawn = [
        *(drawings.density(name, found.profile) for name in DENSITIES),
        drawings.punctuation(found.profile),
        drawings.openings(found.profile),
    ]
    titles = {manuscript.id: manuscript.title for manuscript in manuscripts}
    every = sum(manuscript.words for manuscript in manuscripts)
    measured_on = MEASURED.format(measured=found.profile.words, all=max(every, found.profile.words))
    return (
        str(fingerprint.facts(found.profile) + views.sentence(measured_on, "caption")),
        gr.Column(visible=True),
        gr.Dropdown(choices=list(named), value=chosen),
        *draw_chapter(workspace, chosen),
        *(value for one in drawn for value in (one.figure, str(views.sentence(one.sentence, "caption")))),
        str(fingerprint.favourites(found.profile)),
        str(fingerprint.quotes(found.passages, titles) + fingerprint.measurements(found.profile)),
        gr.Button(interactive=True),
    )


def draw_chapter(workspace: Workspace, name: str | None) -> tuple[Any, str]:
    """Return the rhythm of the chosen chapter as a plot, and what it shows."""
    found, named = measured(workspace), fingerprint.chapters(list_manuscripts(workspace))
    rhythm = drawings.rhythm(*named[name], found.profile) if found and name in named else None
    if rhythm is None:
        return gr.Plot(visible=False), ""
    return gr.Plot(rhythm.figure, visible=True), str(views.sentence(rhythm.sentence, "caption"))


def render_prompt(workspace: Workspace) -> tuple[str, str]:
    """Return the system prompt to show, and which one is in use where."""
    found = measured(workspace)
    if found is None:
        return "", ""
    own = edited_prompt(workspace)
    shown = own or found.measured_prompt
    if shown == found.system_prompt:
        whose = "Your wording" if own else "Written from the measurements"
        said = f"{whose}: it stands in every row of the newest dataset, and before every brief on the tab Write."
        return shown, str(views.sentence(said, "caption"))
    whose = "Your wording is kept" if own else "You went back to the measured one"
    said = (
        f"{whose}: it applies from the next Prepare dataset on, and to what you train after that. Until then training "
        f"and the tab Write use the one of the newest dataset: “{found.system_prompt}”"
    )
    return shown, str(views.sentence(said, "caption"))


def keep(workspace: Workspace, text: str) -> tuple[str, str]:
    """Keep the author's wording for the next dataset; the measured wording counts as none."""
    found = measured(workspace)
    if found is None:
        raise DatasetError("There is no system prompt to edit yet: press Prepare dataset on the tab Manuscripts.")
    if " ".join(text.split()) == found.measured_prompt:
        back_to_measured(workspace)
    else:
        keep_prompt(workspace, text)
    return render_prompt(workspace)


def go_back(workspace: Workspace) -> tuple[str, str]:
    """Use the measured system prompt from the next dataset on."""
    if edited_prompt(workspace) is not None:
        back_to_measured(workspace)
    return render_prompt(workspace)


def export(workspace: Workspace, chapter: str | None) -> tuple[Any, str]:
    """Write the fingerprint as one HTML file, and as a picture where a browser can draw it, and offer both."""
    found = measured(workspace)
    if found is None:
        raise DatasetError("There is no fingerprint to export yet: press Prepare dataset on the tab Manuscripts.")
    page = fingerprint.document(
        found.profile, found.system_prompt, list_manuscripts(workspace), found.passages, chapter
    )
    html = write_text(workspace.exports / f"{time_stamp()}-fingerprint.html", page)
    if fingerprint.browser() is None:
        said = (
            "For a picture too, install Chrome, Chromium or Edge on the computer that runs Style Tuner; a single plot "
            "is saved by the camera at its top right."
        )
        return gr.File([str(html)], visible=True), str(views.sentence(said, "caption"))
    png = fingerprint.write_picture(page, html.with_suffix(".png"))
    return gr.File([str(html), str(png)], visible=True), ""


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    figures = gr.HTML()
    plots: list[Any] = []
    with gr.Column(visible=False) as body:
        chapter = choice("Rhythm of the chapter", elem_classes="narrow")
        rhythm, caption = gr.Plot(label="Sentence rhythm", show_label=False), gr.HTML()
        words = gr.HTML()
        for left in range(0, len(DENSITIES) + 2, 2):
            with gr.Row(elem_classes="columns"):
                for label in (*DENSITIES, "punctuation", "openings")[left : left + 2]:
                    with gr.Column():
                        plots += [gr.Plot(label=label.capitalize(), show_label=False), gr.HTML()]
        quotes = gr.HTML()
        gr.HTML(str(Markup("<h4>{}</h4>").format("System prompt")))
        prompt = gr.Textbox(label="What the model is told of your voice", lines=4, elem_classes="prose-input")
        state = gr.HTML()
        with gr.Row():
            kept = gr.Button("Keep this wording", elem_classes="narrow")
            back = gr.Button("Back to the measured one", elem_classes="narrow")
    button = gr.Button("Export fingerprint", variant="primary", interactive=False, elem_classes="narrow")
    file = gr.File(label="Exported fingerprint", interactive=False, visible=False, file_count="multiple")
    told = gr.HTML()
    shown = [figures, body, chapter, rhythm, caption, *plots, words, quotes, button]
    page.follow(_stamp, render, shown)
    page.follow(_prompt_stamp, render_prompt, [prompt, state])
    page.on(chapter.input, draw_chapter, [chapter], [rhythm, caption])
    page.on(kept.click, keep, [prompt], [prompt, state])
    page.on(back.click, go_back, [], [prompt, state])
    page.on(button.click, export, [chapter], [file, told])
    last_line(page, "prepare")
