"""Lore in SQLite: the source of truth, with every version ever written and a BM25 index that is always in step."""

from __future__ import annotations

import json
import re
import sqlite3
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rag.errors import UnknownEntryError, UnknownWorldError
from style_tuner.errors import StorageError, WorldError
from style_tuner.records import Entry
from style_tuner.workspace import storage_errors

SCHEMA = """
CREATE TABLE IF NOT EXISTS worlds (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL REFERENCES worlds, id TEXT NOT NULL,
    entry TEXT NOT NULL, deleted INTEGER NOT NULL, written REAL NOT NULL);
CREATE INDEX IF NOT EXISTS versions_by_entry ON versions (world, id, number);
"""
CURRENT = "SELECT max(number) FROM versions WHERE world = ? GROUP BY id"
COMMON_SHARE = 0.2
"""A word found in more than this share of a world's entries says nothing about which entry is meant."""
NAME_WEIGHT, TEXT_WEIGHT = 5.0, 1.0


def words_of(text: str) -> list[str]:
    """Return the words of a text as the keyword index sees them: lower case, without accents, three letters or more."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return [word for word in re.findall(r"[^\W_]+", plain) if len(word) > 2 or not word.isascii()]


def check_world_name(world: str) -> str:
    """Return the name if a world may have it, else raise a `WorldError`."""
    if not re.fullmatch(r"\w[\w .'-]{0,59}", world) or world.lower() == "none":
        raise WorldError(
            f"A world cannot be named {world!r}: use 1 to 60 letters, digits, spaces, dots and dashes, beginning with "
            "a letter or digit ('none' stands for no world)."
        )
    return world


class LoreStore:
    """The entries of all worlds in one SQLite file; versions are only ever added, a deletion is a version too."""

    def __init__(self, path: Path) -> None:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        try:
            self._database = sqlite3.connect(path, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.executescript(SCHEMA)
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"The lore store {path} cannot be opened: {error}. Put back a copy, or move it away to begin anew."
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Make what is written inside one transaction: all of it, or nothing."""
        try:
            with self._database:
                yield
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"The lore store {self._path} cannot be written: {error}. Nothing of this change was kept; free some "
                "space or give this user the right to write there, then do it again."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def worlds(self) -> list[str]:
        """Return the names of all worlds in alphabetical order."""
        return [name for (name,) in self._database.execute("SELECT name FROM worlds ORDER BY name COLLATE NOCASE")]

    def create(self, world: str) -> bool:
        """Make an empty world and say whether it is new."""
        check_world_name(world)
        if world in self.worlds():
            return False
        with self._writing():
            made = self._database.execute("INSERT INTO worlds (name, created) VALUES (?, ?)", (world, time.time()))
            number = made.lastrowid
            self._database.execute(
                f"CREATE VIRTUAL TABLE keywords_{number} USING "
                "fts5(name, text, tokenize = 'unicode61 remove_diacritics 2')"
            )
            self._database.execute(f"CREATE VIRTUAL TABLE vocabulary_{number} USING fts5vocab(keywords_{number}, row)")
        return True

    def _number(self, world: str) -> int:
        row = self._database.execute("SELECT number FROM worlds WHERE name = ?", (world,)).fetchone()
        if row is None:
            raise UnknownWorldError(world, self.worlds())
        return int(row[0])

    def entries(self, world: str) -> list[Entry]:
        """Return the current entries of a world in alphabetical order of their names."""
        rows = self._database.execute(
            f"SELECT entry FROM versions WHERE NOT deleted AND number IN ({CURRENT})", (self._number(world),)
        )
        return sorted((_entry(text) for (text,) in rows), key=lambda entry: (entry.name.casefold(), entry.id))

    def revision(self, world: str) -> int:
        """Return the number of the last version written to a world, 0 for an empty one."""
        row = self._database.execute("SELECT max(number) FROM versions WHERE world = ?", (self._number(world),))
        return int(row.fetchone()[0] or 0)

    def changes(self, world: str, since: int) -> dict[str, Entry | None]:
        """Return what each entry changed after revision `since` is now; None for a deleted one."""
        rows = self._database.execute(
            f"SELECT id, entry, deleted FROM versions WHERE number > ? AND number IN ({CURRENT})",
            (since, self._number(world)),
        )
        return {entry_id: None if deleted else _entry(text) for entry_id, text, deleted in rows}

    def put(self, world: str, entries: Sequence[Entry]) -> int:
        """Write entries, all or none, into an existing world; return how many were new or changed."""
        number = self._number(world)
        current = {entry.id: entry for entry in self.entries(world)}
        changed = [entry for entry in entries if current.get(entry.id) != entry]
        with self._writing():
            for entry in changed:
                self._write(number, entry, deleted=False)
        return len(changed)

    def delete(self, world: str, entry_id: str) -> Entry:
        """Mark an entry as deleted and return it as it was."""
        found = next((entry for entry in self.entries(world) if entry.id == entry_id), None)
        if found is None:
            raise UnknownEntryError(world, entry_id)
        with self._writing():
            self._write(self._number(world), found, deleted=True)
        return found

    def _write(self, world: int, entry: Entry, deleted: bool) -> None:
        before = self._database.execute(
            "SELECT max(number) FROM versions WHERE world = ? AND id = ?", (world, entry.id)
        ).fetchone()[0]
        made = self._database.execute(
            "INSERT INTO versions (world, id, entry, deleted, written) VALUES (?, ?, ?, ?, ?)",
            (world, entry.id, json.dumps(asdict(entry), ensure_ascii=False), deleted, time.time()),
        )
        if before is not None:
            self._database.execute(f"DELETE FROM keywords_{world} WHERE rowid = ?", (before,))
        if not deleted:
            names = "\n".join((entry.name, *entry.aliases))
            self._database.execute(
                f"INSERT INTO keywords_{world} (rowid, name, text) VALUES (?, ?, ?)",
                (made.lastrowid, names, entry.facts),
            )

    def match_words(self, world: str, query: str, limit: int) -> list[tuple[str, float]]:
        """Return ids of the entries that share telling words with the query, best first by BM25.

        An entry counts when it shares a telling word with its names, or two with its text. The score is BM25 relative
        to the best entry, 0 to 1.
        """
        number = self._number(world)
        asked = sorted(set(words_of(query)))
        total = self._database.execute(f"SELECT count(*) FROM keywords_{number}").fetchone()[0]
        marks = ",".join("?" * len(asked))
        common = max(1, COMMON_SHARE * total)
        telling = {
            term
            for term, entries in self._database.execute(
                f"SELECT term, doc FROM vocabulary_{number} WHERE term IN ({marks})", asked
            )
            if entries <= common
        }
        if not telling:
            return []
        rows = self._database.execute(
            f"SELECT versions.id, keywords_{number}.name, keywords_{number}.text, "
            f"-bm25(keywords_{number}, {NAME_WEIGHT}, {TEXT_WEIGHT}) AS fit "
            f"FROM keywords_{number} JOIN versions ON versions.number = keywords_{number}.rowid "
            f"WHERE keywords_{number} MATCH ? ORDER BY fit DESC LIMIT ?",
            (" OR ".join(f'"{word}"' for word in sorted(telling)), limit),
        ).fetchall()
        best = max((fit for *_, fit in rows), default=0.0)
        return [
            (entry_id, fit / best if best > 0 else 0.0)
            for entry_id, names, text, fit in rows
            if telling & set(words_of(names)) or len(telling & set(words_of(text))) > 1
        ]


def _entry(text: str) -> Entry:
    return Entry.from_row(json.loads(text))
