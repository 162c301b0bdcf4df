"""What the last prompts of a world got, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from rag.worlds import Worlds


def routes(worlds: Worlds) -> APIRouter:
    """Return the route of the inspector."""
    router = APIRouter(prefix="/worlds")

    @router.get("/{world}/prompts")
    def prompts(world: str) -> dict[str, Any]:
        worlds.count(world)  # an unknown world is said to be that
        return {"world": world, "prompts": worlds.inspector.prompts(world)}

    return router
