"""Decide what each entry of an import is to the world: new, an entry that is there already, or one beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.exchange.kept import NOTE, note_of
from rag.lore.lorebook import Found, Remark, Skipped
from style_tuner.records import Entry
from style_tuner.workspace import slug

BESIDE = "Another entry has the same name: both are kept, each with an id of its own"


@dataclass(frozen=True)
class Arrival:
    """One entry as it would be in the world, what that changes, and where it comes from."""

    entry: Entry
    change: Literal["new", "changed", "unchanged"]
    source: str


@dataclass(frozen=True)
class Plan:
    """What an import would do."""

    arrivals: tuple[Arrival, ...]
    skipped: tuple[Skipped, ...]
    remarks: tuple[Remark, ...]
    emptied: tuple[Entry, ...]
    """Entries that are not in the import and give up what belonged to an earlier version of its file."""

    @property
    def entries(self) -> list[Entry]:
        """What is to be written."""
        return [*(one.entry for one in self.arrivals), *self.emptied]


def plan(found: Sequence[Found], world: Mapping[str, Entry]) -> Plan:
    """Match the entries of an import with those of the world.

    An entry of the same id is brought up to date in what the file tells of. One of the same name and another kind is
    kept beside it, and so are several of one name in a lorebook, where names are only labels.
    """
    places = _Places(world)
    arrivals: list[Arrival] = []
    skipped: list[Skipped] = []
    beside: list[str] = []
    for one in found:
        place = places.take(one)
        if place is None:
            first = places.taken[one.entry.id].source
            skipped.append(Skipped(one.source, f"it has the same name as {first}: join them, or rename one"))
            continue
        if place != one.entry.id:
            beside.append(one.entry.name)
        arrivals.append(_arrival(one, place, world.get(place)))
    remarks = (Remark(BESIDE, tuple(dict.fromkeys(beside))),) if beside else ()
    return Plan(tuple(arrivals), tuple(skipped), remarks, tuple(_emptied(arrivals, world)))


class _Places:
    """The ids of a world, and those that the entries of one import take."""

    def __init__(self, world: Mapping[str, Entry]) -> None:
        self.taken: dict[str, Found] = {}
        self._world = world
        self._last: dict[str, int] = {}
        self._origins = {origin: entry.id for entry in world.values() for origin in _origins(entry)}

    def take(self, one: Found) -> str | None:
        """Return the id under which an entry goes into the world, None where the import has it already."""
        first = self.taken.get(one.entry.id)
        if first is not None and (one.own_id or (not one.labelled and _alike(first.entry, one.entry))):
            return None
        place = one.entry.id if one.own_id else self._same_origin(one)
        place = place or next(place for place in self._possible(one) if self._fits(place, one))
        self.taken[place] = one
        return place

    def _same_origin(self, one: Found) -> str | None:
        """Return the id of the entry that came from the same place of the same file, under the same name."""
        places = (self._origins.get(origin) for origin in _origins(one.entry))
        return next((place for place in places if place is not None and place not in self.taken), None)

    def _possible(self, one: Found) -> Iterator[str]:
        beside = f"{one.entry.id}-{slug(one.entry.kind)}"
        if beside in self._world and self._world[beside].kind == one.entry.kind != "note":
            yield beside
        yield one.entry.id
        if one.entry.kind != "note":
            yield beside
        while True:
            number = self._last.get(one.entry.id, 1) + 1
            self._last[one.entry.id] = number
            yield f"{one.entry.id}-{number}"

    def _fits(self, place: str, one: Found) -> bool:
        """Say whether an id is free, or is that of the same entry, which may have got another name since."""
        there = self._world.get(place)
        if place in self.taken or there is None:
            return place not in self.taken
        renamed = place == one.entry.id and slug(there.name) != slug(one.entry.name)
        if not renamed and there.name.casefold() != one.entry.name.casefold():
            return False
        return "kind" not in one.told or _alike(replace(there, name=one.entry.name), one.entry)


def _origins(entry: Entry) -> Iterator[tuple[str, ...]]:
    """Give where an entry came from: format, file and place in it, with its name."""
    for format, kept in entry.foreign.items():
        note = note_of(kept)
        if "file" in note:
            yield format, str(note["file"]), str(note.get("at", "card")), entry.name.casefold()


def _alike(one: Entry, other: Entry) -> bool:
    """Say whether two entries have one name and no two different kinds; `note` stands for no kind in particular."""
    kinds = {one.kind, other.kind} - {"note"}
    return one.name.casefold() == other.name.casefold() and len(kinds) < 2


def _arrival(one: Found, place: str, there: Entry | None) -> Arrival:
    entry = replace(one.entry, id=place)
    if there is None:
        return Arrival(entry, "new", one.source)
    told: dict[str, Any] = {key: getattr(entry, key) for key in one.told if key != "foreign"}
    fields = entry.fields if "fields" in one.told else {**there.fields, **entry.fields}
    merged = replace(there, **{**told, "id": place, "fields": fields, "foreign": {**there.foreign, **entry.foreign}})
    return Arrival(merged, "unchanged" if merged == there else "changed", one.source)


def _emptied(arrivals: Sequence[Arrival], world: Mapping[str, Entry]) -> Iterator[Entry]:
    """Give the entries that carry what belongs to a file as a whole, where another entry carries that from now on."""
    carried = {
        (format, note_of(kept).get("file"))
        for one in arrivals
        for format, kept in one.entry.foreign.items()
        if "book" in note_of(kept)
    }
    arrived = {one.entry.id for one in arrivals}
    for entry in world.values():
        for format, kept in entry.foreign.items():
            note = note_of(kept)
            if entry.id not in arrived and "book" in note and (format, note.get("file")) in carried:
                rest = {**kept, NOTE: {key: value for key, value in note.items() if key != "book"}}
                yield replace(entry, foreign={**entry.foreign, format: rest})
