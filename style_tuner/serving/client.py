"""Ask a model server, or the World service in front of it, for text; every failure is a sentence with its remedy."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from style_tuner.config import SamplingConfig
from style_tuner.errors import ServerError
from style_tuner.records import Draft, Message
from style_tuner.serving.voices import BASE

if TYPE_CHECKING:
    from openai import OpenAI

CONNECT_SECONDS = 5.0
SILENT_SECONDS = 300.0
"""Longest wait for the next piece of text: a large model on a CPU reads a long prompt for minutes."""
KEY_VARIABLE = "MODEL_SERVER_KEY"
WORLD_HEADER = "X-World"
SOURCES_HEADER = "X-World-Sources"


class BrokenStream(ServerError):
    """The server went away in mid-reply; `partial` is the text that came before."""

    def __init__(self, message: str, partial: str) -> None:
        super().__init__(message)
        self.partial = partial


@cache
def _client(url: str, key: str) -> OpenAI:
    import openai

    # A proxy set for the web must not see requests to this machine.
    local = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    timeout = openai.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
    http = openai.DefaultHttpxClient(timeout=timeout, trust_env=not local)
    # No connection is kept: one that a restarted or failing server has closed would be taken for a dead server.
    headers = {"Connection": "close"}
    return openai.OpenAI(
        base_url=url, api_key=key, timeout=timeout, max_retries=0, http_client=http, default_headers=headers
    )


def _open(url: str) -> OpenAI:
    return _client(url.rstrip("/"), os.environ.get(KEY_VARIABLE, "none"))


class ChatStream(Iterator[str]):
    """The pieces of one reply as they come; `text` is all that came so far, and the rest is known at the end.

    `finish_reason` is `stop` or `length` (cut at the longest reply), `sources` the world entries that were sent along.
    Closing it, or leaving its `with` block, tells the server to stop generating.
    """

    def __init__(self, url: str, model: str, stream: Any) -> None:
        self._url = url
        self._model = model
        self._stream = stream
        self.text = ""
        self.finish_reason = ""
        self.sources = _sources(stream.response.headers.get(SOURCES_HEADER))

    def __next__(self) -> str:
        import openai

        try:
            for chunk in self._stream:
                for choice in (chunk.choices or [])[:1]:
                    self.finish_reason = choice.finish_reason or self.finish_reason
                    if choice.delta.content:
                        self.text += choice.delta.content
                        return str(choice.delta.content)
        except (openai.APITimeoutError, openai.APIConnectionError) as error:
            raise self._broken("stopped answering") from error
        except openai.APIError as error:
            raise self._broken(f"gave up ({error.message})") from error
        except ValueError as error:  # transformers writes its last words into the stream without escaping them
            raise self._broken("sent something that is not JSON") from error
        if not self.finish_reason:
            raise self._broken("closed the connection")
        raise StopIteration

    def _broken(self, what: str) -> BrokenStream:
        return BrokenStream(
            f"The model server at {self._url} {what} in mid-reply ({self._model}, after {len(self.text.split())} "
            "words). What came is kept; look at its log on the Models tab, then try again.",
            self.text,
        )

    def close(self) -> None:
        """Stop the reply where it is."""
        self._stream.close()

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sources(header: str | None) -> tuple[str, ...]:
    return tuple(json.loads(unquote(header))) if header else ()


def stream_chat(
    url: str,
    model: str,
    messages: Sequence[Message],
    sampling: SamplingConfig,
    seed: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> ChatStream:
    """Ask for a reply and return it piece by piece; `url` ends in `/v1`.

    Before any text came it asks once more where the server is not there. Raises `ServerError` if it still is not, or
    refuses, and `BrokenStream` with the partial text if it dies.
    """
    import openai

    # These fields both engines take: transformers refuses unknown ones and ignores `n` and `logprobs`.
    fields: dict[str, Any] = {} if seed is None else {"seed": seed}
    for last in (False, True):
        try:
            stream = _open(url).chat.completions.create(
                model=model,
                messages=[asdict(message) for message in messages],  # type: ignore[misc]
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.max_tokens,
                stream=True,
                extra_headers=dict(headers or {}),
                **fields,
            )
            return ChatStream(url, model, stream)
        except openai.APIError as error:
            if last or not _went_away(error):
                raise _refusal(url, model, error) from error
    raise AssertionError


def _went_away(error: Any) -> bool:
    """Say whether one of several servers behind the address is gone, so that asking again reaches another."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return False
    return isinstance(error, openai.APIConnectionError) or getattr(error, "status_code", None) in (502, 503, 504)


def complete_chat(
    url: str,
    model: str,
    messages: Sequence[Message],
    sampling: SamplingConfig,
    seed: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Draft:
    """Ask for a reply and return it whole; `prompt` of the draft is the last message."""
    with stream_chat(url, model, messages, sampling, seed, headers) as stream:
        for _ in stream:
            pass
    return Draft(model, messages[-1].content, stream.text, seed, stream.finish_reason, stream.sources)


def list_models(url: str) -> list[str]:
    """Return the names that requests may use, `base` first."""
    import openai

    try:
        listed = _open(url).with_options(timeout=CONNECT_SECONDS).models.list()
    except openai.APIError as error:
        raise _refusal(url, "", error) from error
    return sorted((model.id for model in listed), key=lambda name: (name != BASE, name))


def _refusal(url: str, model: str, error: Any) -> ServerError:
    """Put a refusal into a sentence; an engine that knows no better answers 500 for a model that it does not have."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return ServerError(
            f"The server at {url} did not answer in time: it is busy or still loading. Try again in a minute."
        )
    if isinstance(error, openai.APIConnectionError):
        return ServerError(
            f"No server answers at {url}: start it on the Models tab, or with `python -m style_tuner serve`."
        )
    said = str(error.message)
    if "context length" in said or "maximum model length" in said or "max_model_len" in said:
        return ServerError(
            f"The prompt and the reply asked for are too long for {model!r}: shorten the prompt, send fewer world "
            f"entries, or ask for a shorter reply. The server said: {said}"
        )
    status = getattr(error, "status_code", None)
    if status in (404, 500) and model:
        known = list_models(url)
        if model not in known:
            return ServerError(
                f"The server at {url} has no model {model!r}; it has: {', '.join(known) or 'none'}. A voice that "
                "is missing there is not merged yet, or newer than the server: merge it where the engine is "
                "transformers, then start the server again."
            )
    return ServerError(f"The server at {url} refused the request ({status}): {said}")
