"""Runs of the page seen and stopped from a shell; what a run takes, without beginning one."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from style_tuner import jobs
from style_tuner.__main__ import app
from style_tuner.workspace import PROJECT_ROOT, open_workspace


def invoke(*arguments):
    return CliRunner().invoke(app, [*arguments])


STEPS = """
import sys, time
from style_tuner import jobs, workspace
place = workspace.open_workspace()
with jobs.job(place, "train") as own:
    for step in range(10_000):
        own.report(step, 10_000, "training")
        if own.stop_requested() and "deaf" not in sys.argv:
            own.stopped, own.message = True, "Stopped at your word."
            break
        time.sleep(0.05)
"""


@pytest.fixture
def begin():
    """Start a run in a process of its own that goes on until it is stopped; a deaf one until it is killed."""
    processes = []

    def started(*arguments):
        workspace = open_workspace()
        processes.append(subprocess.Popen([sys.executable, "-c", STEPS, *arguments], cwd=PROJECT_ROOT))
        while not (found := jobs.runs(workspace)) or not jobs.metrics(workspace, found[0].id):
            assert processes[0].poll() is None
            time.sleep(0.05)
        return workspace, found[0].id

    yield started
    for process in processes:
        process.kill()
        process.wait()


def test_a_run_is_listed_while_it_goes_and_stops_when_it_is_told(begin):
    workspace, run = begin()
    listed = json.loads(invoke("runs", "--json").stdout)
    assert [(one["id"], one["status"]) for one in listed] == [(run, "running")]
    assert "of 10000" in invoke("runs", "--stage", "train").stdout
    assert invoke("runs", "--stage", "merge").stdout.strip() == "No runs yet."
    assert "Stopped at your word" in invoke("stop", run).stdout
    assert jobs.load(workspace, run).status == "stopped"
    assert "over already" in invoke("stop", run).stdout


def test_a_run_that_does_not_listen_is_ended_at_once(begin):
    workspace, run = begin("deaf")
    assert "at your word" in json.loads(invoke("stop", run, "--now", "--json").stdout)["message"]
    assert not jobs.is_alive(jobs.load(workspace, run))


def test_an_unknown_run_is_named():
    open_workspace()
    assert "no-such-run" in str(invoke("stop", "no-such-run").exception)


def test_needs_lists_every_size_and_method_and_what_the_guides_say_of_them():
    found = json.loads(invoke("needs", "--rows", "200", "--json").stdout)
    assert {one["model"] for one in found["needs"]} == {"7B", "8B", "14B", "32B"}
    assert len({one["method"] for one in found["needs"]}) == 4
    assert "300 passages" in " ".join(found["advice"]["sentences"])
    said = invoke("needs", "--gpu", "RTX 5090").stdout
    assert "does not fit 32 GB" in said and "style guide: 8B, QLoRA" in said


def test_needs_names_the_gpus_it_knows():
    done = invoke("needs", "--gpu", "Voodoo 2")
    assert done.exit_code == 2
    assert "RTX 5090" in done.output


def test_a_training_that_is_asked_to_end_by_the_system_stops_as_when_told(begin):
    workspace, run = begin()
    os.kill(jobs.load(workspace, run).pid, signal.SIGTERM)
    while jobs.load(workspace, run).status == "running":
        time.sleep(0.05)
    assert jobs.load(workspace, run).message == "Stopped at your word."
