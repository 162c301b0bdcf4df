"""OpenAI's API under `/v1`: chat, plain completions and models, with a world's facts added to what is asked."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from rag.errors import UnknownWorldError
from rag.front.addressing import NO_WORLD, Asked, asked_for
from rag.front.bodies import CHAT, COMPLETION, is_text, read, with_facts
from rag.front.faults import refusal
from rag.front.relay import Relay
from rag.routes.books import about_book
from rag.routes.debug import LastSent, Sent
from rag.worlds import Worlds
from style_tuner.records import listed_once

log = logging.getLogger(__name__)
SOURCES_LENGTH = 4096
"""Most characters of the header X-World-Sources: programs on the way refuse longer ones."""
TOKENS_NOTE = "The prompt is given as token ids, which cannot be read here, so no facts were added."


def routes(worlds: Worlds, relay: Relay, default_world: str | None, last: LastSent) -> APIRouter:
    """Return the routes under `/v1`; the last request with facts is kept in `last`."""
    router = APIRouter(prefix="/v1")

    @router.post("/chat/completions")
    async def chat_completions(request: Request) -> Response:
        return await _answer(request, CHAT, worlds, relay, default_world, last)

    @router.post("/completions")
    async def completions(request: Request) -> Response:
        return await _answer(request, COMPLETION, worlds, relay, default_world, last)

    @router.get("/models")
    async def models(request: Request) -> Response:
        server = worlds.model_server
        answer = await relay.send(request, server, "/models")
        try:
            found = listed_once(json.loads(bytes(answer.body))["data"])
            listed = [named for model in found for named in _with_worlds(model, await _names(worlds))]
        except (ValueError, KeyError, TypeError, AttributeError):  # an error, or no list: it is passed on as it is
            return answer
        return JSONResponse({"object": "list", "data": listed}, answer.status_code)

    @router.get("/models/{name:path}")
    async def model(request: Request, name: str) -> Response:
        server = worlds.model_server
        answer = await relay.send(request, server, "/models")
        if answer.status_code != 200:
            return answer
        known = await relay.models(request, server)
        asked = await _resolved(asked_for(name, {}, None), name, worlds, known)
        found = next((model for model in known if model["id"] == asked.model), None)
        if found is None:
            return _no_model(str(asked.model), known)
        return JSONResponse({**_shaped(found), "id": name})

    return router


async def _names(worlds: Worlds) -> list[str]:
    return await run_in_threadpool(worlds.names)


async def _resolved(asked: Asked, name: str, worlds: Worlds, known: Sequence[dict[str, Any]]) -> Asked:
    """Return what is asked for where the model's own name may have an @ in it; a world that is not there is refused."""
    names = await _names(worlds)
    if not asked.by_name or asked.world in (NO_WORLD, *names):
        return asked
    if name in [model["id"] for model in known]:
        return replace(asked, model=name, world=NO_WORLD, by_name=False)
    raise UnknownWorldError(asked.world, names)


def _shaped(model: dict[str, Any]) -> dict[str, Any]:
    return {"object": "model", "created": 0, "owned_by": "model server", **model}


def _with_worlds(model: dict[str, Any], names: Iterable[str]) -> list[dict[str, Any]]:
    """Return a model as it is and with each world, where it counts as a model on top of the plain one."""
    plain = _shaped(model)
    rooted = [{**plain, "id": f"{model['id']}@{world}", "parent": model["id"]} for world in names]
    return [plain, *rooted]


def _no_model(name: str, known: Sequence[dict[str, Any]]) -> JSONResponse:
    names = ", ".join(model["id"] for model in listed_once(known))
    return refusal(404, f"The model server has no model {name!r}; it has: {names}.", "model_not_found")


async def _answer(
    request: Request, path: str, worlds: Worlds, relay: Relay, default_world: str | None, last: LastSent
) -> Response:
    """Add the world's facts to a request and pass it on; an unknown model is said to be that."""
    body = await request.body()
    fields = read(path, body)
    await run_in_threadpool(worlds.check_length, fields)
    server = worlds.model_server
    name = fields.get("model")
    asked = asked_for(name, request.headers, default_world)
    if asked.by_name and asked.world not in (NO_WORLD, *await _names(worlds)):
        asked = await _resolved(asked, str(name), worlds, await relay.models(request, server))
        asked = asked if asked.by_name else asked_for(None, request.headers, default_world)
    sent = fields | ({"model": asked.model} if asked.by_name else {})
    headers: dict[str, str] = {}
    if asked.world != NO_WORLD and not is_text(fields):
        headers |= note_header([TOKENS_NOTE])
    elif asked.world != NO_WORLD:
        told = await run_in_threadpool(_with_facts, worlds, path, sent, asked)
        last.keep(told)
        sent = told.fields
        entries = [hit.entry.name for retrieval in told.found for hit in retrieval.hits]
        headers |= source_headers([*entries, *(place for retrieval in told.found for place in retrieval.passages)])
        headers |= note_header([*told.notes, *(retrieval.room.note for retrieval in told.found)])
    taken = server.takes(path, sent)
    if left_out := sorted(sent.keys() - taken.keys()):
        log.debug("The model server does not take %s: left out.", ", ".join(left_out))
        headers["X-World-Fields-Left-Out"] = quote(", ".join(left_out), safe=", ")
    if taken != fields:
        body = json.dumps(taken).encode()
    answer = await relay.send(request, server, path, body, headers)
    if asked.model is not None and answer.status_code in (404, 500):
        known = await relay.models(request, server)
        if known and asked.model not in [model["id"] for model in known]:
            return _no_model(asked.model, known)
    return answer


def _with_facts(worlds: Worlds, path: str, fields: dict[str, Any], asked: Asked) -> Sent:
    """Return the request with the facts of its world, for which a reply of the length asked for leaves room."""
    reply = fields.get("max_completion_tokens") or fields.get("max_tokens")
    sent, found = with_facts(path, fields, lambda messages: worlds.prompt(asked.world, messages, asked.moment, reply))
    notes = about_book(worlds, asked.world, asked.moment.book)
    return Sent(path, asked.world, worlds.at(asked.world, asked.moment), sent, found, notes)


def note_header(notes: Iterable[str]) -> dict[str, str]:
    """Return the header that says why other facts than usual were added, or fewer, each reason once."""
    once = list(dict.fromkeys(filter(None, notes)))
    return {"X-World-Note": quote(" ".join(once)[:SOURCES_LENGTH], safe=" ,.:;'()")} if once else {}


def source_headers(names: Iterable[str]) -> dict[str, str]:
    """Return the headers that name the entries sent, each once, as percent-encoded JSON.

    Whole names are left out at the end where it would become too long, and X-World-Sources-More says how many.
    """
    once = list(dict.fromkeys(names))
    shown = list(once)
    while len(text := quote(json.dumps(shown, ensure_ascii=False))) > SOURCES_LENGTH:
        del shown[-max(1, len(shown) // 20) :]
    more = len(once) - len(shown)
    return {"X-World-Sources": text} | ({"X-World-Sources-More": str(more)} if more else {})
