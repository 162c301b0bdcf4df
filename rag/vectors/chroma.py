"""A Chroma database in a folder or on a server: opened when it is needed, set up anew when it is damaged."""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from rag.vectors.chroma_server import server_client
from style_tuner.errors import WorldError
from style_tuner.workspace import slug

log = logging.getLogger(__name__)
Result = TypeVar("Result")
RETRY_SECONDS = 3.0
"""How long an index that cannot be used is left alone, so that requests need not wait for it each time."""


class IndexTrouble(WorldError):
    """The index cannot be used now, for a reason outside of it."""


def collection_name(world: str, salt: str = "") -> str:
    """Return a name that Chroma takes; the hash keeps worlds apart whose names differ in case or accents only."""
    return f"{slug(world)}-{hashlib.sha256((world + salt).encode()).hexdigest()[:12]}"


class Chroma:
    """The collections of a Chroma database, safe for threads.

    In a folder of its own, which only one process may use at a time, or on a Chroma server at `url`, where `salt` keeps
    several homes apart.
    """

    def __init__(self, folder: Path, url: str | None = None, salt: str = "") -> None:
        self._folder = folder
        self._url = url
        self._salt = salt if url else ""
        self._client: Any = None
        self._collections: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._left_alone_until = 0.0
        self._trouble = ""

    def close(self) -> None:
        """Let go of the folder."""
        with self._lock:
            self._collections.clear()
            if self._client is not None:
                self._client.close()
                self._client = None

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
