"""The World service's HTTP API: worlds, entries, and what of them a prompt would be given."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from style_tuner.config import WORLD_KEY_VARIABLE
from style_tuner.errors import ServerError, WorldError
from style_tuner.records import Entry, Hit, Message, Role
from style_tuner.serving.client import WORLD_HEADER

NO_WORLD = "none"
SLOW = 120
"""Seconds that an answer may take; importing and indexing are the slowest."""


@dataclass(frozen=True)
class Retrieval:
    """The entries found for a request, those that the word budget left out, and the words of lore sent.

    `inspection` says why, as the service tells it.
    """

    hits: tuple[Hit, ...]
    left_out: tuple[Hit, ...]
    words: int
    inspection: Mapping[str, Any]


def chat_headers(world: str | None) -> dict[str, str]:
    """Return the headers that make a chat request use a world, or none."""
    return {WORLD_HEADER: quote(world) if world else NO_WORLD, **_key()}


def healthy(url: str) -> bool:
    """Say whether the service answers."""
    try:
        return httpx.get(f"{url}/health", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def worlds(url: str) -> dict[str, int]:
    """Return the worlds' names and how many entries each has."""
    return {world["name"]: world["entries"] for world in ask(url, "GET", "worlds")["worlds"]}


def create_world(url: str, world: str) -> None:
    """Make a world without entries; one that exists stays as it is."""
    ask(url, "PUT", "worlds", world)


def entries(url: str, world: str) -> list[Entry]:
    """Return all entries of a world."""
    return [Entry.from_row(row) for row in ask(url, "GET", "worlds", world, "entries")["entries"]]


def prompt(url: str, world: str, messages: Sequence[Message]) -> tuple[tuple[Message, ...], Retrieval]:
    """Return the messages as they would be sent, facts included, and what was found for them."""
    body = {"messages": [asdict(message) for message in messages]}
    answer = ask(url, "POST", "worlds", world, "prompt", body=body)
    sent = tuple(Message(_role(row["role"]), row["content"]) for row in answer["messages"])
    return sent, _retrieval(answer)


def ask(url: str, method: str, *path: str, body: Any = None, files: Any = None, **query: Any) -> dict[str, Any]:
    """Return the service's JSON answer; `path` is in parts, `files` are uploads as httpx takes them.

    Raises `ServerError` where nothing answers, and `WorldError` with the service's own sentence where it refuses.
    """
    given = {key: value for key, value in query.items() if value is not None}
    address = "/".join((url, *(quote(part, safe="") for part in path))) + (f"?{urlencode(given)}" if given else "")
    timeout = httpx.Timeout(SLOW, connect=5)
    send = partial(httpx.request, method, address, headers=_key(), timeout=timeout, trust_env=False)
    try:
        answer = send(json=body) if body is not None else send(files=files)
    except httpx.HTTPError as error:
        raise ServerError(
            f"The World service at {url} does not answer ({error}): start it on the World tab."
        ) from error
    try:
        values = answer.json()
    except ValueError:
        values = {}
    if answer.is_error:
        raise WorldError(values.get("error", {}).get("message") or f"The World service answered {answer.status_code}.")
    return dict(values)


def _key() -> dict[str, str]:
    """Return the header that a service with a key asks for."""
    key = os.environ.get(WORLD_KEY_VARIABLE)
    return {"Authorization": f"Bearer {key}"} if key else {}


def _role(name: str) -> Role:
    return "system" if name == "system" else "assistant" if name == "assistant" else "user"


def _retrieval(answer: Mapping[str, Any]) -> Retrieval:
    def hits(key: str) -> tuple[Hit, ...]:
        return tuple(Hit(Entry.from_row(row["entry"]), row["reason"], row["score"]) for row in answer[key])

    return Retrieval(hits("hits"), hits("left_out"), answer["words"], answer.get("inspection") or {})
