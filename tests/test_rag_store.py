import sqlite3
from pathlib import Path

import pytest

from rag.errors import UnknownEntryError, UnknownWorldError
from rag.lore.store import LoreStore
from style_tuner.errors import StorageError, WorldError
from style_tuner.records import Entry

ELENA = Entry("elena", "Elena Voss", "An engineer with a cybernetic arm.", "character", ("Elena",))
BAR = Entry("bar", "The Perihelion", "A bar where the crew drink synthetic gin.")


def filled(path: Path) -> LoreStore:
    store = LoreStore(path / "worlds.sqlite")
    store.create("scifi")
    store.put("scifi", [ELENA, BAR])
    return store


def test_entries_survive_and_every_version_is_kept(tmp_path: Path) -> None:
    store = filled(tmp_path)
    changed = Entry("elena", "Elena Voss", "A pilot.")
    assert store.put("scifi", [changed, BAR]) == 1
    store.delete("scifi", "bar")
    store.close()
    reopened = LoreStore(tmp_path / "worlds.sqlite")
    assert reopened.entries("scifi") == [changed]
    with sqlite3.connect(tmp_path / "worlds.sqlite") as database:
        assert database.execute("SELECT id, deleted FROM versions ORDER BY number").fetchall() == [
            ("elena", 0), ("bar", 0), ("elena", 0), ("bar", 1),
        ]  # fmt: skip


def test_changes_since_a_revision_are_what_an_index_must_do(tmp_path: Path) -> None:
    store = filled(tmp_path)
    revision = store.revision("scifi")
    assert store.changes("scifi", 0) == {"elena": ELENA, "bar": BAR}
    assert store.changes("scifi", revision) == {}
    store.delete("scifi", "bar")
    assert store.changes("scifi", revision) == {"bar": None}
    store.put("scifi", [BAR])
    assert store.changes("scifi", revision) == {"bar": BAR}


def test_worlds_are_kept_apart(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.create("Sci-fi")
    store.put("Sci-fi", [Entry("elena", "Another Elena", "A queen.")])
    assert [entry.name for entry in store.entries("Sci-fi")] == ["Another Elena"]
    assert store.entries("scifi") == [ELENA, BAR]


def test_unknown_world_or_entry_says_so(tmp_path: Path) -> None:
    store = filled(tmp_path)
    with pytest.raises(UnknownWorldError, match="scifi"):
        store.entries("fantasy")
    with pytest.raises(UnknownEntryError, match="nobody"):
        store.delete("scifi", "nobody")


@pytest.mark.parametrize("name", ["", "none", "../x", "a/b", "x" * 61, " lead", "new\nline"])
def test_bad_world_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorldError):
        LoreStore(tmp_path / "worlds.sqlite").create(name)


def test_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "worlds.sqlite"
    path.write_bytes(b"no database " * 100)
    with pytest.raises(StorageError, match=r"worlds\.sqlite"):
        LoreStore(path)
    assert path.read_bytes() == b"no database " * 100
