"""Find what a request needs: gather what speaks for each entry, then rank; one finder for all worlds of a home."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from rag.lore.store import LoreStore
from rag.retrieval.atlas import Atlas
from rag.retrieval.gathering import Gathered, NotTrue
from rag.retrieval.keys import KeyFault
from rag.retrieval.keywords import Stemmer
from rag.retrieval.ranking import Ranked, rank
from rag.retrieval.rerank import Reranker, reranked
from rag.vectors.comparing import Asked, Kept, compare
from rag.vectors.embed import TOGETHER, Embedder, Reading
from rag.vectors.fine import FineVectors
from rag.vectors.pieces import windows
from style_tuner.records import Entry, Moment

if TYPE_CHECKING:
    import numpy as np

BY_MEANING = 200
"""Entries that the meaning of a request may propose."""
BACKGROUND = 96
"""Entries of a world against which it is seen what matches any entry."""
MOST_PIECES = 8
"""Pieces of a long entry that are compared word by word."""
TURNS = 2
"""Requests that are compared word by word at once: more would only take the processor from one another."""
WORD = re.compile(r"[^\W_]+")
Near = Callable[["np.ndarray", int], list[tuple[str, float]]]
"""Query vectors and a limit to ids and cosine similarities, best first."""


@dataclass(frozen=True)
class Found:
    """What a request needs, best first; what it names that is not true then; and the keys that are switched off."""

    ranked: list[Ranked]
    always_on: list[Entry]
    not_true: list[NotTrue]
    faults: list[KeyFault]


@dataclass
class Background:
    """A sample of a world that had so many entries, and its vectors once they are there."""

    size: int
    entries: frozenset[str]
    kept: list[list[Kept]] = field(default_factory=list)

    def there(self, atlas: Atlas) -> bool:
        """Say whether the world still has all of the sample."""
        return all(one in atlas.entries for one in self.entries)


def query_windows(text: str) -> list[str]:
    """Return the pieces of a request to embed: all of a short one, the first and the last two of a long one."""
    parts = windows(text)
    return parts if len(parts) <= 3 else [parts[0], *parts[-2:]]


class Finder:
    """What every world's entries are found by, brought in step when a world has changed; safe for threads."""

    def __init__(self, embedder: Embedder, fine: FineVectors | None, reranker: Reranker | None = None) -> None:
        self._reranker = reranker
        self._embedder = embedder
        self._fine = fine
        self._stemmer = Stemmer()
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(TURNS)
        self._readers = ThreadPoolExecutor(TOGETHER, "reading")
        self._atlases: dict[int, tuple[int, Atlas]] = {}
        self._backgrounds: dict[int, Background] = {}

    def atlas(self, store: LoreStore, world: str) -> Atlas:
        """Return what a world's entries are found by, as the world is now."""
        with self._lock:
            number, revision = store.number(world), store.revision(world)
            known, atlas = self._atlases.get(number, (-1, None))
            if atlas is None:
                atlas = Atlas(self._stemmer)
                atlas.update({entry.id: entry for entry in store.entries(world)})
            elif known != revision:
                atlas.update(store.changes(world, known))
            self._atlases[number] = revision, atlas
            return atlas

    def warm_up(self, store: LoreStore, world: str) -> None:
        """Bring together what a world's entries are found by, before the first request."""
        atlas = self.atlas(store, world)
        if self._fine is not None and self._background(store.number(world), atlas):
            self._fine.load([text for one in atlas.entries for text in atlas.pieces(one)[:MOST_PIECES]])

    def find(
        self, store: LoreStore, world: str, query: str, before: str, moment: Moment, near: Near, least: float
    ) -> Found:
        """Return what a request needs at a moment of the story, whatever room there is for it.

        `least` is the cosine similarity below which nothing is near in meaning.
        """
        gathered, fine = self.gather(store, world, query, before, moment, near)
        atlas = gathered.atlas
        always_on = [entry for entry in atlas.always_on() if entry.holds(moment)]
        not_true = [one for one in gathered.not_true.values() if not one.entry.always_on]
        ranked = rank(gathered.signals, fine, least)
        if self._reranker is not None and query.strip() and ranked:
            ranked = reranked(self._reranker, query, ranked)
        return Found(ranked, always_on, not_true, atlas.patterns.faults)

    def gather(
        self, store: LoreStore, world: str, query: str, before: str, moment: Moment, near: Near
    ) -> tuple[Gathered, bool]:
        """Return what speaks for each entry, and whether they were compared with the request piece by piece."""
        atlas = self.atlas(store, world)
        gathered = Gathered(atlas, moment)
        if not query.strip() or not atlas.entries:
            gathered.add_names(query, before)
            return gathered, False
        texts = query_windows(query)
        # The model leaves the interpreter to others: names and words are looked up while it reads.
        read = self._readers.submit(self._embedder.embed if self._fine is None else self._fine.read, texts)
        gathered.add_names(query, before)
        gathered.add_words(query)
        readings: Any = read.result()
        gathered.add_near(near(readings if self._fine is None else _vectors(readings), BY_MEANING))
        gathered.add_neighbours()
        if self._fine is None:
            return gathered, False
        with self._turns:
            return gathered, self._compare(store.number(world), atlas, gathered, texts, readings)

    def _compare(
        self, world: int, atlas: Atlas, gathered: Gathered, texts: Sequence[str], readings: Sequence[Reading]
    ) -> bool:
        """Compare a request with what is proposed word piece by word piece, and say whether that could be done."""
        assert self._fine is not None
        background = self._background(world, atlas)
        proposed = list(gathered.signals)
        kept = self._kept(atlas, proposed) if background else None
        if not background or not kept:
            return False
        weights = [_weights(text, reading, atlas) for text, reading in zip(texts, readings, strict=True)]
        asked = Asked.of(texts, readings, weights)
        if not len(asked.pieces):
            return False
        fine, clauses, whole = compare(asked, [*kept, *background], len(background))
        for at, one in enumerate(proposed):
            signal = gathered.signals[one]
            signal.fine, signal.clause, signal.near = float(fine[at]) * 10, float(clauses[at]), float(whole[at])
        return True

    def _background(self, world: int, atlas: Atlas) -> list[list[Kept]]:
        """Return the vectors of a sample of a world's entries, the same ones as long as they are there."""
        size = len(atlas.entries)
        known = self._backgrounds.get(world)
        if known is None or abs(known.size - size) > size / 10 or not (known.kept or known.there(atlas)):
            chosen = nsmallest(BACKGROUND, atlas.entries, key=lambda one: hashlib.sha256(one.encode()).digest())
            known = self._backgrounds[world] = Background(size, frozenset(chosen))
        if not known.kept:
            known.kept = self._kept(atlas, sorted(known.entries)) or []
        return known.kept

    def _kept(self, atlas: Atlas, entries: Sequence[str]) -> list[list[Kept]] | None:
        assert self._fine is not None
        texts = [atlas.pieces(entry_id)[:MOST_PIECES] for entry_id in entries]
        kept = self._fine.kept([text for of in texts for text in of])
        if kept is None:
            return None
        remaining = iter(kept)
        return [[next(remaining) for _ in of] for of in texts]


def _vectors(readings: Sequence[Reading]) -> np.ndarray:
    import numpy as np

    return np.stack([reading.vector for reading in readings])


def _weights(text: str, reading: Reading, atlas: Atlas) -> list[float]:
    """Return for each word piece of a request how much its word tells in this world."""
    words = [(match.start(), match.end(), match.group()) for match in WORD.finditer(text)]
    told: list[float] = []
    at = 0
    for start, end in reading.places:
        while at < len(words) and words[at][1] <= start:
            at += 1
        inside = at < len(words) and words[at][0] <= start and end <= words[at][1]
        told.append(atlas.keywords.weight(words[at][2]) if inside else 0.0)
    return told
