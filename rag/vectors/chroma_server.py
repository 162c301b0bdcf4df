"""The way to a Chroma server that holds the index instead of the home folder."""

from __future__ import annotations

import socket
from typing import Any

import httpx

from style_tuner.errors import WorldError

CONNECT_SECONDS = 3.0
"""How long a Chroma server may take to answer at all."""


def server_url(text: str | None) -> str | None:
    """Return the address of a Chroma server, None for an empty text."""
    if not text:
        return None
    try:
        parts = httpx.URL(text)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if parts.scheme not in ("http", "https") or not parts.host:
        raise WorldError(f"CHROMA_URL is {text!r}, which is no address: write it as http://127.0.0.1:8000.")
    return text


def server_client(url: str, settings: Any) -> Any:
    """Return a client of a Chroma server; one that does not answer raises an `OSError`."""
    import chromadb

    parts = httpx.URL(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    socket.create_connection((parts.host, port), CONNECT_SECONDS).close()  # chromadb itself would wait without end
    try:
        return chromadb.HttpClient(parts.host, port, secure, settings=settings)
    except ValueError as error:  # chromadb's own way to say that nobody is there
        raise ConnectionError(str(error)) from error
