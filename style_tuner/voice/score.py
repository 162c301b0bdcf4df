"""The style score: drafts pooled, verified against the panel, capped by gates, with an interval and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from style_tuner.config import ScoreConfig
from style_tuner.records import Comparison, Gate, StyleScore
from style_tuner.voice.checks.gates import check
from style_tuner.voice.checks.kinds import read_drafts
from style_tuner.voice.checks.languages import ENGLISH, language_of
from style_tuner.voice.describe import differences
from style_tuner.voice.measures.comparisons import compare, figures
from style_tuner.voice.profile import build_profile
from style_tuner.voice.segment import words
from style_tuner.voice.verification.pooling import clusters, pooled, resampled, rows

if TYPE_CHECKING:
    import numpy as np

    from style_tuner.voice.author import AuthorVoice
    from style_tuner.voice.verification.verifier import Verifier

NINETY = 1.645
SOUNDS_RIGHT = 75
SPOILT = 50
"""Cap below which the check behind it says more about a text than its likeness to the author does."""
LEADS = {
    "copying": "This is copied from your own passages, so it says nothing about a new draft.",
    "repetition": "This repeats itself too much to be judged as prose.",
    "language": "Too many of its words are known neither to English nor to your writing to judge its voice.",
    "typicality": "The order of its words makes too little sense to be judged as prose.",
}
DEFAULTS = ScoreConfig()


def score_drafts(texts: Sequence[str], author: AuthorVoice, config: ScoreConfig = DEFAULTS) -> StyleScore:
    """Score drafts together, as one text by one writer; no number where there is too little prose, or none.

    With held-out passages, which nothing was fitted to, the score is placed among theirs as well.
    """
    verifier = author.verifier
    learned = verifier.bands.language or ENGLISH
    reading = read_drafts(texts, config.least_words, learned)
    drafts = reading.texts
    number = sum(len(words(text)) for text in drafts)
    if refusal := reading.refusal or _other_panel(verifier, learned):
        found = sum(len(words(text)) for text in texts)
        return StyleScore(found, None, None, None, f"No score: {refusal}", notes=reading.notes)
    if number < config.least_words:
        counted = "1 word says" if number == 1 else f"{number} words say"
        verdict = (
            f"Insufficient: {counted} too little about a voice. Add drafts until there are {config.least_words} words, "
            f"better {config.firm_words:,}."
        )
        return StyleScore(number, None, None, None, verdict, notes=reading.notes)
    gates = check(drafts, verifier.bands, verifier.panel, author.sources)
    verifier = verifier.judging(drafts)
    strictest = min(gates, key=lambda gate: gate.cap)
    counts, sizes = clusters(verifier, drafts)
    length = min(number, config.firm_words)
    raw = pooled(verifier, counts, sizes, length)
    spread = NINETY * float(_widened(verifier, resampled(verifier, counts, sizes, length), length, number).std())
    score, low, high = (
        min(strictest.cap, 100 * verifier.probability(value, length)) for value in (raw, raw - spread, raw + spread)
    )
    capped = strictest.fired and (strictest.cap < SPOILT or score >= strictest.cap)
    percentile = None if capped or author.own is None else author.own.percentile(raw, length, verifier)
    score, low, high = round(score, 1), round(low, 1), round(high, 1)
    verdict = _verdict(score, gates, percentile) + _firmness(low, high, number, capped, config)
    if not capped:
        verdict += differences(build_profile(drafts), author.profile) if score < SOUNDS_RIGHT else ""
    return StyleScore(
        words=number,
        score=score,
        low=low,
        high=high,
        verdict=verdict,
        comparisons=compare(drafts, verifier.traits),
        gates=gates,
        raw=round(raw, 4),
        percentile=None if percentile is None else round(percentile, 1),
        figures=figures(drafts, verifier.traits),
        notes=(*reading.notes, *verifier.notes),
    )


def compare_drafts(
    base_texts: Sequence[str], tuned_texts: Sequence[str], author: AuthorVoice, config: ScoreConfig = DEFAULTS
) -> Comparison:
    """Compare two models' drafts of the same requests, paired by place, and say how much nearer the tuned one is."""
    verifier = author.verifier.judging(base_texts, tuned_texts)
    base, tuned = (score_drafts(texts, author, config) for texts in (base_texts, tuned_texts))
    own = score_drafts(author.held_out, author.with_held_out(()), config)
    pairs = [pair for pair in zip(base_texts, tuned_texts, strict=False) if words(pair[0]) and words(pair[1])]
    if base.score is None or tuned.score is None or not pairs:
        verdict = "Insufficient: at least one of the two models wrote too little to compare them."
        return Comparison(base, tuned, own, None, None, None, None, None, None, None, verdict)
    length = min(config.firm_words, base.words, tuned.words)
    models = [rows(verifier, texts) for texts in zip(*pairs, strict=True)]
    decisions = [pooled(verifier, counts, sizes, length) for counts, sizes in models]
    scattered = [
        decision + _widened(verifier, resampled(verifier, *model, length), length, number)
        for decision, model, number in zip(decisions, models, (base.words, tuned.words), strict=True)
    ]
    raw = _paired_interval(decisions, scattered)
    points = [_points(verifier, values, length, score) for values, score in zip(scattered, (base, tuned), strict=True)]
    difference = _paired_interval((base.score, tuned.score), points)
    closed, closed_low, closed_high = _gap_closed(verifier, author.held_out, own, decisions, scattered, length)
    return Comparison(
        base=base,
        tuned=tuned,
        own=own,
        difference=difference[0],
        low=difference[1],
        high=difference[2],
        raw_difference=raw[0],
        raw_low=raw[1],
        raw_high=raw[2],
        gap_closed=closed,
        gap_low=closed_low,
        gap_high=closed_high,
        verdict=_comparison_verdict(tuned, raw[1], raw[2], closed),
    )


