"""Where the model server is, and which fields of a request it takes."""

from pathlib import Path

import httpx
import pytest
from rag_processes import world_service

from rag.front.relay import _down
from rag.front.upstream import TAKEN_BY_TRANSFORMERS, USUAL_URL, ModelServer, completed, model_server
from style_tuner.workspace import write_json

HERE = {"url": "http://127.0.0.1:18123/v1", "engine": "transformers", "context_length": 1024, "health": "up"}


def test_the_server_of_this_home_is_followed_to_another_port(tmp_path: Path) -> None:
    assert model_server(tmp_path, None) == ModelServer(USUAL_URL)
    write_json(tmp_path / "model.json", HERE)
    assert model_server(tmp_path, None) == ModelServer(HERE["url"], "transformers", 1024)
    write_json(tmp_path / "model.json", HERE | {"url": "http://127.0.0.1:18124/v1", "engine": "vllm"})
    assert model_server(tmp_path, None) == ModelServer("http://127.0.0.1:18124/v1", "vllm", 1024)
    write_json(tmp_path / "model.json", HERE | {"health": "stopped"})
    assert model_server(tmp_path, None) == ModelServer(USUAL_URL, ended=HERE["url"])
    assert model_server(tmp_path, "http://gpu:8000/v1") == ModelServer("http://gpu:8000/v1")


def test_where_no_server_answers_the_one_that_ran_last_is_named() -> None:
    assert f"The model server at {USUAL_URL} does not answer" in _down(ModelServer(USUAL_URL))
    said = _down(ModelServer(USUAL_URL, ended=HERE["url"]))
    assert HERE["url"] in said and USUAL_URL in said and "style_tuner serve" in said


def test_a_given_server_stays_and_is_known_where_it_is_the_one_of_this_home(tmp_path: Path) -> None:
    write_json(tmp_path / "model.json", HERE)
    assert model_server(tmp_path, "http://gpu:8000/v1/") == ModelServer("http://gpu:8000/v1")
    assert model_server(tmp_path, HERE["url"] + "/").engine == "transformers"


def test_only_transformers_gets_the_fields_that_it_takes() -> None:
    fields = {"model": "base", "prompt": ["One."], "n": 2, "best_of": 2, "anything": None}
    assert ModelServer("x", "vllm").takes("/completions", fields) == fields
    assert ModelServer("x").takes("/completions", fields) == fields
    assert ModelServer("x", "transformers").takes("/completions", fields) == {"model": "base", "prompt": "One."}


def test_the_installed_transformers_takes_these_fields_and_no_others_of_weight() -> None:
    from transformers.cli.serving import chat_completion, completion

    chat, plain = chat_completion.ChatCompletionHandler, completion.CompletionHandler
    unread = {  # in OpenAI's schema, and not looked at
        "moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier",
        "verbosity", "logit_bias",
    }  # fmt: skip
    for path, handler in (("/chat/completions", chat), ("/completions", plain)):
        known = handler._valid_params_class.__mutable_keys__ - handler._unused_fields
        assert TAKEN_BY_TRANSFORMERS[path] <= known
        assert known - TAKEN_BY_TRANSFORMERS[path] <= unread


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://127.0.0.1:8455", "http://127.0.0.1:8455/v1"),
        ("http://127.0.0.1:8455/", "http://127.0.0.1:8455/v1"),
        ("http://127.0.0.1:8455/v1", "http://127.0.0.1:8455/v1"),
        ("https://gpu/llm/api/v1/", "https://gpu/llm/api/v1/"),
    ],
)
def test_an_address_without_a_path_gets_the_usual_one(given: str, asked: str) -> None:
    assert completed(given) == asked


def test_the_command_says_that_it_completes_the_address(tmp_path: Path) -> None:
    with world_service(tmp_path, "--model-url", "http://127.0.0.1:8455") as (url, _):
        assert httpx.get(url + "/health", trust_env=False).json()["model_url"] == "http://127.0.0.1:8455/v1"
    assert "asked at http://127.0.0.1:8455/v1: http://127.0.0.1:8455 has no path" in (
        tmp_path / "service.log"
    ).read_text(encoding="utf-8")
