"""Lore in SQLite: the source of truth, with every version ever written."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from rag.errors import UnknownEntryError, WrittenSinceError
from rag.lore.shelf import Shelf
from rag.lore.shelf import check_world_name as check_world_name
from rag.retrieval.words import words_of as words_of
from rag.vectors.pieces import Changed, windows
from style_tuner.errors import WorldError
from style_tuner.records import Entry

Item = TypeVar("Item")
LONGEST_ENTRY = 150_000
"""Words; what is longer is a manuscript, whose passages can be searched as such."""
ASKED_AT_ONCE = 500
"""Ids looked up by one query; SQLite takes no number of them."""
HOLDS = (
    "SELECT number, entry FROM newest JOIN versions ON versions.number = newest.version "
    "WHERE newest.world = ? AND newest.id = ? AND NOT deleted"
)
"""The version of an entry that holds."""


class LoreStore(Shelf):
    """The entries of all worlds in one SQLite file; versions are only ever added, a deletion is a version too."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._totals: dict[int, tuple[int, int]] = {}

    def entries(self, world: str) -> list[Entry]:
        """Return the current entries of a world in alphabetical order of their names."""
        rows = self.database.rows(
            "SELECT entry FROM newest JOIN versions ON versions.number = newest.version "
            "WHERE newest.world = ? AND NOT deleted",
            (self.number(world),),
        )
        return sorted((read_entry(text) for (text,) in rows), key=alphabetical)

    def find(self, world: str, ids: Iterable[str]) -> dict[str, Entry]:
        """Return the current entries with these ids, as far as there are any."""
        number, found = self.number(world), {}
        for some in batches(list(ids), ASKED_AT_ONCE):
            marks = ",".join("?" * len(some))
            rows = self.database.rows(
                "SELECT newest.id, entry FROM newest JOIN versions ON versions.number = newest.version "
                f"WHERE newest.world = ? AND newest.id IN ({marks}) AND NOT deleted",
                (number, *some),
            )
            found.update({entry_id: read_entry(text) for entry_id, text in rows})
        return found

    def revision(self, world: str) -> int:
        """Return the number of the last version written to a world, 0 for an empty one."""
        number = self.number(world)
        row = self.database.rows("SELECT number FROM versions WHERE world = ? ORDER BY number DESC LIMIT 1", (number,))
        return int(row[0][0]) if row else 0

    def mark(self, world: str, revision: int) -> float:
        """Return when a version of this world was written, 0 if it has none: it tells the copies of a store apart."""
        row = self.database.rows(
            "SELECT written FROM versions WHERE world = ? AND number = ?", (self.number(world), revision)
        )
        return float(row[0][0]) if row else 0.0

    def changes(self, world: str, since: int) -> dict[str, Entry | None]:
        """Return what each entry changed after revision `since` is now; None for a deleted one."""
        rows = self.database.rows(
            "SELECT now.id, now.entry, now.deleted FROM versions AS now JOIN newest ON newest.world = now.world "
            "AND newest.id = now.id AND newest.version = now.number WHERE now.world = ? AND now.number > ?",
            (self.number(world), since),
        )
        return {entry_id: None if deleted else read_entry(text) for entry_id, text, deleted in rows}

    def changed(self, world: str, since: int, limit: int = -1) -> list[Changed]:
        """Return what to embed of each entry changed after revision `since`, by the number of its version."""
        rows = self.database.rows(
            "SELECT now.number, now.id, now.entry, now.deleted, EXISTS (SELECT 1 FROM versions AS old WHERE "
            "old.world = now.world AND old.id = now.id AND old.number < now.number) "
            "FROM versions AS now JOIN newest ON newest.world = now.world AND newest.id = now.id "
            "AND newest.version = now.number WHERE now.world = ? AND now.number > ? ORDER BY now.number LIMIT ?",
            (self.number(world), since, limit),
        )
        return [
            Changed(number, entry_id, None if deleted else pieces(read_entry(text)), bool(earlier))
            for number, entry_id, text, deleted, earlier in rows
        ]

    def pending(self, world: str, since: int) -> int:
        """Return how many entries changed after revision `since`."""
        rows = self.database.rows(
            "SELECT count(*) FROM versions AS now JOIN newest ON newest.world = now.world AND newest.id = now.id "
            "AND newest.version = now.number WHERE now.world = ? AND now.number > ?",
            (self.number(world), since),
        )
        return int(rows[0][0])

    def version(self, world: str, entry_id: str) -> int:
        """Return the number of the version of an entry that holds now, 0 where there is none."""
        rows = self.database.rows(HOLDS, (self.number(world), entry_id))
        return int(rows[0][0]) if rows else 0

    def put(
        self, world: str, entries: Sequence[Entry], about: str = "", edited: Mapping[str, int] | None = None
    ) -> int:
        """Write entries, all or none, into an existing world as one change; return how many were new or changed.

        `about` says in a sentence what was done; `{entries}` in it stands for how many that were. `edited` names by
        entry the version that its author had before her: where another holds by now, all is refused.
        """
        for entry in entries:
            check_length(entry)
        number = self.number(world)
        current = self.find(world, (entry.id for entry in entries))
        changed = [entry for entry in entries if current.get(entry.id) != entry]
        if not changed:
            return 0
        if not about:
            one = f"{changed[0].name} {'changed' if changed[0].id in current else 'added'}"
            about = one if len(changed) == 1 else "{entries} added or changed"
        about = about.replace("{entries}", "1 entry" if len(changed) == 1 else f"{len(changed):,} entries")
        with self.database.writing() as database:
            for entry in changed:
                if edited and entry.id in edited:
                    check_version(database, number, entry, edited[entry.id])
            self.write(database, number, about, [(entry, False) for entry in changed])
        return len(changed)

    def delete(self, world: str, entry_id: str) -> Entry:
        """Mark an entry as deleted and return it as it was."""
        found = self.find(world, [entry_id]).get(entry_id)
        if found is None:
            raise UnknownEntryError(world, entry_id)
        number = self.number(world)
        with self.database.writing() as database:
            self.write(database, number, f"{found.name} deleted", [(found, True)])
        return found

    def write(
        self,
        database: sqlite3.Connection,
        world: int,
        about: str,
        entries: Sequence[tuple[Entry, bool]],
        undoes: int | None = None,
        redoes: int | None = None,
    ) -> None:
        """Write one change inside a transaction: entries, each with whether it is deleted by it."""
        now = time.time()
        change = database.execute(
            "INSERT INTO changes (world, about, written, entries, undoes, redoes) VALUES (?, ?, ?, ?, ?, ?)",
            (world, about, now, len(entries), undoes, redoes),
        ).lastrowid
        for entry, deleted in entries:
            version = database.execute(
                "INSERT INTO versions (world, id, entry, deleted, written, change) VALUES (?, ?, ?, ?, ?, ?)",
                (world, entry.id, json.dumps(asdict(entry), ensure_ascii=False), deleted, now, change),
            ).lastrowid
            database.execute("INSERT OR REPLACE INTO newest VALUES (?, ?, ?)", (world, entry.id, version))

    def count(self, world: str) -> int:
        """Return how many entries a world has, counted once a revision."""
        number, revision = self.number(world), self.revision(world)
        if self._totals.get(number, (-1, 0))[0] != revision:
            counted = self.database.rows(
                "SELECT count(*) FROM newest JOIN versions ON versions.number = newest.version "
                "WHERE newest.world = ? AND NOT deleted",
                (number,),
            )
            self._totals[number] = revision, int(counted[0][0])
        return self._totals[number][1]


