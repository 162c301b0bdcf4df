"""Choose what is sent of the entries that a request needs, within the room for lore; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.retrieval.budget import Room
from rag.retrieval.names import NameIndex
from rag.retrieval.prompt import fact
from rag.retrieval.ranking import Ranked
from style_tuner.records import Entry, Hit

ALIKE = 0.9
"""Share of words in common from which two texts are the same but for their names."""
SHOWN = 5
"""Entries beyond those that a prompt may have that are named as such."""
DIRECT = ("mention", "key")


@dataclass(frozen=True)
class Chosen:
    """An entry that may be sent: why, what matched, its rank, its size, and why it is not sent, if it is not."""

    hit: Hit
    matched: str
    rank: int
    words: int
    tokens: int
    cut: str = ""
    no_room: bool = False


@dataclass(frozen=True)
class Retrieval:
    """What was chosen for a prompt and what was cut; `not_true` are sentences by the name of what they are about.

    `passages` are the places in the author's manuscripts of the passages that are sent.
    """

    chosen: tuple[Chosen, ...]
    room: Room
    not_true: tuple[tuple[Entry, str], ...] = ()
    keys_off: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What is sent, in the order of the rank."""
        return tuple(one.hit for one in self.chosen if not one.cut)

    @property
    def left_out(self) -> tuple[Hit, ...]:
        """What the room for lore left out."""
        return tuple(one.hit for one in self.chosen if one.no_room)

    @property
    def words(self) -> int:
        """Number of words of lore that are sent."""
        return sum(one.words for one in self.chosen if not one.cut)

    @property
    def tokens(self) -> int:
        """Number of tokens of lore that are sent, as `room.ruler` counts them."""
        return sum(one.tokens for one in self.chosen if not one.cut)


def entry_words(entry: Entry) -> int:
    """Return how many words an entry takes in a prompt."""
    return len(entry.name.split()) + len(entry.facts.split())


def mentioned(text: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries whose name or an alias of theirs stands in the text as a word, in the order of the text."""
    index = NameIndex()
    for entry in entries:
        for name in (entry.name, *entry.aliases):
            index.add(entry.id, name)
    by_id = {entry.id: entry for entry in entries}
    return [by_id[one] for one in dict.fromkeys(found.entry for found in index.find(text, by_id.__contains__))]


def choose(always_on: Iterable[Entry], ranked: Sequence[Ranked], room: Room) -> Retrieval:
    """Put always-on entries first, then those named in the request, then by rank, within the room.

    An entry that does not fit is left out whole, and smaller ones after it may still fit; what tells the same as an
    entry before it is sent once.
    """
    first = [Ranked(entry, "always-on", 0.0) for entry in always_on]
    best = max((one.score for one in ranked), default=0.0)
    ranks = {one.entry.id: rank for rank, one in enumerate(ranked, 1)}
    within = sorted(ranked[: room.entries], key=_turn)
    packer = _Packer(room)
    for one in (*first, *within):
        packer.add(one, ranks.get(one.entry.id, 0), best)
    rest = list(ranked[room.entries :])
    for _ in range(SHOWN):  # what was cut leaves its place to the next
        if packer.places(room.entries) > 0 and rest:
            packer.add(rest[0], ranks[rest.pop(0).entry.id], best)
    for one in rest[: SHOWN if packer.places(room.entries) == 0 else 0]:
        packer.beyond(one, ranks[one.entry.id], best)
    return Retrieval(tuple(packer.chosen), room)


def _turn(one: Ranked) -> tuple[bool, int, int]:
    """Return what is packed first: what is named, of that what has priority, and then in the order of the request."""
    direct = one.reason in DIRECT
    return not direct, -one.entry.priority if direct else 0, one.place if direct else 0


class _Packer:
    def __init__(self, room: Room) -> None:
        self.chosen: list[Chosen] = []
        self._room = room
        self._words, self._tokens = room.words, room.tokens

    def places(self, entries: int) -> int:
        """Return how many more entries may be sent besides those always on."""
        return entries - sum(not one.cut and one.hit.reason != "always-on" for one in self.chosen)

    def add(self, one: Ranked, rank: int, best: float) -> None:
        """Take an entry in, or say why not."""
        words, tokens = entry_words(one.entry), self._room.ruler.tokens(fact(one.entry))
        cut, no_room = "", False
        if twin := next((sent for sent in self.chosen if not sent.cut and alike(sent.hit.entry, one.entry)), None):
            cut = f"it tells the same as {twin.hit.entry.name}, which is sent"
        elif words > self._words:
            cut, no_room = f"no room: it has {words:,} words, and {self._words:,} are left", True
        elif self._tokens is not None and tokens > self._tokens:
            about = "" if self._room.ruler.exact else "about "
            cut, no_room = f"no room: it has {about}{tokens:,} tokens, and {self._tokens:,} are left", True
        else:
            self._words -= words
            self._tokens = None if self._tokens is None else self._tokens - tokens
        self.chosen.append(Chosen(_hit(one, best), one.matched, rank, words, tokens, cut, no_room))

    def beyond(self, one: Ranked, rank: int, best: float) -> None:
        """Name an entry that would come next."""
        cut = f"a prompt gets {self._room.entries} entries besides those always on, and others fit better"
        tokens = self._room.ruler.tokens(fact(one.entry))
        self.chosen.append(Chosen(_hit(one, best), one.matched, rank, entry_words(one.entry), tokens, cut))


def _hit(one: Ranked, best: float) -> Hit:
    direct = one.reason in ("always-on", *DIRECT)
    return Hit(one.entry, one.reason, 1.0 if direct or best <= 0 else round(max(0.0, min(1.0, one.score / best)), 4))


def alike(one: Entry, other: Entry) -> bool:
    """Say whether two entries tell the same, but for their names."""
    words, others = (set(re.findall(r"\w+", entry.facts.casefold())) for entry in (one, other))
    if one.facts == other.facts:
        return True
    return len(words) > 5 and len(words & others) >= ALIKE * len(words | others)
