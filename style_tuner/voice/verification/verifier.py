"""One author against the panel: a linear classifier on masked n-grams, calibrated by length on text it has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from style_tuner.errors import ManuscriptError
from style_tuner.voice.checks.gates import OwnBands, own_bands
from style_tuner.voice.measures.comparisons import OwnTraits, own_traits
from style_tuner.voice.segment import pieces
from style_tuner.voice.verification.calibration import Calibration, for_profile, logistic, own_level
from style_tuner.voice.verification.linear import Weighing, separate, training_rows, weigh, weighing_of
from style_tuner.voice.verification.ngrams import UNIT_WORDS, is_word, runs, units
from style_tuner.voice.verification.panel import Panel

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

OWN_UNITS = 400
LEAST_UNITS = 12


@dataclass(frozen=True)
class Verifier:
    """An author's classifier: positive decision values speak for the author, negative ones for somebody else."""

    panel: Panel
    weighing: Weighing
    weights: np.ndarray
    bias: float
    calibrations: tuple[Calibration, ...]
    own_words: int
    bands: OwnBands
    traits: OwnTraits

    def count(self, texts: Sequence[str]) -> csr_array:
        """Return the feature counts, one row a text; rows can be added up to pool texts."""
        return self.panel.count(self.panel.shaped(text) for text in texts)

    def decide(self, counts: csr_array) -> np.ndarray:
        """Return the decision value of each row of counts."""
        decisions: np.ndarray = weigh(counts, self.weighing) @ self.weights + self.bias
        return decisions

    def probability(self, decision: float, words: int) -> float:
        """Return the probability, at equal priors, that the author wrote a text of that many words."""
        first, last = self.calibrations[0], self.calibrations[-1]
        if words <= first.words or words >= last.words:
            return logistic(decision, first if words <= first.words else last)
        below, above = next(pair for pair in pairwise(self.calibrations) if pair[0].words <= words < pair[1].words)
        share = math.log(words / below.words) / math.log(above.words / below.words)
        return (1 - share) * logistic(decision, below) + share * logistic(decision, above)

    def deviation(self, words: int) -> float:
        """Return how much decision values of the author's own text of about that length differ among themselves."""
        nearest = min(self.calibrations, key=lambda calibration: abs(math.log(calibration.words / max(words, 1))))
        return nearest.own_deviation


def fit_verifier(own_texts: Sequence[str], panel: Panel) -> Verifier:
    """Learn an author's manner from training text, one string a work or chapter, never from held-out text.

    Raises `ManuscriptError` where there are fewer than 3,000 words. What decision values mean comes from the panel,
    whose authors have each played the author under test with a profile of like size.
    """
    shaped = [token for text in own_texts for token in panel.shaped(text)]
    every = units(shaped)
    if len(every) < LEAST_UNITS:
        raise ManuscriptError(
            f"The training text has {len(every) * UNIT_WORDS:,} words or a little more: a style score needs at least "
            f"{LEAST_UNITS * UNIT_WORDS:,}. Add manuscripts and prepare the dataset again."
        )
    cut = every if len(every) <= OWN_UNITS else runs(every, OWN_UNITS)
    weighing = weighing_of(panel.counts, panel.kinds)
    own, others = panel.count(cut), training_rows(panel.counts, weighing)
    weights, constant = separate(training_rows(own, weighing), others)
    level = own_level(own, others, weighing)
    return Verifier(
        panel=panel,
        weighing=weighing,
        weights=weights,
        bias=constant,
        calibrations=for_profile(panel.calibrations, len(cut), level),
        own_words=sum(map(is_word, shaped)),
        bands=own_bands(pieces("\n\n".join(own_texts), 2 * UNIT_WORDS), panel),
        traits=own_traits(own_texts),
    )
