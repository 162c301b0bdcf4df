"""The author's own manuscripts as a second source of the world, on the page: which belong to it, and what they say."""

from __future__ import annotations

import shlex
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.errors import WorldError
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, inform
from style_tuner.tabs.world_parts import SHELL, ask, look, need, worlds
from style_tuner.workspace import Workspace

MOST = 8


def link(workspace: Workspace, world: str | None) -> None:
    """Add all manuscripts of the workspace to the world's sources; what did not change is not done again."""
    done = ask(workspace, "POST", world, "passages", body={"workspace": workspace.name})["indexed"]
    new = sum(one["new"] for one in done)
    inform(f"{len(done)} manuscripts, {new} passages new.", title="Your manuscripts can be searched")


def show(workspace: Workspace, world: str | None) -> str:
    """Return which manuscripts belong to the world."""
    told = look(workspace, world, "passages")
    linked = told.get("manuscripts", [])
    if not linked:
        return str(views.sentence("No manuscript belongs to this world: press Search my manuscripts, too.", "empty"))
    progress = told["indexing"]
    rows = [(one["title"], f"{one['passages']:,}") for one in linked]
    going = views.sentence(f"Indexing: {progress['done']} of {progress['total']}.") if progress else Markup("")
    return str(views.table("Manuscripts of this world", ["Title", "Passages"], rows, numbers="b") + going)


def search(workspace: Workspace, world: str | None, words: str) -> str:
    """Return the passages that fit best, none from later than the chapter in hand."""
    if not words.strip():
        raise WorldError("There is nothing to look for: say in a few words what the passage tells.")
    told = ask(workspace, "GET", world, "passages", "search", q=words.strip(), limit=MOST)
    found = told["passages"]
    notes = Markup("").join(views.sentence(note, "caption") for note in told["notes"])
    if not found:
        return str(views.sentence("No passage fits.", "empty") + notes)
    rows = (
        Markup("<dt><b>{}</b> <small class='caption'>{}</small></dt><dd class='prose-text'>{}</dd>").format(
            one["book"], f"chapter {one['chapter']}, {one['title']}" if one["title"] else f"chapter {one['chapter']}",
            one["text"],
        )
        for one in found
    )  # fmt: skip
    shell = [*SHELL, "passages", need(world), "--workspace", workspace.name, "--search", words.strip()]
    listed = views.scrolling(Markup("<dl class='hits'>{}</dl>").format(Markup("").join(rows)))
    return str(listed + notes + views.command(shlex.join(shell)))


def stamp_of_passages(workspace: Workspace) -> Any:
    """Return a stamp of the manuscripts of all worlds."""
    return [look(workspace, world, "passages") for world in worlds(workspace)]


def build(page: Page, chosen: gr.Dropdown) -> None:
    """Lay out the search of manuscripts."""
    button = gr.Button("Search my manuscripts, too", size="sm")
    linked = gr.HTML()
    words = gr.Textbox(label="What the passage tells", max_lines=2)
    look_up = gr.Button("Find passages", size="sm")
    found = gr.HTML()
    page.follow(stamp_of_passages, show, linked, [chosen], [chosen.change])
    page.on(button.click, link, [chosen], None)
    page.on(look_up.click, search, [chosen, words], found)
    page.on(words.submit, search, [chosen, words], found)
