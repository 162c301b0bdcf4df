import json
import sqlite3
from pathlib import Path

import pytest

from rag.errors import UnknownEntryError
from rag.lore.history import History, stacks
from rag.lore.store import LoreStore
from style_tuner.errors import StorageError, WorldError
from style_tuner.records import Entry

ELENA = Entry("elena", "Elena Voss", "An engineer.", "character", ("Elena",))
PILOT = Entry("elena", "Elena Voss", "A pilot.", "character", ("Elena",))
BAR = Entry("bar", "The Perihelion", "A bar where the crew drink synthetic gin.")
OLD_SCHEMA = """
CREATE TABLE worlds (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL);
CREATE TABLE versions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL REFERENCES worlds, id TEXT NOT NULL,
    entry TEXT NOT NULL, deleted INTEGER NOT NULL, written REAL NOT NULL);
CREATE INDEX versions_by_entry ON versions (world, id, number);
CREATE VIRTUAL TABLE keywords_1 USING fts5(name, text, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE vocabulary_1 USING fts5vocab(keywords_1, row);
INSERT INTO worlds VALUES (1, 'scifi', 1000.0);
"""


@pytest.fixture
def store(tmp_path: Path) -> LoreStore:
    opened = LoreStore(tmp_path / "worlds.sqlite")
    opened.create("scifi")
    return opened


@pytest.fixture
def history(store: LoreStore) -> History:
    return History(store)


def abouts(history: History) -> list[str]:
    return [change.about for change in history.changes("scifi", 50)]


def count(store: LoreStore) -> int:
    return int(store.database.rows("SELECT count(*) FROM versions")[0][0])


def test_each_write_is_one_change_with_a_sentence(store: LoreStore, history: History) -> None:
    store.put("scifi", [ELENA, BAR], "Import of {entries} from lore.json")
    store.put("scifi", [PILOT, BAR])
    store.put("scifi", [Entry("tax", "Harbour tax", "High.")])
    store.put("scifi", [PILOT])
    store.delete("scifi", "bar")
    assert abouts(history) == [
        "The Perihelion deleted",
        "Harbour tax added",
        "Elena Voss changed",
        "Import of 2 entries from lore.json",
    ]
    assert [change.entries for change in history.changes("scifi", 50)] == [1, 1, 1, 2]
    latest, *_, first = history.changes("scifi", 50)
    assert [one.number for one in history.changes("scifi", 50, before=latest.number)][-1] == first.number
    assert len(history.changes("scifi", 50, before=latest.number)) == 3


def test_before_and_after_of_a_change_are_told(store: LoreStore, history: History) -> None:
    store.put("scifi", [ELENA])
    store.put("scifi", [PILOT, BAR])
    store.delete("scifi", "elena")
    deletion, both, first = (change.number for change in history.changes("scifi", 3))
    told = {one.id: (one.before, one.after) for one in history.differences("scifi", both, 10)}
    assert told == {"elena": (ELENA, PILOT), "bar": (None, BAR)}
    assert [(one.before, one.after) for one in history.differences("scifi", deletion, 10)] == [(PILOT, None)]
    assert [one.id for one in history.differences("scifi", both, 1, offset=1)] == ["bar"]
    with pytest.raises(WorldError, match="no change 99"):
        history.differences("scifi", 99, 10)
    assert first < both < deletion


def test_undo_and_redo_walk_through_all_changes_and_add_versions_only(store: LoreStore, history: History) -> None:
    store.put("scifi", [ELENA, BAR], "Import of {entries} from lore.json")
    store.put("scifi", [PILOT])
    store.delete("scifi", "bar")
    before = count(store)
    assert history.undo("scifi") == "The Perihelion deleted"
    assert store.entries("scifi") == [PILOT, BAR]
    assert history.undo("scifi") == "Elena Voss changed"
    assert store.entries("scifi") == [ELENA, BAR]
    assert history.undo("scifi") == "Import of 2 entries from lore.json"
    assert store.entries("scifi") == []
    with pytest.raises(WorldError, match="nothing to undo"):
        history.undo("scifi")
    assert [history.redo("scifi") for _ in range(3)][-1] == "The Perihelion deleted"
    assert store.entries("scifi") == [PILOT]
    with pytest.raises(WorldError, match="nothing to do again"):
        history.redo("scifi")
    assert count(store) == before + 8


def test_a_new_change_after_undo_ends_what_could_be_done_again(store: LoreStore, history: History) -> None:
    store.put("scifi", [ELENA])
    store.put("scifi", [BAR])
    history.undo("scifi")
    assert history.next_steps("scifi") == ("Elena Voss added", "The Perihelion added")
    store.put("scifi", [PILOT])
    assert history.next_steps("scifi") == ("Elena Voss changed", None)
    undone = {change.about: change.undone for change in history.changes("scifi", 50)}
    assert undone["The Perihelion added"]
    assert not undone["Elena Voss added"]