@dataclass(frozen=True)
class EntrySource:
    """The entries of one world, as an index is made of them."""

    store: LoreStore
    world: str

    @property
    def key(self) -> str:
        """What the collection is known by."""
        return self.world

    def revision(self) -> int:
        """Return the number of the last version."""
        return self.store.revision(self.world)

    def mark(self, revision: int) -> float:
        """Return when that version was written."""
        return self.store.mark(self.world, revision)

    def changed(self, since: int, limit: int) -> list[Changed]:
        """Return what changed after revision `since`."""
        return self.store.changed(self.world, since, limit)

    def pending(self, since: int) -> int:
        """Return how many entries changed after revision `since`."""
        return self.store.pending(self.world, since)


def pieces(entry: Entry) -> tuple[str, ...]:
    """Return the texts by which an entry is found: all that is told of it, each piece with its name."""
    return tuple(f"{entry.name}. {window}" for window in windows(entry.facts))


def alphabetical(entry: Entry) -> tuple[str, str]:
    """Return what entries are sorted by."""
    return entry.name.casefold(), entry.id


def changed_entries(entries: Mapping[str, Entry], changes: Mapping[str, Entry | None]) -> dict[str, Entry]:
    """Return entries in alphabetical order with the changes made to them; None takes an entry out."""
    same_place = all(
        entry is None or (entry.id in entries and alphabetical(entries[entry.id]) == alphabetical(entry))
        for entry in changes.values()
    )
    now = dict(entries)
    for entry_id, entry in changes.items():
        if entry is None:
            now.pop(entry_id, None)
        else:
            now[entry_id] = entry
    return now if same_place else {entry.id: entry for entry in sorted(now.values(), key=alphabetical)}


def read_entry(text: str) -> Entry:
    """Return the entry that a version holds."""
    return Entry.from_row(json.loads(text))


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Return the items in pieces of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def check_version(database: sqlite3.Connection, world: int, entry: Entry, edited: int) -> None:
    """Refuse, inside a transaction, to write over another version than the one that was edited."""
    row = database.execute(HOLDS, (world, entry.id)).fetchone()
    number, text = row or (0, None)
    if number != edited:
        raise WrittenSinceError(entry.name, edited, read_entry(text) if text else None, number)


def check_length(entry: Entry) -> None:
    """Refuse an entry that is a whole book."""
    words = len(entry.facts.split())
    if words > LONGEST_ENTRY or len(entry.facts) > LONGEST_ENTRY * 10:
        raise WorldError(
            f"{entry.name} has {words:,} words, more than the {LONGEST_ENTRY:,} that an entry may have: split it into "
            "entries about one thing each, or add it as a manuscript and let its passages be searched."
        )
