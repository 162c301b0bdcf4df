"""The bin: everything comes back to where it lay, and is deleted only when that is asked for."""

from pathlib import Path

import pytest

from style_tuner import bin as recycled
from style_tuner.errors import StorageError
from style_tuner.workspace import Workspace, write_text


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "default")


def binned(workspace: Workspace, name: str = "run-1") -> str:
    write_text(workspace.runs / name / "run.json", "x" * 500)
    recycled.move_to_bin(workspace, workspace.runs / name)
    return next(one.id for one in recycled.contents(workspace) if one.name == name)


def test_what_is_moved_to_the_bin_comes_back_as_it_was(workspace: Workspace) -> None:
    identity = binned(workspace)
    (one,) = recycled.contents(workspace)
    assert (one.name, one.lay, one.bytes) == ("run-1", workspace.runs / "run-1", 500)
    assert recycled.put_back(workspace, identity) == workspace.runs / "run-1"
    assert (workspace.runs / "run-1" / "run.json").read_text() == "x" * 500
    assert recycled.contents(workspace) == []


def test_nothing_that_is_there_now_is_replaced(workspace: Workspace) -> None:
    identity = binned(workspace)
    write_text(workspace.runs / "run-1" / "run.json", "new")
    with pytest.raises(StorageError, match="something of that name is there now"):
        recycled.put_back(workspace, identity)
    assert (workspace.runs / "run-1" / "run.json").read_text() == "new"
    assert len(recycled.contents(workspace)) == 1


def test_a_part_goes_back_only_where_its_whole_is(workspace: Workspace) -> None:
    state = workspace.runs / "run-1" / "checkpoints" / "checkpoint-2"
    write_text(state / "optimizer.pt", "x")
    recycled.move_to_bin(workspace, state)
    whole, (part,) = binned(workspace), [one for one in recycled.contents(workspace) if one.name == "checkpoint-2"]
    assert part.where == "runs/run-1/checkpoints"
    with pytest.raises(StorageError, match="put run-1 back first"):
        recycled.put_back(workspace, part.id)
    recycled.put_back(workspace, whole)
    assert recycled.put_back(workspace, part.id) == state


def test_only_what_is_named_is_deleted_for_good(workspace: Workspace) -> None:
    first, _ = binned(workspace), binned(workspace, "run-2")
    assert recycled.delete_for_good(workspace, [first]) == 500
    assert [one.name for one in recycled.contents(workspace)] == ["run-2"]
    with pytest.raises(StorageError, match="put back or deleted meanwhile"):
        recycled.delete_for_good(workspace, [first])


def test_a_name_that_leads_out_of_the_bin_is_refused(workspace: Workspace) -> None:
    binned(workspace)
    write_text(workspace.root / "kept" / "origin.json", "{}")
    with pytest.raises(StorageError, match="The bin holds no"):
        recycled.delete_for_good(workspace, ["../kept"])
    assert (workspace.root / "kept").is_dir()
