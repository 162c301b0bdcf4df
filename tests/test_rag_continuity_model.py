import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from continuity_drafts import ELENA, WORLD, entry
from rag_processes import free_port

from rag.continuity.check import Checked, check_draft, gather
from rag.continuity.model import TASK, second_opinion
from rag.front.upstream import ModelServer
from style_tuner.records import END_OF_STORY, Entry

PALE = entry("Kit", "Her hands are always stained with blue ink.")
DRAFT = "Kit held up her spotless white hands. It rained."


@contextmanager
def served(answer: str, status: int = 200) -> Iterator[tuple[ModelServer, list[dict[str, Any]]]]:
    """Run a small server that speaks OpenAI's API and gives one answer to everything."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, {"object": "list", "data": [{"id": "judge", "object": "model"}]})

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            message = {"role": "assistant", "content": answer}
            self._send(status, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

        def _send(self, code: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ModelServer(f"http://127.0.0.1:{server.server_port}/v1"), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def opinion(draft: str, entries: list[Entry], server: ModelServer) -> Checked:
    material = gather(draft, entries, END_OF_STORY)
    return second_opinion(check_draft(draft, entries, END_OF_STORY, material), material, server)


def yes(draft: str, world: str, contradicts: object = True) -> str:
    return json.dumps({"contradicts": contradicts, "draft_quote": draft, "book_quote": world})


def test_the_models_yes_with_both_quotes_is_told_as_its_opinion() -> None:
    with served("I think: " + yes("spotless white hands", "stained with blue ink")) as (server, asked):
        (one,) = opinion(DRAFT, [PALE], server).findings
    assert (one.by, one.kind, one.certainty, one.entry) == ("model", "opinion", "look at this", "kit")
    assert DRAFT[one.start : one.end] == "spotless white hands"
    assert "the model's opinion" in one.reason
    (request,) = asked
    assert request["model"] == "judge"
    assert request["messages"][0] == {"role": "system", "content": TASK}
    assert request["messages"][1]["content"] == (
        "Subject: Kit\nDraft: Kit held up her spotless white hands.\nBook: Her hands are always stained with blue ink."
    )


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (yes("", "", False), "called 0 a contradiction."),
        (yes("dirty hands", "stained with blue ink"), "1 more of its answers were not taken"),
        (yes("spotless white hands", "always clean"), "1 more of its answers were not taken"),
        (yes("", ""), "1 more of its answers were not taken"),
        (yes("spotless white hands", "stained with blue ink", "yes"), "1 more of its answers were not taken"),
        ("Yes, it contradicts.", "called 0 a contradiction."),
        ("{not json}", "called 0 a contradiction."),
        ("[]", "called 0 a contradiction."),
    ],
)
def test_an_answer_that_cannot_be_shown_is_not_taken(answer: str, note: str) -> None:
    with served(answer) as (server, _):
        checked = opinion(DRAFT, [PALE], server)
    assert checked.findings == ()
    assert note in checked.notes[-1]


def test_what_the_rules_found_is_not_asked_again_and_other_topics_are_not_asked() -> None:
    with served(yes("", "", False)) as (server, asked):
        checked = opinion("Elena's eyes were brown. Elena laughed.", [ELENA], server)
    assert [one.by for one in checked.findings] == ["rules"]
    assert asked == []


@pytest.mark.parametrize("status", [500, 404])
def test_a_server_that_refuses_leaves_the_rules(status: int) -> None:
    with served("no", status) as (server, _):
        checked = opinion(DRAFT + " Elena's eyes were brown.", [PALE, *WORLD], server)
    assert [one.kind for one in checked.findings] == ["eyes"]
    assert checked.notes[-1].startswith("Only the rules were used: the model server at")


def test_a_server_that_is_not_there_is_said() -> None:
    checked = opinion(DRAFT, [PALE], ModelServer(f"http://127.0.0.1:{free_port()}/v1"))
    assert "did not answer" in checked.notes[-1]
