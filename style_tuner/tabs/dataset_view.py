"""The newest dataset, under the manuscripts that it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from style_tuner.dataset.chat_jsonl import read_examples
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.records import ChatExample
from style_tuner.tabs import plots, views
from style_tuner.tabs.common import Page, changed
from style_tuner.workspace import Workspace, read_json, read_jsonl

SHOWN = 5


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
    aside = [(s["manuscript"], s["chapter"], f"{s['words']:,}", s["reason"]) for s in facts["set_aside"]]
    set_aside = (
        views.table(f"Set aside: {len(aside)}", ["Manuscript", "Chapter", "Words", "Why"], aside, "bc")
        if aside
        else views.sentence("Nothing was set aside.")
    )
    return (
        gr.Column(visible=True),
        str(row + views.bullets(facts["advice"])),
        plots.histogram(lengths, "Passage length (words)", "Passages"),
        str(views.sentence(caption, "caption")),
        _bubbles(read_examples(folder / "train.jsonl")[:SHOWN]),
        str(set_aside),
    )


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
