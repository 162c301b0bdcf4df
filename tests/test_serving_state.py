"""A process that has ended counts as gone before its parent, which may be the page, has taken note of it."""

import os
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest

from style_tuner.processes import process_start
from style_tuner.serving.state import ask_to_end, end_group


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
