"""Vectors in Chroma: an index beside the lore store, brought in step with it and made anew from it when it is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.vectors.chroma import Chroma, collection_name
from rag.vectors.embed import Embedder
from rag.vectors.pieces import Changed, Source
from style_tuner.errors import WorldError

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
BATCH = 256
"""Things embedded between two writes, so that memory stays flat in a large import."""
PART = 64
"""Texts embedded before it is seen whether to go on: whoever stops the service does not wait for a whole batch."""
TEXTS = 1000
"""Texts embedded between two writes, where things have many of them: a long entry has hundreds."""


class OtherModel(WorldError):
    """The vectors are of another embedding model and are left as they are; the message is its name."""


class VectorIndex(Chroma):
    """One Chroma collection a world, in cosine space; its metadata says which model and which revision it holds.

    Safe for threads; nothing is embedded while the lock is held.
    """

    def __init__(self, folder: Path, embedder: Embedder, url: str | None = None, salt: str = "") -> None:
        super().__init__(folder, url, salt)
        self._embedder = embedder
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Have a step in another thread end soon, with nothing of it kept."""
        self._stopped.set()

    def model(self, key: str) -> str | None:
        """Return the name of the embedding model that a collection's vectors are of; None where there are none."""
        held = self._guarded(lambda: self._metadata(key))
        return str(held["model"]) if held.get("revision") else None

    @property
    def embedding_model(self) -> str:
        """Name of the embedding model that new vectors are of."""
        return self._embedder.name

    def pending(self, source: Source) -> int:
        """Return how many things of a source have no vectors yet, or those of an earlier version."""
        held = self._guarded(lambda: self._metadata(source.key))
        since = int(held.get("revision", 0))
        if since and held["mark"] != source.mark(since):
            since = 0
        return source.pending(since) if since != source.revision() else 0

    def search(self, key: str, vectors: np.ndarray, limit: int, seconds: float = -1) -> list[tuple[str, float]]:
        """Return ids and cosine similarities of what is nearest to any of the vectors, best first.

        Nothing is returned where the index is being written for longer than `seconds` (-1: wait for its end).
        """
        if not self._lock.acquire(timeout=seconds):
            return []
        try:
            return self._guarded(lambda: self._search(key, vectors, limit))
        finally:
            self._lock.release()

    def drop(self, key: str) -> None:
        """Throw a collection's vectors away; the next step begins to make them anew."""

        def away() -> None:
            if self._collection(key) is not None:
                self._open().delete_collection(collection_name(key, self._salt))
                self._collections.pop(key, None)

        self._guarded(away)

    def rename(self, key: str, name: str) -> None:
        """Take a collection's vectors along to another name."""

        def moved() -> None:
            self._open()
            collection = self._collection(key)
            if collection is not None:
                collection.modify(name=collection_name(name, self._salt))
                self._collections[name] = self._collections.pop(key)

        self.drop(name)
        self._guarded(moved)

    def step(self, source: Source) -> int:
        """Embed what changed next and keep it; return how many things that were, 0 when the index is in step.

        A kill in between is made good by the next step: the revision is written after what it stands for.
        """
        import numpy as np

        since, identity = self._guarded(lambda: self._beginning(source))
        changes = _enough(source.changed(since, BATCH))
        if not changes:
            return 0
        texts = [text for change in changes for text in change.texts or ()]
        parts = []
        for start in range(0, len(texts), PART):
            if self._stopped.is_set():
                return 0
            parts.append(self._embedder.embed(texts[start : start + PART]))
        vectors = np.concatenate(parts) if parts else None
        mark = source.mark(changes[-1].number)
        self._guarded(lambda: self._keep(source.key, identity, since, changes, vectors, mark))
        return len(changes)

    def _beginning(self, source: Source) -> tuple[int, str]:
        """Return the revision that a source's collection has, made if it is new or of another store, and its id."""
        collection = self._collection(source.key)
        if collection is not None:
            held = collection.metadata
            other_model = held["model"] != self._embedder.name
            if source.mark(held["revision"]) != held.get("mark", 0.0) or (other_model and not held["revision"]):
                log.info("The index of %s is of another or a later store and is made anew.", source.key)
                self.drop(source.key)
                collection = None
            elif other_model:
                raise OtherModel(held["model"])
        collection = collection or self._create(source.key)
        return int(collection.metadata["revision"]), str(collection.id)

    def _keep(
        self, key: str, identity: str, since: int, changes: list[Changed], vectors: np.ndarray | None, mark: float
    ) -> None:
        collection = self._collection(key)
        if collection is None or str(collection.id) != identity or collection.metadata["revision"] != since:
            return  # thrown away or renamed meanwhile: the next step begins where it stands
        before = [change.id for change in changes if change.earlier]
        if before:
            collection.delete(where={"entry": {"$in": before}})
        ids = [(f"{change.id}#{at}", change.id) for change in changes for at in range(len(change.texts or ()))]
        size = min(1000, self._open().get_max_batch_size())
        for start in range(0, len(ids), size):
            some = ids[start : start + size]
            assert vectors is not None
            collection.upsert(
                ids=[piece for piece, _ in some],
                embeddings=vectors[start : start + size],
                metadatas=[{"entry": identity} for _, identity in some],
            )
        collection.modify(metadata={**collection.metadata, "revision": changes[-1].number, "mark": mark})

    def _search(self, key: str, vectors: np.ndarray, limit: int) -> list[tuple[str, float]]:
        collection = self._collection(key)
        if collection is None:
            return []
        found = collection.query(query_embeddings=vectors, n_results=limit, include=["distances"])
        best: dict[str, float] = {}
        for pieces, distances in zip(found["ids"], found["distances"], strict=True):
            for piece, distance in zip(pieces, distances, strict=True):
                entry = piece.rpartition("#")[0]
                best[entry] = max(best.get(entry, -1.0), 1 - distance)
        return sorted(best.items(), key=lambda item: -item[1])

    def _metadata(self, key: str) -> dict[str, Any]:
        collection = self._collection(key)
        return {} if collection is None else {"mark": 0.0, **collection.metadata}

    def _create(self, key: str) -> Any:
        self._collections[key] = self._open().create_collection(
            collection_name(key, self._salt),
            configuration={"hnsw": {"space": "cosine"}},
            metadata={"world": key, "model": self._embedder.name, "revision": 0, "mark": 0.0},
            embedding_function=None,
        )
        return self._collections[key]


def _enough(changes: Sequence[Changed]) -> list[Changed]:
    """Return as many of the changes, at least one, as have `TEXTS` texts to embed together."""
    texts = accumulate(len(change.texts or ()) for change in changes)
    return [change for at, (change, so_far) in enumerate(zip(changes, texts, strict=True)) if not at or so_far <= TEXTS]
