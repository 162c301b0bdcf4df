"""What the manuscripts propose, over HTTP: read them, look through the queue, take in or reject."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag.extraction.review import Review
from rag.extraction.run import LEAST, Runs
from rag.worlds import Worlds


class Reading(BaseModel):
    """Which manuscripts to read: all of a workspace, or those with these ids."""

    model_config = ConfigDict(extra="forbid")

    workspace: str = "default"
    manuscripts: list[str] | Literal["all"] = "all"
    least_mentions: int = Field(LEAST, ge=1)
    with_model: bool = False


class Changed(BaseModel):
    """What the author may change of a proposal; any other key is refused with the ones that there are."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    kind: str | None = None
    text: str | None = None
    aliases: list[str] = []
    links: list[str] = []
    fields: dict[str, str | None] = {}
    into: str | None = None


class Changes(BaseModel):
    """A proposal taken in with changes; what is not named stays as it was proposed."""

    changes: Changed = Changed()


class Chosen(BaseModel):
    """Proposals to take in at once, by their ids; none named means all that are pending."""

    ids: list[str] | None = None


def routes(worlds: Worlds) -> APIRouter:
    """Return the routes under `/worlds/{world}`."""
    router = APIRouter(prefix="/worlds/{world}")
    review = Review(worlds)
    runs = Runs(worlds, review.queue)

    @router.post("/proposals")
    def propose(world: str, body: Reading) -> dict[str, Any]:
        chosen = None if body.manuscripts == "all" else body.manuscripts
        worlds.create(world)
        run = runs.start(world, review.number(world), body.workspace, chosen, body.least_mentions, body.with_model)
        return {"world": world, "run": run}

    @router.get("/proposals")
    def proposals(world: str, state: str | None = None) -> dict[str, Any]:
        return {"world": world, "run": runs.of(review.number(world)), **review.listed(world, state)}

    @router.get("/proposals/run")
    def progress(world: str) -> dict[str, Any]:
        return {"world": world, "run": runs.of(review.number(world))}

    @router.get("/names")
    def names(world: str) -> dict[str, Any]:
        found = review.queue.last_reading(review.number(world))
        return {"world": world, **(found or {"names": [], "notes": [], "written": None})}

    @router.post("/proposals/accept")
    def accept_several(world: str, body: Chosen) -> dict[str, Any]:
        return review.accept_all(world, body.ids)

    @router.get("/proposals/{proposal_id}")
    def one(world: str, proposal_id: str) -> dict[str, Any]:
        return {"world": world, "proposal": review.shown(world, proposal_id)}

    @router.post("/proposals/{proposal_id}/accept")
    def accept(world: str, proposal_id: str, body: Changes) -> dict[str, Any]:
        return review.accept(world, proposal_id, body.changes.model_dump(exclude_unset=True))

    @router.post("/proposals/{proposal_id}/reject")
    def reject(world: str, proposal_id: str) -> dict[str, Any]:
        return {"world": world, "proposal": review.decide(world, proposal_id, "rejected")}

    @router.post("/proposals/{proposal_id}/reopen")
    def reopen(world: str, proposal_id: str) -> dict[str, Any]:
        return {"world": world, "proposal": review.decide(world, proposal_id, "pending")}

    return router