def test_stacks_follow_the_changes() -> None:
    changes = [(1, None, None), (2, None, None), (3, 2, None), (4, None, 2), (5, 2, None), (6, 1, None)]
    assert stacks(changes) == ([], [2, 1])
    assert stacks([*changes, (7, None, None)]) == ([7], [])


def test_every_version_of_an_entry_is_kept_and_can_be_gone_back_to(store: LoreStore, history: History) -> None:
    store.put("scifi", [ELENA])
    store.put("scifi", [PILOT])
    store.delete("scifi", "elena")
    versions = history.versions("scifi", "elena")
    assert [(one.entry, one.deleted, one.about) for one in versions] == [
        (PILOT, True, "Elena Voss deleted"),
        (PILOT, False, "Elena Voss changed"),
        (ELENA, False, "Elena Voss added"),
    ]
    assert history.restore("scifi", "elena", versions[-1].number) == ELENA
    assert store.entries("scifi") == [ELENA]
    assert abouts(history)[0].startswith("Elena Voss put back as it was on 20")
    assert history.undo("scifi").startswith("Elena Voss put back")
    assert store.entries("scifi") == []
    with pytest.raises(WorldError, match="no version 99"):
        history.restore("scifi", "elena", 99)
    with pytest.raises(UnknownEntryError):
        history.versions("scifi", "nobody")


def test_worlds_have_histories_of_their_own(store: LoreStore, history: History) -> None:
    store.create("other")
    store.put("other", [BAR])
    store.put("scifi", [ELENA])
    history.undo("other")
    assert store.entries("scifi") == [ELENA]
    assert abouts(history) == ["Elena Voss added"]


def old_file(path: Path, rows: list[tuple[str, Entry, int, float]]) -> None:
    """A store as it was before changes were kept, with entries of the fields of then."""
    fields = ("id", "name", "text", "kind", "aliases", "always_on", "book", "from_chapter", "to_chapter")
    with sqlite3.connect(path) as database:
        database.executescript(OLD_SCHEMA)
        for entry_id, entry, deleted, written in rows:
            text = json.dumps({field: getattr(entry, field) for field in fields})
            made = database.execute(
                "INSERT INTO versions (world, id, entry, deleted, written) VALUES (1, ?, ?, ?, ?)",
                (entry_id, text, deleted, written),
            )
            database.execute("DELETE FROM keywords_1 WHERE name LIKE ?", (entry.name + "%",))
            if not deleted:
                database.execute(
                    "INSERT INTO keywords_1 (rowid, name, text) VALUES (?, ?, ?)",
                    (made.lastrowid, entry.name, entry.text),
                )
    database.close()


def test_store_of_an_earlier_version_is_brought_up_to_date_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "worlds.sqlite"
    old_file(
        path,
        [
            ("elena", ELENA, 0, 1000.1), ("bar", BAR, 0, 1000.2), ("elena", PILOT, 0, 2000.0),
            ("bar", BAR, 1, 3000.0),
        ],
    )  # fmt: skip
    store = LoreStore(path)
    history = History(store)
    assert store.worlds() == ["scifi"]
    assert store.entries("scifi") == [PILOT]
    assert store.revision("scifi") == 4
    assert [(change.about, change.written) for change in history.changes("scifi", 9)] == [
        ("The Perihelion deleted", 3000.0),
        ("Elena Voss changed", 2000.0),
        ("2 entries written", 1000.2),
    ]
    assert [version.entry for version in history.versions("scifi", "elena")] == [PILOT, ELENA]
    assert not store.database.rows("SELECT name FROM sqlite_master WHERE name LIKE 'keywords%'")
    history.undo("scifi")
    history.undo("scifi")
    assert store.entries("scifi") == [ELENA, BAR]
    assert store.count("scifi") == 2
    store.create("fantasy")
    store.put("fantasy", [ELENA])
    store.close()
    again = LoreStore(path)
    assert (again.worlds(), again.entries("scifi")) == (["fantasy", "scifi"], [ELENA, BAR])


def test_file_of_an_interrupted_upgrade_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "worlds.sqlite"
    old_file(path, [("elena", ELENA, 0, 1000.0)])
    monkeypatch.setattr("rag.lore.database.AROUND_VERSIONS", "CREATE TABLE about (key TEXT);\nno statement at all;\n")
    with pytest.raises(StorageError):
        LoreStore(path)
    monkeypatch.undo()
    assert LoreStore(path).entries("scifi") == [ELENA]


def test_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "worlds.sqlite"
    LoreStore(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="later version"):
        LoreStore(path)
