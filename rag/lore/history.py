"""What was done to a world, change by change; undoing and doing again add versions, they never take one away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import UnknownEntryError
from rag.lore.store import LoreStore, read_entry
from style_tuner.errors import WorldError
from style_tuner.records import Entry


@dataclass(frozen=True)
class Change:
    """One change: what it was in a sentence, when, how many entries, and whether it is undone now."""

    number: int
    about: str
    written: float
    entries: int
    undone: bool


@dataclass(frozen=True)
class Difference:
    """An entry before and after a change; None where there was none."""

    id: str
    name: str
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True)
class Version:
    """One version of an entry, and the change that wrote it."""

    number: int
    entry: Entry
    deleted: bool
    written: float
    change: int
    about: str


def stacks(changes: Sequence[tuple[int, int | None, int | None]]) -> tuple[list[int], list[int]]:
    """Return the changes that can be undone and those that can be done again, each with the next one last.

    Of each change the number, the one that it undoes and the one that it does again are given, the oldest first.
    """
    done: list[int] = []
    undone: list[int] = []
    for number, undoes, redoes in changes:
        if undoes is not None:
            undone.append(done.pop())
        elif redoes is not None:
            done.append(undone.pop())
        else:
            done.append(number)
            undone.clear()
    return done, undone


class History:
    """The changes of the worlds of a store."""

    def __init__(self, store: LoreStore) -> None:
        self._store = store
        self._database = store.database

    def changes(self, world: str, limit: int, before: int | None = None) -> list[Change]:
        """Return changes of a world, the latest first; `before` goes on where an earlier list ended."""
        number = self._store.number(world)
        done = set(self._stacks(number)[0])
        rows = self._database.rows(
            "SELECT number, about, written, entries, undoes IS NULL AND redoes IS NULL FROM changes "
            "WHERE world = ? AND number < ? ORDER BY number DESC LIMIT ?",
            (number, before if before is not None else 2**62, limit),
        )
        return [
            Change(change, about, written, entries, undone=bool(own) and change not in done)
            for change, about, written, entries, own in rows
        ]

    def next_steps(self, world: str) -> tuple[str | None, str | None]:
        """Return what would be undone and what would be done again, each in a sentence; None where there is nothing."""
        done, undone = self._stacks(self._store.number(world))
        return self._about(done[-1]) if done else None, self._about(undone[-1]) if undone else None

    def differences(self, world: str, change: int, limit: int, offset: int = 0) -> list[Difference]:
        """Return entries before and after a change, in the order in which they were written."""
        number = self._store.number(world)
        if not self._database.rows("SELECT 1 FROM changes WHERE world = ? AND number = ?", (number, change)):
            raise WorldError(f"The world {world!r} has no change {change}: its history lists them.")
        rows = self._database.rows(
            "SELECT now.id, now.entry, now.deleted, (SELECT max(old.number) FROM versions AS old WHERE "
            "old.world = now.world AND old.id = now.id AND old.change < now.change) "
            "FROM versions AS now WHERE now.change = ? ORDER BY now.number LIMIT ? OFFSET ?",
            (change, limit, offset),
        )
        found = []
        for entry_id, text, deleted, earlier in rows:
            entry = read_entry(text)
            before = self._content(earlier)
            found.append(Difference(entry_id, entry.name, before, None if deleted else entry))
        return found

    def versions(self, world: str, entry_id: str) -> list[Version]:
        """Return all versions of an entry, the latest first."""
        rows = self._database.rows(
            "SELECT versions.number, entry, deleted, versions.written, change, changes.about FROM versions "
            "JOIN changes ON changes.number = versions.change WHERE versions.world = ? AND id = ? "
            "ORDER BY versions.number DESC",
            (self._store.number(world), entry_id),
        )
        if not rows:
            raise UnknownEntryError(world, entry_id)
        return [
            Version(number, read_entry(text), bool(deleted), written, change, about)
            for number, text, deleted, written, change, about in rows
        ]

    def version(self, world: str, entry_id: str) -> int:
        """Return the number of the version of an entry that holds now, 0 where there is none."""
        return self._store.version(world, entry_id)

    def save(self, world: str, entry: Entry, edited: int) -> int:
        """Write an entry of which one version was edited (0 for a new one), and return the number of its new one.

        It is refused where another version holds by now. The index follows with the next change that is announced.
        """
        self._store.put(world, [entry], edited={entry.id: edited})
        return self.version(world, entry.id)

    def undo(self, world: str) -> str:
        """Make the last change that is not undone as if it had not been, and return what it was."""
        number = self._store.number(world)
        done, _ = self._stacks(number)
        if not done:
            raise WorldError(f"In the world {world!r} there is nothing to undo.")
        rows = self._database.rows(
            "SELECT now.entry, (SELECT max(old.number) FROM versions AS old WHERE old.world = now.world "
            "AND old.id = now.id AND old.change < now.change) FROM versions AS now WHERE now.change = ? "
            "GROUP BY now.id ORDER BY now.number",
            (done[-1],),
        )
        about = self._about(done[-1])
        earlier = [(read_entry(text), self._content(before)) for text, before in rows]
        back = [(before or made, before is None) for made, before in earlier]
        with self._database.writing() as database:
            self._store.write(database, number, f"Undone: {about}", back, undoes=done[-1])
        return about

    def redo(self, world: str) -> str:
        """Do again what was undone last, and return what it was."""
        number = self._store.number(world)
        _, undone = self._stacks(number)
        if not undone:
            raise WorldError(f"In the world {world!r} there is nothing to do again.")
        rows = self._database.rows(
            "SELECT entry, deleted FROM versions WHERE number IN "
            "(SELECT max(number) FROM versions WHERE change = ? GROUP BY id) ORDER BY number",
            (undone[-1],),
        )
        about = self._about(undone[-1])
        again = [(read_entry(text), bool(deleted)) for text, deleted in rows]
        with self._database.writing() as database:
            self._store.write(database, number, f"Done again: {about}", again, redoes=undone[-1])
        return about

    def restore(self, world: str, entry_id: str, version: int) -> Entry:
        """Make an entry what it was in one of its versions, and return it."""
        found = next((one for one in self.versions(world, entry_id) if one.number == version), None)
        if found is None:
            raise WorldError(f"The entry {entry_id!r} has no version {version}: its history lists them.")
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.written))
        self._store.put(world, [found.entry], f"{found.entry.name} put back as it was on {when}")
        return found.entry

    def _stacks(self, world: int) -> tuple[list[int], list[int]]:
        rows = self._database.rows(
            "SELECT number, undoes, redoes FROM changes WHERE world = ? ORDER BY number", (world,)
        )
        return stacks([(number, undoes, redoes) for number, undoes, redoes in rows])

    def _about(self, change: int) -> str:
        return str(self._database.rows("SELECT about FROM changes WHERE number = ?", (change,))[0][0])

    def _content(self, version: int | None) -> Entry | None:
        """Return what a version holds; None for a deletion, or where there was no version."""
        rows = self._database.rows("SELECT entry, deleted FROM versions WHERE number = ?", (version,))
        return None if not rows or rows[0][1] else read_entry(rows[0][0])
