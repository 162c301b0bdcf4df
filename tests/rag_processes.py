"""What tests of the World service start: the service as a process or a thread, and a model server of a few lines."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from rag.proxy import create_app
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.workspace import PROJECT_ROOT, Workspace

USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}\n\n'
EVENTS = [
    b'data: {"model":"base","choices":[{"delta":{"content":"One"}}]}\n\n',
    b": a comment\n\n",
    b"data:  [DONE]\n\n",
]
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


class WordEmbedder:
    """Texts that share words are near; as quick as a test of everything else wants it."""

    name = "words-1"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.full((len(texts), 256), 1e-6)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % 256] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@contextmanager
def world_here(workspace: Workspace, config: WorldConfig, world: str | None = None) -> Iterator[tuple[str, Worlds]]:
    """Run the service in a thread of this process and give its address and its worlds."""
    with Worlds(workspace, config, WordEmbedder()) as worlds, closing(socket.socket()) as listener:
        if world is not None:
            worlds.create(world)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        app = create_app(worlds, config, world)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", worlds
        finally:
            server.should_exit = True
            thread.join()


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
        app.post("/v1/completions")(self._chat)
        self.models = list(MODELS)
        app.get("/v1/models")(lambda: {"object": "list", "data": self.models})
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
        if fields.get("model") == "busy":
            return JSONResponse({"error": "Too many requests"}, 429, {"Retry-After": "7", "X-Internal": "9"})
        if fields.get("model") in ("nobody", "broken"):
            return Response("Internal Server Error", 500)
        if fields.get("model") == "slow":
            self.begun.set()
            while not await request.is_disconnected():
                await asyncio.sleep(0.02)
            self.closed.set()
        if fields.get("stream"):
            told = (fields.get("stream_options") or {}).get("include_usage", False)
            return StreamingResponse(self._stream(fields["model"], told), media_type="text/event-stream; charset=utf-8")
        said = {
            "index": 0,
            "message": {"role": "assistant", "content": "Said."},
            "text": "Said.",
            "finish_reason": "stop",
        }
        return JSONResponse({"choices": [said], "authorization": request.headers.get("authorization")})

    async def _stream(self, model: str, told: bool) -> AsyncIterator[bytes]:
        try:
            yield EVENTS[0]
            while model == "endless":
                yield EVENTS[0]
                await asyncio.sleep(0.02)
            if model == "dies":
                yield b'data: {"choices":[{"del'
                await asyncio.sleep(0.05)
                raise ConnectionAbortedError
            if model == "silent":
                await asyncio.sleep(3600)
            for event in [*EVENTS[1:-1], *([USAGE] if told else []), EVENTS[-1]]:
                yield event
        finally:
            self.closed.set()
