"""OpenAI's chat API in front of the model server, with the facts of a world added to each request."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.faults import LOOPBACK, LoopbackOnly, add_handlers, refusal
from rag.relay import Relay
from rag.routes import entries
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import StyleTunerError
from style_tuner.records import listed_once

NO_WORLD = "none"
log = logging.getLogger(__name__)


class ChatFields(BaseModel):
    """What is checked of a chat request, because `transformers serve` answers 500 for it; the engine sees the rest."""

    model_config = ConfigDict(strict=True)

    model: str | None = None
    messages: list[dict[str, Any]] = Field(min_length=1)
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None


def create_app(worlds: Worlds, config: WorldConfig, default_world: str | None = None) -> FastAPI:
    """Return the service for worlds that are open already.

    A chat request names its world in the header `X-World` (percent-encoded where it is not ASCII; `none` for no
    world); the answer's header `X-World-Sources` holds the names of the entries sent, as percent-encoded JSON.
    """
    relay = Relay(config.model_url, config.reply_seconds)
    ready = threading.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        import chromadb  # noqa: F401 - numpy breaks when the warm-up and a first request import it at once

        threading.Thread(target=_warm_up, args=[worlds, default_world, ready], name="warm-up", daemon=True).start()
        yield
        await relay.close()

    app = FastAPI(title="Style Tuner World", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    add_handlers(app)
    if config.host in LOOPBACK:
        app.add_middleware(LoopbackOnly)
    app.include_router(entries.routes(worlds))

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "ready": ready.is_set(),
            "pid": os.getpid(),
            "world": default_world,
            "model_url": config.model_url,
            "embedding_model": worlds.embedding_model,
        }

    @app.get("/v1/models")
    async def models(request: Request) -> Response:
        return await relay.listing(request)

    @app.post("/v1/chat/completions")
    async def chat_completions(request: Request) -> Response:
        world = unquote(request.headers.get("x-world", "")) or default_world or NO_WORLD
        return await _chat(request, worlds, relay, world)

    return app


def _warm_up(worlds: Worlds, default_world: str | None, ready: threading.Event) -> None:
    try:
        worlds.warm_up(default_world)
        ready.set()
    except StyleTunerError as error:
        log.error("%s", error)


async def _chat(request: Request, worlds: Worlds, relay: Relay, world: str) -> Response:
    """Add the world's facts to a chat request and pass it on; an unknown model is said to be that."""
    body = await request.body()
    try:
        fields = json.loads(body)
    except ValueError as error:
        return refusal(400, f"The request's body is not JSON: {error}.", "malformed_request")
    try:
        checked = ChatFields.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None
    sources = {}
    if world != NO_WORLD:
        fields["messages"], retrieval = await run_in_threadpool(worlds.prompt, world, checked.messages)
        names = json.dumps([hit.entry.name for hit in retrieval.hits], ensure_ascii=False)
        body, sources = json.dumps(fields).encode(), {"X-World-Sources": quote(names)}
    answer = await relay.send(request, "/chat/completions", body, sources)
    if checked.model is not None and answer.status_code in (404, 500):
        known = await relay.models(request)
        if known and checked.model not in [model["id"] for model in known]:
            names = ", ".join(model["id"] for model in listed_once(known))
            message = f"The model server has no model {checked.model!r}; it has: {names}."
            return refusal(404, message, "model_not_found")
    return answer
