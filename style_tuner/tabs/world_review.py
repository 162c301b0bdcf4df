"""Entries proposed from the manuscripts, on the page: each with its quotes, taken in by the author alone."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.errors import WorldError
from style_tuner.tabs import views
from style_tuner.tabs.common import HIDDEN, Page, choice, inform
from style_tuner.tabs.world_form import KINDS, as_facts, listed
from style_tuner.tabs.world_parts import SHELL, ask, look, stamp, worlds
from style_tuner.workspace import Workspace

STATES = {"Waiting for you": "pending", "Taken in": "accepted", "Rejected": "rejected"}
QUOTES_SHOWN = 3
EMPTY = "Nothing is proposed: press Read my manuscripts, and what is found waits here. Nothing enters a world unseen."


def read(workspace: Workspace, world: str | None) -> None:
    """Begin to read the workspace's manuscripts for names and what is told of them."""
    ask(workspace, "POST", world, "proposals", body={"workspace": workspace.name})


def show_run(workspace: Workspace, world: str | None) -> str:
    """Return how far the reading is, or what came of it."""
    run = look(workspace, world, "proposals", "run").get("run")
    if not run:
        return ""
    if run["state"] == "running":
        return str(views.sentence(f"{run['step']}: {run['done']} of {run['total']}." if run["total"] else run["step"]))
    said = views.sentence(run["message"], "bad" if run["state"] == "failed" else "")
    same = views.command(shlex.join([*SHELL, "propose", world or "", "--workspace", workspace.name]))
    return str(said + views.bullets(run["notes"] or []) + same)


def run_stamp(workspace: Workspace) -> Any:
    """Return a stamp that changes with every look while manuscripts are read in any world."""
    runs = [look(workspace, world, "proposals", "run").get("run") for world in worlds(workspace)]
    return [(run["state"], time.time() if run["state"] == "running" else run["started"]) for run in runs if run]


def show_queue(workspace: Workspace, world: str | None, state: str, chosen: str | None) -> tuple[Any, ...]:
    """Return how many proposals wait, the choice of one, and whether all can be taken in."""
    told = look(workspace, world, "proposals", state=STATES[state])
    counts = told.get("counts", {})
    rows = told.get("proposals", [])
    names = [(f"{one['name']}, {one['kind']}, {one['mentions']} mentions", one["id"]) for one in rows]
    value = chosen if chosen in [one for _, one in names] else next((one for _, one in names), None)
    waiting = counts.get("pending", 0)
    head = f"{waiting} waiting, {counts.get('accepted', 0)} taken in, {counts.get('rejected', 0)} rejected."
    said = views.sentence(head if sum(counts.values()) else EMPTY, "" if sum(counts.values()) else "empty")
    return str(said), gr.Dropdown(choices=names, value=value), gr.Button(interactive=waiting > 0)


def show_proposal(workspace: Workspace, world: str | None, chosen: str | None) -> tuple[Any, ...]:
    """Return a proposal with its evidence, its fields to change, and what can be done with it."""
    off = [gr.Button(interactive=False)] * 3
    if not chosen or not world:
        return "", "", "note", "", "", "", *off
    one = look(workspace, world, "proposals", chosen).get("proposal")
    if not one:
        return "", "", "note", "", "", "", *off
    parts = [views.sentence(one["about"])]
    parts += [_fact(fact) for fact in one["facts"]]
    if one["disputed"]:
        parts.append(views.sentence("The manuscripts say different things here, so it is left out:", "caption"))
        parts += [_fact(fact) for fact in one["disputed"]]
    parts.append(views.sentence("Where the name stands:", "caption") + _quotes(one["quotes"]))
    facts = "\n".join(f"{field}: {value}" for field, value in one["fields"].items())
    pending = one["state"] == "pending"
    buttons = [gr.Button(interactive=may) for may in (pending, pending, not pending)]
    shown = str(views.scrolling(Markup("").join(parts)))
    return shown, one["name"], one["kind"], ", ".join(one["aliases"]), one["text"], facts, *buttons


def _fact(fact: Mapping[str, Any]) -> Markup:
    head = Markup("<p class='sentence'><b>{}: {}</b> {}</p>").format(fact["field"], fact["value"], fact["left_out"])
    return head + _quotes(fact["quotes"])


