"""What a prompt would be given of a world, on the page: each entry with the reason, its length, and what stays out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.errors import WorldError
from style_tuner.records import Hit, Message
from style_tuner.serving import lore
from style_tuner.tabs import views
from style_tuner.tabs.common import Page
from style_tuner.tabs.world_parts import SHELL, look, need, url
from style_tuner.workspace import Workspace

TOKENS_A_WORD = 1.5
"""Taken where nothing is sent, only to tell which of two limits is the nearer."""
MOST_CUT = 8
"""Entries listed that were not sent; the further ones fit less and less."""


def test_prompt(workspace: Workspace, world: str | None, prompt: str) -> str:
    """Show what would be sent with a prompt, and why; nothing is generated."""
    if not prompt.strip():
        raise WorldError("There is no prompt to test: write one as you would on the tab Write.")
    sent, found = lore.prompt(url(workspace), need(world), [Message("user", prompt.strip())])
    same = views.command(shlex.join([*SHELL, "search", need(world), prompt.strip()]))
    shown = inspection(found.inspection, found.hits)
    whole = "\n\n".join(f"[{message.role}]\n{message.content}" for message in sent)
    return str(shown + views.details("Show the whole prompt as it is sent", whole) + same)


def inspection(told: Mapping[str, Any], hits: Sequence[Hit] = ()) -> Markup:
    """Return what a prompt got, why, what was left out, and how much room it took."""
    texts = {hit.entry.id: hit.entry.facts for hit in hits}
    sent = [row for row in told["entries"] if row["sent"]]
    cut = [row for row in told["entries"] if not row["sent"]]
    where = f" Chapter {told['chapter']}." if told["chapter"] else ""
    taken = _measure(told, told, of=True)
    head = f"Sent: {len(sent)} {'entry' if len(sent) == 1 else 'entries'}, {taken}.{where}"
    parts = [views.sentence(head if sent else f"No entry fits this prompt, so none is sent.{where}")]
    parts += [views.sentence(note, "bad") for note in told["notes"]]
    parts += [_entry(row, texts.get(row["id"], ""), _measure(told, row)) for row in sent]
    if told["room"]["note"]:
        parts.append(views.sentence(told["room"]["note"], "caption"))
    parts += [views.sentence(note, "bad") for note in told["keys_off"]]
    if cut:
        parts.append(Markup("<h4>Not sent</h4>"))
        parts.append(views.bullets(f"{row['name']} ({row['why']}): {row['cut']}" for row in cut[:MOST_CUT]))
    return Markup("").join(parts)


def _measure(told: Mapping[str, Any], one: Mapping[str, Any], of: bool = False) -> str:
    """Return how much room something takes, in what runs out first: the author's words, or the model's tokens."""
    room = told["room"]
    tokens_a_word = told["tokens"] / told["words"] if told["words"] else TOKENS_A_WORD
    if room["tokens"] is None or room["words"] * tokens_a_word <= room["tokens"]:
        return f"{one['words']:,}" + (f" of at most {room['words']:,}" if of else "") + " words"
    about = "" if told["tokens_counted"] else "about "
    return f"{about}{one['tokens']:,}" + (f" of at most {room['tokens']:,}" if of else "") + " tokens"


def _entry(row: Mapping[str, Any], text: str, length: str) -> Markup:
    about = f"{row['why']} · {length}"
    return Markup("<dl class='hits'><dt><b>{}</b> <small class='caption'>{}</small></dt><dd>{}</dd></dl>").format(
        row["name"], about, text
    )


def last_prompts(workspace: Workspace, world: str | None) -> str:
    """Return what the last prompts of this world were given, and what came and went between them."""
    found = look(workspace, world, "prompts").get("prompts", [])
    if not found:
        return str(views.sentence("No prompt has used this world since its service was started.", "empty"))
    return str(views.scrolling(Markup("").join(_told(one) for one in found)))


def _told(one: Mapping[str, Any]) -> Markup:
    pairs = (("New since the prompt before: ", one["added"]), ("No longer sent: ", one["dropped"]))
    changed = " ".join(words + ", ".join(names) + "." for words, names in pairs if names)
    head = Markup("<h4>{}</h4><p class='sentence'>{}</p>").format(views.when(one["at"]), one["request"])
    return head + inspection(one) + (views.sentence(changed, "caption") if changed else Markup(""))


def build(page: Page, chosen: gr.Dropdown) -> None:
    """Lay out the test of a prompt, and what the last ones were given."""
    prompt = gr.Textbox(label="Prompt to test", lines=4, elem_classes="prose-input")
    test = gr.Button("Test this prompt", variant="primary")
    result = gr.HTML()
    with gr.Accordion("What the last prompts were given", open=False):
        refresh = gr.Button("Show them", size="sm")
        last = gr.HTML()
    page.on(test.click, test_prompt, [chosen, prompt], result)
    page.on(refresh.click, last_prompts, [chosen], last)
