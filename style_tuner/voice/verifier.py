"""One author against the panel: a linear classifier on masked n-grams, calibrated by length on text it has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from style_tuner.errors import ManuscriptError
from style_tuner.voice.comparisons import OwnTraits, own_traits
from style_tuner.voice.gates import OwnBands, own_bands
from style_tuner.voice.panel import UNIT_WORDS, Panel, runs, units
from style_tuner.voice.segment import pieces

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

FOLDS = 4
OWN_UNITS = 400
LEAST_UNITS = 12
PENALTY = 1.0
POOLS = (1, 2, 4, 8)
"""Lengths, in units of 250 words, that the score is calibrated for."""


@dataclass(frozen=True)
class Calibration:
    """What decision values mean at one length: probability = 1 / (1 + exp(−(slope × value + intercept)))."""

    words: int
    slope: float
    intercept: float
    own_mean: float
    own_deviation: float


@dataclass(frozen=True)
class Verifier:
    """An author's classifier: positive decision values speak for the author, negative ones for somebody else."""

    panel: Panel
    inverse_frequencies: np.ndarray
    weights: np.ndarray
    bias: float
    calibrations: tuple[Calibration, ...]
    own_words: int
    bands: OwnBands
    traits: OwnTraits

    def count(self, texts: Sequence[str]) -> csr_array:
        """Return the feature counts, one row a text; rows can be added up to pool texts."""
        return self.panel.count(self.panel.masked(text) for text in texts)

    def decide(self, counts: csr_array) -> np.ndarray:
        """Return the decision value of each row of counts."""
        decisions: np.ndarray = weigh(counts, self.inverse_frequencies) @ self.weights + self.bias
        return decisions

    def probability(self, decision: float, words: int) -> float:
        """Return the probability, at equal priors, that the author wrote a text of that many words."""
        first, last = self.calibrations[0], self.calibrations[-1]
        if words <= first.words or words >= last.words:
            return _logistic(decision, first if words <= first.words else last)
        below, above = next(pair for pair in pairwise(self.calibrations) if pair[0].words <= words < pair[1].words)
        share = math.log(words / below.words) / math.log(above.words / below.words)
        return (1 - share) * _logistic(decision, below) + share * _logistic(decision, above)

    def deviation(self, words: int) -> float:
        """Return how much decision values of the author's own text of about that length differ among themselves."""
        nearest = min(self.calibrations, key=lambda calibration: abs(math.log(calibration.words / max(words, 1))))
        return nearest.own_deviation


def fit_verifier(own_texts: Sequence[str], panel: Panel) -> Verifier:
    """Learn an author's manner from training text, one string a work or chapter, never from held-out text.

    Raises `ManuscriptError` where there are fewer than 3,000 words. The calibration holds out each quarter of the
    author's text, in consecutive blocks, together with a quarter of the panel's authors.
    """
    import numpy as np

    masked = [token for text in own_texts for token in panel.masked(text)]
    every = units(masked)
    if len(every) < LEAST_UNITS:
        raise ManuscriptError(
            f"The training text has {len(every) * UNIT_WORDS:,} words or a little more: a style score needs at least "
            f"{LEAST_UNITS * UNIT_WORDS:,}. Add manuscripts and prepare the dataset again."
        )
    cut = every if len(every) <= OWN_UNITS else runs(every, OWN_UNITS)
    own = panel.count(cut)
    inverse_frequencies = _inverse_frequencies(panel.counts)
    weights, bias = _fit(own, panel.counts, inverse_frequencies)
    held_own: dict[int, list[np.ndarray]] = {size: [] for size in POOLS}
    held_panel: dict[int, list[np.ndarray]] = {size: [] for size in POOLS}
    for fold in range(FOLDS):
        own_held = np.arange(own.shape[0]) * FOLDS // own.shape[0] == fold
        panel_held = panel.unit_authors % FOLDS == fold
        fold_weights, fold_bias = _fit(own[~own_held], panel.counts[~panel_held], inverse_frequencies)
        for size in POOLS:
            for rows, into in ((own[own_held], held_own), (panel.counts[panel_held], held_panel)):
                pooled = weigh(pool(rows, size), inverse_frequencies)
                into[size].append(pooled @ fold_weights + fold_bias)
    calibrations = [
        _calibrate(size * UNIT_WORDS, np.concatenate(held_own[size]), np.concatenate(held_panel[size]))
        for size in POOLS
        if sum(map(len, held_own[size])) >= 3
    ]
    bands = own_bands(pieces("\n\n".join(own_texts), 2 * UNIT_WORDS), panel)
    own_words = sum(token[0].isalpha() or token == "#" for token in masked)
    return Verifier(
        panel, inverse_frequencies, weights, bias, tuple(calibrations), own_words, bands, own_traits(own_texts)
    )


def weigh(counts: csr_array, inverse_frequencies: np.ndarray) -> csr_array:
    """Return TF-IDF rows of length one, counts on a logarithmic scale."""
    import numpy as np
    from scipy.sparse import csr_array

    scaled = csr_array(counts, copy=True)
    scaled.data = (1 + np.log(scaled.data)) * inverse_frequencies[scaled.indices]
    lengths = np.sqrt(np.asarray(scaled.power(2).sum(axis=1)).ravel())
    scaled.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(scaled.indptr))
    return scaled


def pool(counts: csr_array, size: int) -> csr_array:
    """Add up every `size` consecutive rows; what is left over is dropped."""
    import numpy as np
    from scipy.sparse import csr_array

    number = counts.shape[0] // size
    rows = np.repeat(np.arange(number), size)
    adding = csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(number, counts.shape[0]))
    return csr_array(adding @ counts)


def _inverse_frequencies(counts: csr_array) -> np.ndarray:
    import numpy as np

    holders = np.bincount(counts.indices, minlength=counts.shape[1])
    values: np.ndarray = np.log((1 + counts.shape[0]) / (1 + holders)) + 1
    return values


def _fit(own: csr_array, others: csr_array, inverse_frequencies: np.ndarray) -> tuple[np.ndarray, float]:
    import numpy as np
    from scipy.sparse import vstack
    from sklearn.svm import LinearSVC

    rows = weigh(vstack([own, others], format="csr"), inverse_frequencies)
    labels = np.r_[np.ones(own.shape[0]), np.zeros(others.shape[0])]
    classifier = LinearSVC(C=PENALTY, random_state=0).fit(rows, labels)
    return classifier.coef_.ravel(), float(classifier.intercept_[0])


def _calibrate(words: int, own: np.ndarray, others: np.ndarray) -> Calibration:
    """Fit a logistic curve that weighs the author's and the others' text alike.

    Its slope is held back (C = 1 on standardised values), for where the two are fully apart there is nothing in the
    data that says how sharply the curve should rise.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    values = np.r_[own, others]
    scale = float(np.std(values)) or 1.0
    labels = np.r_[np.ones(len(own)), np.zeros(len(others))]
    curve = LogisticRegression(class_weight="balanced", C=1.0).fit(values[:, None] / scale, labels)
    deviation = float(np.std(own, ddof=1))
    return Calibration(
        words, float(curve.coef_[0, 0] / scale), float(curve.intercept_[0]), float(own.mean()), deviation
    )


def _logistic(decision: float, calibration: Calibration) -> float:
    exponent = calibration.slope * decision + calibration.intercept
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, exponent))))
