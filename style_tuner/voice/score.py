"""The style score: drafts pooled, verified against the panel, capped by gates, with an interval and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from style_tuner.config import ScoreConfig
from style_tuner.records import Comparison, Gate, StyleProfile, StyleScore
from style_tuner.voice.comparisons import compare
from style_tuner.voice.copying import Sources
from style_tuner.voice.describe import differences
from style_tuner.voice.gates import check
from style_tuner.voice.profile import build_profile
from style_tuner.voice.segment import pieces, words
from style_tuner.voice.verifier import Verifier

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

RESAMPLES = 200
CLUSTER_WORDS = 125
LEAST_CLUSTERS = 4
NINETY = 1.645
SOUNDS_RIGHT = 75
DEFAULTS = ScoreConfig()  # type: ignore[call-arg]


def score_drafts(
    texts: Sequence[str],
    verifier: Verifier,
    profile: StyleProfile,
    training_texts: Sequence[str],
    held_out_texts: Sequence[str],
    config: ScoreConfig = DEFAULTS,
) -> StyleScore:
    """Score drafts together, as one text by one writer; none where there are fewer than `least_words` words."""
    drafts = [text for text in texts if words(text)]
    number = sum(len(words(text)) for text in drafts)
    if number < config.least_words:
        verdict = (
            f"Insufficient: {number} words say too little about a voice. Add drafts until there are "
            f"{config.least_words} words, better {config.firm_words:,}."
        )
        return StyleScore(number, None, None, None, verdict)
    gates = check(drafts, verifier.bands, verifier.panel, _sources((*training_texts, *held_out_texts)))
    cap = min(gate.cap for gate in gates)
    counts = verifier.count(_clusters(drafts))
    raw = _decide(verifier, counts)
    spread = NINETY * max(_bootstrap_deviation(verifier, counts), verifier.deviation(number))
    score, low, high = (
        min(cap, 100 * verifier.probability(value, number)) for value in (raw, raw - spread, raw + spread)
    )
    explanation = differences(build_profile(drafts), profile) if score < SOUNDS_RIGHT else ""
    return StyleScore(
        words=number,
        score=round(score, 1),
        low=round(low, 1),
        high=round(high, 1),
        verdict=_verdict(score, low, high, number, gates, config) + explanation,
        comparisons=compare(drafts, verifier.traits),
        gates=gates,
        raw=round(raw, 4),
    )


def compare_drafts(
    base_texts: Sequence[str],
    tuned_texts: Sequence[str],
    own_held_out_texts: Sequence[str],
    verifier: Verifier,
    profile: StyleProfile,
    training_texts: Sequence[str],
    config: ScoreConfig = DEFAULTS,
) -> Comparison:
    """Compare two models' drafts of the same requests, paired by place, and say how much nearer the tuned one is."""
    base, tuned = (
        score_drafts(texts, verifier, profile, training_texts, own_held_out_texts, config)
        for texts in (base_texts, tuned_texts)
    )
    own = score_drafts(own_held_out_texts, verifier, profile, training_texts, (), config)
    if base.score is None or tuned.score is None or base.raw is None or tuned.raw is None:
        verdict = "Insufficient: at least one of the two models wrote too little to compare them."
        return Comparison(base, tuned, own, None, None, None, None, None, None, None, verdict)
    raw = _paired(base_texts, tuned_texts, verifier)
    points = [_points(verifier, values, score) for values, score in zip(raw, (base, tuned), strict=True)]
    raw_low, raw_high = _interval(raw[1] - raw[0], tuned.raw - base.raw)
    low, high = _interval(points[1] - points[0], tuned.score - base.score)
    gap = None if own.raw is None else own.raw - base.raw
    closed = (tuned.raw - base.raw) / gap if gap and gap > verifier.deviation(own.words) / 2 else None
    return Comparison(
        base=base,
        tuned=tuned,
        own=own,
        difference=round(tuned.score - base.score, 1),
        low=round(low, 1),
        high=round(high, 1),
        raw_difference=round(tuned.raw - base.raw, 4),
        raw_low=round(raw_low, 4),
        raw_high=round(raw_high, 4),
        gap_closed=None if closed is None else round(closed, 3),
        verdict=_comparison_verdict(tuned, raw_low, raw_high, closed),
    )


