"""Measure what the World service adds to a stream: time to the first token, time per token, throughput.

    python -m benchmarks.proxy_overhead --json
    python -m benchmarks.proxy_overhead --entries 100 --streams 1 32 --rounds 2

A stand-in server (benchmarks/paced_server.py) streams at a fixed pace. It is asked directly and through the service
(`python -m rag serve` with its real embedding model, a world of made-up entries, and a new request each time), both in
one run and in turns, by plain sockets. Worlds above 1,000 entries get made-up vectors near to real ones, for embedding
100,000 entries takes an hour on two cores; requests are always embedded for real. The last line is one JSON object:
`added_first_token_ms_p50` (one stream, smallest world), `throughput_ratio` (most streams, smallest world; proxied
tokens a second over direct ones), all sizes and numbers of streams under `worlds`, and under `client` what this
project's own client adds to a bare httpx stream.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from benchmarks.client_overhead import client_overhead
from benchmarks.made_up_world import WORLD, build, entries, request
from style_tuner.workspace import PROJECT_ROOT, Workspace, read_json

SHORT, LONG = 8, 200
"""Tokens of the replies that time the first token, and of those that time the throughput."""
REAL_VECTORS = 1_000
"""Largest world whose entries are embedded for real."""


@dataclass(frozen=True)
class Stream:
    """When one reply's first and last token came, in seconds after it was asked for, and how many came."""

    first: float
    last: float
    tokens: int

    @property
    def per_token(self) -> float:
        """Seconds from one token to the next."""
        return (self.last - self.first) / max(1, self.tokens - 1)


