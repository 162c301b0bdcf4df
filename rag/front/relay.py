"""Pass a request on to the model server and its answer back, byte for byte, until either side leaves."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar

import httpx
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from rag.front.faults import as_openai_error, error_body, refusal
from rag.front.upstream import ModelServer

log = logging.getLogger(__name__)
Result = TypeVar("Result")
EVENT_ENDS = (b"\n\n", b"\r\n\r\n")
CLIENT_LEFT = 499
KEY_VARIABLE = "MODEL_SERVER_KEY"
PASSED_BACK = ("retry-after", "x-request-id", "x-ratelimit-")
"""Beginnings of the names of an engine's headers that mean something to its client's client."""


class ClientLeft(Exception):
    """The client closed its connection before the answer was there."""


class Relay:
    """The way to the model server, wherever it is when a request comes."""

    def __init__(self, reply_seconds: float, own_key: bool) -> None:
        """Open no connection yet; with an `own_key` of this service, clients' keys are not the model server's."""
        timeout = httpx.Timeout(reply_seconds, connect=5)
        # No proxy from the environment: what an author writes must not take a way through other machines.
        # No connection is kept: an engine closes its own after an error, and the next request would fail on it.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)
        self._own_key = own_key

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def send(
        self,
        request: Request,
        server: ModelServer,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send the request on to `path` and return its answer with `headers` added.

        An event stream is passed on as it comes; anything else in one piece. A client that leaves closes the
        connection to the model server, which stops generating.
        """
        upstream = self._client.build_request(
            request.method, server.url + path, content=body, headers=self._forwarded(request, body)
        )
        try:
            answer = await _unless_client_leaves(request, self._client.send(upstream, stream=True))
            passed = {key: value for key, value in answer.headers.items() if key.startswith(PASSED_BACK)}
            passed |= headers or {}
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                return StreamingResponse(
                    _events(server, answer),
                    answer.status_code,
                    headers={"Cache-Control": "no-cache", **passed},
                    media_type=answer.headers["content-type"],
                )
            try:
                content = await _unless_client_leaves(request, answer.aread())
            finally:
                await answer.aclose()
        except ClientLeft:
            return Response(status_code=CLIENT_LEFT)
        except httpx.ReadTimeout:
            return refusal(504, f"The model server at {server.url} was silent for too long.", "model_server_silent")
        except httpx.TransportError as error:
            log.warning("The model server at %s does not answer: %r", server.url, error)
            return refusal(503, _down(server), "model_server_down")
        if answer.is_error:
            content = as_openai_error(answer.status_code, content)
        kind = "application/json" if answer.is_error else answer.headers.get("content-type", "application/json")
        return Response(content, answer.status_code, headers=passed, media_type=kind)

    async def models(self, request: Request, server: ModelServer) -> list[dict[str, Any]]:
        """Return the server's list, with every name that it answers to; nothing if it does not tell."""
        try:
            answer = await self._client.get(
                f"{server.url}/models", headers=self._forwarded(request, None), timeout=httpx.Timeout(5)
            )
            return [{**model, "id": str(model["id"])} for model in answer.raise_for_status().json()["data"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("The model server at %s does not list its models: %r", server.url, error)
            return []

    def _forwarded(self, request: Request, body: bytes | None) -> dict[str, str]:
        # Asking for no compression is what lets the bytes pass unread.
        headers = {"Accept-Encoding": "identity", "Accept": request.headers.get("accept", "*/*")}
        key = os.environ.get(KEY_VARIABLE)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        elif "authorization" in request.headers and not self._own_key:
            headers["Authorization"] = request.headers["authorization"]
        if body is not None:
            headers["Content-Type"] = "application/json"
        return headers


def _down(server: ModelServer) -> str:
    silent = f"The model server at {server.url} does not answer."
    if server.ended:
        silent = f"The model server at {server.ended} has ended, and none answers at the usual address {server.url}."
    return (
        f"{silent} Start it on the Models tab or with "
        "`python -m style_tuner serve`, then send this again; this service need not be restarted."
    )


async def _events(server: ModelServer, answer: httpx.Response) -> AsyncIterator[bytes]:
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
    except httpx.ReadTimeout:
        yield _last_event(504, f"The model server at {server.url} fell silent in the middle of its answer.", "silent")
    except httpx.TransportError as error:
        log.warning("The model server at %s broke off in the middle of an answer: %r", server.url, error)
        yield _last_event(503, f"The model server broke off in the middle of its answer. {_down(server)}", "died")
    finally:
        await answer.aclose()


def _last_event(status: int, message: str, what: str) -> bytes:
    return b"data: " + json.dumps(error_body(message, f"model_server_{what}", status)).encode() + b"\n\n"


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
