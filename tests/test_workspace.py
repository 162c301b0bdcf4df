import errno
import os
from pathlib import Path

import pytest

from style_tuner.bin import move_to_bin
from style_tuner.errors import ConfigError, StorageError
from style_tuner.workspace import (
    Workspace,
    append_jsonl,
    existing_workspace,
    home_folder,
    new_folder,
    open_workspace,
    read_jsonl,
    read_tail,
    slug,
    workspace_names,
    write_text,
)


def test_the_home_is_named_by_the_environment_and_outside_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLE_TUNER_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.delenv("STYLE_TUNER_HOME")
    assert Path.cwd() not in home_folder().parents


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".hidden", "x" * 61])
def test_a_workspace_name_cannot_leave_its_folder(name: str) -> None:
    with pytest.raises(ConfigError, match="workspace name"):
        open_workspace(name)


def test_workspaces_are_listed_by_name(tmp_path: Path) -> None:
    (tmp_path / "workspaces" / "Elena novels").mkdir(parents=True)
    assert workspace_names(tmp_path) == ["Elena novels", "default"]


def test_a_full_disk_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.txt"
    write_text(path, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"full.*kept\.txt|kept\.txt.*full"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"]


def test_a_home_that_is_a_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    for attempt in (
        lambda: write_text(tmp_path / "home" / "x.txt", "words"),
        lambda: new_folder(tmp_path / "home" / "runs", "run"),
    ):
        with pytest.raises(StorageError, match=r"home.*STYLE_TUNER_HOME"):
            attempt()


def test_only_a_workspace_that_exists_is_worked_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STYLE_TUNER_HOME", str(tmp_path))
    assert existing_workspace("default").name == "default"
    with pytest.raises(ConfigError, match=r"no workspace 'novles'; there are: default"):
        existing_workspace("novles")


def test_a_new_folder_never_takes_one_that_exists(tmp_path: Path) -> None:
    assert [new_folder(tmp_path, "run").name for _ in range(3)] == ["run", "run-2", "run-3"]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_jsonl(path, {"step": 1})
    with path.open("a") as stream:
        stream.write('{"step": 2, "lo')
    assert read_jsonl(path) == [{"step": 1}]


def test_a_row_keeps_every_kind_of_line_break_in_its_text(tmp_path: Path) -> None:
    row = {"text": "one\u2028two\u2029three\x85four\nfive"}
    append_jsonl(tmp_path / "drafts.jsonl", row)
    assert read_jsonl(tmp_path / "drafts.jsonl") == [row]


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("\n".join(str(number) for number in range(100_000)))
    assert read_tail(path, 2) == "99998\n99999"


@pytest.mark.parametrize(("text", "name"), [("The Salt Road!", "the-salt-road"), ("Ünïcode", "unicode")])
def test_a_slug_is_file_safe(text: str, name: str) -> None:
    assert slug(text) == name
    assert slug("日本") and slug("日本") != slug("中国")


def test_what_is_deleted_lies_in_the_bin(workspace: Workspace) -> None:
    for _ in range(2):
        write_text(workspace.drafts / "draft.txt", "words")
        assert move_to_bin(workspace, workspace.drafts / "draft.txt").read_text() == "words"
    assert not (workspace.drafts / "draft.txt").exists()
    assert len(list(workspace.bin.iterdir())) == 2
