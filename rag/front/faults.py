"""Refusals in OpenAI's shape, whoever refuses: this service, or the engine behind it in a shape of its own."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rag.errors import TooLongError, UnknownEntryError, UnknownWorldError
from style_tuner.errors import StyleTunerError, WorldError

KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}


def error_body(message: str, code: str, status: int) -> dict[str, Any]:
    """Return what OpenAI clients read an error from; from status 500 on it is the server's fault."""
    kind = KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refusal(status: int, message: str, code: str) -> JSONResponse:
    """Return an error answer."""
    return JSONResponse(error_body(message, code, status), status)


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the app in OpenAI's shape."""

    @app.exception_handler(StyleTunerError)
    def _ours(request: Request, error: StyleTunerError) -> JSONResponse:
        if isinstance(error, UnknownWorldError):
            return refusal(404, str(error), "world_not_found")
        if isinstance(error, UnknownEntryError):
            return refusal(404, str(error), "entry_not_found")
        if isinstance(error, TooLongError):
            return refusal(400, str(error), "context_length_exceeded")
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
        message = str(error.detail)
        if error.status_code in (404, 405):
            message = f"This service does not offer {request.method} {request.url.path}."
        return refusal(error.status_code, message, CODES.get(error.status_code, "not_available"))


def as_openai_error(status: int, body: bytes) -> bytes:
    """Return the body of an engine's error in OpenAI's shape; one that has it already comes back as it is."""
    try:
        value = json.loads(body)
    except ValueError:
        value = body.decode("utf-8", errors="replace").strip()
    if isinstance(value, dict):
        if isinstance(value.get("error"), dict) and isinstance(value["error"].get("message"), str):
            return body
        value = next((value[key] for key in ("error", "message", "detail") if value.get(key)), value)
    message = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(error_body(message or "The model server gave no reason.", "model_server", status)).encode()
