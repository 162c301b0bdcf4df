"""Vectors in Chroma: an index beside the lore store, brought in step with it and made anew from it when it is lost."""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from rag.vectors.chroma_server import server_client
from rag.vectors.embed import Embedder
from rag.vectors.pieces import Changed, Source
from rag.vectors.pieces import windows as windows
from style_tuner.errors import WorldError
from style_tuner.workspace import slug

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
Result = TypeVar("Result")
BATCH = 256
"""Things embedded between two writes, so that memory stays flat in a large import."""
PART = 64
"""Texts embedded before it is seen whether to go on: whoever stops the service does not wait for a whole batch."""
TEXTS = 1000
"""Texts embedded between two writes, where things have many of them: a long entry has hundreds."""
RETRY_SECONDS = 3.0
"""How long an index that cannot be used is left alone, so that requests need not wait for it each time."""


class IndexTrouble(WorldError):
    """The index cannot be used now, for a reason outside of it."""


class OtherModel(WorldError):
    """The vectors are of another embedding model and are left as they are; the message is its name."""


def collection_name(world: str, salt: str = "") -> str:
    """Return a name that Chroma takes; the hash keeps worlds apart whose names differ in case or accents only."""
    return f"{slug(world)}-{hashlib.sha256((world + salt).encode()).hexdigest()[:12]}"


class VectorIndex:
    """One Chroma collection a world, in cosine space; its metadata says which model and which revision it holds.

    In a folder of its own, which only one process may use at a time, or on a Chroma server at `url`, where `salt` keeps
    several homes apart. Safe for threads; nothing is embedded while the lock is held.
    """

    def __init__(self, folder: Path, embedder: Embedder, url: str | None = None, salt: str = "") -> None:
        self._folder = folder
        self._embedder = embedder
        self._url = url
        self._salt = salt if url else ""
        self._client: Any = None
        self._collections: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._left_alone_until = 0.0
        self._trouble = ""
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Have a step in another thread end soon, with nothing of it kept."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the folder."""
        with self._lock:
            self._collections.clear()
            if self._client is not None:
                self._client.close()
                self._client = None

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

    def _guarded(self, work: Callable[[], Result]) -> Result:
        """Do the work alone; where Chroma cannot read its files, set the index up anew once and do it again."""
        from chromadb.errors import ChromaError

        with self._lock:
            if time.monotonic() < self._left_alone_until:
                raise IndexTrouble(self._trouble)
            try:
                return work()
            except (ChromaError, httpx.HTTPError, OSError) as error:
                try:
                    self._set_up_anew(error)
                    return work()
                except (ChromaError, httpx.HTTPError, OSError) as again:
                    self._give_up(again)
                    raise IndexTrouble(self._trouble) from again

    def _set_up_anew(self, error: Exception) -> None:
        from chromadb.api.shared_system_client import SharedSystemClient

        try:
            self.close()
        finally:
            self._client = None
            SharedSystemClient.clear_system_cache()  # a client that failed to open would be handed out again
        if self._url is None:
            log.warning("The index in %s is damaged (%s); it is made anew from the lore store.", self._folder, error)
            shutil.rmtree(self._folder, ignore_errors=True)

    def _give_up(self, error: Exception) -> None:
        self._left_alone_until = time.monotonic() + RETRY_SECONDS
        if self._url is None:
            self._trouble = (
                f"The index in {self._folder} cannot be written ({error}): free some space there or give this user "
                "the right to write."
            )
        else:
            self._trouble = (
                f"The Chroma server at {self._url} does not answer: start it (`chroma run --path FOLDER --host HOST "
                "--port PORT`), or take CHROMA_URL away to use the index in the home folder."
            )
        log.warning("%s Until then entries are found by names and words alone.", self._trouble)

    def _open(self) -> Any:
        if self._client is not None and self._url is None and not (self._folder / "chroma.sqlite3").exists():
            log.warning("The index in %s was deleted; it is made anew from the lore store.", self._folder)
            self.close()
        if self._client is None:
            import chromadb
            from chromadb.config import Settings

            settings = Settings(anonymized_telemetry=False)
            if self._url is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._client = chromadb.PersistentClient(str(self._folder), settings)
            else:
                self._client = server_client(self._url, settings)
        return self._client

    def _collection(self, key: str) -> Any | None:
        from chromadb.errors import NotFoundError

        client = self._open()
        if key not in self._collections:
            try:
                name = collection_name(key, self._salt)
                self._collections[key] = client.get_collection(name, embedding_function=None)
            except NotFoundError:
                return None
        return self._collections[key]

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
