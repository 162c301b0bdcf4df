"""What the client makes of servers that misbehave; a small real HTTP server stands in for an engine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from style_tuner.config import SamplingConfig
from style_tuner.errors import ServerError
from style_tuner.records import Message
from style_tuner.serving import client

REQUEST = (Message("system", "Be brief."), Message("user", "Write a scene."))


@contextmanager
def engine(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[tuple[str, list[dict]]]:
    """Answer every chat request with the same bytes and then close; `/v1/models` lists `base`."""
    seen: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, code: int, content: bytes, extra: dict[str, str]) -> None:
            self.send_response(code)
            for name, value in extra.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            models = {"object": "list", "data": [{"id": "base", "object": "model", "created": 0, "owned_by": ""}]}
            self._answer(200, json.dumps(models).encode(), {"Content-Type": "application/json"})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            seen.append(json.loads(self.rfile.read(length)) | {"world": self.headers["X-World"]})
            kind = "text/event-stream" if status == 200 else "application/json"
            self._answer(status, body, {"Content-Type": kind, **(headers or {})})

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()


def chunk(text: str | None, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    value = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "base", "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def test_reply_is_joined_with_its_end_and_the_worlds_sources() -> None:
    sources = {client.SOURCES_HEADER: quote(json.dumps(["Zoë", "The Lamp"]))}
    with engine(200, chunk("Rain ") + chunk("fell.") + chunk(None, "stop"), sources) as (url, seen):
        draft = client.complete_chat(url, "base", REQUEST, SamplingConfig(), 7, {"X-World": "harbour"})
    assert (draft.text, draft.finish_reason, draft.seed) == ("Rain fell.", "stop", 7)
    assert draft.sources == ("Zoë", "The Lamp")
    assert draft.prompt == "Write a scene."
    assert seen[0].pop("world") == "harbour"
    # Exactly the fields that both engines take.
    fields = {"model", "messages", "temperature", "top_p", "max_tokens", "seed", "stream"}
    assert set(seen[0]) == fields


def test_stream_that_ends_without_an_end_keeps_what_came() -> None:
    with engine(200, chunk("Rain ") + chunk("fell")) as (url, _), pytest.raises(client.BrokenStream) as broken:
        client.complete_chat(url, "base", REQUEST, SamplingConfig())
    assert broken.value.partial == "Rain fell"
    assert "closed the connection" in str(broken.value)


def test_error_inside_a_stream_keeps_what_came() -> None:
    body = chunk("Rain ") + b'data: {"error": {"message": "out of memory"}}\n\n'
    with engine(200, body) as (url, _), pytest.raises(client.BrokenStream, match="out of memory") as broken:
        client.complete_chat(url, "base", REQUEST, SamplingConfig())
    assert broken.value.partial == "Rain "


def test_last_words_that_are_not_json_keep_what_came() -> None:
    body = chunk("Rain ") + b'data: {"error": "no "kernel" here"}\n\n'
    with engine(200, body) as (url, _), pytest.raises(client.BrokenStream, match="not JSON") as broken:
        client.complete_chat(url, "base", REQUEST, SamplingConfig())
    assert broken.value.partial == "Rain "


@pytest.mark.parametrize(
    ("status", "model", "said", "told"),
    [
        (404, "elena", "The model `elena` does not exist.", "has no model 'elena'; it has: base.*[Mm]erge.*start"),
        (500, "elena", "Internal Server Error", "has no model 'elena'; it has: base"),
        (500, "base", "kernel missing", r"refused the request \(500\).*kernel missing"),
        (400, "base", "This model's maximum context length is 1024 tokens", "too long for 'base': shorten the prompt"),
        (422, "base", "Unexpected fields in the request", r"refused the request \(422\).*Unexpected fields"),
    ],
)
def test_refusals_name_value_and_remedy(status: int, model: str, said: str, told: str) -> None:
    body = json.dumps({"error": {"message": said}}).encode()
    with engine(status, body) as (url, _), pytest.raises(ServerError, match=told):
        client.stream_chat(url, model, REQUEST, SamplingConfig())


def test_loopback_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with engine(200, chunk("Rain.", "stop")) as (url, _):
        assert client.complete_chat(url, "base", REQUEST, SamplingConfig()).text == "Rain."
