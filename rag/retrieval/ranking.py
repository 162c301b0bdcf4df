"""Rank the entries that a request may need by what speaks for each of them; pure.

Two passes: what is linked to an entry that ranks high in the first gets a part of its rank in the second. The weights
were fitted by `python -m benchmarks.retrieval_weights` on one half of a gold set; docs/retrieval.md tells how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from operator import attrgetter, mul
from typing import Literal

from style_tuner.records import Entry, Moment

Reason = Literal["always-on", "mention", "key", "meaning", "keywords", "link"]
PLACES = 5
"""The rank at which an entry of the first pass gives half of its rank to its neighbours."""
FAR = 10**9
"""Place in the request of what is not named there."""
MEANING = ("near", "clause", "fine")
WEIGHTS: dict[bool, tuple[dict[str, float], dict[str, float]]] = {
    True: (
        {"named": 7.31, "before": 8.09, "key": 7.31, "words": 2.35, "clause": 2.71, "fine": 5.31, "recent": 2.44},
        {"named": 6.46, "before": 6.71, "key": 6.46, "words": 2.28, "clause": 1.89, "fine": 4.3, "recent": 1.89}
        | {"link": 5.41},
    ),
    False: (
        {"named": 6.04, "before": 8.28, "key": 6.04, "words": 5.84, "near": 8.23, "recent": 2.85},
        {"named": 5.41, "before": 6.56, "key": 5.41, "words": 4.88, "near": 6.83, "recent": 2.21} | {"link": 5.77},
    ),
}
"""Weights of the first and the second pass, with word pieces compared and without."""


@dataclass
class Signals:
    """What speaks for an entry, each 0 to about 1, and in words what matched."""

    entry: Entry
    named: float = 0.0
    before: float = 0.0
    key: float = 0.0
    words: float = 0.0
    near: float = 0.0
    clause: float = 0.0
    fine: float = 0.0
    recent: float = 0.0
    link: float = 0.0
    worded: bool = False
    shared: tuple[str, ...] = ()
    place: int = FAR
    matched: str = ""
    linked_from: str = ""
    linked_surely: bool = False
    neighbours: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Ranked:
    """An entry in the order of its rank, why it is there, and what matched."""

    entry: Entry
    reason: Reason
    score: float
    matched: str = ""
    place: int = FAR


def recency(entry: Entry, moment: Moment) -> float:
    """Say how lately an entry has become true: what has just happened is what a scene is likely to be about."""
    if moment.chapter is None or entry.from_chapter is None:
        return 0.0
    return 1 / (1 + max(0, moment.chapter - entry.from_chapter))


def rank(signals: Mapping[str, Signals], fine: bool, least_similarity: float) -> list[Ranked]:
    """Return the entries that something speaks for, best first."""
    first, second = WEIGHTS[fine]
    scores = {one: weighed(signal, first) for one, signal in signals.items()}
    give_links(signals, scores)
    final = {one: weighed(signal, second) for one, signal in signals.items()}
    order = sorted(signals, key=lambda one: (-final[one], -signals[one].entry.priority, one))
    return [
        Ranked(signals[one].entry, reason, round(final[one], 3), _matched(signals[one], reason), signals[one].place)
        for one in order
        if (reason := _reason(signals[one], second, least_similarity)) is not None
    ]


def weighed(signal: Signals, weights: Mapping[str, float]) -> float:
    """Return the sum of what speaks for an entry."""
    return float(sum(map(mul, weights.values(), attrgetter(*weights)(signal))))


def give_links(signals: Mapping[str, Signals], scores: Mapping[str, float]) -> None:
    """Let each entry have the largest part of a neighbour's rank; one with many neighbours has less to give to each."""
    ordered = sorted(scores.values(), reverse=True)
    middle = ordered[min(PLACES, len(ordered)) - 1] if ordered else 0.0
    parts = {one: 1 / (1 + exp(min(50.0, middle - score))) for one, score in scores.items()}
    shares = {one: part / log(2 + len(signals[one].neighbours)) for one, part in parts.items()}
    for signal in signals.values():
        best = max((one for one in signal.neighbours if one in parts), key=lambda one: (shares[one], one), default=None)
        if best is not None:
            signal.link, signal.linked_from = shares[best], signals[best].entry.name
            signal.linked_surely = parts[best] > 0.5


def _reason(signal: Signals, weights: Mapping[str, float], least_similarity: float) -> Reason | None:
    """Return what speaks most for an entry; None where nothing does that could be told to an author."""
    if signal.named or signal.before:
        return "mention"
    if signal.key:
        return "key"
    meant = max(signal.near, signal.clause) >= least_similarity
    if not meant and not signal.worded and not signal.linked_surely:
        return None
    parts: dict[Reason, float] = {"keywords": weights["words"] * signal.words} if signal.worded else {}
    if meant:
        parts["meaning"] = sum(weights.get(name, 0.0) * float(getattr(signal, name)) for name in MEANING)
    parts["link"] = weights["link"] * signal.link if signal.linked_surely else 0.0
    return max(parts, key=lambda reason: parts[reason])


def _matched(signal: Signals, reason: Reason) -> str:
    if reason == "link":
        return f"linked with {signal.linked_from}"
    if reason == "keywords":
        return "shares " + ", ".join(f"“{word}”" for word in signal.shared)
    return signal.matched if reason in ("mention", "key") else ""
