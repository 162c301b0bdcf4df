"""The World service as a process: one port, one owner, and a state file by which others find it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from rag.errors import OwnedError
from rag.vectors.models import open_embedder
from rag.worlds import Worlds
from style_tuner.config import EMBEDDING_VARIABLE, WORLD_KEY_VARIABLE, WorldConfig
from style_tuner.errors import ServerError
from style_tuner.processes import find_process, process_start
from style_tuner.workspace import Workspace, read_json, write_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)
Ask = Callable[[str, str, Any], dict[str, Any]]
"""Method, path and JSON body to the JSON answer."""


def state_file(workspace: Workspace) -> Path:
    """Return where a running service says how it is reached."""
    return workspace.servers / "world.json"


def running_url(workspace: Workspace) -> str | None:
    """Return the address of the running service, or None; a state file left by a killed one does not count."""
    path = state_file(workspace)
    if not path.is_file():
        return None
    state = read_json(path)
    return str(state["url"]) if find_process(state["pid"], state["process_start"]) else None


def serve(workspace: Workspace, config: WorldConfig, world: str | None) -> None:
    """Run the service until it is told to stop (SIGTERM or Ctrl-C); the default world is made if it is new."""
    import uvicorn

    from rag.proxy import create_app

    with Worlds(workspace, config, open_embedder(config.embedding_model)) as worlds, _listen(config) as listener:
        if world is not None:
            others = ", ".join(worlds.names())
            if worlds.create(world):
                there = f"; there are: {others}" if others else ""
                log.warning("Made a new, empty world %r%s. %s", world, there, _how_to_fill(world))
            elif not worlds.count(world):
                log.warning("The world %r is empty. %s", world, _how_to_fill(world))
        state = _state(config, listener.getsockname()[1], world)
        if config.host not in ("127.0.0.1", "localhost", "::1"):
            log.warning("The service listens on %s: other machines can read and change the worlds.", config.host)
        settings = uvicorn.Config(
            create_app(worlds, config, world), log_config=None, access_log=False, timeout_graceful_shutdown=5
        )
        # uvicorn shuts down in good order and then raises the signal again: this lets the rest be closed, too.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, frame: sys.exit(0))
        try:
            write_json(state_file(workspace), state)
            log.info("World service on %s, model server %s.", state["url"] + "/v1", worlds.model_server.url)
            uvicorn.Server(settings).run(sockets=[listener])
        finally:
            state_file(workspace).unlink(missing_ok=True)


def _how_to_fill(world: str) -> str:
    return f"Fill it: python -m rag index {world!r} --input FOLDER"


def _listen(config: WorldConfig) -> socket.socket:
    """Return a listening socket; taken before anything is announced, so that a port in use is told plainly."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ServerError(
                f"Port {config.port} on {config.host} is in use by another program: stop that program, or choose "
                f"another port with --port {config.port + 10}."
            ) from None
        raise ServerError(f"Cannot listen on {config.host}:{config.port}: {error.strerror}.") from None
    return listener


def _state(config: WorldConfig, port: int, world: str | None) -> dict[str, Any]:
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(config.host, config.host)
    return {
        "pid": os.getpid(),
        "process_start": process_start(os.getpid()),
        "host": config.host,
        "port": port,
        "url": f"http://{reached}:{port}",
        "world": world,
        "model_url": config.model_url,
        "started": time.time(),
    }


@contextmanager
def asking(workspace: Workspace, patience: float) -> Iterator[Ask]:
    """Give a way to ask the running service, or the same service inside this process, as the owner, if none runs.

    While another process owns the worlds (a service that is just starting, or another command), wait up to `patience`
    seconds for it.
    """
    from rag.proxy import create_app

    give_up = time.monotonic() + patience
    config = WorldConfig(embedding_model=os.environ.get(EMBEDDING_VARIABLE, ""))
    with ExitStack() as stack:
        ask: Ask | None = None
        while ask is None:
            if url := running_url(workspace):
                ask = partial(_over_http, url)
                break
            try:
                embedder = open_embedder(config.embedding_model)
                worlds = stack.enter_context(Worlds(workspace, config, embedder, wait=0.5))
                ask = partial(_in_process, create_app(worlds, config))
            except OwnedError:
                if time.monotonic() > give_up:
                    raise
        yield ask


def _over_http(url: str, method: str, path: str, body: Any) -> dict[str, Any]:
    try:
        # No read limit: indexing a large world takes minutes.
        key = os.environ.get(WORLD_KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(None, connect=5)
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=timeout) as client:
            return _answer(client.request(method, path, json=body))
    except httpx.TransportError as error:
        raise ServerError(f"The World service at {url} does not answer ({error}): stop it and start it anew.") from None


def _in_process(app: ASGIApp, method: str, path: str, body: Any) -> dict[str, Any]:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=None) as client:
            return await client.request(method, path, json=body)

    return _answer(asyncio.run(ask()))


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise ServerError(response.json()["error"]["message"])
    return dict(response.json())
