"""The two commands that start the service: `scripts/serve_rag_proxy.sh WORLD` and `python -m rag serve WORLD`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from rag_processes import Upstream, free_port

from rag.service import running_url, state_file
from style_tuner.workspace import PROJECT_ROOT, Workspace, read_json, write_json

ASK = {"model": "base", "messages": [{"role": "user", "content": "Hello."}]}
SCRIPT = str(PROJECT_ROOT / "scripts" / "serve_rag_proxy.sh")


@pytest.mark.parametrize("command", [[SCRIPT], [sys.executable, "-m", "rag", "serve"]], ids=["script", "python"])
def test_a_world_is_served_at_a_port_in_front_of_the_models_of_this_home(
    workspace: Workspace, tmp_path: Path, command: Sequence[str]
) -> None:
    port, models = free_port(), free_port()
    write_json(workspace.servers / "model.json", {"url": f"http://127.0.0.1:{models}/v1", "health": "up"})
    process = subprocess.Popen(
        [*command, "scifi_world", "--port", str(port), "--reply-seconds", "5"],
        cwd=tmp_path if command == [SCRIPT] else PROJECT_ROOT,
        env=os.environ | {"STYLE_TUNER_HOME": str(workspace.home), "STYLE_TUNER_API_KEY": "key-1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while running_url(workspace) is None:
            assert process.poll() is None
            time.sleep(0.05)
        assert read_json(state_file(workspace))["world"] == "scifi_world"
        assert "key-1" not in state_file(workspace).read_text()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            assert client.get("/health").json()["model_url"] == f"http://127.0.0.1:{models}/v1"
            assert client.get("/v1/models").status_code == 401
            client.headers["Authorization"] = "Bearer key-1"
            assert client.get("/worlds").json()["worlds"][0]["name"] == "scifi_world"
            assert client.post("/v1/chat/completions", json=ASK).status_code == 503
            with Upstream(models) as upstream:
                assert client.post("/v1/chat/completions", json=ASK).status_code == 200
                assert [model["id"] for model in client.get("/v1/models").json()["data"]][:2] == [
                    "base",
                    "base@scifi_world",
                ]
                assert upstream.asked == [ASK]
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "key-1" not in said
    assert not state_file(workspace).exists()
