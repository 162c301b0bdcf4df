"""Refusals in OpenAI's shape, and the guard that keeps web pages from reaching a service on the loopback address."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import UnknownEntryError, UnknownWorldError
from style_tuner.errors import StyleTunerError, WorldError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def error_body(message: str, code: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    """Return what OpenAI clients read an error from."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refusal(status: int, message: str, code: str) -> JSONResponse:
    """Return an error answer; statuses from 500 on are the server's fault, the others the request's."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSONResponse(error_body(message, code, kind), status)


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the app in OpenAI's shape."""

    @app.exception_handler(StyleTunerError)
    def _ours(request: Request, error: StyleTunerError) -> JSONResponse:
        if isinstance(error, UnknownWorldError):
            return refusal(404, str(error), "world_not_found")
        if isinstance(error, UnknownEntryError):
            return refusal(404, str(error), "entry_not_found")
        if isinstance(error, WorldError):
            return refusal(400, str(error), "bad_entry")
        return refusal(500, str(error), "world_service_failed")

    @app.exception_handler(Exception)
    def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        message = f"The World service failed ({type(error).__name__}); its log says more."
        return refusal(500, message, "world_service_failed")

    @app.exception_handler(RequestValidationError)
    def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = (f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {fault['msg']}" for fault in error.errors())
        return refusal(400, f"The request is malformed: {'; '.join(faults)}.", "malformed_request")

    @app.exception_handler(HTTPException)
    def _other(request: Request, error: HTTPException) -> JSONResponse:
        return refusal(error.status_code, f"{error.detail}: {request.method} {request.url.path}.", "not_available")


def as_openai_error(status: int, body: bytes) -> bytes:
    """Return the body of an engine's error in OpenAI's shape; one that has it already comes back as it is."""
    try:
        value = json.loads(body)
    except ValueError:
        value = body.decode("utf-8", errors="replace").strip()
    if isinstance(value, dict) and "error" in value:
        return body
    detail = value.get("detail", value) if isinstance(value, dict) else value
    message = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return json.dumps(error_body(message or "The model server gave no reason.", "model_server", kind)).encode()


class LoopbackOnly:
    """Refuse requests that a web page of another site makes: foreign `Host` (DNS rebinding) or foreign `Origin`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what names this machine, answer 403 to the rest."""
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host = _host_name("//" + headers.get(b"host", b"").decode("latin-1"))
            origin = headers.get(b"origin", b"").decode("latin-1")
            foreign = origin.startswith(("http://", "https://")) and _host_name(origin) not in LOOPBACK
            if host not in LOOPBACK or foreign:
                message = f"This service answers on this machine only, not to {origin if foreign else host!r}."
                await refusal(403, message, "not_loopback")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _host_name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
