"""The history of a world over HTTP: what was done, undo and redo, and every version of an entry."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from rag.worlds import Worlds

Limit = Annotated[int, Query(ge=1, le=1000)]
"""Most changes or entries in one answer."""


class ToRestore(BaseModel):
    """The version of an entry to go back to."""

    version: int


def routes(worlds: Worlds) -> APIRouter:
    """Return the routes of the history, under `/worlds/{world}`."""
    router = APIRouter(prefix="/worlds/{world}")

    @router.get("/history")
    def history(world: str, limit: Limit = 50, before: int | None = None) -> dict[str, Any]:
        changes = worlds.history.changes(world, limit, before)
        return {"world": world, "changes": [asdict(change) for change in changes], **_next_steps(worlds, world)}

    @router.get("/history/{change}")
    def differences(world: str, change: int, limit: Limit = 100, offset: int = 0) -> dict[str, Any]:
        found = worlds.history.differences(world, change, limit, offset)
        return {"world": world, "change": change, "entries": [asdict(one) for one in found]}

    @router.post("/undo")
    def undo(world: str) -> dict[str, Any]:
        return {"world": world, "undone": worlds.undo(world), **_next_steps(worlds, world)}

    @router.post("/redo")
    def redo(world: str) -> dict[str, Any]:
        return {"world": world, "redone": worlds.redo(world), **_next_steps(worlds, world)}

    @router.get("/entries/{entry_id}/history")
    def versions(world: str, entry_id: str) -> dict[str, Any]:
        found = worlds.history.versions(world, entry_id)
        return {"world": world, "versions": [asdict(version) for version in found]}

    @router.post("/entries/{entry_id}/restore")
    def restore(world: str, entry_id: str, body: ToRestore) -> dict[str, Any]:
        return {"world": world, "entry": asdict(worlds.restore(world, entry_id, body.version))}

    return router


def _next_steps(worlds: Worlds, world: str) -> dict[str, str | None]:
    """Say what would be undone or done again next; None where there is nothing."""
    undo, redo = worlds.history.next_steps(world)
    return {"can_undo": undo, "can_redo": redo}
