"""What tests of the World service start: the service as a process, and a model server of twenty lines."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from style_tuner.workspace import PROJECT_ROOT

EVENTS = [b'data: {"choices":[{"delta":{"content":"One"}}]}\n\n', b": a comment\n\n", b"data:  [DONE]\n\n"]
MODELS = [  # as vLLM lists them: the base under each of its names
    {"id": "base", "root": "/models/llama", "parent": None},
    {"id": "meta/llama", "root": "/models/llama", "parent": None},
    {"id": "broken", "root": "/voices/broken", "parent": "base"},
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def world_service(home: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `python -m rag serve` and give its address once it answers."""
    log = home / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rag", "serve", "--port", "0", *arguments],
            cwd=PROJECT_ROOT,
            env=os.environ | {"STYLE_TUNER_HOME": str(home), "OMP_NUM_THREADS": "1"},
            stderr=output,
        )
    state = home / "servers" / "world.json"
    try:
        deadline = time.monotonic() + 120
        while not state.is_file() or json.loads(state.read_text())["pid"] != process.pid:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        url = json.loads(state.read_text())["url"]
        while not httpx.get(url + "/health", trust_env=False, timeout=60).json()["ready"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=30)


class Upstream:
    """A model server that keeps what it was asked and can stream, break off, refuse, or never end."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.closed = threading.Event()
        self.begun = threading.Event()
        app = FastAPI()
        app.post("/v1/chat/completions")(self._chat)
        app.get("/v1/models")(lambda: {"object": "list", "data": MODELS})
        self._server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Upstream:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _chat(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        fields = json.loads(self.bodies[-1])
        self.asked.append(fields)
        if fields.get("model") == "refuses":
            return JSONResponse({"detail": "Unexpected fields in the request: {'x'}"}, 422)
        if fields.get("model") in ("nobody", "broken"):
            return Response("Internal Server Error", 500)
        if fields.get("model") == "slow":
            self.begun.set()
            while not await request.is_disconnected():
                await asyncio.sleep(0.02)
            self.closed.set()
        if fields.get("stream"):
            return StreamingResponse(self._stream(fields["model"]), media_type="text/event-stream; charset=utf-8")
        return JSONResponse({"choices": [], "authorization": request.headers.get("authorization")})

    async def _stream(self, model: str) -> AsyncIterator[bytes]:
        try:
            yield EVENTS[0]
            while model == "endless":
                yield EVENTS[0]
                await asyncio.sleep(0.02)
            if model == "dies":
                yield b'data: {"choices":[{"del'
                await asyncio.sleep(0.05)
                raise ConnectionAbortedError
            for event in EVENTS[1:]:
                yield event
        finally:
            self.closed.set()
