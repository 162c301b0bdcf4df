"""Real parts only: notes, index, the World service, a model server with the starter model, the `openai` client."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import httpx
import openai
import psutil
import pytest
from rag_processes import free_port, world_service

from style_tuner.config import STARTER_MODEL, ServingConfig
from style_tuner.serving import server
from style_tuner.workspace import PROJECT_ROOT, Workspace

NOTES = {
    "elena.md": "---\nname: Elena Voss\nkind: character\naliases: [Elena]\n---\nHer left arm is made of brass.",
    "bar.md": "# The Perihelion\n\nA bar on the lower ring where tired crews drink synthetic gin.",
    "tone.md": "---\nname: Tone\nkind: rule\nalways_on: true\n---\nThe story is told in the past tense.",
    "tax.md": "# Harbour tax\n\nLevied on each barrel of fish that is landed at the northern quay.",
}
ASK = {
    "model": "base",
    "messages": [{"role": "user", "content": "Write a scene where Elena orders a drink."}],
    "temperature": 0,
    "max_tokens": 24,
}


def sources(headers: httpx.Headers) -> list[str]:
    return json.loads(unquote(headers["x-world-sources"]))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = Workspace(tmp_path_factory.mktemp("rag"), "default")
    server.start(place, ServingConfig(port=free_port(), engine="transformers"), str(STARTER_MODEL), {})
    yield place
    server.stop(place)


@pytest.fixture(scope="module")
def indexed(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Index the notes and search them where nothing but loopback can be reached and all that leaves is seen."""
    notes, report = tmp_path_factory.mktemp("notes"), tmp_path_factory.mktemp("report") / "left.txt"
    for name, text in NOTES.items():
        (notes / name).write_text(text, encoding="utf-8")
    commands = [["index", "harbour", "--input", str(notes), "--json"]]
    commands += [["search", "harbour", "Elena orders gin", "--json"]]
    both = f"from rag.__main__ import app\nfor command in {commands}: app(command, standalone_mode=False)"
    ran = subprocess.run(
        [sys.executable, "tests/offline.py", str(report), sys.executable, "-c", both],
        cwd=PROJECT_ROOT,
        env=os.environ | {"STYLE_TUNER_HOME": str(workspace.home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ran.returncode == 0, ran.stderr
    done, found = map(json.loads, ran.stdout.splitlines())
    return SimpleNamespace(done=done, found=found, left=Path(report).read_text())


@pytest.fixture(scope="module")
def proxy(workspace: Workspace, indexed: SimpleNamespace) -> Iterator[str]:
    model_url = server.wait_until_up(workspace, 180).url
    with world_service(workspace.home, "harbour", "--model-url", model_url) as (url, _):
        yield url


def test_index_and_search_need_no_network_and_try_none(indexed: SimpleNamespace) -> None:
    assert [indexed.done[key] for key in ("world", "imported", "unchanged", "skipped")] == ["harbour", 4, 0, []]
    assert [(hit["entry"]["name"], hit["reason"]) for hit in indexed.found["hits"]] == [
        ("Tone", "always-on"),
        ("Elena Voss", "mention"),
        ("The Perihelion", "meaning"),
    ]
    assert indexed.left == ""


def test_openai_client_streams_and_gets_the_same_text_in_one_piece(proxy: str) -> None:
    client = openai.OpenAI(base_url=proxy + "/v1", api_key="EMPTY", max_retries=0)
    whole = client.chat.completions.with_raw_response.create(**ASK)
    assert sources(whole.headers) == ["Tone", "Elena Voss", "The Perihelion"]
    text = whole.parse().choices[0].message.content
    assert len(text.split()) > 5
    streamed = client.chat.completions.with_raw_response.create(**ASK, stream=True)
    assert sources(streamed.headers) == sources(whole.headers)
    pieces = [chunk.choices[0].delta.content or "" for chunk in streamed.parse() if chunk.choices]
    assert sum(1 for piece in pieces if piece) > 3
    assert "".join(pieces).strip() == text.strip()


def test_facts_reach_the_model_and_no_world_leaves_it_alone(proxy: str, workspace: Workspace) -> None:
    behind = openai.OpenAI(base_url=server.wait_until_up(workspace).url, api_key="EMPTY")
    client = openai.OpenAI(base_url=proxy + "/v1", api_key="EMPTY")
    plain = behind.chat.completions.create(**ASK).choices[0].message.content
    without = client.chat.completions.create(**ASK, extra_headers={"X-World": "none"}).choices[0].message.content
    informed = client.chat.completions.create(**ASK).choices[0].message.content
    shown = httpx.post(f"{proxy}/worlds/harbour/prompt", json={"messages": ASK["messages"]}, trust_env=False).json()
    by_hand = behind.chat.completions.create(**ASK | {"messages": shown["messages"]}).choices[0].message.content
    assert plain == without
    assert informed == by_hand
    assert informed != plain


def test_models_are_listed_and_refusals_reach_the_client(proxy: str) -> None:
    client = openai.OpenAI(base_url=proxy + "/v1", api_key="EMPTY", max_retries=0)
    assert "base" in [model.id for model in client.models.list()]
    with pytest.raises(openai.NotFoundError, match="no world named 'desert'"):
        client.chat.completions.create(**ASK, extra_headers={"X-World": "desert"})
    with pytest.raises(openai.NotFoundError, match="no model 'nobody'; it has: base"):
        client.chat.completions.create(**ASK | {"model": "nobody"})


def test_fields_that_the_engine_would_refuse_or_ignore_are_left_out_and_named(proxy: str) -> None:
    """Editors send them with every request; `transformers serve` answers 422 to the first of these."""
    client = openai.OpenAI(base_url=proxy + "/v1", api_key="EMPTY", max_retries=0)
    answer = client.chat.completions.with_raw_response.create(
        **ASK, n=2, store=False, stream_options={"include_usage": True}, extra_body={"no_such_field": 1}
    )
    assert answer.headers["x-world-fields-left-out"] == "n, no_such_field, store, stream_options"
    assert len(answer.parse().choices) == 1


def test_a_plain_completion_goes_on_with_the_text_and_tells_its_usage(proxy: str) -> None:
    client = openai.OpenAI(base_url=proxy + "/v1", api_key="EMPTY", max_retries=0)
    asked = {"model": "base@harbour", "prompt": "Elena orders a drink.", "max_tokens": 12, "temperature": 0}
    whole = client.completions.with_raw_response.create(**asked)
    assert sources(whole.headers) == ["Tone", "Elena Voss", "The Perihelion"]
    assert whole.parse().usage.completion_tokens == 12
    chunks = list(client.completions.create(**asked, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks).strip() == whole.parse().choices[0].text.strip()
    without = client.completions.create(**asked | {"model": "base@none"})
    assert whole.parse().usage.prompt_tokens > without.usage.prompt_tokens + 20


def test_the_engine_stops_when_the_client_leaves(proxy: str, workspace: Workspace) -> None:
    """Measured by the engine's processor time, which a busy machine does not change."""
    engine = psutil.Process(server.wait_until_up(workspace).engine_pid)
    client = openai.OpenAI(base_url=proxy + "/v1", api_key="EMPTY", max_retries=0)

    def work(pieces: int | None) -> float:
        before = seconds(engine)
        stream = client.chat.completions.create(**ASK | {"max_tokens": 250, "model": "base@none"}, stream=True)
        for _ in islice(stream, pieces):
            pass
        stream.close()
        while (now := seconds(engine)) - before == 0 or now != (time.sleep(0.5) or seconds(engine)):
            pass
        return now - before

    assert work(None) > 3 * work(5)


def seconds(process: psutil.Process) -> float:
    """Processor time to a tenth, which an idle engine does not use in half a second."""
    return round(sum(process.cpu_times()[:2]), 1)
