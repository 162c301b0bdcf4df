"""What was sent last, of whatever world: `GET /debug/last`; kept in memory until the service ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from rag.front.faults import refusal
from rag.retrieval.retrieve import Retrieval
from rag.routes.entries import retrieval_json
from style_tuner.records import Moment


@dataclass(frozen=True)
class Sent:
    """A request as it went to the model server, what was chosen for each of its prompts, and what to know of that."""

    path: str
    world: str
    moment: Moment
    fields: dict[str, Any]
    found: Sequence[Retrieval]
    notes: Sequence[str] = ()


class LastSent:
    """Holds the last request that a world's facts were looked up for."""

    def __init__(self) -> None:
        self._sent: tuple[float, Sent] | None = None

    def keep(self, sent: Sent) -> None:
        """Put this request in the place of the one before."""
        self._sent = time.time(), sent

    def json(self) -> dict[str, Any] | None:
        """Return the request as plain values; None before the first."""
        if self._sent is None:
            return None
        when, sent = self._sent
        return {
            "time": when,
            "path": f"/v1{sent.path}",
            "world": sent.world,
            "book": sent.moment.book,
            "chapter": sent.moment.chapter,
            "sent": sent.fields,
            "notes": list(sent.notes),
            "chosen": [retrieval_json(retrieval) for retrieval in sent.found],
        }


def routes(last: LastSent) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/debug")

    @router.get("/last")
    def last_sent() -> Response:
        found = last.json()
        if found is None:
            return refusal(404, "No request has asked for the facts of a world since the service began.", "none_yet")
        return JSONResponse(found)

    return router
