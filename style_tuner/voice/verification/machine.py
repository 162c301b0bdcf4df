"""What is learned of an author against the panel, and which of the panel's authors are the author under test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from style_tuner.voice.verification.calibration import Calibration, for_profile, logistic, own_level
from style_tuner.voice.verification.linear import (
    Weighing,
    pool,
    separate,
    training_rows,
    weigh,
    weighing_of,
    without_columns,
)
from style_tuner.voice.verification.ngrams import RUN_UNITS, UNIT_WORDS, of_paragraphs
from style_tuner.voice.verification.panel import Panel

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

LEAST_STRANGERS = 3
"""Authors that a panel keeps however alike they are to the one under test."""
SAME = 0.85
"""Probability from which a panel author's text, unseen, is that of the author under test."""


@dataclass(frozen=True)
class Machine:
    """How to weigh counts, the weights learned, and what their values mean at each length."""

    weighing: Weighing
    weights: np.ndarray
    bias: float
    calibrations: tuple[Calibration, ...]

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


def learn(
    own: csr_array, panel: Panel, paragraphs: bool = True, curves: tuple[Calibration, ...] | None = None
) -> Machine:
    """Learn what tells an author's counts from a panel's; without `paragraphs`, by nothing that tells of them.

    `curves` are taken where given, for the author's own level takes half as long to find as all the rest.
    """
    import numpy as np

    weighing = weighing_of(panel.counts, panel.kinds)
    if not paragraphs:
        weighing = without_columns(weighing, np.array([of_paragraphs(feature) for feature in panel.features]))
    others = training_rows(panel.counts, weighing)
    weights, bias = separate(training_rows(own, weighing), others)
    if curves is None:
        curves = for_profile(panel.calibrations, own.shape[0], own_level(own, others, weighing))
    return Machine(weighing, weights, bias, curves)


def of_strangers(own: csr_array, panel: Panel) -> Panel:
    """Return the panel less the author under test, where it holds novels by that author.

    The nearest author of the panel is left out of it for once: only the author's own text then reads as the author's.
    """
    curves = for_profile(panel.calibrations, own.shape[0], -math.inf)
    while len(panel.present) > LEAST_STRANGERS:
        nearest = nearest_author(own, panel)
        strangers = panel.without(nearest)
        tried = learn(own, strangers, curves=curves)
        decision = float(tried.decide(pool(panel.counts_of(nearest), RUN_UNITS)).mean())
        if tried.probability(decision, RUN_UNITS * UNIT_WORDS) < SAME:
            break
        panel = strangers
    return panel


def nearest_author(own: csr_array, panel: Panel) -> str:
    """Return the panel author whose mean row, less the mean of all authors', is most like the one under test's."""
    import numpy as np

    weighing = weighing_of(panel.counts, panel.kinds)
    means = np.stack(
        [weigh(counts, weighing).mean(axis=0) for counts in (own, *map(panel.counts_of, panel.present))],
    )
    apart = means - means[1:].mean(axis=0)
    alike = apart[1:] @ apart[0] / np.maximum(1e-12, np.linalg.norm(apart[1:], axis=1))
    return panel.present[int(alike.argmax())]
