"""What decision values mean: curves learned once by letting every panel author play the author under test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from style_tuner.voice.verification.linear import (
    Weighing,
    pool,
    separate,
    separate_less_each,
    similarities,
    training_rows,
    weigh,
)

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

POOLS = (1, 2, 4, 8)
"""Lengths, in units of 250 words, that the score is calibrated for."""
PROFILE_UNITS = (40, 120, 400)
"""Sizes of profile, in units of 250 words, that the score is calibrated for."""
UNIT_WORDS = 250
LEAST_VALUES = 3
FALL_DEVIATIONS = 2
FALL_PROBABILITY = 0.1


@dataclass(frozen=True)
class Calibration:
    """What decision values mean at one length: probability = 1 / (1 + exp(−(slope × value + intercept))).

    It holds for a profile of `profile_units` units of 250 words. `highest_level` is the highest own level (what
    `own_level` returns) among the panel's authors. An author above it differs from all of them by something that others
    may share, such as being modern, and a value that merely says so speaks for nobody: for such an author, a value
    `own_fall` above the own level has at most `FALL_PROBABILITY`, for hardly any unseen work of the panel's authors
    falls below that.
    """

    profile_units: int
    words: int
    slope: float
    intercept: float
    own_mean: float
    own_deviation: float
    own_fall: float
    highest_level: float


def simulate(
    profiles: Sequence[csr_array], unseen: Sequence[csr_array], panel: Sequence[csr_array], weighing: Weighing
) -> tuple[Calibration, ...]:
    """Learn the curves from the panel itself, where no value comes from text or authors that were trained on.

    Each author's profile (the earlier works; a short one is the end of them) is told from the panel less that author
    and less one other at a time, who is then the unseen other: the fewer are left out, the more the values are like
    those of the whole panel. The author's own unseen text is the last work. All three are counts by author.
    """
    import numpy as np
    from scipy.sparse import vstack

    number = len(panel)
    rows = [training_rows(counts, weighing) for counts in panel]
    whose = np.repeat(np.arange(number), [found.shape[0] for found in rows])
    every = vstack(rows, format="csr").toarray().astype(np.float32)
    alike = similarities(every, every)
    tests = [{length: weigh(pool(counts, length), weighing) for length in POOLS} for counts in unseen]
    found = []
    for size in PROFILE_UNITS:
        own: list[dict[int, np.ndarray]] = []
        others: list[dict[int, np.ndarray]] = []
        levels: list[float] = []
        for place in range(number):
            kept = np.flatnonzero(whose != place)
            absent = [other for other in range(number) if other != place]
            learned, level = _learned(
                profiles[place][-size:],
                every[kept],
                alike[np.ix_(kept, kept)],
                np.searchsorted(absent, whose[kept]),
                weighing,
            )
            tried = [learned, *([one] for one in learned)]
            values = [_values(tests[author], by) for author, by in zip((place, *absent), tried, strict=True)]
            own.append(values[0])
            others.append({length: np.concatenate([one[length] for one in values[1:]]) for length in POOLS})
            levels.append(level)
        units = int(np.median([min(size, profile.shape[0]) for profile in profiles]))
        found += [
            _curve(units, length * UNIT_WORDS, [one[length] for one in own], [one[length] for one in others], levels)
            for length in POOLS
            if sum(len(one[length]) for one in own) >= LEAST_VALUES
        ]
    return tuple(found)


def _learned(
    profile: csr_array, others: np.ndarray, alike: np.ndarray, whose: np.ndarray, weighing: Weighing
) -> tuple[list[tuple[np.ndarray, float]], float]:
    """Return the weights and the constant learned without each of the others, and the profile's own level.

    `whose` says which of the other authors wrote each of their rows.
    """
    import numpy as np

    early, late = _parted(profile)
    rest = profile[early.shape[0] :]
    own = [training_rows(counts, weighing).toarray().astype(np.float32) for counts in (early, rest)]
    last = int(whose.max()) + 2
    groups = np.r_[np.zeros(len(own[0]), dtype=int), np.full(len(own[1]), last), 1 + whose]
    columns, constants = separate_less_each(np.concatenate(own), others, alike, groups)
    learned = [(columns[:, place], float(constants[place])) for place in range(last)]
    without_late, constant = learned.pop()
    return learned, float((weigh(late, weighing) @ without_late).mean() + constant)


def _values(tests: Mapping[int, csr_array], learned: Sequence[tuple[np.ndarray, float]]) -> dict[int, np.ndarray]:
    """Return the decision values of one author's text at each length, the mean of several machines."""
    import numpy as np

    return {
        length: np.mean([rows @ column + constant for column, constant in learned], axis=0)
        for length, rows in tests.items()
    }


