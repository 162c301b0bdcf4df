"""Decision values of text pooled to one length, and how far they scatter (cluster bootstrap over passages)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from style_tuner.voice.segment import pieces, words
from style_tuner.voice.verification.verifier import Verifier

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

RESAMPLES = 200
CLUSTER_WORDS = 125
LEAST_CLUSTERS = 4


class OwnPassages:
    """The author's held-out passages, to place a draft among them; what is worked out is kept."""

    def __init__(self, verifier: Verifier, held_out_texts: Sequence[str]) -> None:
        self._verifier = verifier
        self._texts = [text for text in held_out_texts if words(text)]
        self._counted: dict[bool, tuple[csr_array, np.ndarray]] = {}
        self._pools: dict[tuple[bool, int], np.ndarray] = {}
        self.words = sum(len(words(text)) for text in self._texts)

    def percentile(self, decision: float, length: int, verifier: Verifier | None = None) -> float | None:
        """Return how many in 100 own passages of that length lie below a decision value.

        Passages are runs of consecutive text, for a draft is one too: rows from all over the held-out text would differ
        less than two real passages do. None where there is less than twice that length of them. `verifier` is the one
        that decided, where paragraphs were out of sight (`Verifier.judging`).
        """
        if self.words < 2 * length:
            return None
        judge = verifier or self._verifier
        key = judge.sees_paragraphs, length
        if key not in self._pools:
            self._pools[key] = self._passages(judge, length)
        return float(100 * (self._pools[key] < decision).mean())

    def _passages(self, judge: Verifier, length: int) -> np.ndarray:
        """Return the decision value of each run of consecutive rows that holds about that many words."""
        import numpy as np

        if judge.sees_paragraphs not in self._counted:
            self._counted[judge.sees_paragraphs] = rows(judge, self._texts)
        counts, sizes = self._counted[judge.sees_paragraphs]
        number = _rows_for(sizes, length)
        starts = np.arange(len(sizes) - number + 1)
        draws = np.zeros((len(starts), len(sizes)))
        draws[starts[:, None], starts[:, None] + np.arange(number)] = 1
        return _decisions(judge, counts, draws)


def clusters(verifier: Verifier, drafts: Sequence[str]) -> tuple[csr_array, np.ndarray]:
    """Count the drafts, or passages of them where there are too few drafts to resample."""
    if len(drafts) >= LEAST_CLUSTERS:
        return rows(verifier, drafts)
    return rows(verifier, [piece for draft in drafts for piece in pieces(draft, CLUSTER_WORDS)])


def rows(verifier: Verifier, texts: Sequence[str]) -> tuple[csr_array, np.ndarray]:
    """Return the feature counts of each text and its number of words."""
    import numpy as np

    return verifier.count(texts), np.array([len(words(text)) for text in texts])


def pooled(verifier: Verifier, counts: csr_array, sizes: np.ndarray, length: int) -> float:
    """Return the mean decision value over pools of about `length` words, each a random choice of rows.

    Decision values grow with the length of the text, so that only values of equal length can be compared.
    """
    return float(_pools(verifier, counts, sizes, length).mean())


def _pools(verifier: Verifier, counts: csr_array, sizes: np.ndarray, length: int) -> np.ndarray:
    import numpy as np

    number = _rows_for(sizes, length)
    if number == len(sizes):
        draws = np.ones((1, number))
    else:
        ranks = np.random.default_rng(0).random((RESAMPLES, len(sizes))).argsort(axis=1)
        draws = (ranks < number).astype(float)
    return _decisions(verifier, counts, draws)


def resampled(verifier: Verifier, counts: csr_array, sizes: np.ndarray, length: int) -> np.ndarray:
    """Return how decision values scatter around their mean when other rows might have been written (bootstrap).

    Rows are drawn with replacement, the same places for every text with as many rows, so that two texts are paired.
    The scatter of pools is brought down to that of all rows together.
    """
    import numpy as np

    number = _rows_for(sizes, length)
    chances = np.full(len(sizes), 1 / len(sizes))
    draws = np.random.default_rng(0).multinomial(number, chances, size=RESAMPLES).astype(float)
    values = _decisions(verifier, counts, draws)
    scatter: np.ndarray = (values - values.mean()) * (number / len(sizes)) ** 0.5
    return scatter


def _rows_for(sizes: np.ndarray, length: int) -> int:
    return int(min(len(sizes), max(1, round(length / sizes.mean()))))


def _decisions(verifier: Verifier, counts: csr_array, draws: np.ndarray) -> np.ndarray:
    """Return a decision value for each row of `draws`, which says how often each row of counts is taken.

    The product is sorted here, since the verifier would sort it at every step it takes.
    """
    from scipy.sparse import csr_array

    summed = csr_array(csr_array(draws) @ counts)
    summed.sum_duplicates()
    return verifier.decide(summed)
