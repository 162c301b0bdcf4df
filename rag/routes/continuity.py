"""A draft checked against a world, over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag.continuity.check import check_draft, gather
from rag.continuity.model import second_opinion
from rag.routes.books import about_book
from rag.worlds import Worlds
from style_tuner.records import Moment


class DraftToCheck(BaseModel):
    """A draft, where in the story it stands, and whether a served model is asked, too."""

    model_config = ConfigDict(extra="forbid")

    text: str
    book: str = ""
    chapter: int | None = Field(None, ge=1)
    with_model: bool = False


def routes(worlds: Worlds) -> APIRouter:
    """Return the route `/worlds/{world}/check`."""
    router = APIRouter(prefix="/worlds/{world}")

    @router.post("/check")
    def check(world: str, body: DraftToCheck) -> dict[str, Any]:
        moment = worlds.at(world, Moment(body.book, body.chapter))
        entries = list(worlds.entries(world).values())
        material = gather(body.text, entries, moment)
        checked = check_draft(body.text, entries, moment, material)
        if body.with_model:
            checked = second_opinion(checked, material, worlds.model_server)
        findings = [{**asdict(one), "line": body.text.count("\n", 0, one.start) + 1} for one in checked.findings]
        return {
            "world": world,
            "book": moment.book,
            "chapter": moment.chapter,
            "words": checked.words,
            "entries_named": checked.entries,
            "findings": findings,
            "sure": sum(one.certainty == "sure" for one in checked.findings),
            "notes": [*checked.notes, *about_book(worlds, world, body.book)],
        }

    return router
