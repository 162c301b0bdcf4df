import json
import os
import signal
import subprocess
import sys
import time

import pytest

from rag.service import asking, running_url, state_file
from style_tuner.workspace import PROJECT_ROOT, Workspace


def started(workspace: Workspace, world: str = "scifi") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "rag", "serve", world, "--port", "0"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"STYLE_TUNER_HOME": str(workspace.home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not state_file(workspace).is_file() or running_url(workspace) is None:
        assert process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_service_that_is_stopped_leaves_nothing_behind(workspace: Workspace, sign: signal.Signals) -> None:
    process = started(workspace)
    process.send_signal(sign)
    assert process.wait(timeout=60) == 0
    assert not state_file(workspace).exists()
    assert not (workspace.worlds / "owner.json").exists()


def test_killed_service_does_not_count_and_its_worlds_can_be_opened(workspace: Workspace) -> None:
    process = started(workspace)
    process.kill()
    assert "new, empty world 'scifi'. Fill it" in process.communicate(timeout=60)[1]
    assert json.loads(state_file(workspace).read_text())["pid"] == process.pid
    assert running_url(workspace) is None
    with asking(workspace, 0) as ask:
        [world] = ask("GET", "/worlds", None)["worlds"]
        assert (world["name"], world["entries"]) == ("scifi", 0)
    process = started(workspace, "sifi")
    process.terminate()
    assert "Made a new, empty world 'sifi'; there are: scifi." in process.communicate(timeout=60)[1]
