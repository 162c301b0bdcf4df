"""Each recipe of docs/editors.md works: read from the page, and asked with what that program sends."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from rag_processes import EVENTS, USAGE, Upstream, free_port, world_here

from style_tuner.config import WorldConfig
from style_tuner.records import Entry
from style_tuner.workspace import Workspace

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "editors.md").read_text(encoding="utf-8")
WORLD = "scifi_world"
ELENA = Entry("elena", "Elena Voss", "Her left arm is brass.", "character", ("Elena",))
SCENE = "Write the scene in which Elena comes home."
TOOL = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Read a file of the folder.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}
AGENTS_TURNS = [
    {"role": "system", "content": "You are an assistant in an editor."},
    {"role": "user", "content": [{"type": "text", "text": "<context>chapter.md</context>"}]},
    {"role": "user", "content": [{"type": "text", "text": SCENE}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": "Chapter 3"},
]


def recipe(name: str) -> str:
    """Return the block of code that the page gives for a program."""
    found = re.search(rf"<!-- recipe: {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    place, port = Workspace(tmp_path_factory.mktemp("editors"), "default"), free_port()
    config = WorldConfig(model_url=f"http://127.0.0.1:{port}/v1")
    with (
        world_here(place, config) as (url, worlds),
        Upstream(port) as upstream,
        httpx.Client(trust_env=False, timeout=20) as client,
    ):
        worlds.put(WORLD, [ELENA])
        yield SimpleNamespace(url=url, client=client, upstream=upstream)


def here(running: SimpleNamespace, url: str) -> str:
    """Return an address of the page with the port where the service runs now."""
    assert url.startswith("http://localhost:8001/v1"), url
    return url.replace("http://localhost:8001", running.url)


def send(running: SimpleNamespace, url: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    """Send a program's request and check that it was answered with the facts of the recipe's world."""
    answer = running.client.post(here(running, url), json=body, headers={"Authorization": "Bearer none", **headers})
    assert answer.status_code == 200, answer.text
    assert "Elena%20Voss" in answer.headers["x-world-sources"]
    came = running.upstream.asked[-1]
    assert came["model"] == "base"
    told = came.get("prompt") or json.dumps(came["messages"])
    assert "Her left arm is brass." in told
    passed = {key: value for key, value in body.items() if key not in ("model", "messages", "prompt")}
    assert {key: came[key] for key in passed} == passed
    if body.get("stream"):
        asked_for_usage = (body.get("stream_options") or {}).get("include_usage")
        assert answer.content == b"".join([*EVENTS[:-1], *([USAGE] if asked_for_usage else []), EVENTS[-1]])
    return answer


def test_vscode_asks_as_an_agent_with_tools_and_parts(running: SimpleNamespace) -> None:
    (endpoint,) = json.loads(recipe("vscode"))
    assert (endpoint["vendor"], endpoint["apiType"]) == ("customendpoint", "chat-completions")
    (model,) = endpoint["models"]
    body = {"model": model["id"], "messages": AGENTS_TURNS, "stream": True, "n": 1, "temperature": 0.1, "top_p": 1}
    body |= {"tools": [TOOL], "tool_choice": "auto", "stream_options": {"include_usage": True}}
    send(running, model["url"], body | {"max_completion_tokens": model["maxOutputTokens"]})
    turns = running.upstream.asked[-1]["messages"]
    assert turns[2]["content"][-1] == AGENTS_TURNS[2]["content"][0]  # the facts came before the request, as a part
    assert turns[3:] == AGENTS_TURNS[3:]
    assert turns[1] == AGENTS_TURNS[1]


def test_continue_chats_and_completes_as_one_types(running: SimpleNamespace) -> None:
    chat, typing = yaml.safe_load(recipe("continue"))["models"]
    assert {chat["provider"], typing["provider"]} == {"openai"}
    turns = [
        {"role": "system", "content": "Your name is Continue."},
        {"role": "user", "content": [{"type": "text", "text": SCENE}]},
    ]
    body = {"model": chat["model"], "messages": turns, "max_tokens": 4096, "stream": True}
    send(running, f"{chat['apiBase']}/chat/completions", body | {"stream_options": {"include_usage": True}})
    assert typing["useLegacyCompletionsEndpoint"]
    body = {"model": typing["model"], "prompt": "Elena opened the ", "suffix": "\n\nNobody was there.", "stream": True}
    body |= {"max_tokens": 256, "temperature": 0.01, "stop": ["\n\n"]}
    send(running, f"{typing['apiBase']}/completions", body)
    assert running.upstream.asked[-1]["prompt"].endswith("\n\nElena opened the ")


def test_open_webui_lists_the_models_chats_and_asks_for_a_title(running: SimpleNamespace) -> None:
    base = yaml.safe_load(recipe("openwebui"))["URL"]
    listed = running.client.get(here(running, f"{base}/models"), headers={"X-OpenWebUI-User-Id": "1"}).json()
    assert f"base@{WORLD}" in [model["id"] for model in listed["data"]]
    turns = [{"role": "user", "content": SCENE}]
    body = {"model": f"base@{WORLD}", "messages": turns, "stream": True, "stream_options": {"include_usage": True}}
    send(running, f"{base}/chat/completions", body)
    title = [{"role": "user", "content": f"Give this chat a title of 3 to 5 words: {SCENE}"}]
    body = {"model": f"base@{WORLD}", "messages": title, "stream": False, "max_completion_tokens": 1000}
    send(running, f"{base}/chat/completions", body)


def test_sillytavern_checks_the_models_and_chats_with_its_samplers(running: SimpleNamespace) -> None:
    settings = yaml.safe_load(recipe("sillytavern"))
    base, model = settings["Custom Endpoint (Base URL)"], settings["Model ID"]
    assert running.client.get(here(running, f"{base}/models")).status_code == 200
    turns = [
        {"role": "system", "content": "Write Elena's next reply."},
        {"role": "assistant", "content": "Who is there?"},
        {"role": "user", "content": "Elena opens the door.", "name": "Author"},
        {"role": "system", "content": "[Start a new chat]"},
    ]
    body = {"model": model, "messages": turns, "stream": True, "max_tokens": 300, "temperature": 1, "top_p": 1}
    body |= {"presence_penalty": 0, "frequency_penalty": 0, "stop": [], "logit_bias": {}, "n": 1}
    send(running, f"{base}/chat/completions", body)
    plain = {"model": model, "prompt": "Elena opens the door.", "stream": True, "max_tokens": 300, "n": 1}
    plain |= {"min_p": 0.05, "top_k": 0, "repetition_penalty": 1.1, "truncation_length": 8192, "stop": ["\nAuthor:"]}
    send(running, f"{base}/completions", plain)


def test_the_python_of_the_page_runs(running: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    """With the real `openai` library; only the port is another one."""
    code = recipe("python").replace("http://localhost:8001", running.url)
    exec(compile(code, "editors.md", "exec"), {})
    assert capsys.readouterr().out == "Said.\n"
    assert "brass" in json.dumps(running.upstream.asked[-1]["messages"])


def test_what_the_openai_library_sends_beside_that_is_passed_on(running: SimpleNamespace) -> None:
    developer = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": SCENE}]
    body = {"model": f"base@{WORLD}", "messages": developer, "store": False, "n": 2, "max_completion_tokens": 9}
    body |= {"response_format": {"type": "json_object"}, "metadata": {"run": "1"}, "user": "author", "logprobs": True}
    body |= {"parallel_tool_calls": False, "reasoning_effort": "low", "seed": 1, "service_tier": "auto"}
    send(running, "http://localhost:8001/v1/chat/completions", body, **{"x-stainless-lang": "python"})
    assert running.upstream.asked[-1]["messages"][0] == developer[0]
    for name in ("base", f"base@{WORLD}#12"):
        found = running.client.get(f"{running.url}/v1/models/{name.replace('#', '%23')}").json()
        assert (found["id"], found["object"]) == (name, "model")


def test_the_curl_of_the_page_is_answered(running: SimpleNamespace) -> None:
    command = shlex.split(recipe("curl"))
    assert command[0] == "curl"
    send(running, command[1], json.loads(command[command.index("-d") + 1]))


def test_the_javascript_of_the_page_is_answered(running: SimpleNamespace) -> None:
    code = recipe("javascript")
    url, body = re.search(r'fetch\("(.*?)"', code), re.search(r"JSON\.stringify\((\{.*?\})\)", code)
    assert url is not None
    assert body is not None
    answer = send(running, url[1], json.loads(body[1]), Origin=running.url)
    assert "access-control-allow-origin" not in answer.headers


def test_the_page_names_the_limits_and_the_headers_that_hold() -> None:
    from rag.front.guard import SHOWN_HEADERS
    from rag.routes.openai import SOURCES_LENGTH

    defaults = WorldConfig()
    assert f"`--max-request-bytes` ({defaults.max_request_bytes // 2**20} MiB)" in PAGE
    assert f"`--reply-seconds` ({defaults.reply_seconds:.0f})" in PAGE
    assert f"{SOURCES_LENGTH:,} characters" in PAGE
    assert all(f"`{name}`" in PAGE for name in SHOWN_HEADERS)
    assert f"--port {defaults.port}" in PAGE
