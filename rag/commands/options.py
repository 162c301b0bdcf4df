"""What several commands of the World share: how a world is named, and how long they wait for its owner."""

from __future__ import annotations

from typing import Annotated

import typer

OWNER_SECONDS = 15
"""How long to wait for another command's lock, or for a service that is just starting."""


def possible(world: str | None) -> str | None:
    """Refuse a name that no world can have before anything is asked or opened."""
    from rag.lore.store import check_world_name

    return world if world is None else check_world_name(world)


WorldArgument = Annotated[str, typer.Argument(help="Name of the world.", show_default=False, callback=possible)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
