"""The model server with the transformers engine: names, streaming, crash and recovery, a clean end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from rag_processes import Upstream
from serving_models import make_voice

from style_tuner import jobs
from style_tuner.config import STARTER_MODEL, SamplingConfig, ServingConfig
from style_tuner.errors import ServerError
from style_tuner.processes import find_process
from style_tuner.records import Message
from style_tuner.serving import client, server
from style_tuner.serving.state import ServerState
from style_tuner.workspace import Workspace, read_json, write_json

REQUEST = (Message("user", "Write a scene."),)
GREEDY = SamplingConfig(temperature=0, max_tokens=24)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_voice(tmp_path_factory.getbasetemp() / "voice")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("serving"), "default")


@pytest.fixture(scope="module")
def started(place: Workspace, voice: Path) -> Iterator[None]:
    server.start(place, ServingConfig(port=free_port(), engine="transformers"), str(STARTER_MODEL), {"my-voice": voice})
    yield
    server.stop(place)


@pytest.fixture
def running(place: Workspace, started: None) -> ServerState:
    return server.wait_until_up(place, 120)


def test_temperature_counts_for_a_model_whose_own_settings_do_not_sample(
    place: Workspace, running: ServerState
) -> None:
    """The voice was merged without a `generation_config.json` of its own that samples: the server turns it on."""
    warm = SamplingConfig(temperature=1.5, max_tokens=24)
    texts = {client.complete_chat(running.url, "my-voice", REQUEST, warm, seed).text for seed in (1, 2, 3)}
    assert len(texts) == 3


def test_a_second_start_is_refused_while_the_server_runs(place: Workspace, running: ServerState) -> None:
    with pytest.raises(ServerError, match=f"already running at {running.url}"):
        server.start(place, ServingConfig(port=free_port(), engine="transformers"), str(STARTER_MODEL), {})


def test_a_given_address_is_used_and_never_stopped(workspace: Workspace, running: ServerState) -> None:
    used = server.use_url(workspace, running.url.removesuffix("/v1"))
    assert used.external
    assert sorted(used.models) == ["base", "my-voice"]
    with pytest.raises(ServerError, match="is in use"):
        server.start(workspace, ServingConfig(port=free_port()), str(STARTER_MODEL), {})
    server.stop(workspace)
    assert server.state(workspace) is None
    assert client.list_models(running.url) == ["base", "my-voice"]


def test_command_line_tells_what_serves(place: Workspace, running: ServerState) -> None:
    environment = os.environ | {"STYLE_TUNER_HOME": str(place.home)}
    command = [sys.executable, "-m", "style_tuner", "serve", "--detach", "--port", str(free_port())]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1
    assert f"already running at {running.url}" in refused.stderr
    nowhere = f"http://127.0.0.1:{free_port()}"
    for fault, arguments in (
        ("no/such/model", ["no/such/model"]),
        ("no/voice", ["--voice", "elena=no/voice"]),
        (nowhere, ["--url", nowhere]),
    ):
        refused = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True)
        assert fault in refused.stderr
        assert "running" not in refused.stderr


def test_stop_leaves_no_process_and_no_open_port(place: Workspace, running: ServerState) -> None:
    family = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
    assert len(family) >= 2
    environment = os.environ | {"STYLE_TUNER_HOME": str(place.home)}
    command = [sys.executable, "-m", "style_tuner", "serve", "--stop"]
    stopped = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert stopped.stdout == f"Stopped the model server at {running.url}.\n"
    again = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True)
    assert json.loads(again.stdout) == {"stopped": None}
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert server.state(place) is None
    with pytest.raises(ServerError, match="No server answers .* start it"):
        client.complete_chat(running.url, "base", REQUEST, GREEDY)
    with pytest.raises(ServerError, match="not running"):
        server.wait_until_up(place, 1)


def test_a_killed_supervisor_is_told_of_and_its_engine_ended(workspace: Workspace, voice: Path) -> None:
    with jobs.job(workspace, "train") as run:
        shutil.copytree(voice / "adapter", run.folder / "adapter")
    server.start(workspace, ServingConfig(port=free_port(), engine="transformers"), str(STARTER_MODEL))
    while (started := server.state(workspace)) is None or started.engine_pid is None:
        time.sleep(0.05)
    assert started.pid is not None
    assert f"Not served: {run.folder.name} (" in started.message
    os.kill(started.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(started.pid)], timeout=5)
    found = server.state(workspace)
    assert found is not None
    assert found.health == "failed"
    assert "ended without a word" in found.message
    assert find_process(found.engine_pid, found.engine_start) is not None
    server.stop(workspace)
    assert find_process(found.engine_pid, found.engine_start) is None
    assert server.state(workspace) is None


def test_a_server_started_again_says_what_it_does_not_serve_and_has_the_voices_of_since(
    workspace: Workspace, voice: Path
) -> None:
    with jobs.job(workspace, "train") as run:
        shutil.copytree(voice / "adapter", run.folder / "adapter")
    config = ServingConfig(port=free_port(), engine="transformers")
    try:
        first = server.start(workspace, config, str(STARTER_MODEL))
        server.stop(workspace)
        again = server.restart(workspace, first)
        server.stop(workspace)
        with jobs.job(workspace, "train") as later:
            shutil.copytree(STARTER_MODEL, later.folder / "merged")
        latest = server.restart(workspace, again)
    finally:
        server.stop(workspace)
    assert first.message == f"Not served: {run.folder.name} (merge first, or another base model)."
    assert again.message == first.message
    assert list(again.models) == ["base"]
    assert list(latest.models) == ["base", later.folder.name]


def test_a_port_in_use_is_refused_before_anything_starts(workspace: Workspace) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port} .*process {os.getpid()}.*--port {port + 10}"):
            server.start(workspace, ServingConfig(port=port, engine="transformers"), str(STARTER_MODEL), {})
    assert server.state(workspace) is None


def test_the_gpu_is_not_taken_from_a_training_run(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 5090, 3174, 32607'\n", encoding="utf-8")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    workspace.home.mkdir(parents=True)
    with FileLock(workspace.gpu_lock), pytest.raises(ServerError, match="A training run holds the GPU"):
        server.start(workspace, ServingConfig(port=free_port(), engine="transformers"), str(STARTER_MODEL), {})
    assert server.state(workspace) is None


def test_a_model_that_cannot_be_loaded_fails_with_its_reason(workspace: Workspace, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in STARTER_MODEL.iterdir():
        if file.suffix in (".json", ".jinja"):
            (broken / file.name).write_bytes(file.read_bytes())
    shutil.copy(STARTER_MODEL / "model.safetensors", broken)
    write_json(broken / "config.json", read_json(broken / "config.json") | {"vocab_size": 9})
    server.start(workspace, ServingConfig(port=free_port(), engine="transformers"), str(broken), {})
    with pytest.raises(ServerError, match=f"'base' in {broken} cannot be loaded: "):
        server.wait_until_up(workspace, 120)
    found = server.state(workspace)
    assert found is not None
    assert found.health == "failed"
    assert not found.running
    ended = find_process(found.pid, found.process_start)
    assert ended is None or ended.wait(10) is not None


def test_a_base_with_two_names_is_listed_once(workspace: Workspace) -> None:
    port = free_port()
    with Upstream(port):
        used = server.use_url(workspace, f"http://127.0.0.1:{port}")
        assert list(used.models) == ["base", "broken"]
        assert client.list_models(used.url) == ["base", "broken", "meta/llama"]


def test_an_address_where_nothing_answers_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServerError, match=f"{address}/v1 does not answer"):
        server.use_url(workspace, address)
    monkeypatch.setenv("MODEL_SERVER_URL", address)
    found = server.state(workspace)
    assert found is not None
    assert (found.external, found.health) == (True, "failed")
    assert "unset MODEL_SERVER_URL" in found.message
