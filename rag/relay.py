"""Pass a request on to the model server and its answer back, byte for byte, until either side leaves."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar

import httpx
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from rag.faults import as_openai_error, error_body, refusal
from style_tuner.records import listed_once

log = logging.getLogger(__name__)
Result = TypeVar("Result")
EVENT_ENDS = (b"\n\n", b"\r\n\r\n")
CLIENT_LEFT = 499


class ClientLeft(Exception):
    """The client closed its connection before the answer was there."""


class Relay:
    """The way to one model server."""

    def __init__(self, model_url: str, reply_seconds: float) -> None:
        self._url = model_url.rstrip("/")
        timeout = httpx.Timeout(reply_seconds, connect=5)
        # No proxy from the environment: what an author writes must not take a way through other machines.
        # No connection is kept: an engine closes its own after an error, and the next request would fail on it.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def send(
        self, request: Request, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send the request on to `path` and return its answer with `headers` added.

        An event stream is passed on as it comes; anything else in one piece. A client that leaves closes the
        connection to the model server, which stops generating.
        """
        upstream = self._client.build_request(
            request.method, self._url + path, content=body, headers=_forwarded(request, body)
        )
        try:
            answer = await _unless_client_leaves(request, self._client.send(upstream, stream=True))
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return StreamingResponse(
                    self._events(answer),
                    answer.status_code,
                    headers={"Cache-Control": "no-cache", **(headers or {})},
                    media_type=answer.headers["content-type"],
                )
            try:
                content = await _unless_client_leaves(request, answer.aread())
            finally:
                await answer.aclose()
        except ClientLeft:
            return Response(status_code=CLIENT_LEFT)
        except httpx.ReadTimeout:
            return refusal(504, f"The model server at {self._url} was silent for too long.", "model_server_silent")
        except httpx.TransportError as error:
            log.warning("The model server at %s does not answer: %r", self._url, error)
            return refusal(503, self._down(), "model_server_down")
        if answer.is_error:
            content = as_openai_error(answer.status_code, content)
        kind = "application/json" if answer.is_error else answer.headers.get("content-type", "application/json")
        return Response(content, answer.status_code, headers=dict(headers or {}), media_type=kind)

    async def listing(self, request: Request) -> Response:
        """Return the server's own list of its models, each of them once."""
        answer = await self.send(request, "/models")
        try:
            found = json.loads(bytes(answer.body))
            listed = json.dumps(found | {"data": listed_once(found["data"])})
        except (ValueError, KeyError, TypeError, AttributeError):  # an error, or no list: it is passed on as it is
            return answer
        return Response(listed, answer.status_code, media_type="application/json")

    async def models(self, request: Request) -> list[dict[str, Any]]:
        """Return the server's list, with every name that it answers to; nothing if it does not tell."""
        try:
            answer = await self._client.get(f"{self._url}/models", headers=_forwarded(request, None), timeout=5)
            return [{**model, "id": str(model["id"])} for model in answer.raise_for_status().json()["data"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("The model server at %s does not list its models: %r", self._url, error)
            return []

    def _down(self) -> str:
        return (
            f"The model server at {self._url} does not answer. Start it on the Models tab or with "
            "`python -m style_tuner serve`, then send this again; this service need not be restarted."
        )

    async def _events(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        """Yield the stream's bytes; an event that the model server did not live to finish is replaced by an error."""
        unfinished = b""
        try:
            async for chunk in answer.aiter_raw():
                unfinished += chunk
                end = max(unfinished.rfind(mark) + len(mark) if mark in unfinished else 0 for mark in EVENT_ENDS)
                if end:
                    yield unfinished[:end]
                    unfinished = unfinished[end:]
            if unfinished:
                yield unfinished
        except httpx.TransportError as error:
            log.warning("The model server at %s broke off in the middle of an answer: %r", self._url, error)
            message = f"The model server broke off in the middle of its answer. {self._down()}"
            fault = error_body(message, "model_server_died", "server_error")
            yield b"data: " + json.dumps(fault).encode() + b"\n\n"
        finally:
            await answer.aclose()


def _forwarded(request: Request, body: bytes | None) -> dict[str, str]:
    # Asking for no compression is what lets the bytes pass unread.
    headers = {"Accept-Encoding": "identity", "Accept": request.headers.get("accept", "*/*")}
    if "authorization" in request.headers:
        headers["Authorization"] = request.headers["authorization"]
    if body is not None:
        headers["Content-Type"] = "application/json"
    return headers


async def _unless_client_leaves(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Await the work, or cancel it and raise `ClientLeft` as soon as the client has closed its connection."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientLeft
    finally:
        gone.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
