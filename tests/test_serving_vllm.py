"""The real vLLM, in its own environment: base and adapter from one server, by name."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from serving_models import make_voice
from test_serving_server import GREEDY, REQUEST, free_port

from style_tuner.config import STARTER_MODEL, SamplingConfig, ServingConfig
from style_tuner.errors import ServerError
from style_tuner.serving import client, engines, server
from style_tuner.serving.state import ServerState
from style_tuner.workspace import Workspace


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("vllm"), "default")


@pytest.fixture(scope="module")
def running(place: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerState]:
    if engines.vllm_python() is None:
        pytest.fail("vLLM's environment is missing: run `make vllm`.")
    voice = make_voice(tmp_path_factory.getbasetemp() / "voice")
    config = ServingConfig(port=free_port(), engine="vllm", max_model_len=512)
    server.start(place, config, str(STARTER_MODEL), {"my-voice": voice / "adapter"})
    yield server.wait_until_up(place, 300)
    server.stop(place)


def test_vllm_base_and_voice_answer_by_name_and_differ(running: ServerState) -> None:
    assert running.engine == "vllm"
    assert {"base", "my-voice"} <= set(client.list_models(running.url))
    base, tuned = (client.complete_chat(running.url, name, REQUEST, GREEDY) for name in ("base", "my-voice"))
    assert base.words > 5
    assert base.text != tuned.text
    assert client.complete_chat(running.url, "base", REQUEST, GREEDY).text == base.text


def test_vllm_base_answers_the_same_beside_a_voice_as_alone(running: ServerState) -> None:
    """The CPU build gives a base request in a mixed batch the adapter of the last slot."""
    alone = {name: client.complete_chat(running.url, name, REQUEST, GREEDY).text for name in ("base", "my-voice")}
    names = ["base", "my-voice"] * 4
    with ThreadPoolExecutor(len(names)) as pool:
        together = pool.map(lambda name: client.complete_chat(running.url, name, REQUEST, GREEDY).text, names)
        for name, text in zip(names, together, strict=True):
            assert text.split()[:5] == alone[name].split()[:5]  # later words may differ: a batch rounds otherwise


def test_vllm_refuses_what_is_too_long_and_unknown_names(running: ServerState) -> None:
    with pytest.raises(ServerError, match="too long for 'base': shorten"):
        client.complete_chat(running.url, "base", REQUEST, SamplingConfig(max_tokens=2000))
    with pytest.raises(ServerError, match="no model 'nobody'; it has: base, "):
        client.complete_chat(running.url, "nobody", REQUEST, GREEDY)


def test_vllm_killed_and_stopped_leaves_no_process(place: Workspace, running: ServerState) -> None:
    """A killed vLLM leaves its core and worker behind, which hold the memory: they must go too."""
    assert running.engine_pid is not None
    family = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
    assert len(family) >= 4
    os.kill(running.engine_pid, signal.SIGKILL)
    server.stop(place)
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert server.state(place) is None