def _other_panel(verifier: Verifier, learned: str) -> str:
    """Say so where the panel writes in another language: any text in the author's own would score high."""
    language = language_of([" ".join(sorted(verifier.panel.known))])
    if language in ("", learned):
        return ""
    return (
        f"The voice was learned from {learned}, and the panel that it is told from is {language}. Build a panel of "
        f"{learned} novels with `panel build` and name it with --panel."
    )


def _gap_closed(
    verifier: Verifier,
    held_out: Sequence[str],
    own: StyleScore,
    decisions: Sequence[float],
    scattered: Sequence[np.ndarray],
    length: int,
) -> tuple[float | None, float | None, float | None]:
    """Return the share of the gap to the author's own writing that is closed, and its 90 % interval.

    None where base and author cannot be told apart. The author's own place is taken as known.
    """
    import numpy as np

    if own.words < length:
        return None, None, None
    place = pooled(verifier, *clusters(verifier, held_out), length)
    if place - decisions[0] <= verifier.deviation(length):
        return None, None, None
    shares = (scattered[1] - scattered[0]) / np.maximum(place - scattered[0], verifier.deviation(length))
    low, high = np.percentile(shares, (5, 95))
    closed = (decisions[1] - decisions[0]) / (place - decisions[0])
    return round(closed, 3), round(float(low), 3), round(float(high), 3)


def _points(verifier: Verifier, decisions: np.ndarray, length: int, score: StyleScore) -> np.ndarray:
    import numpy as np

    cap = min(gate.cap for gate in score.gates)
    return np.array([min(cap, 100 * verifier.probability(float(value), length)) for value in decisions])


def _widened(verifier: Verifier, scatter: np.ndarray, length: int, number: int) -> np.ndarray:
    """Return how the decision value of `number` words scatters: no less than that of the author's own unseen texts.

    A bootstrap sees only the drafts there are, so that few or like ones look surer than they are.
    """
    import numpy as np

    deviation = float(scatter.std())
    least = verifier.deviation(length) * (length / number) ** 0.5
    if deviation >= least:
        return scatter
    if deviation == 0:  # a single draft: nothing says how it goes with another text's
        scatter = np.random.default_rng(number).standard_normal(len(scatter))
        deviation = float(scatter.std())
    wide: np.ndarray = scatter * (least / deviation)
    return wide


def _paired_interval(values: Sequence[float], resampled: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Return the difference of two values and its 90 % interval, each as wide as the two intervals make it.

    Both were drawn by the same requests and judged by one verifier, and what they share goes out of every difference
    of draws: var(A − B) = var A + var B − 2 cov(A, B). No more goes out, so that where one of the two stands firm, as
    at an end of the scale, the difference is as unsure as the other.
    """
    import numpy as np

    value = values[1] - values[0]
    low, high = np.percentile(resampled[1] - resampled[0], (5, 95))
    return round(value, 4), round(min(value, float(low)), 4), round(max(value, float(high)), 4)


def _verdict(score: float, gates: Sequence[Gate], percentile: float | None) -> str:
    fired = [gate.name for gate in gates if gate.fired]
    strictest = min(gates, key=lambda gate: gate.cap)
    if strictest.cap < SPOILT:
        said = LEADS.get(strictest.name, strictest.sentence)
    elif score >= SOUNDS_RIGHT and percentile is not None and round(percentile / 10) == 0:
        said = (
            "This sounds like you and not like other authors, though less plainly than your own held-out passages do."
        )
    elif score >= SOUNDS_RIGHT:
        said = f"This sounds like you{_place(percentile)}."
    elif score >= 50:
        said = f"This is nearer to your voice than to other authors', but not by much{_place(percentile)}."
    elif score >= 25:
        said = "This leans towards other authors' voices."
    else:
        said = "This does not read as your voice."
    if fired:
        said += f" The score is held down by the check on {_joined(fired)}."
    return said


def _joined(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _place(percentile: float | None) -> str:
    """Say where a draft stands among own held-out passages of its length; nothing where that is not known."""
    if percentile is None:
        return ""
    tenths = round(percentile / 10)
    if tenths == 0:
        return ": below nearly all of your own held-out passages of that length"
    if tenths == 10:
        return ": better than nearly all of your own held-out passages of that length"
    return f": better than {tenths} in 10 of your own held-out passages of that length"


def _firmness(low: float, high: float, number: int, capped: bool, config: ScoreConfig) -> str:
    """Say how little a short text tells, with its interval where that has two ends and no check decides."""
    if number >= config.firm_words:
        return ""
    lowest, highest = f"{low:.0f}", f"{high:.0f}"
    span = "" if capped or lowest == highest else f" and may lie anywhere from {lowest} to {highest}"
    return f" It rests on {number} words only{span}: {config.firm_words:,} words or more make it firm."


def _comparison_verdict(tuned: StyleScore, raw_low: float, raw_high: float, closed: float | None) -> str:
    share = (
        ""
        if closed is None or closed <= 0
        else f" It closes {closed:.0%} of the gap between the base model and your own writing."
    )
    if raw_low > 0:
        said = "The tuned model writes nearer to your voice than the base model does, beyond chance." + share
    elif raw_high < 0:
        said = "The tuned model writes further from your voice than the base model does: train it differently."
    else:
        said = "The two models cannot be told apart by these drafts: write more of them, or train longer." + share
    fired = [gate.name for gate in tuned.gates if gate.fired]
    return said + (f" Its score is held down by the check on {_joined(fired)}." if fired else "")
