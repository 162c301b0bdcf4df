"""Vectors of word pieces kept by the text that they are of, in a file beside the index and the latest in memory."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.vectors.comparing import Kept, kept_of, small
from rag.vectors.embed import Reader, Reading

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
TABLE = "CREATE TABLE IF NOT EXISTS kept (text BLOB PRIMARY KEY, sentences INTEGER, width INTEGER, rows BLOB)"
DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""What is wrong with a file that is no database, that is torn, or that lacks the table."""
LARGEST_FILE = 1_000_000_000
"""Bytes of kept vectors; in worlds with more to keep, entries are not compared piece by piece."""
REMEMBERED = 256 * 2**20
"""Bytes of vectors that stay in memory (about 20 to 35 kB a text): those of a world of some 10,000 entries."""
AT_ONCE = 500
"""Texts looked up by one query; SQLite takes no number of them."""
READ_AT_ONCE = 16
"""Texts without kept vectors that are read within a request; where more are missing it goes without this comparison,
and they are read beside it for the requests to come."""


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
                        found[keys[key]] = kept_of(rows, width, sentences)
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
        made = {text: small(text, reading) for text, reading in zip(texts, readings, strict=True)}
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
