"""The review queue in the worlds' own file: every state that a proposal ever had, and what each reading found."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from rag.extraction.proposals import Row, State
from rag.lore.database import Database

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS proposals (number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL, "
    "id TEXT NOT NULL, state TEXT NOT NULL, proposal TEXT NOT NULL, entry TEXT NOT NULL, written REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS proposals_by_id ON proposals (world, id, number)",
    "CREATE TABLE IF NOT EXISTS readings (number INTEGER PRIMARY KEY AUTOINCREMENT, world INTEGER NOT NULL, "
    "found TEXT NOT NULL, written REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS readings_by_world ON readings (world, number)",
)


class Queue:
    """Proposals by the number of their world; rows are only ever added, the newest of an id counts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.writing() as writer:
            for statement in SCHEMA:
                writer.execute(statement)

    def current(self, world: int) -> list[tuple[State, Row, str]]:
        """Return state, proposal and the id of the entry that it became, of each proposal of a world."""
        rows = self._database.rows(
            "SELECT state, proposal, entry FROM proposals WHERE number IN "
            "(SELECT max(number) FROM proposals WHERE world = ? GROUP BY id) ORDER BY number",
            (world,),
        )
        return [(state, json.loads(text), entry) for state, text, entry in rows]

    def write(self, world: int, rows: Sequence[tuple[State, Row, str]], found: dict[str, Any] | None = None) -> None:
        """Add states of proposals, and what a reading found, all or none."""
        now = time.time()
        with self._database.writing() as writer:
            for state, row, entry in rows:
                writer.execute(
                    "INSERT INTO proposals (world, id, state, proposal, entry, written) VALUES (?, ?, ?, ?, ?, ?)",
                    (world, row["id"], state, json.dumps(row, ensure_ascii=False), entry, now),
                )
            if found is not None:
                writer.execute(
                    "INSERT INTO readings (world, found, written) VALUES (?, ?, ?)",
                    (world, json.dumps(found, ensure_ascii=False), now),
                )

    def last_reading(self, world: int) -> dict[str, Any] | None:
        """Return what the last reading for a world found, with its time."""
        rows = self._database.rows(
            "SELECT found, written FROM readings WHERE world = ? ORDER BY number DESC LIMIT 1", (world,)
        )
        return {**json.loads(rows[0][0]), "written": rows[0][1]} if rows else None
