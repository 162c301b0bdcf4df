"""Passages of manuscripts over HTTP: link manuscripts to a world, see which are, and search what stands in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from rag.worlds import Worlds
from style_tuner.records import Moment


class ToLink(BaseModel):
    """Manuscripts of a workspace, all of them where none is named."""

    manuscripts: list[str] | None = None
    workspace: str = "default"


def routes(worlds: Worlds) -> APIRouter:
    """Return the routes under `/worlds/{world}/passages`."""
    router = APIRouter(prefix="/worlds/{world}/passages")

    @router.get("")
    def linked(world: str) -> dict[str, Any]:
        return {"world": world, **_linked_json(worlds, world)}

    @router.post("")
    def link(world: str, body: ToLink) -> dict[str, Any]:
        done = worlds.passages.link(world, body.workspace, body.manuscripts)
        return {"world": world, "indexed": [asdict(one) for one in done], **_linked_json(worlds, world)}

    @router.delete("/{workspace}/{manuscript}")
    def unlink(world: str, workspace: str, manuscript: str) -> dict[str, Any]:
        worlds.passages.unlink(world, workspace, manuscript)
        return {"world": world, **_linked_json(worlds, world)}

    @router.get("/search")
    def search(
        world: str,
        q: Annotated[str, Query(min_length=1)],
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
        book: str = "",
        chapter: Annotated[int | None, Query(ge=1)] = None,
    ) -> dict[str, Any]:
        moment = worlds.at(world, Moment(book, chapter))
        found = worlds.passages.search(world, q, limit, moment)
        note = worlds.passages.note(world)
        return {
            "world": world,
            "before": asdict(moment),
            "passages": [asdict(one) for one in found],
            "notes": [note] if note else [],
        }

    return router


def _linked_json(worlds: Worlds, world: str) -> dict[str, Any]:
    progress = worlds.passages.progress(world)
    return {
        "manuscripts": [asdict(one) for one in worlds.passages.linked(world)],
        "indexing": asdict(progress) if progress else None,
    }
