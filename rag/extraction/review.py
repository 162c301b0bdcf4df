"""The author's review: proposals as they are shown now, taken in as they are or changed, rejected, opened again."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rag.extraction.proposals import STATES, Row, State, accepted, known_as, order, view
from rag.extraction.review_store import Queue
from rag.worlds import Worlds
from style_tuner.errors import WorldError
from style_tuner.records import Entry

Kept = tuple[State, Row, str]
"""State, proposal, and the id of the entry that it became."""


class Review:
    """The queues of all worlds; nothing enters a world but by `accept`."""

    def __init__(self, worlds: Worlds) -> None:
        self.queue = Queue(worlds.database)
        self._worlds = worlds
        self._lock = threading.Lock()

    def number(self, world: str) -> int:
        """Return the number of a world, which it keeps when it is renamed; raises `UnknownWorldError`."""
        return self._worlds.number(world)

    def listed(self, world: str, state: str | None) -> dict[str, Any]:
        """Return the proposals of a state, or of all, in the order to look through them, and how many of each are."""
        if state is not None and state not in STATES:
            raise WorldError(f"There is no state {state!r}: there are {', '.join(STATES)}.")
        kept = {row["id"]: (known, row, entry) for known, row, entry in self.queue.current(self.number(world))}
        entries = self._worlds.entries(world)
        counts = Counter(known for known, _, _ in kept.values())
        rows = order([row for known, row, _ in kept.values() if state in (None, known)])
        return {
            "proposals": [_shown(kept[row["id"]], entries) for row in rows],
            "counts": {known: counts[known] for known in STATES},
        }

    def shown(self, world: str, proposal_id: str) -> dict[str, Any]:
        """Return one proposal as it is shown now."""
        return _shown(self._kept(world)[proposal_id], self._worlds.entries(world))

    def accept(self, world: str, proposal_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Take a proposal in, as the author changed it, and return the entry that came of it."""
        with self._lock:
            _, row, _ = self._pending(world, proposal_id)
            entries = self._worlds.entries(world)
            entry = accepted(row, changes, entries)
            self._worlds.put(world, [entry], f"{entry.name} taken in from the manuscripts")
            self.queue.write(self.number(world), [("accepted", row, entry.id)])
        return {"world": world, "id": proposal_id, "new": entry.id not in entries, "entry": asdict(entry)}

    def accept_all(self, world: str, ids: Sequence[str] | None) -> dict[str, Any]:
        """Take in all pending proposals, or those named, as they are: one change of the world, undone in one step."""
        with self._lock:
            if ids is None:
                rows = order([row for state, row, _ in self._kept(world).values() if state == "pending"])
            else:
                rows = [self._pending(world, one)[1] for one in dict.fromkeys(ids)]
            entries, taken = dict(self._worlds.entries(world)), []
            for row in rows:
                entry = accepted(row, {}, entries)
                entries[entry.id] = entry
                taken.append((row, entry.id))
            if taken:
                written = [entries[entry_id] for entry_id in dict.fromkeys(entry_id for _, entry_id in taken)]
                self._worlds.put(world, written, "{entries} entries taken in from the manuscripts")
                self.queue.write(self.number(world), [("accepted", row, entry_id) for row, entry_id in taken])
        return {"world": world, "accepted": [row["id"] for row, _ in taken]}

    def decide(self, world: str, proposal_id: str, state: State) -> dict[str, Any]:
        """Reject a proposal, or open one again that was decided on; what became an entry stays one."""
        with self._lock:
            known, row, entry = self._kept(world)[proposal_id]
            if state == "rejected" and known == "accepted":
                raise WorldError(f"{row['name']} is taken in already: undo that, or delete the entry {entry!r}.")
            if state != known:
                self.queue.write(self.number(world), [(state, row, "")])
        return self.shown(world, proposal_id)

    def _kept(self, world: str) -> _Known:
        kept = {row["id"]: (state, row, entry) for state, row, entry in self.queue.current(self.number(world))}
        return _Known(kept, world)

    def _pending(self, world: str, proposal_id: str) -> Kept:
        kept = self._kept(world)[proposal_id]
        if kept[0] != "pending":
            raise WorldError(f"{kept[1]['name']} is {kept[0]} already: open it again to decide anew.")
        return kept


class _Known(dict[str, Kept]):
    """Proposals by id; one that is not there is an error of the author's kind."""

    def __init__(self, kept: Mapping[str, Kept], world: str) -> None:
        super().__init__(kept)
        self._world = world

    def __missing__(self, proposal_id: str) -> Kept:
        raise WorldError(f"The world {self._world!r} has no proposal {proposal_id!r}: look up its id in the list.")


def _shown(kept: Kept, entries: Mapping[str, Entry]) -> dict[str, Any]:
    state, row, entry_id = kept
    if state == "accepted":
        entry = entries.get(entry_id)
        about = f"Taken in as your entry {entry.name}." if entry else "Taken in; the entry is no longer there."
        return {**view(row, state, entry), "about": about}
    return view(row, state, known_as(row, entries.values()))
