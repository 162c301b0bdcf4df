"""The model server's processes: how they are measured, and that one counts as gone before its parent takes note."""

import os
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest

from style_tuner.processes import process_start
from style_tuner.serving.load import Meter, last_load, load_file
from style_tuner.serving.state import ask_to_end, end_group
from style_tuner.workspace import Workspace


@pytest.fixture
def forgotten() -> Iterator[psutil.Process]:
    """A process whose parent never asks how it ended, so that it stays as a zombie."""
    command = ["setsid", "sh", "-c", "setsid sleep 1000 & echo $!; exec sleep 1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        while os.getpgid(child.pid) != child.pid:  # it leads its own group from the moment that it sleeps
            time.sleep(0.01)
        yield child
        child.kill()
        parent.kill()


def test_a_process_that_ended_is_not_waited_for(forgotten: psutil.Process) -> None:
    assert ask_to_end(forgotten, 5)
    assert forgotten.status() == psutil.STATUS_ZOMBIE


def test_a_group_that_ended_is_not_waited_for(forgotten: psutil.Process) -> None:
    end_group(forgotten.pid, process_start(forgotten.pid), seconds=3600)
    assert forgotten.status() == psutil.STATUS_ZOMBIE


def test_a_process_is_measured_and_the_figures_go_with_it(workspace: Workspace) -> None:
    meter = Meter(workspace, "http://127.0.0.1:1", counts=True)
    meter.look(os.getpid())
    found = last_load(workspace)
    assert found is not None
    assert found.memory > 10_000_000
    assert (found.running, found.waiting, found.tokens_per_second) == (None, None, None)  # nobody answers there
    meter.end()
    assert last_load(workspace) is None


def test_figures_that_cannot_be_written_end_nothing(workspace: Workspace) -> None:
    load_file(workspace).mkdir(parents=True)  # no file can take its place
    Meter(workspace, "http://127.0.0.1:1", counts=False).look(os.getpid())
    assert load_file(workspace).is_dir()
