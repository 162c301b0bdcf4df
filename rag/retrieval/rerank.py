"""Put the best candidates in the order of a cross-encoder, which reads request and entry together; off by default."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from rag.retrieval.ranking import Ranked
from rag.vectors.embed import load_cross_encoder

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

DEPTH = 20
"""Entries that are read again."""
CONSTANT = 10
"""How little the first places of both orders outweigh the next ones, in reciprocal rank fusion of so few."""


class Reranker(Protocol):
    """Whatever scores how well texts answer a request."""

    def scores(self, request: str, texts: Sequence[str]) -> list[float]:
        """Return one score a text, the higher the better."""


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers, by folder or Hub name; loaded at first use."""

    def __init__(self, model: str) -> None:
        self._name = model
        self._model: CrossEncoder | None = None
        self._lock = threading.Lock()

    def scores(self, request: str, texts: Sequence[str]) -> list[float]:
        """Return one score a text, the higher the better."""
        with self._lock:
            if self._model is None:
                self._model = load_cross_encoder(self._name)
            found = self._model.predict([(request, text) for text in texts], show_progress_bar=False)
        return [float(score) for score in found]


def reranked(reranker: Reranker, request: str, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return the entries with the first ones in an order that both the ranking and the reranker speak for."""
    first = list(ranked[:DEPTH])
    scores = reranker.scores(request, [f"{one.entry.name}. {one.entry.facts}" for one in first])
    again = sorted(range(len(first)), key=lambda at: -scores[at])
    places = {at: place for place, at in enumerate(again)}
    fused = {at: 1 / (CONSTANT + at) + 1 / (CONSTANT + places[at]) for at in range(len(first))}
    order = sorted(fused, key=lambda at: -fused[at])
    shares = sorted((one.score for one in first), reverse=True)
    return [replace(first[at], score=score) for at, score in zip(order, shares, strict=True)] + list(ranked[DEPTH:])
