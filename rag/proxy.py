"""The World service as an application: OpenAI's API in front of the model server, and the worlds beside it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from rag.front.faults import add_handlers
from rag.front.guard import OPEN_PATH, add_guards
from rag.front.relay import Relay
from rag.routes import continuity, debug, entries, exchange, history, inspector, openai, passages, proposals, shelf
from rag.routes.debug import LastSent
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import StyleTunerError

log = logging.getLogger(__name__)


def create_app(worlds: Worlds, config: WorldConfig, default_world: str | None = None) -> FastAPI:
    """Return the service for worlds that are open already."""
    relay = Relay(config.reply_seconds, own_key=config.api_key is not None)
    ready = threading.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        import chromadb  # noqa: F401 - numpy breaks when the warm-up and a first request import it at once

        threading.Thread(target=_warm_up, args=[worlds, default_world, ready], name="warm-up", daemon=True).start()
        yield
        await relay.close()

    app = FastAPI(title="Style Tuner World", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    add_handlers(app)
    add_guards(app, config)
    last = LastSent()
    app.include_router(openai.routes(worlds, relay, default_world, last))
    app.include_router(debug.routes(last))
    app.include_router(entries.routes(worlds))
    app.include_router(exchange.routes(worlds))
    app.include_router(history.routes(worlds))
    app.include_router(inspector.routes(worlds))
    app.include_router(proposals.routes(worlds))
    app.include_router(passages.routes(worlds))
    app.include_router(shelf.routes(worlds))
    app.include_router(continuity.routes(worlds))

    @app.get(OPEN_PATH)
    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "ready": ready.is_set(),
            "pid": os.getpid(),
            "world": default_world,
            "model_url": worlds.model_server.url,
            "embedding_model": worlds.embedding_model,
            "notes": [note for name in worlds.names() for note in worlds.notes(name)],
        }

    return app


def _warm_up(worlds: Worlds, default_world: str | None, ready: threading.Event) -> None:
    try:
        worlds.warm_up(default_world)
        ready.set()
    except StyleTunerError as error:
        log.error("%s", error)
