"""What was done to a world, on the page: undo, redo, the list of changes, and what each one changed."""

from __future__ import annotations

import shlex
import textwrap
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.tabs import views
from style_tuner.tabs.common import Page, choice, inform
from style_tuner.tabs.world_parts import SHELL, ask, look, need, stamp
from style_tuner.workspace import Workspace

MOST = 50
"""Changes listed, and entries shown of one change."""


def show(workspace: Workspace, world: str | None, chosen: str | None) -> tuple[Any, ...]:
    """Return what Undo and Redo would do, and the choice of a change."""
    told = look(workspace, world, "history", limit=MOST)
    undo, redo = told.get("can_undo"), told.get("can_redo")
    choices = [(f"{views.when(one['written'])}: {one['about']}", str(one["number"])) for one in told.get("changes", [])]
    kept = chosen if chosen in [number for _, number in choices] else None
    return (
        gr.Button(_button("Undo", undo), interactive=bool(undo)),
        gr.Button(_button("Redo", redo), interactive=bool(redo)),
        gr.Dropdown(choices=choices, value=kept),
    )


def _button(what: str, about: str | None) -> str:
    """Return a button's name, short enough for one."""
    return textwrap.shorten(f"{what}: {about}", 44, placeholder="…") if about else what


def show_change(workspace: Workspace, world: str | None, chosen: str | None) -> str:
    """Return what a change did to each entry, before and after."""
    if not chosen:
        return str(views.sentence("Choose a change to see what it did.", "caption"))
    rows = look(workspace, world, "history", chosen, limit=MOST).get("entries", [])
    made = (
        Markup("<dt><b>{}</b></dt><dd><del>{}</del> <ins>{}</ins></dd>").format(
            (one["after"] or one["before"])["name"], _text(one["before"]), _text(one["after"])
        )
        for one in rows
    )
    same = views.command(shlex.join([*SHELL, "history", need(world)]))
    return str(Markup("<dl class='hits'>{}</dl>").format(Markup("").join(made)) + same)


def _text(entry: dict[str, Any] | None) -> str:
    return str(entry["text"]) if entry else ""


def undo(workspace: Workspace, world: str | None) -> None:
    """Take the last change back."""
    inform(f"{ask(workspace, 'POST', world, 'undo')['undone']}.", title="Undone")


def redo(workspace: Workspace, world: str | None) -> None:
    """Make the change that was taken back again."""
    inform(f"{ask(workspace, 'POST', world, 'redo')['redone']}.", title="Done again")


def build(page: Page, chosen: gr.Dropdown) -> list[Any]:
    """Lay out undo, redo and the history; return the events after which entries are others."""
    with gr.Row():
        back = gr.Button("Undo", size="sm", interactive=False)
        again = gr.Button("Redo", size="sm", interactive=False)
    with gr.Accordion("What was changed, and when", open=False):
        change = choice("Change")
        told = gr.HTML()
    page.follow(stamp, show, [back, again, change], [chosen, change], [chosen.change])
    page.on(change.change, show_change, [chosen, change], told, show_progress="hidden")
    return [page.on(back.click, undo, [chosen], None), page.on(again.click, redo, [chosen], None)]
