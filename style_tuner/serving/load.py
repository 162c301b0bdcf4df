"""What a running engine does now: requests, speed and memory, as far as it can be measured."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil

from style_tuner.errors import StorageError
from style_tuner.workspace import Workspace, read_json, write_json

MEBIBYTE = 1024**2


@dataclass(frozen=True)
class Load:
    """One look at an engine; what it does not tell is None (transformers tells of neither requests nor speed).

    `memory` is the main memory of its processes in bytes, to the next 10 MiB.
    """

    memory: int
    running: int | None = None
    waiting: int | None = None
    tokens_per_second: float | None = None


def load_file(workspace: Workspace) -> Path:
    """Return the file that holds the last look; it is there only while an engine is up."""
    return workspace.servers / "load.json"


def last_load(workspace: Workspace) -> Load | None:
    """Return the last look at the engine, None while none is up."""
    try:
        return Load(**read_json(load_file(workspace)))
    except FileNotFoundError:
        return None


class Meter:
    """Looks at an engine again and again, and writes what changed for the page to read."""

    def __init__(self, workspace: Workspace, root: str, counts: bool) -> None:
        self._workspace = workspace
        self._root = root
        self._counts = counts
        self._written: tuple[float, float] | None = None
        self._last: Load | None = None

    def look(self, pid: int) -> None:
        """Measure the engine whose first process is `pid`."""
        found = Load(_memory(pid), *(self._requests() if self._counts else ()))
        if found != self._last:
            with suppress(StorageError):  # a full disk is no reason to end a server
                write_json(load_file(self._workspace), asdict(found))
                self._last = found

    def end(self) -> None:
        """Take the last look away."""
        load_file(self._workspace).unlink(missing_ok=True)
        self._last = self._written = None

    def _requests(self) -> tuple[int, int, float | None] | tuple[()]:
        """Return requests that run and wait, and the tokens a second written since the last look, by vLLM's count."""
        try:
            text = httpx.get(f"{self._root}/metrics", timeout=2, trust_env=False).raise_for_status().text
        except httpx.HTTPError:
            return ()
        now, written = time.monotonic(), _figure(text, "generation_tokens_total")
        before, self._written = self._written, (now, written)
        speed = (written - before[1]) / (now - before[0]) if before else None
        return int(_figure(text, "num_requests_running")), int(_figure(text, "num_requests_waiting")), speed


def _figure(text: str, name: str) -> float:
    """Return a figure of vLLM's metrics, summed over its engines."""
    return sum(float(value) for value in re.findall(rf"^vllm:{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


def _memory(pid: int) -> int:
    """Return the memory of a process and its children, what they share counted once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                used = one.memory_full_info()
                total += getattr(used, "pss", used.uss)
    return -(-total // (10 * MEBIBYTE)) * 10 * MEBIBYTE
