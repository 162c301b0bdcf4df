"""A draft held against the world, on the page: what it contradicts, with both quotes side by side."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import takes
from style_tuner.errors import WorldError
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, listing
from style_tuner.tabs.score import kept_drafts, take_text
from style_tuner.tabs.world_parts import SHELL, ask, need
from style_tuner.workspace import Workspace


def check(workspace: Workspace, world: str | None, text: str, with_model: bool) -> str:
    """Return where a draft and the world disagree."""
    if not text.strip():
        raise WorldError("There is no draft to check: paste one, or choose one of your drafts.")
    told = ask(workspace, "POST", world, "check", body={"text": text, "with_model": with_model})
    found = told["findings"]
    sure = [one for one in found if one["certainty"] == "sure"]
    head = f"Contradicted: {len(sure)}; to look at: {len(found) - len(sure)}." if found else "Nothing is contradicted."
    said = views.sentence(f"{head} The draft has {told['words']:,} words and names {told['entries_named']} entries.")
    rows = Markup("").join(map(_finding, found))
    same = views.command(shlex.join([*SHELL, "check", need(world), "DRAFT.txt"]))
    notes = views.bullets(told["notes"]) if told["notes"] else Markup("")
    return str(said + Markup("<dl class='hits'>{}</dl>").format(rows) + notes + same)


def _finding(one: Mapping[str, Any]) -> Markup:
    doubt = f" ({one['reason']})" if one["reason"] else ""
    what = one["certainty"] + doubt + (", by the model's opinion" if one["by"] == "model" else "")
    more = f" The draft says it {one['again']} times more." if one["again"] else ""
    return Markup(
        "<dt><b>{}</b> <small class='caption'>line {}, {}</small></dt>"
        "<dd>{}<br>Your draft: <q>{}</q><br>Your world: <q>{}</q></dd>"
    ).format(one["entry_name"], one["line"], what, one["sentence"] + more, one["quote"], one["world_quote"])


def build(page: Page, chosen: gr.Dropdown) -> None:
    """Lay out the check."""
    kept = gr.Dropdown([], label="One of your drafts")
    text = gr.Textbox(label="Draft to check", lines=8, elem_classes="prose-input")
    model = gr.Checkbox(label="Ask the served model about doubtful places, too (slow)")
    button = gr.Button("Check this draft", size="sm")
    found = gr.HTML()
    page.follow(lambda workspace: listing(takes.folder(workspace)), lambda workspace: kept_drafts(workspace, 1), kept)
    page.on(kept.input, take_text, [kept], text)
    page.on(button.click, check, [chosen, text, model], found)
