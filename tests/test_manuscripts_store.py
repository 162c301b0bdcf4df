import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from style_tuner.errors import ManuscriptError, StorageError
from style_tuner.manuscripts.store import delete_manuscript, import_file, list_manuscripts
from style_tuner.records import Removed
from style_tuner.workspace import Workspace, read_json, write_json

TEXT = "The Salt Road\r\n\r\nChapter One\r\n\r\nShe walked home — slowly.\r\n\r\nChapter Two\r\n\r\nThe end.\r\n"


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "Salt Road.txt"
    path.write_bytes(TEXT.encode("cp1252"))
    return path


def files(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_an_upload_is_kept_byte_for_byte_beside_its_cleaned_text(workspace: Workspace, upload: Path) -> None:
    manuscript = import_file(workspace, upload)
    folder = workspace.manuscripts / "salt-road" / "v0001"
    assert sorted(path.name for path in folder.iterdir()) == ["cleaned.txt", "manuscript.json", "original.txt"]
    assert (folder / "original.txt").read_bytes() == upload.read_bytes()
    assert (folder / "cleaned.txt").read_text(encoding="utf-8") == (
        "The Salt Road\n\nChapter One\n\nShe walked home — slowly.\n\nChapter Two\n\nThe end.\n"
    )
    chapters = read_json(folder / "manuscript.json")["chapters"]
    assert [(chapter["title"], chapter["words"]) for chapter in chapters] == [("Chapter One", 5), ("Chapter Two", 2)]
    assert list_manuscripts(workspace) == [manuscript]
    assert manuscript.source_name == "Salt Road.txt"


def test_what_was_taken_out_is_loaded_again_and_older_versions_do_without(workspace: Workspace, upload: Path) -> None:
    book = upload.with_suffix(".md")
    book.write_text("# One\n\nShe walked.[^1]\n\n[^1]: A note.\n", encoding="utf-8")
    manuscript = import_file(workspace, book)
    assert manuscript.removed == (Removed("A note.", "footnote", 0, 0, 11),)
    assert list_manuscripts(workspace) == [manuscript]
    place = workspace.manuscripts / manuscript.id / "v0001" / "manuscript.json"
    write_json(place, {key: value for key, value in read_json(place).items() if key != "removed"})
    assert list_manuscripts(workspace) == [replace(manuscript, removed=())]


def test_a_changed_upload_is_a_new_version_and_the_same_one_is_not(workspace: Workspace, upload: Path) -> None:
    first = import_file(workspace, upload)
    assert import_file(workspace, upload) == first
    before = files(workspace.manuscripts)
    upload.write_text(TEXT + "\nMore.\n", encoding="utf-8")
    second = import_file(workspace, upload)
    assert (second.id, second.version) == (first.id, 2)
    assert list_manuscripts(workspace) == [second]
    assert "Version 2 of “salt-road”: it takes the place of the one before, which is kept." in second.notes
    assert before.items() <= files(workspace.manuscripts).items()
    upload.write_bytes(TEXT.encode("cp1252"))
    assert import_file(workspace, upload).version == 3


def test_another_text_of_the_same_file_name_is_a_manuscript_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    texts = ("She walked home along the wall in the rain.", "It was noon, and nobody had come to the gate yet.")
    paths = [tmp_path / str(number) / "Chapter 1.txt" for number in range(2)]
    for path, text in zip(paths, texts, strict=True):
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
    first, second = (import_file(workspace, path) for path in paths)
    assert [(found.id, found.version) for found in (first, second)] == [("chapter-1", 1), ("chapter-1-2", 1)]
    assert any("“chapter-1”" in note and "kept beside it as “chapter-1-2”" in note for note in second.notes)
    assert list_manuscripts(workspace) == [first, second]
    assert [import_file(workspace, path) for path in paths] == [first, second]
    paths[1].write_text(f"{texts[1]} More of it.", encoding="utf-8")
    third = import_file(workspace, paths[1])
    assert (third.id, third.version) == ("chapter-1-2", 2)
    assert any("Version 2" in note for note in third.notes)


def test_the_name_of_an_upload_counts_not_that_of_its_temporary_copy(workspace: Workspace, upload: Path) -> None:
    manuscript = import_file(workspace, upload.rename(upload.with_name("blob")), "Über Salz.TXT")
    assert (manuscript.id, manuscript.source_name) == ("uber-salz", "Über Salz.TXT")
    assert (workspace.manuscripts / "uber-salz" / "v0001" / "original.txt").is_file()


def test_the_folders_of_a_name_tell_files_of_one_name_apart(workspace: Workspace, upload: Path) -> None:
    imported = [import_file(workspace, upload, name) for name in ("n1/Chapter 1.txt", "n2/Chapter 1.txt")]
    assert [(found.id, found.version) for found in imported] == [("n1-chapter-1", 1), ("n2-chapter-1", 1)]
    assert [found.id for found in list_manuscripts(workspace)] == ["n1-chapter-1", "n2-chapter-1"]
    assert imported[0].source_name == "n1/Chapter 1.txt"
    assert import_file(workspace, upload, "../../up.txt").id == "up"


def test_long_names_that_begin_alike_stay_apart(workspace: Workspace, upload: Path) -> None:
    series = "The Collected Chronicles of the Salt Road and the Sea Beyond It"
    imported = [import_file(workspace, upload, f"{series}/{number}.txt") for number in (1, 2)]
    assert [found.version for found in imported] == [1, 1]
    assert len({found.id for found in imported}) == 2


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_full_disk_leaves_the_older_version_and_no_half_one(
    workspace: Workspace, upload: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    first = import_file(workspace, upload)
    before = files(workspace.manuscripts)
    upload.write_text(TEXT + "Other words.", encoding="utf-8")
    calls = 0

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls >= fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"is full\. Free some space"):
            import_file(workspace, upload)
        with pytest.raises(StorageError):
            import_file(workspace, upload, "Another.txt")
    assert files(workspace.manuscripts) == before
    assert sorted(path.name for path in workspace.manuscripts.rglob("*") if path.is_dir()) == ["salt-road", "v0001"]
    assert list_manuscripts(workspace) == [first]
    assert import_file(workspace, upload).version == 2


def test_a_file_that_cannot_be_read_leaves_no_trace(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "picture.txt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(ManuscriptError, match="PNG"):
        import_file(workspace, path)
    assert not workspace.manuscripts.exists()
    assert list_manuscripts(workspace) == []


def test_a_deleted_manuscript_lies_in_the_bin_with_all_versions(workspace: Workspace, upload: Path) -> None:
    import_file(workspace, upload)
    upload.write_text(TEXT + "Other words.", encoding="utf-8")
    import_file(workspace, upload)
    place = delete_manuscript(workspace, "salt-road")
    assert place.is_relative_to(workspace.bin)
    assert sorted(path.name for path in place.iterdir()) == ["v0001", "v0002"]
    assert list_manuscripts(workspace) == []


@pytest.mark.parametrize("name", ["nothing", "..", ".", "", "../../default"])
def test_only_a_manuscript_can_be_deleted(workspace: Workspace, upload: Path, name: str) -> None:
    import_file(workspace, upload)
    with pytest.raises(ManuscriptError, match="The workspace has: salt-road"):
        delete_manuscript(workspace, name)
    assert len(list_manuscripts(workspace)) == 1


def test_imports_at_the_same_time_get_versions_of_their_own(workspace: Workspace, tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(8)]
    for path in paths:
        path.write_text(f"The same words in all of them, but for number {path.name}.", encoding="utf-8")
    with ThreadPoolExecutor(8) as pool:
        imported = list(pool.map(lambda path: import_file(workspace, path, "salt.txt"), paths))
    assert sorted(manuscript.version for manuscript in imported) == list(range(1, 9))


def test_a_text_that_is_there_under_another_name_is_noted(workspace: Workspace, upload: Path) -> None:
    first = import_file(workspace, upload)
    assert not any("same text" in note for note in first.notes)
    again = import_file(workspace, upload, "Another name.txt")
    assert any("the same text as “salt-road”" in note for note in again.notes)
    delete_manuscript(workspace, first.id)
    third = import_file(workspace, upload, "A third name.txt")
    assert any("the same text as “another-name”" in note for note in third.notes)
    upload.write_text(TEXT + "\nMore.\n", encoding="utf-8")
    assert not any("same text" in note for note in import_file(workspace, upload, "A fourth name.txt").notes)
