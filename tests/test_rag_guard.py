"""What is refused before a request is read: a wrong key, a foreign page, too many bytes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest
from rag_processes import EVENTS, Upstream, free_port, world_here

from rag.service import state_file
from style_tuner.config import WORLD_KEY_VARIABLE, WorldConfig, validated
from style_tuner.errors import ConfigError, WorldError
from style_tuner.processes import process_start
from style_tuner.serving import lore as page_side
from style_tuner.workspace import PROJECT_ROOT, Workspace, write_json

KEY = "world-key-1"
BEARER = {"Authorization": f"Bearer {KEY}".encode()}
PAGE = "http://localhost:3000"
ELSEWHERE = "https://webui.example"
CHAT = {"model": "base", "messages": [{"role": "user", "content": "Elena walks in."}]}
LIMIT = 20_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    place, port = Workspace(tmp_path_factory.mktemp("guard"), "default"), free_port()
    config = WorldConfig(
        model_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, cors=(ELSEWHERE,), max_request_bytes=LIMIT
    )
    with (
        world_here(place, config, "scifi") as (url, _),
        httpx.Client(base_url=url, trust_env=False) as client,
        Upstream(port) as upstream,
    ):
        yield SimpleNamespace(url=url, client=client, upstream=upstream, place=place)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}".encode()}],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/worlds"), ("DELETE", "/worlds/scifi/x")],
)
def test_without_the_key_nothing_is_answered(
    running: SimpleNamespace, headers: dict[str, str], method: str, path: str
) -> None:
    answer = running.client.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.json()["error"]["type"] == "authentication_error"


def test_with_the_key_all_is_answered_and_the_model_server_never_sees_it(running: SimpleNamespace) -> None:
    assert running.client.get("/worlds", headers=BEARER).status_code == 200
    answer = running.client.post("/v1/chat/completions", json=CHAT, headers=BEARER)
    assert answer.status_code == 200
    assert answer.json()["authorization"] is None


def test_the_model_servers_own_key_goes_to_it(running: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_SERVER_KEY", "engine-key")
    answer = running.client.post("/v1/chat/completions", json=CHAT, headers=BEARER)
    assert answer.json()["authorization"] == "Bearer engine-key"


def test_health_is_open(running: SimpleNamespace) -> None:
    assert running.client.get("/health").status_code == 200
    assert running.client.get("/health/../worlds").status_code == 401


def test_commands_and_page_bring_the_key_of_the_environment(
    running: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = os.getpid()
    write_json(state_file(running.place), {"url": running.url, "pid": pid, "process_start": process_start(pid)})

    def search() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rag", "search", "scifi", "Elena"]
        environment = os.environ | {"STYLE_TUNER_HOME": str(running.place.home)}
        return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=60)

    with pytest.raises(WorldError, match="STYLE_TUNER_API_KEY"):
        page_side.worlds(running.url)
    assert "STYLE_TUNER_API_KEY" in search().stderr
    monkeypatch.setenv(WORLD_KEY_VARIABLE, KEY)
    assert page_side.worlds(running.url) == {"scifi": 0}
    assert search().stdout == "No entry fits.\n"


def test_a_key_is_not_shown_where_settings_are_and_must_fit_a_header() -> None:
    assert KEY not in repr(WorldConfig(api_key=KEY))
    with pytest.raises(ConfigError, match="'api_key'"):
        validated(WorldConfig, {"api_key": "schlüssel 1"}, "serve")


def preflight(client: httpx.Client, origin: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return client.options("/v1/chat/completions", headers={"Origin": origin, **asked})


def test_a_named_origin_may_call_from_a_browser(running: SimpleNamespace) -> None:
    allowed = preflight(running.client, ELSEWHERE)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ELSEWHERE
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    answer = running.client.post("/v1/chat/completions", json=CHAT, headers=BEARER | {"Origin": ELSEWHERE})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ELSEWHERE
    assert "X-World-Sources" in answer.headers["access-control-expose-headers"]
    refused = running.client.post("/v1/chat/completions", json=CHAT, headers={"Origin": ELSEWHERE})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == ELSEWHERE  # so that the page can read why


@pytest.mark.parametrize("origin", ["https://other.example", "null", PAGE, "https://webui.example.evil.com"])
def test_other_origins_may_not(running: SimpleNamespace, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(running.client, origin).headers
    answer = running.client.post("/v1/chat/completions", json=CHAT, headers=BEARER | {"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "origin_not_allowed"


def test_without_named_origins_no_page_of_another_address_is_let_in(workspace: Workspace) -> None:
    with world_here(workspace, WorldConfig()) as (url, _), httpx.Client(base_url=url, trust_env=False) as client:
        for origin in (PAGE, ELSEWHERE, "null", "http://127.0.0.1:9999"):
            assert "access-control-allow-origin" not in preflight(client, origin).headers
            for path in ("/v1/chat/completions", "/worlds/scifi/undo", "/worlds/scifi/entries"):
                refused = client.post(path, json={"entries": []}, headers={"Origin": origin})
                assert refused.status_code == 403, (origin, path)


def test_windows_of_desktop_programs_and_the_services_own_address_may_ask(running: SimpleNamespace) -> None:
    for origin in ("vscode-webview://1abc", "app://obsidian.md", "tauri://localhost", running.url):
        assert running.client.get("/worlds", headers=BEARER | {"Origin": origin}).status_code == 200


@pytest.mark.parametrize("origin", ["*", "localhost:3000", "http://a/b", "https://*.example"])
def test_an_origin_that_is_none_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(ConfigError, match="is no origin"):
        validated(WorldConfig, {"cors": (origin,)}, "serve")


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/worlds/scifi/entries"])
def test_a_request_that_is_too_long_is_413(running: SimpleNamespace, announced: bool, path: str) -> None:
    body = b'{"model": "base", "prompt": "' + b"a" * LIMIT + b'"}'
    content = body if announced else iter([body[:LIMIT], body[LIMIT:]])
    headers = BEARER | {"Content-Type": "application/json"}
    before = len(running.upstream.asked)
    answer = running.client.post(path, content=content, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"
    assert "--max-request-bytes" in answer.json()["error"]["message"]
    assert len(running.upstream.asked) == before


def test_a_request_that_just_fits_is_passed_on(running: SimpleNamespace) -> None:
    empty = b'{"model": "base", "stream": true, "messages": [{"role": "user", "content": "%s"}]}'
    body = empty % (b"a" * (LIMIT - len(empty) + 2))
    assert len(body) == LIMIT
    answer = running.client.post("/v1/chat/completions", content=iter([body[:99], body[99:]]), headers=BEARER)
    assert answer.content == b"".join(EVENTS)
