"""What the client makes of servers that misbehave; a small real HTTP server stands in for an engine."""

import itertools
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urlsplit

import pytest

from style_tuner.config import SamplingConfig
from style_tuner.errors import ServerError
from style_tuner.records import Message
from style_tuner.serving import client, server
from style_tuner.workspace import Workspace

REQUEST = (Message("system", "Be brief."), Message("user", "Write a scene."))


@contextmanager
def engine(
    status: int, body: bytes, headers: dict[str, str] | None = None, key: str = ""
) -> Iterator[tuple[str, list[dict]]]:
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
            if key and self.headers["Authorization"] != f"Bearer {key}":
                self._answer(401, b"{}", {"Content-Type": "application/json"})
                return
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


@contextmanager
def one_address(urls: list[str]) -> Iterator[str]:
    """Hand each connection to the next of the servers, as a balancer in front of replicas does."""
    turns = itertools.cycle([(urlsplit(url).hostname, urlsplit(url).port) for url in urls])

    class Forwarder(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection(next(turns)) as replica:
                back = threading.Thread(target=self._copy, args=(replica, self.request))
                back.start()
                self._copy(self.request, replica)
                back.join()

        @staticmethod
        def _copy(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65_536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forwarder) as balancer:
        balancer.daemon_threads = True
        threading.Thread(target=balancer.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{balancer.server_address[1]}/v1"
        balancer.shutdown()


def test_a_replica_that_goes_away_is_survived() -> None:
    reply = chunk("Rain.", "stop")
    with engine(200, reply) as (first, asked_first):
        with engine(200, reply) as (second, asked_second), one_address([first, second]) as url:
            texts = [client.complete_chat(url, "base", REQUEST, SamplingConfig()).text for _ in range(4)]
            assert (len(asked_first), len(asked_second)) == (2, 2)
        with one_address([first, second]) as url:  # the second has gone
            texts += [client.complete_chat(url, "base", REQUEST, SamplingConfig()).text for _ in range(4)]
        assert texts == ["Rain."] * 8
        assert len(asked_first) == 6


def test_one_of_a_balancer_that_answers_for_the_lost_replica_is_asked_once_more() -> None:
    with engine(503, b"{}") as (url, asked), pytest.raises(ServerError, match="503"):
        client.stream_chat(url, "base", REQUEST, SamplingConfig())
    assert len(asked) == 2
    with engine(500, b"{}") as (url, asked), pytest.raises(ServerError, match="500"):
        client.stream_chat(url, "base", REQUEST, SamplingConfig())
    assert len(asked) == 1


def test_a_server_with_a_key_lists_its_models_to_who_has_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(200, b"", key="secret") as (url, _):
        with pytest.raises(ServerError, match="set MODEL_SERVER_KEY to its key"):
            server.use_url(workspace, url)
        monkeypatch.setenv("MODEL_SERVER_KEY", "secret")
        assert list(server.use_url(workspace, url).models) == ["base"]
        assert client.list_models(url) == ["base"]
