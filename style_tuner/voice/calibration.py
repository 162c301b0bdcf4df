"""What decision values mean: curves learned once by letting every panel author play the author under test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from style_tuner.voice.linear import pool, separate, training_rows, weigh

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

POOLS = (1, 2, 4, 8)
"""Lengths, in units of 250 words, that the score is calibrated for."""
PROFILE_UNITS = (40, 400)
"""Sizes of profile, in units of 250 words, that the score is calibrated for."""
UNIT_WORDS = 250
HELD_OUT = 5
LEAST_VALUES = 3


@dataclass(frozen=True)
class Calibration:
    """What decision values mean at one length: probability = 1 / (1 + exp(−(slope × value + intercept))).

    It holds for a profile of `profile_units` units of 250 words. `own_fall` is how far below the own level (what
    `own_level` returns) the values of an unseen work of the same author may lie: two deviations below the mean of the
    panel's authors. A value below that speaks for nobody in the panel, and for no work of this author's either: it is
    what a text reaches that merely shares what sets the author apart from the panel, such as being modern.
    """

    profile_units: int
    words: int
    slope: float
    intercept: float
    own_mean: float
    own_deviation: float
    own_fall: float


def simulate(
    profiles: Sequence[csr_array], unseen: Sequence[csr_array], panel: Sequence[csr_array], weights: np.ndarray
) -> tuple[Calibration, ...]:
    """Learn the curves from the panel itself, where no value comes from text or authors that were trained on.

    Each author's profile (the earlier works) is told from the panel less that author and less every fifth author, who
    are the unseen others; the author's own unseen text is the last work. All three are counts by author.
    """
    import numpy as np
    from scipy.sparse import vstack

    number = len(panel)
    rows = [training_rows(counts, weights) for counts in panel]
    found = []
    for size in PROFILE_UNITS:
        own: dict[int, list[np.ndarray]] = {length: [] for length in POOLS}
        others: dict[int, list[np.ndarray]] = {length: [] for length in POOLS}
        levels: list[float] = []
        for place in range(number):
            held = {(place + step) % number for step in range(1, number, HELD_OUT)}
            kept = vstack([rows[other] for other in range(number) if other not in {place, *held}], format="csr")
            profile = _spread(profiles[place], size)
            learned, constant = separate(training_rows(profile, weights), kept)
            levels.append(own_level(profile, kept, weights))
            for length in POOLS:
                own[length].append(weigh(pool(unseen[place], length), weights) @ learned + constant)
                others[length].append(
                    np.concatenate([weigh(pool(unseen[other], length), weights) @ learned + constant for other in held])
                )
        units = int(np.median([min(size, profile.shape[0]) for profile in profiles]))
        found += [
            _curve(units, length * UNIT_WORDS, own[length], others[length], levels)
            for length in POOLS
            if sum(map(len, own[length])) >= LEAST_VALUES
        ]
    return tuple(found)


def own_level(profile: csr_array, others: csr_array, weights: np.ndarray) -> float:
    """Return the mean decision value of the last quarter of a profile, as unseen text of the rest of it.

    `profile` are counts, `others` the rows that the panel is learned from.
    """
    seen = profile.shape[0] * 3 // 4
    learned, constant = separate(training_rows(profile[:seen], weights), others)
    return float((weigh(profile[seen:], weights) @ learned).mean() + constant)


def for_profile(curves: Sequence[Calibration], units: int, level: float) -> tuple[Calibration, ...]:
    """Return one curve for each length, for a profile of that many units, with one half no lower than `own_fall`."""
    found = []
    for words in sorted({curve.words for curve in curves}):
        by_size = sorted((curve for curve in curves if curve.words == words), key=lambda curve: curve.profile_units)
        curve = _between(by_size, units)
        found.append(replace(curve, intercept=min(curve.intercept, -curve.slope * (level + curve.own_fall))))
    return tuple(found)


def logistic(decision: float, calibration: Calibration) -> float:
    """Return the probability, at equal priors, that a curve gives a decision value."""
    exponent = calibration.slope * decision + calibration.intercept
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, exponent))))


def _between(by_size: Sequence[Calibration], units: int) -> Calibration:
    if units <= by_size[0].profile_units:
        return by_size[0]
    for below, above in pairwise(by_size):
        if units < above.profile_units:
            share = math.log(units / below.profile_units) / math.log(above.profile_units / below.profile_units)

            def mix(low: float, high: float, share: float = share) -> float:
                return (1 - share) * low + share * high

            return Calibration(
                units,
                below.words,
                mix(below.slope, above.slope),
                mix(below.intercept, above.intercept),
                mix(below.own_mean, above.own_mean),
                mix(below.own_deviation, above.own_deviation),
                mix(below.own_fall, above.own_fall),
            )
    return by_size[-1]


def _spread(profile: csr_array, size: int) -> csr_array:
    """Return about that many rows in runs of four, so that a short profile comes from all of the author's works."""
    import numpy as np

    quads = profile.shape[0] // 4
    if profile.shape[0] <= size or not quads:
        return profile
    kept = np.unique(np.linspace(0, quads - 1, size // 4).round().astype(int))
    return profile[(4 * kept[:, None] + np.arange(4)).ravel()]


def _curve(
    units: int, words: int, own: Sequence[np.ndarray], others: Sequence[np.ndarray], levels: Sequence[float]
) -> Calibration:
    """Fit a logistic curve that weighs own and others' text alike.

    Its slope is held back a little (C = 1 on standardised values), for where the two are fully apart there is nothing
    in the data that says how sharply the curve should rise.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    values = np.concatenate([*own, *others])
    labels = np.r_[np.ones(sum(map(len, own))), np.zeros(sum(map(len, others)))]
    scale = float(np.std(values)) or 1.0
    curve = LogisticRegression(class_weight="balanced", C=1.0).fit(values[:, None] / scale, labels)
    spread = float(np.sqrt(np.mean([np.var(one) for one in own if len(one) > 1] or [np.var(values)])))
    falls = [float(found.mean()) - level for found, level in zip(own, levels, strict=True) if len(found)]
    figures = (
        float(curve.coef_[0, 0] / scale),
        float(curve.intercept_[0]),
        float(np.concatenate(own).mean()),
        spread,
        float(np.mean(falls) - 2 * np.std(falls)),
    )
    return Calibration(units, words, *(round(value, 6) for value in figures))