@dataclass(frozen=True)
class Service:
    """A running World service: its address and its process."""

    url: str
    pid: int

    def seconds(self) -> float:
        """Return the processor time that it has taken so far."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


async def ask(url: str, text: str, tokens: int) -> Stream:
    """Have one reply streamed over a connection of its own."""
    address = urlsplit(url)
    fields = {"model": "paced", "max_tokens": tokens, "stream": True, "messages": [{"role": "user", "content": text}]}
    body = json.dumps(fields).encode()
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST {address.path}/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    times = []
    async for line in reader:
        if line.startswith(b"data: {"):
            times.append(time.perf_counter() - began)
    writer.close()
    if len(times) != tokens + 1:  # the last event says that the reply is over
        raise RuntimeError(f"{url} sent {len(times)} events where {tokens + 1} were due.")
    return Stream(times[0], times[-2], tokens)


async def together(
    url: str, texts: Iterator[str], streams: int, replies: int, tokens: int
) -> tuple[list[Stream], float]:
    """Have so many streams at once, each of `replies` replies; return them, and how long it took."""

    async def one_after_another(place: int) -> list[Stream]:
        await asyncio.sleep(random.Random(place).random() * 0.02 * streams)  # authors do not press the key in step
        return [await ask(url, next(texts), tokens) for _ in range(replies)]

    began = time.perf_counter()
    found = await asyncio.gather(*(one_after_another(place) for place in range(streams)))
    return [stream for replies_ in found for stream in replies_], time.perf_counter() - began


def compare(direct: str, service: Service, streams: int, rounds: int, texts: Iterator[str]) -> dict[str, float]:
    """Ask both ways in turns and return what the service adds."""
    proxied, work = service.url, 0.0
    first: dict[str, list[float]] = {direct: [], proxied: []}
    token: dict[str, list[float]] = {direct: [], proxied: []}
    speed: dict[str, list[float]] = {direct: [], proxied: []}
    for turn in range(rounds):
        for url in (direct, proxied) if turn % 2 else (proxied, direct):
            before = service.seconds()
            short, _ = asyncio.run(together(url, texts, streams, max(4, 24 // streams), SHORT))
            work += service.seconds() - before
            first[url] += [stream.first for stream in short]
            long, took = asyncio.run(together(url, texts, streams, 1, LONG))
            token[url] += [stream.per_token for stream in long]
            speed[url].append(sum(stream.tokens for stream in long) / took)

    def added(values: dict[str, list[float]], share: float) -> float:
        return 1000 * float(np.percentile(values[proxied], share) - np.percentile(values[direct], share))

    return {
        "added_first_token_ms_p50": round(added(first, 50), 2),
        "added_first_token_ms_p99": round(added(first, 99), 2),
        "added_per_token_ms": round(added(token, 50), 4),
        "throughput_ratio": round(statistics.median(speed[proxied]) / statistics.median(speed[direct]), 4),
        "direct_tokens_per_second": round(statistics.median(speed[direct]), 1),
        "service_cpu_ms_per_request": round(1000 * work / len(first[proxied]), 2),
        "requests": len(first[proxied]),
    }


@contextmanager
def paced_server(first_ms: float, pace_ms: float) -> Iterator[str]:
    """Run the stand-in server and give its address."""
    command = [sys.executable, "-m", "benchmarks.paced_server", "--first-ms", str(first_ms), "--pace-ms", str(pace_ms)]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@contextmanager
def world_service(workspace: Workspace, model_url: str) -> Iterator[Service]:
    """Run the World service in front of a model server and give its address once it is ready."""
    command = [sys.executable, "-m", "rag", "serve", WORLD, "--port", "0", "--model-url", model_url]
    environment = os.environ | {"STYLE_TUNER_HOME": str(workspace.home)}
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment)
    state = workspace.servers / "world.json"
    try:
        while not state.is_file() or read_json(state)["pid"] != process.pid:
            if process.poll() is not None:
                raise RuntimeError("The World service did not start.")
            time.sleep(0.1)
        url = read_json(state)["url"]
        while not httpx.get(f"{url}/health", timeout=60, trust_env=False).json()["ready"]:
            time.sleep(0.2)
        yield Service(f"{url}/v1", process.pid)
    finally:
        process.terminate()
        process.wait()


def measure(chosen: argparse.Namespace, home: Path) -> dict[str, Any]:
    """Measure every size with every number of streams, and the client."""
    named = entries(min(chosen.entries))
    texts = (request(number, named) for number in count())
    worlds: dict[str, dict[str, dict[str, float]]] = {}
    with paced_server(chosen.first_ms, chosen.pace_ms) as direct:
        for known in chosen.entries:
            workspace = Workspace(home / str(known), "default")
            say(f"{known:,} entries: building the world")
            build(workspace, known, real_vectors=known <= REAL_VECTORS)
            with world_service(workspace, direct) as service:
                asyncio.run(together(service.url, texts, 2, 2, SHORT))
                for streams in chosen.streams:
                    say(f"{known:,} entries, {streams} streams")
                    found = compare(direct, service, streams, chosen.rounds, texts)
                    worlds.setdefault(str(known), {})[str(streams)] = found
        client = client_overhead(direct, chosen.rounds)
    smallest = worlds[str(min(chosen.entries))]
    return {
        "added_first_token_ms_p50": smallest[str(min(chosen.streams))]["added_first_token_ms_p50"],
        "throughput_ratio": smallest[str(max(chosen.streams))]["throughput_ratio"],
        "cores": len(os.sched_getaffinity(0)),
        "pace_ms": chosen.pace_ms,
        "rounds": chosen.rounds,
        "worlds": worlds,
        "client": client,
    }


def say(text: str) -> None:
    """Tell how far it is, beside the result."""
    sys.stderr.write(text + "\n")


def main() -> None:
    """Measure and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description="What the World service adds to a stream.")
    parser.add_argument("--entries", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first-ms", type=float, default=150, help="The stand-in's time to its first token.")
    parser.add_argument("--pace-ms", type=float, default=20, help="The stand-in's time per token.")
    parser.add_argument("--home", type=Path, help="Folder to keep the made-up worlds in; default: a temporary one.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object on the last line.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        result = measure(chosen, chosen.home or Path(temporary))
    if chosen.json:
        print(json.dumps(result))
        return
    for known, by_streams in result["worlds"].items():
        for streams, found in by_streams.items():
            p50, p99 = found["added_first_token_ms_p50"], found["added_first_token_ms_p99"]
            print(
                f"{int(known):7,} entries, {streams:>2} streams: first token +{p50:.1f} ms (p99 +{p99:.1f}), per token "
                f"+{found['added_per_token_ms']:.3f} ms, throughput {found['throughput_ratio']:.3f} of direct"
            )
    print(f"Client against bare httpx: {result['client']}")


if __name__ == "__main__":
    main()
