"""Which worlds there are, over HTTP: list, make, rename, put into the bin and take out of it; where one is writing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from rag.routes.books import about_book
from rag.routes.entries import progress_json
from rag.worlds import Worlds
from style_tuner.records import Moment


class ToBackUp(BaseModel):
    """The workspace whose exports folder gets the copy."""

    workspace: str = "default"


class NewName(BaseModel):
    """Another name for a world."""

    name: str


class Back(BaseModel):
    """How a world comes back from the bin: under its own name, or another."""

    name: str | None = None


class Present(BaseModel):
    """Where in the story the author is writing now; no chapter is the end of the book, no book the whole story."""

    book: str = ""
    chapter: int | None = Field(None, ge=1)


def routes(worlds: Worlds) -> APIRouter:
    """Return the routes of whole worlds, under `/worlds` and `/bin`."""
    router = APIRouter()

    @router.get("/worlds")
    def list_worlds() -> dict[str, Any]:
        return {"worlds": [_world_json(worlds, world) for world in worlds.names()]}

    @router.put("/worlds/{world}")
    def create_world(world: str) -> dict[str, Any]:
        return {"world": world, "created": worlds.create(world)}

    @router.post("/worlds/{world}/rename")
    def rename_world(world: str, body: NewName) -> dict[str, Any]:
        worlds.rename(world, body.name)
        return {"world": body.name, "before": world}

    @router.delete("/worlds/{world}")
    def delete_world(world: str) -> dict[str, Any]:
        return {"world": world, "bin": asdict(worlds.put_in_bin(world))}

    @router.get("/bin")
    def list_bin() -> dict[str, Any]:
        return {"worlds": [asdict(binned) for binned in worlds.binned()]}

    @router.post("/bin/{number}/restore")
    def restore_world(number: int, body: Back) -> dict[str, Any]:
        return {"world": worlds.take_from_bin(number, body.name)}

    @router.get("/worlds/{world}/present")
    def get_present(world: str) -> dict[str, Any]:
        return {"world": world, **asdict(worlds.present(world))}

    @router.put("/worlds/{world}/present")
    def put_present(world: str, body: Present) -> dict[str, Any]:
        worlds.set_present(world, Moment(body.book.strip(), body.chapter))
        now = worlds.present(world)
        return {"world": world, **asdict(now), "notes": about_book(worlds, world, now.book)}

    @router.post("/backup")
    def backup(body: ToBackUp) -> dict[str, Any]:
        path = worlds.backup(body.workspace)
        return {"path": str(path), "bytes": path.stat().st_size, "worlds": worlds.names()}

    return router


def _world_json(worlds: Worlds, world: str) -> dict[str, Any]:
    return {
        "name": world,
        "entries": worlds.count(world),
        "present": asdict(worlds.present(world)),
        "indexing": progress_json(worlds, world),
        "notes": worlds.notes(world),
    }
