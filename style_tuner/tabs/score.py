"""Score: does a text sound like the author, and by how much does the voice beat the base model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import jobs, takes
from style_tuner.config import ScoreConfig
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import DatasetError, JobError, ServerError
from style_tuner.manuscripts.read import SUFFIXES, read_manuscript
from style_tuner.records import Run
from style_tuner.scores import interval, scores
from style_tuner.serving import server
from style_tuner.tabs import plots, score_view, views
from style_tuner.tabs.common import Page, choice, labels, last_line, listing, named_runs
from style_tuner.tabs.write import base_of
from style_tuner.workspace import Workspace, time_stamp, write_text

PURPOSE = "Hear whether a text sounds like you, and how much closer your voice comes than the base model."
DEFAULTS = ScoreConfig()
MOST_TAKES = 60
STAMP = len("20261121-143005")
"""Scores and runs are named by their time first, so that these letters tell which is the later."""
EMPTY = (
    f"Paste a draft of {DEFAULTS.least_words} words or more and press Score; "
    f"{DEFAULTS.firm_words:,} words make the number firm. Or compare base and voice."
)


def _ready(workspace: Workspace) -> None:
    if latest_dataset(workspace) is None:
        raise DatasetError("Nothing is known of your voice yet: press Prepare dataset on the tab Manuscripts.")
    if _going(workspace):
        raise DatasetError("A score is being worked out already: wait for it to end.")


def _going(workspace: Workspace) -> Run | None:
    """Return the score that is being worked out."""
    return next((run for run in jobs.active(workspace) if run.stage == "score"), None)


def score(workspace: Workspace, text: str) -> tuple[str, Any]:
    """Keep the pasted text and score it as a job; return how far that is."""
    if not text.strip():
        raise DatasetError("There is no draft to score: paste one first, or choose one.")
    _ready(workspace)
    path = write_text(workspace.drafts / "pasted" / f"{time_stamp()}.txt", text.strip() + "\n")
    jobs.start(workspace, "score", [str(path)])
    return progress(workspace)


def compare(workspace: Workspace, voice: str | None, count: float) -> tuple[str, Any]:
    """Let base and voice answer the held-out requests, and score both, as a job; return how far that is."""
    _ready(workspace)
    state = server.state(workspace)
    if state is None or state.health != "up":
        raise ServerError("The model server is off: press Start server on the tab Models, then compare.")
    if not voice:
        raise ServerError("No voice is served: merge one on the tab Models, and start the server again.")
    jobs.start(workspace, "score", ["--models", f"{base_of(state)},{voice}", "--drafts", str(int(count))])
    return progress(workspace)


def show_choices(workspace: Workspace, voice: str | None) -> Any:
    """Return the voices that are served."""
    state = server.state(workspace)
    found = [name for name in state.models if name != base_of(state)] if state and state.models else []
    return gr.Dropdown(choices=named_runs(workspace, found), value=voice if voice in found else next(iter(found), None))


def show_list(workspace: Workspace) -> Any:
    """Return the choice of earlier scores, the newest chosen."""
    found = [(_title(name, value), name) for name, value in scores(workspace)]
    return gr.Dropdown(choices=found, value=found[0][1] if found else None)


def _title(name: str, value: dict[str, Any]) -> str:
    parts = [f"{model} {interval(one)}" for model, one in value["models"].items()]
    return f"{_when(name)} · {', '.join(parts)}"


def _when(name: str) -> str:
    return f"{name[6:8]}.{name[4:6]}. {name[9:11]}:{name[11:13]}"


def show(workspace: Workspace, chosen: str | None) -> tuple[Any, ...]:
    """Return all that is shown of a score: of the newest one until another is chosen."""
    found = dict(scores(workspace))
    chosen = chosen if chosen in found else next(iter(found), None)
    going = _going(workspace)
    if chosen is None:
        text = "Your first score is being worked out; it will stand here." if going else EMPTY
        return str(views.sentence(text, "empty")), "", gr.Plot(visible=False), ""
    value = found[chosen]
    names = list(value["models"])
    main = value["models"][names[-1]]
    against = score_view.comparison(value) if value.get("comparison") else Markup("")
    head = score_view.big(main, names[-1]) + against + score_view.gates(main)
    if going and chosen < going.id[:STAMP]:
        said = f"This is the former score, of {_when(chosen)}. The new one is still being worked out."
        head = views.sentence(said, "former") + head
    return str(head), str(score_view.heat(value)), _beside(value), str(score_view.explained(value, names[-1]))


def _beside(value: dict[str, Any]) -> Any:
    """Return the comparisons of base, voice and own writing side by side; nothing for a single draft."""
    compared = value.get("comparison")
    if not compared:
        return gr.Plot(visible=False)
    scores = {"base": compared["base"], "voice": compared["tuned"], "your own": compared["own"]}
    labels = [name for name, _ in score_view.figures(compared["tuned"])]
    groups = {name: [v for _, v in score_view.figures(one)] for name, one in scores.items() if one["comparisons"]}
    return gr.Plot(plots.matches(labels, groups), visible=bool(labels))


def progress(workspace: Workspace) -> tuple[str, Any]:
    """Return how far the score is that is being worked out, or nothing, and whether there is one to stop."""
    run = _going(workspace)
    if run is None:
        return "", gr.Button(visible=False)
    so_far = views.sentence(f"Working for {views.duration(time.time() - run.created)}.", "caption")
    return str(views.progress_bar(workspace, run) + so_far), gr.Button(visible=True)


def stop(workspace: Workspace) -> None:
    """End the score that is being worked out; what was scored before stays."""
    run = _going(workspace)
    if run is None:
        raise JobError("No score is being worked out: there is nothing to stop.")
    jobs.abandon(workspace, run.id, "Stopped before its end; no score was kept.")


def kept_drafts(workspace: Workspace, least_words: int = DEFAULTS.least_words) -> Any:
    """Return the drafts written on the tab Write that are long enough, the newest first."""
    found = []
    for take_id in takes.take_ids(workspace)[:MOST_TAKES]:
        take = takes.load(workspace, take_id)
        for number, column in enumerate(take.columns):
            if column.words >= least_words:
                title = f"{column.model} · {take.request.prompt[:50]} · {column.words:,} words"
                found.append((title, f"{take_id}/{number}"))
    return gr.Dropdown(choices=found, value=None)


def take_text(workspace: Workspace, chosen: str | None) -> Any:
    """Return a kept draft's text."""
    if not chosen:
        return gr.skip()
    take_id, _, number = chosen.rpartition("/")
    return takes.load(workspace, take_id).columns[int(number)].text


