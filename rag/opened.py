"""The worlds of one home folder as they lie there: opened by one owner, listed, made, renamed, binned, read."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self

from rag.front.upstream import ModelServer, model_server
from rag.lore.database import Database
from rag.lore.history import History
from rag.lore.owner import Owner
from rag.lore.shelf import BinnedWorld
from rag.lore.store import EntrySource, LoreStore, changed_entries
from rag.retrieval.finder import Finder
from rag.retrieval.inspector import Inspector
from rag.retrieval.rerank import CrossEncoderReranker
from rag.retrieval.second_source import SecondSource
from rag.vectors.chroma_server import server_url
from rag.vectors.embed import Embedder, Reader
from rag.vectors.fine import FineVectors
from rag.vectors.index import VectorIndex
from rag.vectors.indexing import Indexer
from style_tuner.config import WorldConfig
from style_tuner.records import END_OF_STORY, Entry, Moment
from style_tuner.workspace import Workspace


class OpenedWorlds:
    """The worlds of a home folder; a context manager that holds the owner's lock, safe to use from several threads."""

    def __init__(self, workspace: Workspace, config: WorldConfig, embedder: Embedder, wait: float = 0) -> None:
        """Describe the worlds; entering takes the lock, waiting at most `wait` seconds for another owner."""
        self._folder = workspace.worlds
        self._home = workspace.home
        self._servers = workspace.servers
        self._config = config
        self._embedder = embedder
        self._wait = wait
        self._lock = threading.RLock()
        self._reading = threading.Lock()
        self._current: dict[int, tuple[int, dict[str, Entry]]] = {}

    def __enter__(self) -> Self:
        url = server_url(os.environ.get("CHROMA_URL"))
        self._owner = Owner(self._folder)
        self._owner.acquire(self._wait)
        try:
            self._store = LoreStore(self._folder / "worlds.sqlite")
        except BaseException:
            self._owner.release()
            raise
        self.history = History(self._store)
        reader = self._embedder if isinstance(self._embedder, Reader) else None
        self._fine = FineVectors(self._folder / "pieces.sqlite", reader) if reader is not None else None
        reranker = CrossEncoderReranker(self._config.reranker) if self._config.reranker else None
        self._finder = Finder(self._embedder, self._fine, reranker)
        self.inspector = Inspector()
        embedder = self._fine or self._embedder
        self._index = VectorIndex(self._folder / "chroma", embedder, url, self._store.database.identity)
        self._indexer = Indexer(self._index)
        self.passages = SecondSource(self._store, self._indexer, self._embedder, self._home)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._indexer.close()
        with self._lock:
            self._index.close()
            if self._fine is not None:
                self._fine.close()
            self._store.close()
            self._owner.release()

    @property
    def embedding_model(self) -> str:
        """Name of the embedding model that the vectors are made with."""
        return self._embedder.name

    @property
    def model_server(self) -> ModelServer:
        """The model server that requests go to now."""
        return model_server(self._servers, self._config.model_url)

    @property
    def database(self) -> Database:
        """The file that all of it lies in."""
        return self._store.database

    def number(self, world: str) -> int:
        """Return the number of a world, which it keeps when it is renamed."""
        return self._store.number(world)

    def names(self) -> list[str]:
        """Return the names of all worlds."""
        return self._store.worlds()

    def create(self, world: str) -> bool:
        """Make an empty world and say whether it is new."""
        with self._lock:
            return self._store.create(world)

    def rename(self, world: str, name: str) -> None:
        """Give a world another name; entries, history and index stay."""
        with self._lock:
            self._store.rename(world, name)
            self._indexer.rename(world, name)
            self.passages.rename(world, name)

    def put_in_bin(self, world: str) -> BinnedWorld:
        """Take a world away; it can be taken out of the bin again."""
        with self._lock:
            binned = self._store.put_in_bin(world)
            self._indexer.forget(world)
            self.passages.forget(world)
            return binned

    def binned(self) -> list[BinnedWorld]:
        """Return the worlds in the bin."""
        return self._store.binned()

    def take_from_bin(self, number: int, name: str | None = None) -> str:
        """Bring a world back, under another name if one is given, and return its name."""
        with self._lock:
            world = self._store.take_from_bin(number, name)
        self._indexer.catch_up(self._source(world))
        self.passages.catch_up(world)
        return world

    def present(self, world: str) -> Moment:
        """Return where in the story the author is writing now."""
        return self._store.present(world)

    def set_present(self, world: str, moment: Moment) -> None:
        """Say where in the story the author is writing now."""
        with self._lock:
            self._store.set_present(world, moment)

    def at(self, world: str, moment: Moment | None) -> Moment:
        """Return the moment that a request means: what it does not name is where the author is writing now."""
        present = self.present(world)
        if moment is None or moment == END_OF_STORY:
            return present
        if moment.chapter is None:
            return present if moment.book.casefold() == present.book.casefold() else moment
        return moment if moment.book else Moment(present.book, moment.chapter)

    def count(self, world: str) -> int:
        """Return how many entries a world has."""
        return self._store.count(world)

    def entries(self, world: str) -> dict[str, Entry]:
        """Return the current entries of a world by id, in alphabetical order of their names."""
        with self._reading:
            number, revision = self._store.number(world), self._store.revision(world)
            known = self._current.get(number)
            if known is None:
                known = revision, {entry.id: entry for entry in self._store.entries(world)}
            elif known[0] != revision:
                known = revision, changed_entries(known[1], self._store.changes(world, known[0]))
            self._current[number] = known
            return known[1]

    def _source(self, world: str) -> EntrySource:
        return EntrySource(self._store, world)
