"""What tests of the worlds share: an embedding model of twenty lines, and the service's routes without a process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from fastapi.testclient import TestClient

from rag.lore.store import words_of
from rag.proxy import create_app
from rag.worlds import Worlds
from style_tuner.config import WorldConfig


class WordEmbedder:
    """Texts that share words are near; keeps what it embeds."""

    def __init__(self, name: str = "words-1", dimensions: int = 2048) -> None:
        self.name = name
        self.dimensions = dimensions
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += texts
        vectors = np.full((len(texts), self.dimensions), 1e-6)
        for row, text in enumerate(texts):
            for word in words_of(text):
                vectors[row, int(hashlib.sha256(word.encode()).hexdigest()[:4], 16) % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def client_of(worlds: Worlds) -> TestClient:
    """Return a client of the service for worlds that are open in this process."""
    return TestClient(create_app(worlds, WorldConfig()), base_url="http://127.0.0.1")


def near(worlds: Worlds, world: str, query: str) -> list[str]:
    """Return ids of the entries whose vectors are near a request's, the nearest first; none where no index is used."""
    found = worlds._indexer.search(worlds._source(world), worlds._embedder.embed([query]), 5)
    return [entry_id for entry_id, fit in found if fit > 0.2]
