"""A trigram model of masked English: how likely the order of common words and punctuation is, whatever the topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEAST_TRIGRAM = 4
LEAST_BIGRAM = 3
WEIGHTS = (0.6, 0.3, 0.1)
"""Shares of the trigram, bigram and unigram estimates (Jelinek & Mercer 1980)."""

EXPECTED = 6
"""Times that a join is to be expected in the panel for its absence to be odd: rarer ones than this are left out."""
MOST_EXPECTED = 30


@dataclass(frozen=True)
class Grammar:
    """Counts of masked tokens, pairs and triples; pairs and triples as sorted integer keys, rare ones left out."""

    symbols: tuple[str, ...]
    unigrams: np.ndarray
    bigram_keys: np.ndarray
    bigram_counts: np.ndarray
    trigram_keys: np.ndarray
    trigram_counts: np.ndarray

    def order(self, masked_tokens: Sequence[str]) -> float:
        """Return how much the order of tokens tells: nats a token that the two tokens before make it likelier.

        Prose has about one; shuffled words have none, whatever the words are.
        """
        import numpy as np

        size = len(self.symbols)
        identifiers = {symbol: number for number, symbol in enumerate(self.symbols)}
        known = np.array([identifiers[token] for token in masked_tokens if token in identifiers], dtype=np.int64)
        if len(known) < 3:
            return 0.0
        first, second, third = known[:-2], known[1:-1], known[2:]
        pairs = self._counts(self.bigram_keys, self.bigram_counts, first * size + second)
        next_pairs = self._counts(self.bigram_keys, self.bigram_counts, second * size + third)
        triples = self._counts(self.trigram_keys, self.trigram_counts, (first * size + second) * size + third)
        alone = (self.unigrams[third] + 1) / (self.unigrams.sum() + size)
        following = (
            WEIGHTS[0] * triples / np.maximum(pairs, 1)
            + WEIGHTS[1] * next_pairs / np.maximum(self.unigrams[second], 1)
            + WEIGHTS[2] * alone
        )
        return float(np.log(following / alone).mean())

    def odd_joins(self, masked_tokens: Sequence[str]) -> tuple[float, list[int]]:
        """Return how much is amiss in the joins of three tokens, and where those three begin, the oddest first.

        A join is odd that general prose hardly ever has although both its halves are so frequent that it were to be
        expected, as in "would have you". The measure is the mean number of times that such joins were to be expected.
        """
        import numpy as np

        size = len(self.symbols)
        identifiers = {symbol: number for number, symbol in enumerate(self.symbols)}
        places = [place for place, token in enumerate(masked_tokens) if token in identifiers]
        if len(places) < 3:
            return 0.0, []
        known = np.array([identifiers[masked_tokens[place]] for place in places], dtype=np.int64)
        first, second, third = known[:-2], known[1:-1], known[2:]
        pairs = self._counts(self.bigram_keys, self.bigram_counts, first * size + second)
        next_pairs = self._counts(self.bigram_keys, self.bigram_counts, second * size + third)
        triples = self._counts(self.trigram_keys, self.trigram_counts, (first * size + second) * size + third)
        expected = np.where(triples == 0, pairs * next_pairs / np.maximum(1, self.unigrams[second]), 0.0)
        odd = np.flatnonzero(expected > EXPECTED)
        oddest = odd[np.argsort(-expected[odd], kind="stable")]
        return float(np.minimum(expected, MOST_EXPECTED).mean()), [places[place] for place in oddest]

    @staticmethod
    def _counts(keys: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        import numpy as np

        if not len(keys):
            return np.zeros(len(wanted))
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[places] == wanted, counts[places], 0).astype(float)


def count_grammar(texts: Iterable[Sequence[str]], symbols: Sequence[str]) -> Grammar:
    """Count masked texts; tokens outside `symbols` are left out."""
    import numpy as np

    size = len(symbols)
    identifiers = {symbol: number for number, symbol in enumerate(symbols)}
    unigrams = np.zeros(size, dtype=np.int64)
    pairs, triples = [], []
    for text in texts:
        known = np.array([identifiers[token] for token in text if token in identifiers], dtype=np.int64)
        unigrams += np.bincount(known, minlength=size)
        pairs.append(known[:-1] * size + known[1:])
        triples.append((known[:-2] * size + known[1:-1]) * size + known[2:])
    pair_keys, pair_counts = np.unique(np.concatenate(pairs), return_counts=True)
    triple_keys, triple_counts = np.unique(np.concatenate(triples), return_counts=True)
    frequent_pairs, frequent_triples = pair_counts >= LEAST_BIGRAM, triple_counts >= LEAST_TRIGRAM
    return Grammar(
        tuple(symbols),
        unigrams,
        pair_keys[frequent_pairs],
        pair_counts[frequent_pairs],
        triple_keys[frequent_triples],
        triple_counts[frequent_triples],
    )
