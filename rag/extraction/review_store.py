"""The review queue in SQLite, beside the worlds: every state that a proposal ever had, and what each run found."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.proposals import Row, State
from style_tuner.errors import StorageError
from style_tuner.workspace import storage_errors

SCHEMA = """
CREATE TABLE IF NOT EXISTS proposals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,
    proposal TEXT NOT NULL, entry TEXT NOT NULL, written REAL NOT NULL);
CREATE INDEX IF NOT EXISTS proposals_by_id ON proposals (world, id, number);
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL, found TEXT NOT NULL, written REAL NOT NULL);
CREATE INDEX IF NOT EXISTS runs_by_world ON runs (world, number);
"""
BUSY_SECONDS = 20


class Queue:
    """Proposals by the number of their world; rows are only ever added, the newest of an id counts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose writing is kept as a whole or not at all; requests come from several threads."""
        with storage_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            database = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
            try:
                database.executescript(SCHEMA)
                with database:
                    yield database
            finally:
                database.close()
        except sqlite3.Error as error:
            raise StorageError(
                f"The review queue {self._path} cannot be used: {error}. Nothing of this change was kept; put back a "
                "copy of the file, or move it away and let the manuscripts be read anew."
            ) from error

    def current(self, world: int) -> list[tuple[State, Row, str]]:
        """Return state, proposal and the id of the entry that it became, of each proposal of a world."""
        with self._open() as database:
            rows = database.execute(
                "SELECT state, proposal, entry FROM proposals WHERE number IN "
                "(SELECT max(number) FROM proposals WHERE world = ? GROUP BY id) ORDER BY number",
                (world,),
            ).fetchall()
        return [(state, json.loads(text), entry) for state, text, entry in rows]

    def write(self, world: int, rows: Sequence[tuple[State, Row, str]], found: dict[str, Any] | None = None) -> None:
        """Add states of proposals, and what a run found, all or none."""
        with self._open() as database:
            for state, row, entry in rows:
                database.execute(
                    "INSERT INTO proposals (world, id, state, proposal, entry, written) VALUES (?, ?, ?, ?, ?, ?)",
                    (world, row["id"], state, json.dumps(row, ensure_ascii=False), entry, time.time()),
                )
            if found is not None:
                database.execute(
                    "INSERT INTO runs (world, found, written) VALUES (?, ?, ?)",
                    (world, json.dumps(found, ensure_ascii=False), time.time()),
                )

    def last_run(self, world: int) -> dict[str, Any] | None:
        """Return what the last run of a world found, with its time."""
        with self._open() as database:
            row = database.execute(
                "SELECT found, written FROM runs WHERE world = ? ORDER BY number DESC LIMIT 1", (world,)
            ).fetchone()
        return None if row is None else {**json.loads(row[0]), "written": row[1]}
