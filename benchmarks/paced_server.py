"""A model server that only keeps time: an OpenAI stream at a fixed pace, on the loopback address, in its own process.

    python -m benchmarks.paced_server --first-ms 150 --pace-ms 20

It prints its address and serves until it is ended. The model `paced` writes `max_tokens` words, the first after a fixed
time and each next one a fixed time later; the model `flood` writes them as fast as they are read. Plain asyncio, so
that it takes as little of the processor as it can from what is measured against it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from functools import partial

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\n"
)
MODELS = {"object": "list", "data": [{"id": name, "object": "model"} for name in ("paced", "flood")]}


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(text: str, finish: str | None = None) -> bytes:
    """Return one event of a chat stream."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    body = {"id": "paced", "object": "chat.completion.chunk", "created": 0, "model": "paced", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


WORD, LAST = _chunk(event(" word")), _chunk(event("", "stop")) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: float, pace: float) -> None:
    """Answer one request and close the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if head.startswith("get "):
            body = json.dumps(MODELS).encode()
            kind = b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
            writer.write(b"HTTP/1.1 200 OK\r\n" + kind + body)
            return
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        asked = json.loads(await reader.readexactly(length))
        await _write(writer, asked, first, pace)
    except (ConnectionError, asyncio.IncompleteReadError):
        return  # the client left, as clients do
    finally:
        writer.close()


async def _write(writer: asyncio.StreamWriter, asked: dict[str, object], first: float, pace: float) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    paced = asked["model"] != "flood"
    writer.write(HEAD)
    for number in range(int(str(asked["max_tokens"]))):
        if paced:
            await asyncio.sleep(max(0.0, began + first + number * pace - clock()))
        writer.write(WORD)
        await writer.drain()
    writer.write(LAST)
    await writer.drain()


async def serve(port: int, first: float, pace: float) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(partial(_answer, first=first, pace=pace), "127.0.0.1", port, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the pace from the command line and serve."""
    parser = argparse.ArgumentParser(description="An OpenAI stream at a fixed pace.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one.")
    parser.add_argument("--first-ms", type=float, default=150)
    parser.add_argument("--pace-ms", type=float, default=20)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.first_ms / 1000, chosen.pace_ms / 1000))


if __name__ == "__main__":
    main()
