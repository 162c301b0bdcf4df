"""Compare a request with entries word piece by word piece (late interaction), by vectors kept beside the index.

A whole text's vector blurs a scene of several things into one meaning; here each piece of the request looks for its
best match in an entry, and what matches most entries as well counts nothing.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.vectors.embed import Reader, Reading

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
SENTENCE_END = re.compile(r"[.!?;:]\s+")
CLAUSE_END = re.compile(r"[.!?;:,]\s+|\s+(?=(?:and|while|who|which|whose|as|where|when|that|with|to)\b)")
TABLE = "CREATE TABLE IF NOT EXISTS kept (text BLOB PRIMARY KEY, sentences INTEGER, width INTEGER, rows BLOB)"
DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""What is wrong with a file that is no database, that is torn, or that lacks the table."""
LARGEST_FILE = 1_000_000_000
"""Bytes of kept vectors; in worlds with more to keep, entries are not compared piece by piece."""
REMEMBERED = 256 * 2**20
"""Bytes of vectors that stay in memory (about 20 to 35 kB a text): those of a world of some 10,000 entries."""
AT_ONCE = 500
"""Texts looked up by one query; SQLite takes no number of them."""
TOGETHER = 1024
"""Vectors compared at once: few enough to stay near the processor (1.5 MB)."""
READ_AT_ONCE = 16
"""Texts without kept vectors that are read within a request; where more are missing it goes without this comparison,
and they are read beside it for the requests to come."""
MOST_TELLING = 64
"""Word pieces of a request that are compared: those whose words tell most."""
BACKGROUND_SHARE = 0.75
"""Share of a sample of entries that a piece of the request must match better than for the match to count."""


@dataclass(frozen=True)
class Kept:
    """Vectors of a text as small whole numbers: the whole, each sentence, each word piece."""

    rows: np.ndarray
    sentences: int


class FineVectors:
    """An embedder that keeps word pieces' vectors of what it embeds, by the text; safe for threads."""

    def __init__(self, path: Path, reader: Reader) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._reader = reader
        self._lock = threading.RLock()
        self._memory: OrderedDict[str, Kept] = OrderedDict()
        self._remembered = 0
        self._later: threading.Thread | None = None
        self._closing = False
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError as error:
            _check_damaged(error)
            self._database = _made_anew(path, error)

    @property
    def name(self) -> str:
        """Name of the model that reads."""
        return self._reader.name

    def close(self) -> None:
        """Close the file."""
        self._closing = True
        if self._later is not None:
            self._later.join()
        with self._lock:
            self._database.close()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text, and keep those of its word pieces."""
        import numpy as np

        readings = self._reader.read(texts)
        self._keep(texts, readings)
        return np.stack([reading.vector for reading in readings])

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Read a request; nothing of it is kept."""
        return self._reader.read(texts)

    def kept(self, texts: Sequence[str]) -> list[Kept] | None:
        """Return the vectors of texts; None where too many of them were never kept."""
        found = self._look_up(texts)
        missing = [text for text in texts if text not in found]
        if len(missing) > READ_AT_ONCE:
            self._read_later(missing)
            return None
        if missing:
            found |= self._keep(missing, self._reader.read(missing))
        return [found[text] for text in texts]

    def load(self, texts: Sequence[str]) -> None:
        """Take kept vectors into memory, as far as it holds them, so that requests need not."""
        for start in range(0, len(texts), AT_ONCE):
            with self._lock:
                if self._closing or self._remembered > 0.9 * REMEMBERED:
                    return
                self._look_up(texts[start : start + AT_ONCE])

    def _read_later(self, texts: list[str]) -> None:
        """Read texts beside the requests, so that those to come find their vectors; one lot at a time."""
        with self._lock:
            if self._closing or self._full() or (self._later is not None and self._later.is_alive()):
                return
            self._later = threading.Thread(target=self._read_all, args=[texts], name="word-pieces", daemon=True)
            self._later.start()

    def _read_all(self, texts: list[str]) -> None:
        for start in range(0, len(texts), READ_AT_ONCE):
            if self._closing:
                return
            some = texts[start : start + READ_AT_ONCE]
            self._keep(some, self._reader.read(some))

    def _full(self) -> bool:
        return self._path.stat().st_size >= LARGEST_FILE

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.name}\0{text}".encode()).digest()[:16]

    def _look_up(self, texts: Sequence[str]) -> dict[str, Kept]:
        """Return the vectors of those texts that have some, of none of the others' where too many have none."""
        with self._lock:
            found = {text: self._memory[text] for text in texts if text in self._memory}
            for text in found:
                self._memory.move_to_end(text)
            keys = {self._key(text): text for text in texts if text not in found}
            try:
                there = [key for (key,) in self._select("text", list(keys))]
                if len(keys) - len(there) <= READ_AT_ONCE:
                    for key, sentences, width, rows in self._select("text, sentences, width, rows", there):
                        found[keys[key]] = _read(rows, width, sentences)
                        self._remember(keys[key], found[keys[key]])
            except sqlite3.DatabaseError as error:
                self._start_anew(error)
        return found

    def _select(self, columns: str, keys: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            yield from self._database.execute(f"SELECT {columns} FROM kept WHERE text IN ({marks})", some)

    def _start_anew(self, error: sqlite3.DatabaseError) -> None:
        _check_damaged(error)
        self._database.close()
        self._database = _made_anew(self._path, error)

    def _remember(self, text: str, kept: Kept) -> None:
        self._memory[text] = kept
        self._remembered += kept.rows.nbytes
        while self._remembered > REMEMBERED and len(self._memory) > 1:
            self._remembered -= self._memory.popitem(last=False)[1].rows.nbytes

    def _keep(self, texts: Sequence[str], readings: Sequence[Reading]) -> dict[str, Kept]:
        made = {text: _small(text, reading) for text, reading in zip(texts, readings, strict=True)}
        with self._lock:
            if not self._full() and not self._closing:
                rows = [
                    (self._key(text), kept.sentences, kept.rows.shape[1], kept.rows.tobytes())
                    for text, kept in made.items()
                ]
                try:
                    self._write(rows)
                except sqlite3.DatabaseError as error:
                    self._start_anew(error)
                    self._write(rows)
        return made

    def _write(self, rows: Sequence[tuple[bytes, int, int, bytes]]) -> None:
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")  # what is lost is made again
        database.execute(TABLE)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _check_damaged(error: sqlite3.DatabaseError) -> None:
    """Raise what is no damage of the file, such as a full disk."""
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF not in DAMAGED:  # not every error has a code
        raise error


def _made_anew(path: Path, error: sqlite3.Error) -> sqlite3.Connection:
    log.warning("%s is damaged (%s): it is made anew from the entries.", path, error)
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    return _opened(path)


def _read(rows: bytes, width: int, sentences: int) -> Kept:
    import numpy as np

    return Kept(np.frombuffer(rows, np.int8).reshape(-1, width), sentences)


def _small(text: str, reading: Reading) -> Kept:
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
