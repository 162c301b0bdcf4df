"""What the parts of the tab World share: the service's address, the chosen world, and a stamp of what changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr
from markupsafe import escape

from style_tuner.errors import ServerError, WorldError
from style_tuner.serving import lore
from style_tuner.serving import world as service
from style_tuner.workspace import Workspace

SHELL = ("python", "-m", "rag")
REASONS = {
    "always-on": "always sent",
    "mention": "named in the prompt",
    "key": "called up by a key word",
    "meaning": "close in meaning",
    "keywords": "shares words",
    "link": "belongs with another entry",
}


def url(workspace: Workspace) -> str:
    """Return the address of the running service."""
    state = service.state(workspace)
    if state is None:
        raise ServerError("The World service is off: press Start World service.")
    return state.url


def need(world: str | None) -> str:
    """Return the chosen world."""
    if not world:
        raise WorldError("No world is chosen: create one, or try the sample world.")
    return world


def ask(workspace: Workspace, method: str, world: str | None, *path: str, **given: Any) -> dict[str, Any]:
    """Ask the running service of the chosen world."""
    return lore.ask(url(workspace), method, "worlds", need(world), *path, **given)


def look(workspace: Workspace, world: str | None, *path: str, **query: Any) -> dict[str, Any]:
    """Return what the service says of the chosen world, nothing while it is off or none is chosen."""
    state = service.state(workspace)
    return lore.ask(state.url, "GET", "worlds", world, *path, **query) if state and world else {}


def warn(sentences: Iterable[str], title: str) -> None:
    """Show for a while what the service found odd in what it has done all the same."""
    for one in sentences:
        gr.Warning(str(escape(one)), duration=25, title=title)


def worlds(workspace: Workspace) -> list[str]:
    """Return the names of all worlds, none while the service is off."""
    state = service.state(workspace)
    return list(lore.worlds(state.url)) if state else []


def stamp(workspace: Workspace) -> Any:
    """Return a stamp of the running service, of all its worlds, and of what was done last to each."""
    state = service.state(workspace)
    if state is None:
        return None
    found = lore.ask(state.url, "GET", "worlds")["worlds"]
    return state.pid, found, [look(workspace, one["name"], "history", limit=1) for one in found]
