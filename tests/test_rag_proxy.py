import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, unquote

import httpx
import openai
import pytest
from rag_processes import EVENTS, Upstream, free_port, world_service

from style_tuner.workspace import PROJECT_ROOT

ASK = {"model": "base", "messages": [{"role": "user", "content": "Elena walks in."}]}
ELENA = {"name": "Elena Voss", "text": "Her left arm is cybernetic.", "aliases": ["Elena"]}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    home = tmp_path_factory.mktemp("proxy")
    port = free_port()
    with (
        world_service(home, "scifi", "--model-url", f"http://127.0.0.1:{port}/v1") as (url, process),
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        imported = client.post("/worlds/scifi/entries", json={"entries": [ELENA]}).json()
        assert imported == {"world": "scifi", "imported": 1, "unchanged": 0, "skipped": []}
        yield SimpleNamespace(url=url, client=client, port=port, home=home, process=process)


@pytest.fixture
def upstream(running: SimpleNamespace) -> Iterator[Upstream]:
    with Upstream(running.port) as server:
        yield server


def stream(running: SimpleNamespace, model: str) -> bytes:
    with running.client.stream("POST", "/v1/chat/completions", json=ASK | {"model": model, "stream": True}) as answer:
        return b"".join(answer.iter_raw())


def test_facts_are_added_and_named_and_all_fields_are_forwarded(running: SimpleNamespace, upstream: Upstream) -> None:
    answer = running.client.post(
        "/v1/chat/completions", json=ASK | {"min_p": 0.1}, headers={"Authorization": "Bearer key"}
    )
    assert json.loads(unquote(answer.headers["x-world-sources"])) == ["Elena Voss"]
    assert answer.json()["authorization"] == "Bearer key"
    content = "Context:\nElena Voss: Her left arm is cybernetic.\n\nElena walks in."
    assert upstream.asked == [ASK | {"min_p": 0.1, "messages": [{"role": "user", "content": content}]}]


def test_without_a_world_the_request_passes_byte_for_byte(running: SimpleNamespace, upstream: Upstream) -> None:
    body = json.dumps(ASK, indent=3).encode()
    headers = {"X-World": "none", "Content-Type": "application/json"}
    answer = running.client.post("/v1/chat/completions", content=body, headers=headers)
    assert upstream.bodies == [body]
    assert "x-world-sources" not in answer.headers


@pytest.mark.parametrize("asked", ["base", "base@scifi", "base@none"])
def test_stream_is_relayed_byte_for_byte(running: SimpleNamespace, upstream: Upstream, asked: str) -> None:
    """The field `model` of an answer says what the engine says, whatever name was asked for."""
    assert stream(running, asked) == b"".join(EVENTS)
    assert upstream.asked[-1]["model"] == "base"


def test_models_are_those_of_the_model_server_plain_and_with_each_world(
    running: SimpleNamespace, upstream: Upstream
) -> None:
    assert [model["id"] for model in running.client.get("/v1/models").json()["data"]] == [
        "base",
        "base@scifi",
        "broken",
        "broken@scifi",
    ]


def test_refusal_of_the_engine_keeps_its_status_in_openai_shape(running: SimpleNamespace, upstream: Upstream) -> None:
    client = openai.OpenAI(base_url=running.url + "/v1", api_key="EMPTY", max_retries=0)
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(**ASK | {"model": "refuses"})
    assert "Unexpected fields" in caught.value.body["message"]


def test_unknown_model_is_404_with_the_known_ones(running: SimpleNamespace, upstream: Upstream) -> None:
    """`transformers serve` answers 500 in plain text for names that it does not have."""
    client = openai.OpenAI(base_url=running.url + "/v1", api_key="EMPTY", max_retries=0)
    with pytest.raises(openai.NotFoundError, match="no model 'nobody'; it has: base, broken") as caught:
        client.chat.completions.create(**ASK | {"model": "nobody"})
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.InternalServerError, match="Internal Server Error"):
        client.chat.completions.create(**ASK | {"model": "broken"})


@pytest.mark.parametrize(
    ("field", "value"),
    [("messages", []), ("max_tokens", "many"), ("temperature", "warm"), ("top_p", [1]), ("seed", "x"), ("seed", True)],
)
def test_field_of_the_wrong_kind_is_refused_by_name(
    running: SimpleNamespace, upstream: Upstream, field: str, value: object
) -> None:
    answer = running.client.post("/v1/chat/completions", json=ASK | {field: value})
    assert answer.status_code == 400
    assert field in answer.json()["error"]["message"]
    assert upstream.asked == []


def test_numbers_and_null_are_passed_on(running: SimpleNamespace, upstream: Upstream) -> None:
    asked = ASK | {"max_tokens": 5, "temperature": 0, "top_p": 0.5, "seed": None}
    assert running.client.post("/v1/chat/completions", json=asked, headers={"X-World": "none"}).status_code == 200
    assert upstream.asked == [asked]


@pytest.mark.parametrize("model", ["slow", "endless"])
def test_client_that_leaves_closes_the_connection_to_the_model_server(
    running: SimpleNamespace, upstream: Upstream, model: str
) -> None:
    asked = ASK | {"model": model, "stream": model == "endless"}
    if model == "slow":
        with pytest.raises(httpx.ReadTimeout):
            running.client.post("/v1/chat/completions", json=asked, timeout=httpx.Timeout(5, read=0.5))
    else:
        with running.client.stream("POST", "/v1/chat/completions", json=asked) as answer:
            chunks = answer.iter_raw()
            assert next(chunks).startswith(EVENTS[0])
            assert not upstream.closed.is_set()
    assert upstream.closed.wait(10)


