"""What the last prompts of a world got, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from rag.routes.books import about_book
from rag.worlds import Worlds


def routes(worlds: Worlds) -> APIRouter:
    """Return the route of the inspector."""
    router = APIRouter(prefix="/worlds")

    @router.get("/{world}/prompts")
    def prompts(world: str) -> dict[str, Any]:
        worlds.count(world)  # an unknown world is said to be that
        told = worlds.inspector.prompts(world)
        notes = {book: about_book(worlds, world, book) for book in {one["book"] for one in told}}
        return {"world": world, "prompts": [{**one, "notes": notes[one["book"]]} for one in told]}

    return router
