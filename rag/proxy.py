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
from fastapi.responses import Response

from rag.api import worlds_router
from rag.faults import LOOPBACK, LoopbackOnly, add_handlers, refusal
from rag.relay import Relay
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import StyleTunerError

NO_WORLD = "none"
log = logging.getLogger(__name__)


def create_app(worlds: Worlds, config: WorldConfig, default_world: str | None = None) -> FastAPI:
    """Return the service for worlds that are open already.

    A chat request names its world in the header `X-World` (percent-encoded where it is not ASCII; `none` for no
    world); the answer's header `X-World-Sources` holds the names of the entries sent, as percent-encoded JSON.
    """
    relay = Relay(config.model_url, config.reply_seconds)
    ready = threading.Event()

    def warm_up() -> None:
        try:
            worlds.warm_up(default_world)
            ready.set()
        except StyleTunerError as error:
            log.error("%s", error)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        import chromadb  # noqa: F401 - numpy breaks when the warm-up and a first request import it at once

        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        yield
        await relay.close()

    app = FastAPI(title="Style Tuner World", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    add_handlers(app)
    if config.host in LOOPBACK:
        app.add_middleware(LoopbackOnly)
    app.include_router(worlds_router(worlds))

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
        return await relay.send(request, "/models")

    @app.post("/v1/chat/completions")
    async def chat_completions(request: Request) -> Response:
        body = await request.body()
        world = unquote(request.headers.get("x-world", "")) or default_world or NO_WORLD
        try:
            fields = json.loads(body)
        except ValueError as error:
            return refusal(400, f"The request's body is not JSON: {error}.", "malformed_request")
        messages = fields.get("messages") if isinstance(fields, dict) else None
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            return refusal(400, "`messages` must be a list of messages.", "malformed_request")
        if world == NO_WORLD:
            return await relay.send(request, "/chat/completions", body)
        fields["messages"], retrieval = await run_in_threadpool(worlds.prompt, world, messages)
        names = json.dumps([hit.entry.name for hit in retrieval.hits], ensure_ascii=False)
        return await relay.send(
            request, "/chat/completions", json.dumps(fields).encode(), {"X-World-Sources": quote(names)}
        )

    return app
