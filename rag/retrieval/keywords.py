"""BM25 over the entries of a world, in memory, by the stems of their words; kept in step entry by entry."""

from __future__ import annotations

import sqlite3
import sys
import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log

from rag.lore.store import words_of
from style_tuner.records import Entry

NAME_WEIGHT = 3
"""How many times a word of its names counts as one in an entry's text."""
SATURATION, LENGTH_SHARE = 1.2, 0.75
"""k1 and b of BM25 (Robertson & Zaragoza 2009)."""
COMMON_SHARE = 0.3
"""A word found in more than this share of a world's entries says nothing about which entry is meant."""


class Stemmer:
    """Porter's stems of English words, by SQLite's own; other words stay nearly as they are."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE VIRTUAL TABLE words USING fts5(word, tokenize = 'porter unicode61')")
        self._database.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(words, instance)")

    def stems(self, words: Sequence[str]) -> list[str]:
        """Return the stem of each word."""
        if new := [word for word in dict.fromkeys(words) if word not in self._known]:
            with self._lock:
                self._database.execute("DELETE FROM words")
                self._database.executemany(
                    "INSERT INTO words (rowid, word) VALUES (?, ?)", [(at, word) for at, word in enumerate(new, 1)]
                )
                found = dict(self._database.execute("SELECT doc, term FROM stems"))
                self._known.update({word: sys.intern(found.get(at, word)) for at, word in enumerate(new, 1)})
        return [self._known[word] for word in words]


class Keywords:
    """An inverted index; an entry that is replaced or dropped leaves a gap that is closed when there are many."""

    def __init__(self, stemmer: Stemmer) -> None:
        self._stemmer = stemmer
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._ids: list[str | None] = []
        self._places: dict[str, int] = {}
        self._entries: dict[str, tuple[tuple[str, ...], array[int]]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._lengths = array("f")
        self._length = 0.0
        self._documents: Counter[str] = Counter()
        self._postings: dict[str, tuple[array[int], array[float]]] = {}

    def put(self, entries: Iterable[Entry], dropped: Iterable[str] = ()) -> None:
        """Take in new and changed entries, and let go of others."""
        with self._lock:
            for entry_id in dropped:
                self._drop(entry_id)
            for entry in entries:
                self._drop(entry.id)
                names = self._stemmer.stems(words_of(" ".join((entry.name, *entry.aliases))))
                self._names[entry.id] = tuple(dict.fromkeys(names))
                self._add(entry.id, Counter(names * NAME_WEIGHT + self._stemmer.stems(words_of(entry.facts))))
            if len(self._ids) > 2 * len(self._entries) + 100:
                kept, names_of = self._entries, self._names
                self._clear()
                self._names = names_of
                for entry_id, (stems, counts) in kept.items():
                    self._add(entry_id, Counter(dict(zip(stems, counts, strict=True))))

    def _add(self, entry_id: str, counts: Counter[str]) -> None:
        place = len(self._ids)
        self._ids.append(entry_id)
        self._places[entry_id] = place
        self._entries[entry_id] = tuple(counts), array("H", [min(count, 65535) for count in counts.values()])
        self._lengths.append(counts.total())
        self._length += counts.total()
        self._documents.update(counts.keys())
        for stem, count in counts.items():
            places, times = self._postings.setdefault(stem, (array("i"), array("f")))
            places.append(place)
            times.append(count)

    def _drop(self, entry_id: str) -> None:
        place = self._places.pop(entry_id, None)
        if place is not None:
            self._ids[place] = None
            self._documents.subtract(self._entries.pop(entry_id)[0])
            del self._names[entry_id]

    def stems(self, text: str) -> list[str]:
        """Return the stems of the words of a text."""
        return self._stemmer.stems(words_of(text))

    def telling(self, text: str) -> dict[str, int]:
        """Return the stems of a text that tell one entry from another, the most telling first, with their places."""
        common = self._common()
        found = {stem for stem in self.stems(text) if self._documents.get(stem, 0) <= common}
        return {stem: at for at, stem in enumerate(sorted(found, key=lambda stem: (-self._weight(stem), stem)))}

    def shared(self, telling: Mapping[str, int], entry_id: str) -> list[str]:
        """Return those of the telling stems that an entry has, in their order."""
        return sorted((stem for stem in self._entries[entry_id][0] if stem in telling), key=telling.__getitem__)

    def in_names(self, stems: Iterable[str], entry_id: str) -> bool:
        """Say whether one of the stems is of an entry's names."""
        return not set(self._names[entry_id]).isdisjoint(stems)

    def _common(self) -> float:
        return max(1.0, COMMON_SHARE * len(self._entries))

    def weight(self, word: str) -> float:
        """Return how much a word tells: its inverse document frequency, 0 for a word that is no word to search by."""
        words = words_of(word)
        return self._weight(self._stemmer.stems(words)[0]) if words else 0.0

    def _weight(self, stem: str) -> float:
        found = self._documents.get(stem, 0)
        return log(1 + (len(self._entries) - found + 0.5) / (found + 0.5))

    def best(self, text: str, limit: int) -> list[tuple[str, float]]:
        """Return the ids of the entries that share telling words with a text, best first, with their BM25."""
        import numpy as np

        with self._lock:
            scores = np.zeros(len(self._ids), dtype=np.float32)
            lengths = np.frombuffer(self._lengths, dtype=np.float32) if self._lengths else scores
            mean = max(1e-9, self._length / max(1, len(self._ids)))
            for stem in dict.fromkeys(self.stems(text)):
                if stem in self._postings and 0 < self._documents[stem] <= self._common():
                    places = np.frombuffer(self._postings[stem][0], dtype=np.int32)
                    times = np.frombuffer(self._postings[stem][1], dtype=np.float32)
                    norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE / mean * lengths[places])
                    scores[places] += self._weight(stem) * (SATURATION + 1) * times / (times + norm)
            few = np.argpartition(-scores, limit)[:limit] if len(scores) > limit else np.arange(len(scores))
            order = few[np.lexsort((few, -scores[few]))]
            found = [(self._ids[at], float(scores[at])) for at in order if scores[at] > 0]
        return [(entry_id, fit) for entry_id, fit in found if entry_id is not None]
