"""The newest dataset, under the manuscripts that it was made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.dataset.chat_jsonl import read_examples
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.manuscripts.store import list_manuscripts
from style_tuner.records import ChatExample, Manuscript
from style_tuner.tabs import plots, views
from style_tuner.tabs.common import Page, changed
from style_tuner.workspace import Workspace, read_json, read_jsonl

SHOWN = 5
"""Examples, and lines of what was set aside, that are seen without unfolding."""


def _stamp(workspace: Workspace) -> Any:
    folder = latest_dataset(workspace)
    return folder and (str(folder), changed(folder / "dataset.json"))


def _words(folder: Path) -> list[int]:
    """Return the words of every passage, those held out too."""
    files = (folder / name for name in ("train.jsonl", "validation.jsonl", "heldout.jsonl"))
    rows = (row for file in files if file.is_file() for row in read_jsonl(file))
    return [len(row["messages"][-1]["content"].split()) for row in rows]


def _bubbles(examples: list[ChatExample]) -> list[dict[str, str]]:
    return [
        {"role": message.role, "content": message.content}
        for example in examples
        for message in example.messages
        if message.role != "system"
    ]


def render(workspace: Workspace) -> tuple[Any, ...]:
    """Return figures, lengths, examples and what was set aside."""
    folder = latest_dataset(workspace)
    if folder is None:
        return gr.Column(visible=False), "", None, "", [], ""
    facts = read_json(folder / "dataset.json")
    counts = facts["counts"]
    row = views.facts(
        [
            ("passages for training", counts["train"]),
            ("for validation", counts["validation"]),
            ("held out for scoring", counts["held_out"]),
            ("words", f"{facts['words']:,}"),
        ]
    )
    lengths = _words(folder)
    middle, tokens = sorted(lengths)[len(lengths) // 2], sum(facts["passage_tokens"])
    caption = (
        f"The middle passage has {middle} words; none is cut inside a paragraph. The model reads all of them as "
        f"{tokens:,} pieces of words, {tokens / max(1, sum(lengths)):.2f} a word."
    )
    titles = told_apart(list_manuscripts(workspace))
    return (
        gr.Column(visible=True),
        str(row + views.bullets(facts["advice"])),
        plots.histogram(lengths, "Passage length (words)", "Passages"),
        str(views.sentence(caption, "caption")),
        _bubbles(read_examples(folder / "train.jsonl")[:SHOWN]),
        str(_set_aside(facts["set_aside"], titles)),
    )


def told_apart(manuscripts: Sequence[Manuscript]) -> dict[str, str]:
    """Return the title of each manuscript by its id, and beside a title that several have, the id."""
    titles = Counter(manuscript.title for manuscript in manuscripts)
    return {one.id: one.title if titles[one.title] == 1 else f"{one.title} ({one.id})" for one in manuscripts}


def _set_aside(pieces: list[dict[str, Any]], titles: dict[str, str]) -> Markup:
    """Return what was set aside, a line for each manuscript and reason; many lines are folded."""
    if not pieces:
        return views.sentence("Nothing was set aside.")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for piece in pieces:
        alike = re.sub(r"\d[\d,.]*", "#", piece["reason"])  # reasons that differ in a figure alone are one
        groups.setdefault((piece["manuscript"], alike), []).append(piece)
    lines = [_line(titles.get(name, name), group) for (name, _), group in groups.items()]
    head = f"Set aside: {counted(len(pieces), 'piece')}"
    listed = views.bullets(lines)
    if len(lines) <= SHOWN:
        return Markup("<div class='aside'><h4>{}</h4>{}</div>").format(head, listed)
    summary = f"{head}, for {len(lines)} reasons"
    return Markup("<details class='more aside'><summary>{}</summary>{}</details>").format(summary, listed)


def _line(title: str, group: list[dict[str, Any]]) -> str:
    chapters = sorted({piece["chapter"] for piece in group})
    where = f"chapter {chapters[0]}" if len(chapters) == 1 else f"chapters {chapters[0]} to {chapters[-1]}"
    words = counted(sum(piece["words"] for piece in group), "word")
    others = "" if len({piece["reason"] for piece in group}) == 1 else ", and the like"
    return f"{title}: {counted(len(group), 'piece')} ({words}, {where}): {group[0]['reason']}{others}"


def counted(number: int, what: str) -> str:
    """Return a number with what it counts: `1 piece`, `2,000 words`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def build(page: Page) -> None:
    """Lay out the dataset below the manuscripts."""
    with gr.Column(visible=False) as group:
        gr.Markdown("### Dataset")
        facts = gr.HTML()
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=5):
                plot = gr.Plot(label="Passage lengths")
                caption = gr.HTML()
                aside = gr.HTML()
            with gr.Column(scale=6):
                examples = gr.Chatbot(
                    label="Examples: what is asked, and your own passage that is learned (shaded)",
                    height=520,
                    elem_classes="bubbles",
                    buttons=[],
                    render_markdown=False,
                    autoscroll=False,
                    feedback_options=(),
                )
    page.follow(_stamp, render, [group, facts, plot, caption, examples, aside])
