"""The SQLite file of all worlds: its tables, how older files are brought up to date, and safe reading and writing."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from style_tuner.errors import StorageError
from style_tuner.workspace import storage_errors

SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE worlds (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL, book TEXT NOT NULL DEFAULT '',
    chapter INTEGER, binned REAL);
CREATE UNIQUE INDEX worlds_by_name ON worlds (name) WHERE binned IS NULL;
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL REFERENCES worlds, about TEXT NOT NULL,
    written REAL NOT NULL, entries INTEGER NOT NULL, undoes INTEGER, redoes INTEGER);
CREATE INDEX changes_by_world ON changes (world, number);
CREATE TABLE versions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL REFERENCES worlds, id TEXT NOT NULL,
    entry TEXT NOT NULL, deleted INTEGER NOT NULL, written REAL NOT NULL, change INTEGER NOT NULL DEFAULT 0);
"""
AROUND_VERSIONS = """
CREATE INDEX IF NOT EXISTS versions_by_entry ON versions (world, id, number);
CREATE INDEX versions_by_world ON versions (world, number);
CREATE INDEX versions_by_change ON versions (change);
CREATE TABLE newest (
    world INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (world, id)) WITHOUT ROWID;
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sources (
    number INTEGER PRIMARY KEY, world INTEGER NOT NULL REFERENCES worlds, workspace TEXT NOT NULL,
    manuscript TEXT NOT NULL, title TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (world, workspace, manuscript));
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, world INTEGER NOT NULL REFERENCES worlds, source INTEGER NOT NULL,
    chapter INTEGER NOT NULL, title TEXT NOT NULL, place INTEGER NOT NULL, text TEXT NOT NULL,
    revision INTEGER NOT NULL, written REAL NOT NULL, gone INTEGER NOT NULL DEFAULT 0, gone_at REAL);
CREATE INDEX passages_by_source ON passages (source, chapter, place);
CREATE INDEX passages_by_world ON passages (world, revision);
CREATE VIRTUAL TABLE passage_words USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE passage_vocabulary USING fts5vocab(passage_words, row);
"""
"""`newest` is the last version of each entry, deletions among them: it follows from `versions` and makes it quick.

A passage was added by `revision` and, unless `gone` is 0, taken away by that one.
"""
FROM_0 = """
CREATE TABLE worlds_anew (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, created REAL NOT NULL, book TEXT NOT NULL DEFAULT '',
    chapter INTEGER, binned REAL);
INSERT INTO worlds_anew (number, name, created) SELECT number, name, created FROM worlds;
DROP TABLE worlds;
ALTER TABLE worlds_anew RENAME TO worlds;
CREATE UNIQUE INDEX worlds_by_name ON worlds (name) WHERE binned IS NULL;
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL REFERENCES worlds, about TEXT NOT NULL,
    written REAL NOT NULL, entries INTEGER NOT NULL, undoes INTEGER, redoes INTEGER);
CREATE INDEX changes_by_world ON changes (world, number);
ALTER TABLE versions ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
"""
TOGETHER_SECONDS = 1.0
"""Versions of an older file that were written closer than this to one another count as one change."""
BUSY_SECONDS = 10


class Database:
    """One file, one connection that writes and one that reads meanwhile; safe for several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write_lock = threading.RLock()
        self._read_lock = threading.Lock()
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._writer = self._connect()
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._bring_up_to_date()
            self._reader = self._connect()
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"The lore store {path} cannot be opened: {error}. Put back a copy, or move it away to begin anew; if "
                "its folder cannot be written, give this user the right to."
            ) from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def close(self) -> None:
        """Close the file."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds among what is written for good, even while a change is being written."""
        with self._read_lock:
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to write by; what is written inside is kept as a whole, or nothing of it."""
        with self._write_lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise StorageError(
                    f"The lore store {self.path} cannot be written: {error}. Nothing of this change was kept; free "
                    "some space or give this user the right to write there, then do it again."
                ) from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def copy_to(self, path: Path) -> None:
        """Write a whole, consistent copy of the file, also while others write to it; it appears once it is complete."""
        unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with storage_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(unfinished)) as copy, self._write_lock:
                    self._writer.backup(copy)
                    copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
                unfinished.rename(path)
        except sqlite3.Error as error:
            raise StorageError(f"The copy {path} cannot be written: {error}. Free some space there.") from error
        finally:
            unfinished.unlink(missing_ok=True)

    @property
    def identity(self) -> str:
        """A name of this store that no other has; a copy of the file keeps it."""
        return str(self.rows("SELECT value FROM about WHERE key = 'identity'")[0][0])

    def _bring_up_to_date(self) -> None:
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise StorageError(
                f"The lore store {self.path} was written by a later version of this program: update the program, or "
                "name another folder with STYLE_TUNER_HOME."
            )
        if found == SCHEMA_VERSION:
            return
        old = self._writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'versions'").fetchone()
        with self.writing() as database:
            if found < 1:
                _begin(database, old is not None)
            for (number,) in database.execute("SELECT number FROM worlds").fetchall():
                for table in ("vocabulary", "keywords"):  # versions 0 and 1 kept words here, too
                    database.execute(f"DROP TABLE IF EXISTS {table}_{number}")
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _begin(database: sqlite3.Connection, old: bool) -> None:
    """Make the tables, around the versions of an older file if there are some."""
    for script in (FROM_0 if old else SCHEMA, AROUND_VERSIONS):
        for statement in filter(str.strip, script.split(";\n")):
            database.execute(statement)
    if old:
        _tell_changes(database)
    database.execute("INSERT INTO newest SELECT world, id, max(number) FROM versions GROUP BY world, id")
    database.execute("INSERT INTO about VALUES ('identity', ?)", (uuid.uuid4().hex,))


def _tell_changes(database: sqlite3.Connection) -> None:
    """Make changes of the versions of an older file, which kept none: what was written at one time is one change."""
    groups: list[list[tuple[int, int, float]]] = []
    for row in database.execute("SELECT number, world, written FROM versions ORDER BY world, number").fetchall():
        last = groups[-1][-1] if groups else None
        if last is not None and last[1] == row[1] and row[2] - last[2] < TOGETHER_SECONDS:
            groups[-1].append(row)
        else:
            groups.append([row])
    for group in sorted(groups):
        made = database.execute(
            "INSERT INTO changes (world, about, written, entries) VALUES (?, ?, ?, ?)",
            (group[0][1], _told(database, [number for number, _, _ in group]), group[-1][2], len(group)),
        )
        database.executemany(
            "UPDATE versions SET change = ? WHERE number = ?", [(made.lastrowid, number) for number, _, _ in group]
        )


def _told(database: sqlite3.Connection, numbers: Sequence[int]) -> str:
    if len(numbers) > 1:
        return f"{len(numbers)} entries written"
    name, deleted, earlier = database.execute(
        "SELECT json_extract(entry, '$.name'), deleted, (SELECT count(*) FROM versions AS old WHERE "
        "old.world = versions.world AND old.id = versions.id AND old.number < versions.number) "
        "FROM versions WHERE number = ?",
        (numbers[0],),
    ).fetchone()
    return f"{name} {'deleted' if deleted else 'changed' if earlier else 'added'}"
