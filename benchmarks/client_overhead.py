"""What this project's client adds to a bare httpx stream of the same server; part of benchmarks/proxy_overhead.py."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import httpx

from style_tuner.config import SamplingConfig
from style_tuner.records import Message
from style_tuner.serving.client import stream_chat

REQUEST = (Message("user", "Write the scene in which the ferry goes down."),)
FLOOD = 2000
"""Tokens of a reply that is written as fast as it is read."""
SHORT = 8
REPLIES = 12

Timed = tuple[float, float, int]
"""Seconds to the first piece of text, seconds to the end, pieces."""


def through_client(url: str, model: str, tokens: int) -> Timed:
    """Stream a reply with the client."""
    began = time.perf_counter()
    times = []
    with stream_chat(url, model, REQUEST, SamplingConfig(max_tokens=tokens)) as stream:
        for _ in stream:
            times.append(time.perf_counter() - began)
    return times[0], times[-1], len(times)


_http = httpx.Client(timeout=60, trust_env=False, headers={"Connection": "close"})


def bare(url: str, model: str, tokens: int) -> Timed:
    """Stream a reply with httpx, over a connection of its own as the client does, and read the text of each event."""
    fields = {"model": model, "max_tokens": tokens, "stream": True}
    fields["messages"] = [{"role": message.role, "content": message.content} for message in REQUEST]
    began = time.perf_counter()
    times = []
    with _http.stream("POST", f"{url}/chat/completions", json=fields) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"]["content"]:
                times.append(time.perf_counter() - began)
    return times[0], times[-1], len(times)


def client_overhead(url: str, rounds: int) -> dict[str, float]:
    """Ask both ways in turns; `added_per_token_ms` is where text comes as fast as it is read, so it is all work."""
    ways: tuple[Callable[[str, str, int], Timed], ...] = (bare, through_client)
    for way in ways:
        way(url, "paced", SHORT)
    first: dict[Callable[..., Timed], list[float]] = {way: [] for way in ways}
    token: dict[Callable[..., Timed], list[float]] = {way: [] for way in ways}
    for turn in range(rounds):
        for _ in range(REPLIES):
            for way in ways if turn % 2 else reversed(ways):
                first[way].append(way(url, "paced", SHORT)[0])
        for way in ways if turn % 2 else reversed(ways):
            began, ended, pieces = way(url, "flood", FLOOD)
            token[way].append((ended - began) / (pieces - 1))

    def added(values: dict[Callable[..., Timed], list[float]]) -> float:
        return 1000 * (statistics.median(values[through_client]) - statistics.median(values[bare]))

    return {
        "added_first_token_ms_p50": round(added(first), 2),
        "added_per_token_ms": round(added(token), 4),
        "bare_per_token_ms": round(1000 * statistics.median(token[bare]), 4),
    }
