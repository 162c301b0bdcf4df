"""Vectors in Chroma: an index beside the lore store, brought in step with it and rebuilt from it when it is lost."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rag.embed import Embedder
from rag.store import LoreStore
from style_tuner.records import Entry
from style_tuner.workspace import slug

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
Result = TypeVar("Result")
WINDOW = 150
"""Words embedded at once: what the embedding model takes in (256 word pieces) with room for the entry's name."""
BATCH = 256
"""Entries embedded between two writes, so that memory stays flat in a large import."""


def windows(text: str) -> list[str]:
    """Return a text in consecutive pieces of `WINDOW` words, so that no word of a long text goes unseen."""
    words = text.split()
    return [" ".join(words[start : start + WINDOW]) for start in range(0, len(words), WINDOW)] or [""]


def collection_name(world: str) -> str:
    """Return a name that Chroma takes; the hash keeps worlds apart whose names differ in case or accents only."""
    return f"{slug(world)}-{hashlib.sha256(world.encode()).hexdigest()[:12]}"


class VectorIndex:
    """One Chroma collection a world, in cosine space; its metadata says which model and which revision it holds.

    Not safe for threads: the caller holds a lock. Only one process may use a folder at a time.
    """

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._folder = folder
        self._embedder = embedder
        self._client: Any = None
        self._collections: dict[str, Any] = {}

    def close(self) -> None:
        """Let go of the folder."""
        self._collections.clear()
        if self._client is not None:
            self._client.close()
            self._client = None

    def search(self, store: LoreStore, world: str, vectors: np.ndarray, limit: int) -> list[tuple[str, float]]:
        """Return ids and cosine similarities of the entries nearest to any of the vectors, best first."""
        return self._repaired(lambda: self._search(store, world, vectors, limit))

    def sync(self, store: LoreStore, world: str) -> None:
        """Bring a world's collection in step with the store; a kill in between is made good by the next call."""
        self._repaired(lambda: self._sync(store, world))

    def rebuild(self, store: LoreStore, world: str) -> None:
        """Throw a world's collection away and make it anew from the store."""

        def anew() -> None:
            if self._collection(world) is not None:
                self._open().delete_collection(collection_name(world))
                self._collections.pop(world, None)
            self._sync(store, world)

        self._repaired(anew)

    def _repaired(self, work: Callable[[], Result]) -> Result:
        """Do the work; where Chroma cannot read its files, set the index up anew once and do it again."""
        from chromadb.api.shared_system_client import SharedSystemClient
        from chromadb.errors import ChromaError

        try:
            return work()
        except ChromaError as error:
            log.warning("The index in %s is damaged (%s); it is rebuilt from the lore store.", self._folder, error)
            self.close()
            SharedSystemClient.clear_system_cache()  # a client that failed to open would be handed out again
            shutil.rmtree(self._folder, ignore_errors=True)
            return work()

    def _open(self) -> Any:
        if self._client is not None and not (self._folder / "chroma.sqlite3").exists():
            log.warning("The index in %s was deleted; it is rebuilt from the lore store.", self._folder)
            self.close()
        if self._client is None:
            import chromadb
            from chromadb.config import Settings

            self._folder.mkdir(parents=True, exist_ok=True)
            self._client = chromadb.PersistentClient(str(self._folder), Settings(anonymized_telemetry=False))
        return self._client

    def _collection(self, world: str) -> Any | None:
        from chromadb.errors import NotFoundError

        client = self._open()
        if world not in self._collections:
            try:
                self._collections[world] = client.get_collection(collection_name(world), embedding_function=None)
            except NotFoundError:
                return None
        return self._collections[world]

    def _create(self, world: str) -> Any:
        self._collections[world] = self._open().create_collection(
            collection_name(world),
            configuration={"hnsw": {"space": "cosine"}},
            metadata={"world": world, "model": self._embedder.name, "revision": 0},
            embedding_function=None,
        )
        return self._collections[world]

    def _sync(self, store: LoreStore, world: str) -> None:
        revision = store.revision(world)
        collection = self._collection(world)
        if collection is not None and (
            collection.metadata["model"] != self._embedder.name or collection.metadata["revision"] > revision
        ):
            log.info("The index of %s is of another embedding model or a later store and is rebuilt.", world)
            self._open().delete_collection(collection_name(world))
            collection = None
        collection = collection or self._create(world)
        if collection.metadata["revision"] == revision:
            return
        changed = store.changes(world, collection.metadata["revision"])
        for batch in _batches(list(changed.items()), BATCH):
            self._write(collection, batch)
        collection.modify(metadata={**collection.metadata, "revision": revision})

    def _write(self, collection: Any, changes: Sequence[tuple[str, Entry | None]]) -> None:
        collection.delete(where={"entry": {"$in": [entry_id for entry_id, _ in changes]}})
        pieces = [
            (f"{entry.id}#{number}", entry.id, f"{entry.name}. {window}")
            for _, entry in changes
            if entry is not None
            for number, window in enumerate(windows(entry.facts))
        ]
        for batch in _batches(pieces, min(BATCH, self._open().get_max_batch_size())):
            collection.upsert(
                ids=[identity for identity, _, _ in batch],
                embeddings=self._embedder.embed([text for _, _, text in batch]),
                metadatas=[{"entry": entry_id} for _, entry_id, _ in batch],
            )

    def _search(self, store: LoreStore, world: str, vectors: np.ndarray, limit: int) -> list[tuple[str, float]]:
        self._sync(store, world)
        found = self._collections[world].query(
            query_embeddings=vectors, n_results=limit, include=["metadatas", "distances"]
        )
        best: dict[str, float] = {}
        for metadatas, distances in zip(found["metadatas"], found["distances"], strict=True):
            for metadata, distance in zip(metadatas, distances, strict=True):
                best[metadata["entry"]] = max(best.get(metadata["entry"], -1.0), 1 - distance)
        return sorted(best.items(), key=lambda item: -item[1])


def _batches(items: Sequence[Result], size: int) -> Iterator[list[Result]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