def _quotes(quotes: Sequence[Mapping[str, Any]]) -> Markup:
    made = (
        Markup("<blockquote>{}<br><small class='caption'>{}, chapter {}, paragraph {}</small></blockquote>").format(
            quote["text"], quote["title"] or quote["manuscript"], quote["chapter"], quote["paragraph"]
        )
        for quote in quotes[:QUOTES_SHOWN]
    )
    return Markup("").join(made)


def take_in(workspace: Workspace, world: str | None, chosen: str | None, *fields: str) -> None:
    """Take the proposal in as it is in the form."""
    before = _chosen(workspace, world, chosen)
    name, kind, aliases, text, lines = fields
    facts = as_facts(lines)
    emptied = dict.fromkeys(set(before["fields"]) - set(facts), "")
    changes = {"name": name, "kind": kind, "aliases": list(listed(aliases.split(","))), "text": text}
    body = {"changes": {**changes, "fields": {**emptied, **facts}}}
    entry = ask(workspace, "POST", world, "proposals", str(chosen), "accept", body=body)["entry"]
    inform(f"{entry['name']} is in your world. Undo, below the list, takes it out again.", title="Taken in")


def reject(workspace: Workspace, world: str | None, chosen: str | None) -> None:
    """Reject the proposal; it does not come back by itself."""
    _chosen(workspace, world, chosen)
    ask(workspace, "POST", world, "proposals", str(chosen), "reject")


def reopen(workspace: Workspace, world: str | None, chosen: str | None) -> None:
    """Let a proposal that was decided on wait again."""
    _chosen(workspace, world, chosen)
    ask(workspace, "POST", world, "proposals", str(chosen), "reopen")


def take_in_all(workspace: Workspace, world: str | None) -> None:
    """Take in all that wait, as they are: one change, undone in one step."""
    count = len(ask(workspace, "POST", world, "proposals", "accept", body={})["accepted"])
    inform(f"{count} proposals are in your world. Undo, below the list, takes them all out again.", title="Taken in")


def _chosen(workspace: Workspace, world: str | None, chosen: str | None) -> dict[str, Any]:
    if not chosen:
        raise WorldError("No proposal is chosen: choose one from the list first.")
    return dict(ask(workspace, "GET", world, "proposals", chosen)["proposal"])


def build(page: Page, chosen: gr.Dropdown) -> None:
    """Lay out the review queue."""
    start = gr.Button("Read my manuscripts", size="sm")
    run = gr.HTML()
    state = gr.Radio(list(STATES), value="Waiting for you", label="Proposals")
    said = gr.HTML()
    one = choice("Proposal")
    evidence = gr.HTML()
    with gr.Accordion("Change it before you take it in", open=False):
        name = gr.Textbox(label="Name", max_lines=1)
        kind = gr.Dropdown(KINDS, value="note", label="Kind", allow_custom_value=True)
        aliases = gr.Textbox(label="Also called (comma between)", max_lines=1)
        text = gr.Textbox(label="Text", lines=4, elem_classes="prose-input")
        facts = gr.Textbox(label="Facts, one a line, such as eyes: grey", lines=3)
    with gr.Row():
        take = gr.Button("Take in", size="sm", interactive=False)
        drop = gr.Button("Reject", size="sm", interactive=False)
        again = gr.Button("Decide anew", size="sm", interactive=False)
    everything = gr.Button("Take in all that wait, as they are", size="sm", interactive=False)
    form = [name, kind, aliases, text, facts]
    queue, asked = [said, one, everything], [chosen, state, one]
    shown = [evidence, *form, take, drop, again]
    page.follow(run_stamp, show_run, run, [chosen], [chosen.change])
    page.follow(
        lambda workspace: (stamp(workspace), run_stamp(workspace)),
        show_queue,
        queue,
        asked,
        [chosen.change, state.change],
    )
    page.on(one.change, show_proposal, [chosen, one], shown, show_progress="hidden")
    page.on(start.click, read, [chosen], None)
    for button, work, given in (
        (take, take_in, [chosen, one, *form]),
        (drop, reject, [chosen, one]),
        (again, reopen, [chosen, one]),
        (everything, take_in_all, [chosen]),
    ):
        done = page.on(button.click, work, given, None)
        page.on(done.then, show_queue, asked, queue, **HIDDEN)