@lru_cache(maxsize=4)
def _sources(texts: tuple[str, ...]) -> Sources:
    return Sources(texts)


def _clusters(drafts: Sequence[str]) -> list[str]:
    """Return the drafts, or passages of them where there are too few drafts to resample."""
    if len(drafts) >= LEAST_CLUSTERS:
        return list(drafts)
    return [piece for draft in drafts for piece in pieces(draft, CLUSTER_WORDS)]


def _decide(verifier: Verifier, counts: csr_array) -> float:
    """Return the decision value of all rows added up."""
    import numpy as np

    return float(_resampled(verifier, counts, np.ones((1, counts.shape[0])))[0])


def _resampled(verifier: Verifier, counts: csr_array, draws: np.ndarray) -> np.ndarray:
    """Return a decision value for each row of `draws`, which says how often each row of counts is taken."""
    from scipy.sparse import csr_array

    return verifier.decide(csr_array(csr_array(draws) @ counts))


def _draws(number: int) -> np.ndarray:
    import numpy as np

    generator = np.random.default_rng(0)
    return generator.multinomial(number, np.full(number, 1 / number), size=RESAMPLES).astype(float)


def _bootstrap_deviation(verifier: Verifier, counts: csr_array) -> float:
    if counts.shape[0] < 2:
        return 0.0
    return float(_resampled(verifier, counts, _draws(counts.shape[0])).std())


def _paired(base_texts: Sequence[str], tuned_texts: Sequence[str], verifier: Verifier) -> tuple[np.ndarray, np.ndarray]:
    """Return resampled decision values of both models, the same requests drawn for both."""
    number = min(len(base_texts), len(tuned_texts))
    draws = _draws(number)
    base, tuned = (_resampled(verifier, verifier.count(texts[:number]), draws) for texts in (base_texts, tuned_texts))
    return base, tuned


def _points(verifier: Verifier, decisions: np.ndarray, score: StyleScore) -> np.ndarray:
    import numpy as np

    cap = min(gate.cap for gate in score.gates)
    return np.array([min(cap, 100 * verifier.probability(float(value), score.words)) for value in decisions])


def _interval(differences: np.ndarray, point: float) -> tuple[float, float]:
    """Return the 90 % interval, moved so that resampling's own bias (repeated drafts hold less) drops out."""
    import numpy as np

    low, high = np.percentile(differences - differences.mean(), (5, 95))
    return point + float(low), point + float(high)


def _verdict(score: float, low: float, high: float, number: int, gates: Sequence[Gate], config: ScoreConfig) -> str:
    fired = [gate.name for gate in gates if gate.fired]
    if score >= SOUNDS_RIGHT:
        said = "This reads as your voice."
    elif score >= 50:
        said = "This is nearer to your voice than to other authors', but not by much."
    elif score >= 25:
        said = "This leans towards other authors' voices."
    else:
        said = "This does not read as your voice."
    if fired:
        said += f" The score is held down by the check on {' and '.join(fired)}."
    if number < config.firm_words:
        said += (
            f" With {number} words the number is uncertain ({low:.0f} to {high:.0f}): {config.firm_words:,} or more "
            "make it firm."
        )
    return said


def _comparison_verdict(tuned: StyleScore, raw_low: float, raw_high: float, closed: float | None) -> str:
    share = "" if closed is None else f" It closes {closed:.0%} of the gap between the base model and your own writing."
    if raw_low > 0:
        said = "The tuned model writes nearer to your voice than the base model does, beyond chance." + share
    elif raw_high < 0:
        said = "The tuned model writes further from your voice than the base model does: train it differently."
    else:
        said = "The two models cannot be told apart by these drafts: write more of them, or train longer." + share
    fired = [gate.name for gate in tuned.gates if gate.fired]
    return said + (f" Its score is held down by the check on {' and '.join(fired)}." if fired else "")
