"""Gather for each entry of a world what speaks for it in a request: names, keys, words, nearness, links."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp

from rag.retrieval.atlas import Atlas
from rag.retrieval.names import Mention
from rag.retrieval.ranking import FAR, Signals, recency
from style_tuner.records import Entry, Moment

BY_WORDS = 200
"""Entries that the words of a request may propose."""
WORDS_BACK = 300
"""Words before the request after which a name there counts about a third."""
LATER_CHARACTERS = 12_000
"""Characters before the request in which names are looked for."""
SHARED = 0.6
"""How surely an entry is named by a name that others have as well; the rest of the request decides between them."""


@dataclass(frozen=True)
class NotTrue:
    """An entry that a request names although it does not hold at that moment, and what was written."""

    entry: Entry
    written: str


class Gathered:
    """What speaks for the entries of a world that hold at a moment and are not sent anyway."""

    def __init__(self, atlas: Atlas, moment: Moment) -> None:
        self.atlas = atlas
        self._moment = moment
        self.signals: dict[str, Signals] = {}
        self.not_true: dict[str, NotTrue] = {}

    def counts(self, entry_id: str) -> bool:
        """Say whether an entry may be proposed."""
        entry = self.atlas.entries.get(entry_id)
        return entry is not None and not entry.always_on and entry.holds(self._moment)

    def signal(self, entry_id: str) -> Signals:
        """Return what speaks for an entry, nothing at first."""
        if entry_id not in self.signals:
            entry = self.atlas.entries[entry_id]
            self.signals[entry_id] = Signals(entry, recent=recency(entry, self._moment))
        return self.signals[entry_id]

    def add_names(self, query: str, before: str) -> None:
        """Look for names and keys in a request and, counting less the further back, in what stands before it."""
        before = before[-LATER_CHARACTERS:]
        named = self._mentions(query)
        for mention, certainty in named:
            self._named(mention, "named", certainty)
        for mention, certainty in self._mentions(before):
            if not self.signal(mention.entry).named:
                back = len(before[mention.end :].split())
                self._named(mention, "before", certainty * exp(-back / WORDS_BACK))
        for key in self.atlas.keys.find(query, self.counts, self.atlas.ordinary):
            self._key(key.entry, key.written)
        for match in self.atlas.patterns.find(query, self.counts):
            self._key(match.entry, match.written)
        for mention in self.atlas.names.find(query, lambda one: not self._holds(one), self.atlas.ordinary):
            self.not_true.setdefault(mention.entry, NotTrue(self.atlas.entries[mention.entry], mention.written))

    def _holds(self, entry_id: str) -> bool:
        return self.atlas.entries[entry_id].holds(self._moment)

    def _mentions(self, text: str) -> list[tuple[Mention, float]]:
        """Return who is named, each with how surely: less where several have the name."""
        found = self.atlas.names.find(text, self.counts, self.atlas.ordinary)
        places = [(mention.start, mention.end) for mention in found]
        return [
            (mention, mention.certainty * (1.0 if places.count(place) == 1 else SHARED))
            for mention, place in zip(found, places, strict=True)
        ]

    def _named(self, mention: Mention, kind: str, certainty: float) -> None:
        signal = self.signal(mention.entry)
        if certainty > getattr(signal, kind):
            setattr(signal, kind, certainty)
            signal.place = mention.start if kind == "named" else FAR
            signal.matched = f"named as “{mention.written}”" + (" in the lines before" if kind == "before" else "")

    def _key(self, entry_id: str, written: str) -> None:
        signal = self.signal(entry_id)
        signal.key = 1.0
        signal.matched = signal.matched or f"key found in “{written}”"

    def add_words(self, query: str) -> None:
        """Rank by the words of a request; they speak for an entry by a word of its names or two of its text."""
        keywords = self.atlas.keywords
        found = [(one, fit) for one, fit in keywords.best(query, 2 * BY_WORDS) if self.counts(one)][:BY_WORDS]
        telling = keywords.telling(query)
        for entry_id, fit in found:
            signal = self.signal(entry_id)
            signal.words = fit / found[0][1]
            shared = keywords.shared(telling, entry_id)
            signal.worded = len(shared) > 1 or keywords.in_names(shared, entry_id)
            signal.shared = tuple(shared[:4])

    def add_near(self, found: Iterable[tuple[str, float]]) -> None:
        """Take in similarities of meaning."""
        for entry_id, similarity in found:
            if self.counts(entry_id):
                self.signal(entry_id).near = similarity

    def add_neighbours(self) -> None:
        """Propose what is linked with an entry that is named, and note who is linked with whom."""
        for entry_id in [one for one, signal in self.signals.items() if signal.named or signal.before or signal.key]:
            for other in self.atlas.neighbours(entry_id):
                if self.counts(other):
                    self.signal(other)
        for entry_id, signal in self.signals.items():
            signal.neighbours = self.atlas.neighbours(entry_id) & self.signals.keys()
