"""Compare a request with entries word piece by word piece (late interaction); pure.

A whole text's vector blurs a scene of several things into one meaning; here each piece of the request looks for its
best match in an entry, and what matches most entries as well counts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from rag.vectors.embed import Reading

if TYPE_CHECKING:
    import numpy as np

SENTENCE_END = re.compile(r"[.!?;:]\s+")
CLAUSE_END = re.compile(r"[.!?;:,]\s+|\s+(?=(?:and|while|who|which|whose|as|where|when|that|with|to)\b)")
TOGETHER = 1024
"""Vectors compared at once: few enough to stay near the processor (1.5 MB)."""
MOST_TELLING = 64
"""Word pieces of a request that are compared: those whose words tell most."""
BACKGROUND_SHARE = 0.75
"""Share of a sample of entries that a piece of the request must match better than for the match to count."""


@dataclass(frozen=True)
class Kept:
    """Vectors of a text as small whole numbers: the whole, each sentence, each word piece."""

    rows: np.ndarray
    sentences: int


def kept_of(rows: bytes, width: int, sentences: int) -> Kept:
    """Return vectors as they were kept."""
    import numpy as np

    return Kept(np.frombuffer(rows, np.int8).reshape(-1, width), sentences)


def small(text: str, reading: Reading) -> Kept:
    """Return what is kept of a text that was read."""
    import numpy as np

    telling = [at for at, place in enumerate(reading.places) if text[place[0] : place[1]].isalnum()]
    pieces = reading.pieces[telling] if telling else reading.vector[None]
    sentences = [reading.pieces[start:end].mean(0) for start, end in runs(text, reading, SENTENCE_END)]
    sentences = sentences or [reading.vector]
    rows = np.stack([reading.vector, *sentences, *pieces])
    return Kept(np.round(_unit(rows) * 127).astype(np.int8), len(sentences))


def runs(text: str, reading: Reading, end: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield from where to where the word pieces of each part of a text reach; parts end where the pattern matches."""
    cuts = [0, *(match.end() for match in end.finditer(text)), len(text)]
    at = 0
    for cut in cuts[1:]:
        start = at
        while at < len(reading.places) and reading.places[at][1] <= cut:
            at += 1
        if at > start:
            yield start, at


@dataclass(frozen=True)
class Asked:
    """A request as it is compared: its word pieces with what each tells, and its clauses."""

    pieces: np.ndarray
    weights: np.ndarray
    clauses: np.ndarray
    whole: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str], readings: Sequence[Reading], weights: Sequence[Sequence[float]]) -> Asked:
        """Return what is compared of the pieces of a request."""
        import numpy as np

        told = np.concatenate([np.asarray(one, dtype=np.float32) for one in weights])
        pieces = np.concatenate([reading.pieces for reading in readings])
        clauses = [
            reading.pieces[start:end].mean(0)
            for text, reading in zip(texts, readings, strict=True)
            for start, end in runs(text, reading, CLAUSE_END)
            if end - start > 1
        ] or [reading.vector for reading in readings]
        whole = np.stack([reading.vector for reading in readings])
        telling = [at for at in np.argsort(-told, kind="stable")[:MOST_TELLING] if told[at] > 0]
        return cls(pieces[telling], told[telling], _unit(np.stack(clauses)), whole)


def compare(asked: Asked, entries: Sequence[Sequence[Kept]], sample: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each entry how well its pieces, its sentences and the whole of it match a request.

    An entry is the vectors of one or more texts. The last `sample` entries are only the background: for each piece of
    the request a match counts by how far it is above what most of them reach.
    """
    import numpy as np

    owners = [at for at, texts in enumerate(entries) for _ in texts]
    flat = [kept for texts in entries for kept in texts]
    pieces = [kept.rows[1 + kept.sentences :] for kept in flat]
    best = _best(asked.pieces, pieces, owners, len(entries))
    base = np.quantile(best[:, -sample:], BACKGROUND_SHARE, axis=1, keepdims=True)
    fine = (asked.weights[:, None] * np.maximum(best - base, 0)).sum(0) / max(1e-9, float(asked.weights.sum()))
    here = len(entries) - sample
    owners, flat = owners[: owners.index(here)], flat[: owners.index(here)]
    clauses = _best(asked.clauses, [kept.rows[1 : 1 + kept.sentences] for kept in flat], owners, here).max(0)
    whole = _best(asked.whole, [kept.rows[:1] for kept in flat], owners, here).max(0)
    return fine[:here], clauses, whole


def _best(asked: np.ndarray, rows: Sequence[np.ndarray], owners: Sequence[int], entries: int) -> np.ndarray:
    """Return the best cosine of each vector asked with any row of each entry; shape (asked, entries).

    Owners are in order, and each entry has rows.
    """
    import numpy as np

    best = np.empty((len(asked), entries), np.float32)
    room = np.empty((TOGETHER, asked.shape[1]), np.float32)
    for first, parts in _together(rows, owners):
        starts = np.cumsum([0] + [sum(map(len, part)) for part in parts])
        some = room[: starts[-1]] if starts[-1] <= len(room) else np.empty((starts[-1], asked.shape[1]), np.float32)
        np.concatenate([one for part in parts for one in part], out=some, casting="same_kind")
        np.maximum.reduceat(asked @ some.T, starts[:-1], axis=1, out=best[:, first : first + len(parts)])
    return best / 127


def _together(rows: Sequence[np.ndarray], owners: Sequence[int]) -> Iterator[tuple[int, list[list[np.ndarray]]]]:
    """Yield the rows of several entries at once, with the place of the first of these entries."""
    first, size = 0, 0
    parts: list[list[np.ndarray]] = []
    for owner, of in groupby(zip(owners, rows, strict=True), key=itemgetter(0)):
        part = [one for _, one in of]
        more = sum(map(len, part))
        if parts and size + more > TOGETHER:
            yield first, parts
            first, parts, size = owner, [], 0
        parts.append(part)
        size += more
    if parts:
        yield first, parts


def _unit(rows: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
