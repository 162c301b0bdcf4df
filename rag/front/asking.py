"""Ask the first model that a model server lists, and read the JSON object in its answer."""

from __future__ import annotations

import json
import re
from typing import Any, Self

import httpx

from rag.front.upstream import ModelServer

REPLY_SECONDS = 120
SAMPLING = {"temperature": 0, "max_tokens": 300}
CHAT = "/chat/completions"


class ModelSilentError(Exception):
    """The model server does not answer, or not as an OpenAI server does."""


class Asker:
    """One task for one model, asked again and again; a context manager that holds the connection."""

    def __init__(self, server: ModelServer, task: str) -> None:
        self.model = ""
        self._server = server
        self._task = task
        # No proxy from the environment: what an author writes must not take a way through other machines.
        self._client = httpx.Client(timeout=httpx.Timeout(REPLY_SECONDS, connect=5), trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, request: str) -> dict[str, Any]:
        """Return the object in the model's answer, an empty one where there is none.

        Raises `ModelSilentError` where there is no answer.
        """
        try:
            if not self.model:
                listed = self._client.get(f"{self._server.url}/models").raise_for_status().json()
                self.model = str(listed["data"][0]["id"])
            messages = [{"role": "system", "content": self._task}, {"role": "user", "content": request}]
            fields = self._server.takes(CHAT, {"model": self.model, "messages": messages, **SAMPLING})
            reply = self._client.post(self._server.url + CHAT, json=fields).raise_for_status().json()
            return object_in(str(reply["choices"][0]["message"]["content"]))
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            raise ModelSilentError(f"the model server at {self._server.url} did not answer ({error})") from error


def object_in(answer: str) -> dict[str, Any]:
    """Return the JSON object in a text, an empty one where there is none."""
    found = re.search(r"\{.*\}", answer, re.DOTALL)
    try:
        value = json.loads(found[0]) if found else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