def file_text(workspace: Workspace, path: str | None) -> Any:
    """Return an uploaded file's text as it would be read as a manuscript."""
    if not path:
        return gr.skip()
    return "\n\n".join(chapter.text for chapter in read_manuscript(Path(path)).chapters)


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=5):
            text = gr.Textbox(label="Draft to score", lines=12, max_lines=24, elem_classes="prose-input")
            button = gr.Button("Score", variant="primary")
            working = gr.HTML()
            stop_button = gr.Button("Stop scoring", visible=False)
            with gr.Row():
                kept = choice("Or choose a draft from the tab Write", scale=3)
                upload = gr.UploadButton("Or open a file", file_types=list(SUFFIXES), scale=1)
            gr.Markdown("#### Base against voice")
            voice = choice("Voice to compare")
            with gr.Accordion(f"Settings: {DEFAULTS.drafts} drafts each", open=False):
                count = gr.Number(DEFAULTS.drafts, label="Drafts from each model", precision=0, minimum=2)
            both = gr.Button("Compare base and voice")
        with gr.Column(scale=7, elem_classes="scored"):
            chosen = choice("Scores")
            head = gr.HTML()
            heat = gr.HTML()
            plot = gr.Plot(label="The four comparisons", show_label=False, visible=False)
            explained = gr.HTML()
    page.follow(lambda workspace: listing(workspace.scores), show_list, chosen)
    shown = [head, heat, plot, explained]
    page.follow(_shown_stamp, show, shown, [chosen], [chosen.change])
    page.follow(_working_stamp, progress, [working, stop_button])
    page.follow(lambda workspace: listing(takes.folder(workspace)), kept_drafts, kept)
    page.follow(_served_stamp, show_choices, voice, [voice])
    page.on(button.click, score, [text], [working, stop_button])
    page.on(stop_button.click, stop, [], None)
    page.on(kept.input, take_text, [kept], text)
    page.on(upload.upload, file_text, [upload], text)
    page.on(both.click, compare, [voice, count], [working, stop_button])
    last_line(page, "score")


def _shown_stamp(workspace: Workspace) -> Any:
    going = _going(workspace)
    return listing(workspace.scores), going and going.id


def _working_stamp(workspace: Workspace) -> Any:
    """Return a stamp that changes at every look while a score is worked out, so that its time is seen to run."""
    return _going(workspace) and time.time()


def _served_stamp(workspace: Workspace) -> Any:
    state = server.state(workspace)
    return labels(workspace), state and (state.health, sorted(state.models))