def own_level(profile: csr_array, others: csr_array, weighing: Weighing) -> float:
    """Return the mean decision value of the end of a profile, as unseen text of its beginning.

    Most of a large profile's end is from another work than its beginning: how alike the chapters of one work are says
    little about the next. `profile` are counts, `others` the rows that the panel is learned from.
    """
    early, late = _parted(profile)
    learned, constant = separate(training_rows(early, weighing), others)
    return float((weigh(late, weighing) @ learned).mean() + constant)


def for_profile(curves: Sequence[Calibration], units: int, level: float) -> tuple[Calibration, ...]:
    """Return one curve for each length, for a profile of that many units by an author of that own level.

    Where the level is higher than any panel author's, the curve is no higher than `own_fall` allows.
    """
    found = []
    for words in sorted({curve.words for curve in curves}):
        by_size = sorted((curve for curve in curves if curve.words == words), key=lambda curve: curve.profile_units)
        curve = _between(by_size, units)
        if level > curve.highest_level:
            limit = math.log(FALL_PROBABILITY / (1 - FALL_PROBABILITY)) - curve.slope * (level + curve.own_fall)
            curve = replace(curve, intercept=min(curve.intercept, limit))
        found.append(curve)
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
                mix(below.highest_level, above.highest_level),
            )
    return by_size[-1]


def _parted(profile: csr_array) -> tuple[csr_array, csr_array]:
    """Return the first and the last three eighths of a profile, in whole runs of four rows where there are so many."""
    rows = profile.shape[0] * 3 // 32 * 4 or profile.shape[0] // 3
    return profile[:rows], profile[profile.shape[0] - rows :]


def _curve(
    units: int, words: int, own: Sequence[np.ndarray], others: Sequence[np.ndarray], levels: Sequence[float]
) -> Calibration:
    """Fit a logistic curve in which own and others' text weigh alike, and so does each author who plays the target.

    Its slope is held back a little (C = 1 on standardised values), for where the two are fully apart there is nothing
    in the data that says how sharply the curve should rise.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    parts = [values for values in (*own, *others) if len(values)]
    values = np.concatenate(parts)
    labels = np.r_[np.ones(sum(map(len, own))), np.zeros(sum(map(len, others)))]
    shares = np.concatenate([np.full(len(part), len(values) / len(parts) / len(part)) for part in parts])
    scale = float(np.std(values)) or 1.0
    curve = LogisticRegression(C=1.0).fit(values[:, None] / scale, labels, sample_weight=shares)
    spread = float(np.sqrt(np.mean([np.var(one) for one in own if len(one) > 1] or [np.var(values)])))
    slope, intercept = float(curve.coef_[0, 0] / scale), float(curve.intercept_[0])
    falls = [float(one.mean()) - level for one, level in zip(own, levels, strict=True) if len(one)]
    fall = float(np.mean(falls) - FALL_DEVIATIONS * np.std(falls))
    figures = (slope, intercept, float(np.concatenate(own).mean()), spread, fall, max(levels))
    return Calibration(units, words, *(round(value, 6) for value in figures))
