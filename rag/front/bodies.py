"""Read an OpenAI request and put a world's facts into it; knows the two ways to ask, chat and plain completion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.retrieval.prompt import Conversation
from rag.retrieval.retrieve import Retrieval

CHAT, COMPLETION = "/chat/completions", "/completions"
Prompt = Callable[[Sequence[dict[str, Any]]], tuple[Conversation, Retrieval]]
"""A conversation to the same with the world's facts in it, and what was chosen."""


class _Sampling(BaseModel):
    """What is checked of a request, because `transformers serve` answers 500 for it; the engine sees the rest."""

    model_config = ConfigDict(strict=True)

    model: str = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stream: bool | None = None


class _Message(BaseModel):
    """What is read of a message; one that calls tools has no content."""

    model_config = ConfigDict(strict=True)

    role: str
    content: str | list[dict[str, Any]] | None = None


class _ChatFields(_Sampling):
    messages: list[_Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)


class _CompletionFields(_Sampling):
    prompt: (
        str
        | Annotated[list[str], Field(min_length=1)]
        | Annotated[list[int], Field(min_length=1)]
        | Annotated[list[list[int]], Field(min_length=1)]
    )


def read(path: str, body: bytes) -> dict[str, Any]:
    """Return the fields of a request's body, or raise a `RequestValidationError` that names the fault."""
    try:
        fields = json.loads(body, parse_constant=_no_number)
        if b"\\u" in body:
            json.dumps(fields, ensure_ascii=False).encode()  # half a character is valid JSON, and breaks what follows
    except (ValueError, RecursionError) as error:
        raise RequestValidationError([{"loc": ("body",), "msg": f"it is not JSON ({error})"}]) from None
    try:
        (_ChatFields if path == CHAT else _CompletionFields).model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None
    return dict(fields)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def is_text(fields: Mapping[str, Any]) -> bool:
    """Say whether a request is made of text; the prompt of a plain completion may be token ids instead."""
    prompt = fields.get("prompt", "")
    return isinstance(prompt, str) or isinstance(prompt[0], str)


def with_facts(path: str, fields: Mapping[str, Any], prompt: Prompt) -> tuple[dict[str, Any], list[Retrieval]]:
    """Return the fields of a request with the world's facts added, and what was chosen for each of its prompts."""
    if path == CHAT:
        messages, retrieval = prompt(fields["messages"])
        return {**fields, "messages": messages}, [retrieval]
    given = fields["prompt"]
    done = [_before(text, prompt) for text in ([given] if isinstance(given, str) else given)]
    texts = [text for text, _ in done]
    return {**fields, "prompt": texts[0] if isinstance(given, str) else texts}, [found for _, found in done]


def _before(text: str, prompt: Prompt) -> tuple[str, Retrieval]:
    """Put the facts before a text, marked as they are in a conversation."""
    messages, retrieval = prompt([{"role": "user", "content": text}])
    return "\n\n".join(str(message["content"]) for message in messages), retrieval