def test_stream_that_breaks_off_ends_with_an_error_event(running: SimpleNamespace, upstream: Upstream) -> None:
    received = stream(running, "dies")
    assert received.startswith(EVENTS[0])
    fault = json.loads(received.removeprefix(EVENTS[0]).removeprefix(b"data: "))
    assert fault["error"]["code"] == "model_server_died"
    client = openai.OpenAI(base_url=running.url + "/v1", api_key="EMPTY", max_retries=0)
    with pytest.raises(openai.APIError, match="broke off"):
        list(client.chat.completions.create(**ASK | {"model": "dies"}, stream=True))


def test_model_server_that_is_down_is_503_and_works_again_afterwards(running: SimpleNamespace) -> None:
    answer = running.client.post("/v1/chat/completions", json=ASK)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "model_server_down"
    assert "style_tuner serve" in answer.json()["error"]["message"]
    with Upstream(running.port):
        assert running.client.post("/v1/chat/completions", json=ASK).status_code == 200


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (json.dumps(ASK), {"X-World": "unknown"}, 404, "world_not_found"),
        ("{", {}, 400, "malformed_request"),
        ("[]", {}, 400, "malformed_request"),
        ('{"messages": "Hello"}', {}, 400, "malformed_request"),
        (json.dumps(ASK), {"Host": "attacker.example"}, 403, "not_loopback"),
        (json.dumps(ASK), {"Origin": "https://attacker.example"}, 403, "origin_not_allowed"),
    ],
)
def test_bad_requests_are_refused_in_openai_shape(
    running: SimpleNamespace, content: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = running.client.post("/v1/chat/completions", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert "access-control-allow-origin" not in answer.headers


def test_entries_are_written_read_searched_and_deleted(running: SimpleNamespace) -> None:
    client, world = running.client, "/worlds/" + quote("Mondschatten ü")
    assert client.put(world).json()["created"]
    assert client.put(f"{world}/entries/bar", json={"name": "Bar", "text": "Gin is drunk here."}).json()["changed"]
    faulty = [{"name": "Nothing", "text": " "}, {"name": "Two", "text": "a"}, {"name": "two", "text": "b"}, {"x": 1}]
    done = client.post(f"{world}/entries", json={"entries": faulty}).json()
    assert done["imported"] == 1
    assert [one["name"] for one in done["skipped"]] == ["entry 1 ('Nothing')", "entry 4 (None)", "entry 3 ('two')"]
    assert {entry["id"] for entry in client.get(f"{world}/entries").json()["entries"]} == {"bar", "two"}
    hits = client.post(f"{world}/search", json={"query": "somebody orders gin"}).json()["hits"]
    assert [(hit["entry"]["id"], hit["reason"]) for hit in hits] == [("bar", "meaning")]
    shown = client.post(f"{world}/prompt", json={"messages": [{"role": "user", "content": "At the bar."}]}).json()
    assert shown["messages"][0]["content"].startswith("Context:\nBar: Gin")
    assert client.post(f"{world}/index").json()["entries"] == 2
    assert client.delete(f"{world}/entries/bar").json()["deleted"]
    assert client.delete(f"{world}/entries/bar").json()["error"]["code"] == "entry_not_found"
    assert client.put(f"{world}/entries/bar", json={"name": "Bar", "text": ""}).status_code == 400
    assert {one["name"]: one["entries"] for one in client.get("/worlds").json()["worlds"]} == {
        "Mondschatten ü": 1,
        "scifi": 1,
    }


def test_command_line_asks_the_running_service_and_a_second_one_is_refused(
    running: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "marcus.md").write_text("---\nname: Marcus\n---\nA pilot.", encoding="utf-8")
    (tmp_path / "bad.md").write_text("---\nname: Marcus\n", encoding="utf-8")

    def rag(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"STYLE_TUNER_HOME": str(running.home)}
        command = [sys.executable, "-m", "rag", *arguments]
        return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=60)

    done = rag("index", "pilots", "--input", str(tmp_path))
    assert done.stdout == "pilots: 1 entries new or changed, 0 unchanged, 1 skipped.\n"
    assert "bad.md" in done.stderr
    assert done.returncode == 1
    for refused in (
        rag("index", "../x", "--input", str(tmp_path)),
        rag("search", "../x", "Who?"),
        rag("serve", "../x"),
    ):
        assert refused.returncode == 1
        assert "'../x': use 1 to 60 letters" in refused.stderr
    found = json.loads(rag("search", "pilots", "Marcus?", "--json").stdout)
    assert [hit["entry"]["name"] for hit in found["hits"]] == ["Marcus"]
    second = rag("serve", "scifi", "--port", "0")
    assert second.returncode == 1
    assert f"process {running.process.pid}" in second.stderr
    unknown = rag("search", "nowhere", "Marcus")
    assert unknown.returncode == 1
    assert "no world named 'nowhere'" in unknown.stderr


def refused(home: Path, *arguments: str) -> str:
    """Start the service with a home of its own, which it refuses; return what it says."""
    ran = subprocess.run(
        [sys.executable, "-m", "rag", "serve", *arguments],
        cwd=PROJECT_ROOT,
        env=os.environ | {"STYLE_TUNER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1
    return ran.stderr


def test_setting_out_of_range_is_refused_by_name(tmp_path: Path) -> None:
    assert "'words'" in refused(tmp_path, "--words", "3")


def test_port_in_use_is_told_with_the_remedy(running: SimpleNamespace, tmp_path: Path) -> None:
    port = running.url.rsplit(":", 1)[1]
    said = refused(tmp_path, "--port", port)
    assert f"Port {port}" in said
    assert "--port" in said
    assert not (tmp_path / "servers" / "world.json").exists()
