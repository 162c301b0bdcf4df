"""The worlds of one home folder at work: entries written and indexed, found for a request, put into a prompt."""

from __future__ import annotations

import gc
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.opened import OpenedWorlds
from rag.retrieval.budget import Room, check_length, ruler_of, tokens_left
from rag.retrieval.prompt import Conversation, add_facts, last_request
from rag.retrieval.retrieve import Retrieval, choose, entry_words
from rag.vectors.indexing import Progress
from style_tuner.records import Entry, Moment
from style_tuner.workspace import open_workspace, time_stamp

if TYPE_CHECKING:
    import numpy as np

TOLD_WARNINGS = 5
"""Warnings that an import puts into the log; the others are counted."""
log = logging.getLogger(__name__)


class Worlds(OpenedWorlds):
    """What is done with the worlds of a home folder; safe to use from several threads."""

    def put(self, world: str, entries: Sequence[Entry], about: str = "") -> int:
        """Write and index entries, making the world if it is new; return how many were new or changed.

        It is one change of the history, `about` in a sentence, where `{entries}` stands for their number. Many entries
        are indexed after this returns.
        """
        with self._lock:
            self._store.create(world)
            changed = self._store.put(world, entries, about)
        self._indexer.catch_up(self._source(world))
        warnings = self.warnings(entries)
        for warning in warnings[:TOLD_WARNINGS]:
            log.warning("%s", warning)
        if len(warnings) > TOLD_WARNINGS:
            log.warning("%d more entries are too long to be sent, too.", len(warnings) - TOLD_WARNINGS)
        return changed

    def warnings(self, entries: Sequence[Entry]) -> list[str]:
        """Say of which entries no prompt has room for."""
        return [
            f"{entry.name} has {words:,} words, more than the {self._config.words} of lore that a prompt has room for: "
            "it is found, but not sent. Split it into entries about one thing each."
            for entry in entries
            if (words := entry_words(entry)) > self._config.words
        ]

    def delete(self, world: str, entry_id: str) -> Entry:
        """Delete an entry from a world, its history kept, and return it."""
        with self._lock:
            entry = self._store.delete(world, entry_id)
        self._indexer.catch_up(self._source(world))
        return entry

    def undo(self, world: str) -> str:
        """Undo the last change and return what it was."""
        with self._lock:
            about = self.history.undo(world)
        self._indexer.catch_up(self._source(world))
        return about

    def redo(self, world: str) -> str:
        """Do again what was undone last, and return what it was."""
        with self._lock:
            about = self.history.redo(world)
        self._indexer.catch_up(self._source(world))
        return about

    def restore(self, world: str, entry_id: str, version: int) -> Entry:
        """Make an entry what it was in one of its versions."""
        with self._lock:
            entry = self.history.restore(world, entry_id, version)
        self._indexer.catch_up(self._source(world))
        return entry

    def rebuild(self, world: str) -> int:
        """Make the vector index of a world anew and return its number of entries; many are indexed afterwards."""
        source = self._source(world)
        self._indexer.anew(source)
        self._indexer.catch_up(source)
        self.passages.rebuild(world)
        return self.count(world)

    def progress(self, world: str) -> Progress | None:
        """Return how far the indexing of a world has come, None where nothing is being done."""
        return self._indexer.progress(world)

    def notes(self, world: str) -> list[str]:
        """Say in sentences why the index of a world cannot be used in full now."""
        notes = (self._indexer.note(self._source(world)), self.passages.note(world))
        return [note for note in notes if note]

    def search(
        self,
        world: str,
        query: str,
        before: str = "",
        moment: Moment | None = None,
        messages: Sequence[dict[str, Any]] = (),
        reply: int | None = None,
    ) -> Retrieval:
        """Return the entries that a request needs at a moment of the story; names in `before` count, too.

        A request that names no moment is meant where the author is writing now. What `messages` and a `reply` of so
        many tokens take of the model's context is not there for lore.
        """
        at = self.at(world, moment)
        source = self._source(world)

        def near(vectors: np.ndarray, limit: int) -> list[tuple[str, float]]:
            return self._indexer.search(source, vectors, limit)

        found = self._finder.find(self._store, world, query, before, at, near, self._config.least_similarity)
        chosen = choose(found.always_on, found.ranked, self._room(messages, reply))
        return replace(
            chosen,
            not_true=tuple((one.entry, one.written) for one in found.not_true),
            keys_off=tuple(f"{fault.entry}: the key {fault.key} is not used, {fault.reason}" for fault in found.faults),
        )

    def check_length(self, fields: Mapping[str, Any]) -> None:
        """Refuse an OpenAI request that alone is longer than the served model's context."""
        server = self.model_server
        check_length(server.context_length, fields, ruler_of(self._servers, server.url))

    def _room(self, messages: Sequence[dict[str, Any]], reply: int | None) -> Room:
        """Return the room for lore that the settings and the served model's context leave.

        Not every engine refuses what is too long for the model: it answers with nonsense.
        """
        server = self.model_server
        ruler = ruler_of(self._servers, server.url)
        tokens, note = tokens_left(server.context_length, messages, reply, ruler)
        return Room(self._config.entries, self._config.words, tokens, ruler, note)

    def prompt(
        self,
        world: str,
        messages: Sequence[dict[str, Any]],
        moment: Moment | None = None,
        reply: int | None = None,
    ) -> tuple[Conversation, Retrieval]:
        """Return the conversation with the facts that hold at a moment of the story, and what was chosen."""
        query, before = last_request(messages)
        retrieval = self.search(world, query, before, moment, messages, reply)
        self.inspector.record(world, query, self.at(world, moment), retrieval)
        if self._config.passages:
            room = self._room(add_facts(messages, retrieval.hits), reply)
            messages, passages = self.passages.prompted(
                world, messages, self.at(world, moment), self._config.passages, self._config.least_similarity, room
            )
            retrieval = replace(retrieval, passages=passages)
        return add_facts(messages, retrieval.hits), retrieval

    def backup(self, workspace: str) -> Path:
        """Write a copy of all worlds, with their histories, into a workspace's exports folder and return where."""
        exports = open_workspace(workspace, self._home).exports
        with self._lock:  # two copies in one second must not choose one name
            names = (f"worlds-{time_stamp()}{ending}.sqlite" for ending in ("", *(f"-{at}" for at in range(2, 1000))))
            path = next(exports / name for name in names if not (exports / name).exists())
            self._store.database.copy_to(path)
        return path

    def warm_up(self, world: str | None) -> None:
        """Load the embedding model and bring the indexes in step, so that the first request need not wait."""
        self._embedder.embed(["ready"])
        first = [world] if world is not None else []
        for name in dict.fromkeys([*first, *self.names()]):
            self._indexer.catch_up(self._source(name))
            self.passages.catch_up(name)
        for name in first:
            self._finder.warm_up(self._store, name)
        gc.freeze()  # what a large world consists of stays: looking through it for garbage would halt all streams
