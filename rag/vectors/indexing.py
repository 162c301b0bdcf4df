"""Bring vector indexes in step with their stores, in a thread of its own, while the worlds are read and written."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.vectors.chroma import IndexTrouble
from rag.vectors.index import BATCH, OtherModel, VectorIndex
from rag.vectors.pieces import Source
from style_tuner.errors import StyleTunerError

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
PATIENCE = 10.0
"""Seconds that a write or a search waits for a few things to be indexed, at most one batch of them."""
BUSY_SECONDS = 0.3
"""Seconds that a search waits for an index that is being written, before it goes by names and words alone."""
TOLD_EVERY = 10.0
"""Seconds between two lines in the log while much is indexed."""
AFTER_TROUBLE = "Entries are found by names and words alone until then."


@dataclass(frozen=True)
class Progress:
    """How many of the things that an index lacked are in it by now."""

    done: int
    total: int


class Indexer:
    """One thread that embeds what changed, a batch of each source in turn; searching goes on meanwhile."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._changed = threading.Condition()
        self._waiting: dict[str, Source] = {}
        self._progress: dict[str, Progress] = {}
        self._trouble: dict[str, str] = {}
        self._told: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._closing = False

    def close(self) -> None:
        """End soon; what is left is made good when the worlds are opened again."""
        self._index.stop()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def request(self, source: Source) -> None:
        """Ask for a source's index to be brought in step."""
        with self._changed:
            if self._closing or source.key in self._waiting:
                return
            self._waiting[source.key] = source
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def catch_up(self, source: Source, seconds: float = PATIENCE) -> bool:
        """Ask for an index in step, and wait where that is a matter of one batch; say whether it is in step now."""
        if not (pending := self._pending(source)):
            return pending == 0
        self.request(source)
        if pending > BATCH:
            return False
        self.wait(source.key, seconds)
        return self._pending(source) == 0

    def wait(self, key: str, seconds: float | None = None) -> bool:
        """Wait until nothing of a source is left to do, or nothing can be done, and say whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: key not in self._waiting or self._ended(), seconds)

    def search(self, source: Source, vectors: np.ndarray, limit: int) -> list[tuple[str, float]]:
        """Return what is nearest to any of the vectors; nothing where the index cannot be used, as its notes say."""
        try:
            if self._busy(source.key):
                return self._index.search(source.key, vectors, limit, BUSY_SECONDS)
            self.catch_up(source)
            if self._index.model(source.key) != self._index.embedding_model:
                return []
            found = self._index.search(source.key, vectors, limit)
            if not found and self.catch_up(source):  # it was lost unnoticed, and is back
                found = self._index.search(source.key, vectors, limit)
            return found
        except IndexTrouble as trouble:
            self._trouble[source.key] = f"{trouble} {AFTER_TROUBLE}"
            return []

    def anew(self, source: Source) -> None:
        """Throw a source's vectors away and begin to make them anew."""
        self._index.drop(source.key)
        self._trouble.pop(source.key, None)
        self.request(source)

    def rename(self, key: str, name: str) -> None:
        """Take an index along to another name; where that cannot be done now, it is made anew."""
        try:
            self._index.rename(key, name)
        except IndexTrouble as trouble:
            log.warning("The index of %s stays behind: %s", _told_name(key), trouble)

    def forget(self, key: str) -> None:
        """Throw an index away; where that cannot be done now, it is left and never used."""
        try:
            self._index.drop(key)
        except IndexTrouble as trouble:
            log.warning("The index of %s stays behind: %s", _told_name(key), trouble)

    def progress(self, key: str) -> Progress | None:
        """Return how far the index of a source has come; None where nothing is being done."""
        with self._changed:
            return self._progress.get(key)

    def note(self, source: Source) -> str | None:
        """Return why an index cannot be used in full now, in a sentence with the remedy."""
        if not self._busy(source.key):
            self._pending(source)
        found = self._trouble.get(source.key)
        if found is None and self._busy(source.key) and (progress := self.progress(source.key)):
            found = (
                f"The index of {_told_name(source.key)} is being made: {progress.done:,} of {progress.total:,} so far. "
                "What is missing in it is found by names and words alone until then."
            )
        return found

    def _busy(self, key: str) -> bool:
        """Say whether more is being done than a request should wait for."""
        progress = self.progress(key)
        return progress is not None and progress.total > BATCH

    def _ended(self) -> bool:
        return self._closing or self._thread is None or not self._thread.is_alive()

    def _pending(self, source: Source) -> int | None:
        """Return how many things the index lacks; None where that cannot be told, or where it is left alone."""
        try:
            pending = self._index.pending(source)
            model = self._index.model(source.key)
        except IndexTrouble as trouble:
            self._trouble[source.key] = f"{trouble} {AFTER_TROUBLE}"
            return None
        if model not in (None, self._index.embedding_model):
            self._trouble[source.key] = _other_model(source.key, str(model), self._index.embedding_model)
            return None
        if not pending:
            self._trouble.pop(source.key, None)
        return pending

    def _run(self) -> None:
        while (source := self._next()) is not None:
            left = 0
            try:
                left = self._step(source)
            except OtherModel as other:
                self._trouble[source.key] = _other_model(source.key, str(other), self._index.embedding_model)
            except (StyleTunerError, sqlite3.Error, OSError) as error:  # the world, the model or the disk is gone
                self._trouble[source.key] = f"{error} {AFTER_TROUBLE}"
                log.warning("The index of %s is not in step: %s", _told_name(source.key), error)
            finally:
                with self._changed:
                    if left:
                        self._waiting[source.key] = self._waiting.pop(source.key)  # the others come first
                    else:
                        self._waiting.pop(source.key, None)
                        self._progress.pop(source.key, None)
                    self._changed.notify_all()

    def _next(self) -> Source | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return None if self._closing else next(iter(self._waiting.values()))

    def _step(self, source: Source) -> int:
        """Do one batch and return how many things are left."""
        before = self._progress.get(source.key) or Progress(0, self._index.pending(source))
        self._progress[source.key] = before
        self._index.step(source)
        left = self._index.pending(source)
        total = max(before.total, before.done + left)
        self._progress[source.key] = Progress(total - left, total)
        self._trouble.pop(source.key, None)
        if total > BATCH and (not left or time.monotonic() - self._told.get(source.key, 0) > TOLD_EVERY):
            self._told[source.key] = time.monotonic()
            log.info("Indexing %s: %s of %s.", _told_name(source.key), f"{total - left:,}", f"{total:,}")
        return left


def _told_name(key: str) -> str:
    return key.replace("\0", "'s ")


def _other_model(key: str, theirs: str, ours: str) -> str:
    world = key.partition("\0")[0]
    return (
        f"The index of {_told_name(key)} was made with the embedding model {theirs}, but {ours} is set now; the two "
        "cannot be mixed. Entries are found by names and words alone until it is made anew with "
        f"`python -m rag index {world!r}`, or until the service is started with the former --embedding-model."
    )
