"""The registry and the bin from a shell: the same as on the tab Models."""

import json

import pytest
from test_registry import trained
from typer.testing import CliRunner

from style_tuner.__main__ import app
from style_tuner.errors import JobError
from style_tuner.workspace import Workspace


@pytest.fixture
def ask(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STYLE_TUNER_HOME", str(workspace.home))

    def run(*arguments: str):
        done = CliRunner().invoke(app, [*arguments, "--json"])
        if done.exception:
            raise done.exception
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


def test_a_run_is_named_noted_pinned_and_listed(workspace: Workspace, ask) -> None:
    run = trained(workspace)
    assert ask("label", run, "--name", "Third try", "--note", "Best so far.", "--pin")["pinned"] is True
    assert ask("label", run, "--unpin") == {"name": "Third try", "note": "Best so far.", "pinned": False}
    (row,) = ask("voices")
    assert (row["run"], row["name"], row["loss_before"], row["loss_after"]) == (run, "Third try", 4.0, 3.0)
    assert row["bytes"] > 1000


def test_two_runs_are_compared(workspace: Workspace, ask) -> None:
    one, other = trained(workspace), trained(workspace, lora_r=64)
    assert ["lora_r", "32", "64"] in ask("compare", one, other)


def test_what_is_cleaned_up_lies_in_the_bin_and_comes_back(workspace: Workspace, ask) -> None:
    run = trained(workspace)
    assert ask("clean-up") == {"bytes": 1500, "for_good": False, "interrupted_merges": []}
    lying = {one["name"]: one["id"] for one in ask("bin")}
    assert set(lying) == {"checkpoint-2", "earlier"}
    ask("bin", "--put-back", lying["checkpoint-2"])
    assert (workspace.runs / run / "checkpoints" / "checkpoint-2").is_dir()
    assert [one["name"] for one in ask("bin", "--delete", lying["earlier"])] == []
    ask("bin", "--add", run)
    with pytest.raises(JobError, match=run):
        ask("label", run, "--pin")
