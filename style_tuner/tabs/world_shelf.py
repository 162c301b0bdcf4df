"""Whole worlds on the page: renamed, put into the bin and taken out of it, and copied to a file in one click."""

from __future__ import annotations

import shlex
from typing import Any

import gradio as gr

from style_tuner.errors import WorldError
from style_tuner.serving import lore
from style_tuner.serving import world as service
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, choice, inform
from style_tuner.tabs.world_drafts import Desk, renamed
from style_tuner.tabs.world_parts import SHELL, ask, need, stamp, url
from style_tuner.workspace import Workspace


def rename(workspace: Workspace, world: str | None, name: str, desk: Desk | None) -> tuple[Any, Desk]:
    """Give the chosen world another name; what is not saved in it goes along."""
    if not name.strip():
        raise WorldError("The other name is missing: type it, then press Rename world.")
    named = ask(workspace, "POST", world, "rename", body={"name": name.strip()})["world"]
    return gr.Dropdown(choices=list(lore.worlds(url(workspace))), value=named), renamed(desk, need(world), named)


def to_bin(workspace: Workspace, world: str | None) -> Any:
    """Put the chosen world into the bin."""
    ask(workspace, "DELETE", world)
    inform(f"{need(world)} lies in the bin with all its history and can be taken out again.", title="In the bin")
    left = list(lore.worlds(url(workspace)))
    return gr.Dropdown(choices=left, value=next(iter(left), None))


def show_bin(workspace: Workspace) -> Any:
    """Return the worlds in the bin to choose from."""
    state = service.state(workspace)
    found = lore.ask(state.url, "GET", "bin")["worlds"] if state else []
    return gr.Dropdown(choices=[(_told(one), str(one["number"])) for one in found], value=None)


def _told(one: dict[str, Any]) -> str:
    return f"{one['name']}, {one['entries']} entries, {views.when(one['binned'])}"


def take_out(workspace: Workspace, chosen: str | None) -> Any:
    """Take a world out of the bin and choose it."""
    if not chosen:
        raise WorldError("No world in the bin is chosen: choose one first.")
    back = lore.ask(url(workspace), "POST", "bin", chosen, "restore", body={})["world"]
    return gr.Dropdown(choices=list(lore.worlds(url(workspace))), value=back)


def backup(workspace: Workspace) -> tuple[Any, str]:
    """Copy all worlds into one file in the exports and offer it."""
    told = lore.ask(url(workspace), "POST", "backup", body={"workspace": workspace.name})
    said = f"{len(told['worlds'])} worlds with all their history, {views.size(told['bytes'])}: {told['path']}"
    same = views.command(shlex.join([*SHELL, "backup"]))
    return gr.File(told["path"], visible=True), str(views.sentence(said, "caption") + same)


def build(page: Page, chosen: gr.Dropdown, desk: gr.BrowserState) -> None:
    """Lay out what can be done with a whole world."""
    with gr.Accordion("Rename, put away, or back up", open=False):
        name = gr.Textbox(label="Other name of this world", max_lines=1)
        with gr.Row():
            other = gr.Button("Rename world", size="sm")
            away = gr.Button("Put world into the bin", size="sm")
        binned = choice("Worlds in the bin")
        back = gr.Button("Take out of the bin", size="sm")
        copy = gr.Button("Back up all worlds", size="sm")
        file = gr.File(label="Backup of all worlds", interactive=False, visible=False)
        said = gr.HTML()
    page.follow(stamp, show_bin, binned)
    page.on(other.click, rename, [chosen, name, desk], [chosen, desk])
    page.on(away.click, to_bin, [chosen], chosen)
    page.on(back.click, take_out, [binned], chosen)
    page.on(copy.click, backup, [], [file, said])
