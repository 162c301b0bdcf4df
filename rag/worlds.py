"""All worlds of one home folder, owned by one process: lore store, vector index and retrieval together."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from filelock import FileLock, Timeout

from rag.embed import Embedder
from rag.errors import OwnedError
from rag.index import VectorIndex
from rag.prompt import Conversation, add_facts, last_request
from rag.retrieve import Retrieval, choose, mentioned, query_windows
from rag.store import LoreStore
from rag.upstream import ModelServer, model_server
from style_tuner.config import WorldConfig
from style_tuner.processes import process_start
from style_tuner.records import END_OF_STORY, Entry, Moment
from style_tuner.workspace import Workspace, read_json, storage_errors, write_json

CANDIDATES = 30
"""Entries that each ranking may propose."""
CONTEXT_PARTS = 6
"""Words of lore are at most the context's tokens divided by this: with its names a word is nearly two tokens of a small
vocabulary, so that lore takes at most a third of the context and request and reply have the rest.
"""
log = logging.getLogger(__name__)


class Worlds:
    """The worlds of a home folder; a context manager that holds the owner's lock, safe to use from several threads."""

    def __init__(self, workspace: Workspace, config: WorldConfig, embedder: Embedder, wait: float = 0) -> None:
        """Describe the worlds; entering takes the lock, waiting at most `wait` seconds for another owner."""
        self._folder = workspace.worlds
        self._servers = workspace.servers
        self._config = config
        self._embedder = embedder
        self._wait = wait
        self._lock = threading.RLock()
        self._current: dict[str, tuple[int, dict[str, Entry]]] = {}

    def __enter__(self) -> Self:
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._owner = FileLock(self._folder / "owner.lock")
        try:
            self._owner.acquire(timeout=self._wait)
        except Timeout:
            raise OwnedError(_owned(self._folder)) from None
        write_json(self._folder / "owner.json", {"pid": os.getpid(), "process_start": process_start(os.getpid())})
        self._store = LoreStore(self._folder / "worlds.sqlite")
        self._index = VectorIndex(self._folder / "chroma", self._embedder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._index.close()
            self._store.close()
            (self._folder / "owner.json").unlink(missing_ok=True)
            self._owner.release()

    @property
    def embedding_model(self) -> str:
        """Name of the embedding model that the vectors are made with."""
        return self._embedder.name

    @property
    def model_server(self) -> ModelServer:
        """The model server that requests go to now."""
        return model_server(self._servers, self._config.model_url)

    def names(self) -> list[str]:
        """Return the names of all worlds."""
        with self._lock:
            return self._store.worlds()

    def create(self, world: str) -> bool:
        """Make an empty world and say whether it is new."""
        with self._lock:
            return self._store.create(world)

    def entries(self, world: str) -> dict[str, Entry]:
        """Return the current entries of a world by id, in alphabetical order of their names."""
        with self._lock:
            revision = self._store.revision(world)
            known = self._current.get(world)
            if known is None or known[0] != revision:
                known = revision, {entry.id: entry for entry in self._store.entries(world)}
                self._current[world] = known
            return known[1]

    def put(self, world: str, entries: Sequence[Entry]) -> int:
        """Write and index entries, making the world if it is new; return how many were new or changed."""
        with self._lock:
            self._store.create(world)
            changed = self._store.put(world, entries)
            self._index.sync(self._store, world)
            return changed

    def delete(self, world: str, entry_id: str) -> Entry:
        """Delete an entry from a world, its history kept, and return it."""
        with self._lock:
            entry = self._store.delete(world, entry_id)
            self._index.sync(self._store, world)
            return entry

    def rebuild(self, world: str) -> int:
        """Make the vector index of a world anew and return its number of entries."""
        with self._lock:
            self._index.rebuild(self._store, world)
            return len(self.entries(world))

    def search(self, world: str, query: str, before: str = "", moment: Moment = END_OF_STORY) -> Retrieval:
        """Return the entries that a request needs at a moment of the story; names in `before` count, too."""
        entries = {entry.id: entry for entry in self.entries(world).values() if entry.holds(moment)}
        named = mentioned(query, list(entries.values()))
        named += [entry for entry in mentioned(before, list(entries.values())) if entry not in named]
        by_meaning: list[tuple[str, float]] = []
        by_words: list[tuple[str, float]] = []
        if query.strip() and entries:
            vectors = self._embedder.embed(query_windows(query))  # outside the lock: this is the slow part
            with self._lock:
                by_meaning = self._index.search(self._store, world, vectors, CANDIDATES)
                by_words = self._store.match_words(world, query, CANDIDATES)
        return choose(entries, named, by_meaning, by_words, self._fitted())

    def _fitted(self) -> WorldConfig:
        """Return the settings with room for as many words as the served model's context allows.

        Not every engine refuses what is too long for the model: it answers with nonsense.
        """
        context = self.model_server.context_length
        words = min(self._config.words, context // CONTEXT_PARTS) if context else self._config.words
        return self._config.model_copy(update={"words": words})

    def prompt(
        self, world: str, messages: Sequence[dict[str, Any]], moment: Moment = END_OF_STORY
    ) -> tuple[Conversation, Retrieval]:
        """Return the conversation with the facts that hold at a moment of the story, and what was chosen."""
        retrieval = self.search(world, *last_request(messages), moment)
        return add_facts(messages, retrieval.hits), retrieval

    def warm_up(self, world: str | None) -> None:
        """Load the embedding model and bring the world's index in step, so that the first request need not wait."""
        self._embedder.embed(["ready"])
        if world is not None:
            with self._lock:
                self._index.sync(self._store, world)


def _owned(folder: Path) -> str:
    """Say who owns the worlds, in a sentence with the remedy."""
    who = "another process"
    if (folder / "owner.json").is_file():
        pid = read_json(folder / "owner.json")["pid"]
        who = f"process {pid}"
        if psutil.pid_exists(pid):
            try:
                who += f" ({' '.join(psutil.Process(pid).cmdline())})"
            except psutil.Error:
                log.debug("The owner %d ended or belongs to another user.", pid)
    return (
        f"The worlds in {folder} are in use by {who}; two owners would damage the index. Stop it, or wait for its end."
    )
