"""What stands before the service: other machines and foreign web pages, wrong keys and too long requests are refused.

All of it is plain ASGI, so that a stream passes through untouched and unbuffered.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.front.faults import refusal
from style_tuner.config import WorldConfig

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN_PATH = "/health"
SHOWN_HEADERS = ("X-World-Sources", "X-World-Sources-More", "X-World-Fields-Left-Out", "X-World-Note")
"""Headers that a web page of an allowed origin may read."""


def add_guards(app: FastAPI, config: WorldConfig) -> None:
    """Put the guards in front of the app; the one added last is asked first."""
    app.add_middleware(SizeLimit, limit=config.max_request_bytes)
    if config.api_key is not None:
        app.add_middleware(KeyCheck, key=config.api_key)
    app.add_middleware(NoForeignPages, origins=config.cors)
    if config.host in LOOPBACK:
        app.add_middleware(LoopbackOnly)
    if config.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=SHOWN_HEADERS,
        )


class LoopbackOnly:
    """Refuse requests for another machine's name, which a web page makes by DNS rebinding."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what names this machine, answer 403 to the rest."""
        if scope["type"] == "http":
            host = _host_name("//" + Headers(scope=scope).get("host", ""))
            if host not in LOOPBACK:
                message = f"This service answers on this machine only, not to {host!r}."
                await refusal(403, message, "not_loopback")(scope, receive, send)
                return
        await self._app(scope, receive, send)


class NoForeignPages:
    """Refuse requests of web pages that are neither named nor the service's own.

    Desktop programs' windows have a scheme of their own, such as vscode-webview: or app:, which no web page can have;
    `null` is the origin of a sandboxed frame of any page.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what no web page sends, or one that may; answer 403 to the rest."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            scheme, _, address = headers.get("origin", "").partition("://")
            own = address == headers.get("host")
            if scheme == "null":
                message = (
                    "A web page without an address (Origin: null) may not ask this service: open the page from an "
                    "address, and start the service with --cors and that address."
                )
                await refusal(403, message, "origin_not_allowed")(scope, receive, send)
                return
            if scheme in ("http", "https") and not own and headers["origin"] not in self._origins:
                origin = headers["origin"]
                message = (
                    f"Web pages of {origin} may not ask this service. If you trust that page, start the service with "
                    f"--cors {origin}."
                )
                await refusal(403, message, "origin_not_allowed")(scope, receive, send)
                return
        await self._app(scope, receive, send)


class KeyCheck:
    """Refuse requests without the service's key, in a time that tells nothing about the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._expected = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what brings the key or asks for `/health`, answer 401 to the rest."""
        if scope["type"] == "http" and scope["path"] != OPEN_PATH:
            kind, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(key.strip().encode("latin-1"), self._expected):
                answer = refusal(
                    401,
                    "This World service asks for a key, and this one is missing or wrong: send it as 'Authorization: "
                    "Bearer KEY' (an editor's field for the API key). Commands of this project read it from "
                    "STYLE_TUNER_API_KEY.",
                    "invalid_api_key",
                )
                answer.headers["WWW-Authenticate"] = "Bearer"
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


class SizeLimit:
    """Refuse requests that announce, or turn out to have, more bytes than the limit; they are not read to the end."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as it comes and stop at the byte that is too many."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self._limit:
            await refusal(413, self._message(int(announced)), "request_too_large")(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._limit:
                raise HTTPException(413, self._message(came))
            return message

        await self._app(scope, counted, send)

    def _message(self, came: int) -> str:
        return (
            f"The request is too large: it has {came:,} bytes or more, and at most {self._limit:,} are taken. Send it "
            "in parts, or start the service with a larger --max-request-bytes."
        )


def _host_name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
