"""How far each sentence of a draft is from the author's voice, and in words what makes it so.

The distance is the verifier's own: what the n-grams of a sentence add to the decision, against what the author's own
unseen sentences of that length add. The reasons are measures in which a sentence is rare among the author's own.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from style_tuner.records import StyleProfile
from style_tuner.voice.oddities import SentenceHabits, favourites, oddities, sentence_habits
from style_tuner.voice.segment import paragraphs, quote_style, sentences, words
from style_tuner.voice.verification.linear import weigh
from style_tuner.voice.verification.verifier import Verifier

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

WINDOWS = (250, 500, 1000)
"""Words that are weighed together: what one sentence adds depends on how much text it stands in."""
LEVELS = (0.84, 1.64, 2.33)
"""Distances that 1 in 5, 1 in 20 and 1 in 100 of the author's own sentences exceed, in standard deviations."""
RARE = 0.01
LEAST_UNSEEN = 60
MOST_NAMED = 12
_TURN = re.compile(r"[^\W\d_][\w']*(?: [^\W\d_][\w']*)+")


@dataclass(frozen=True)
class MarkedSentence:
    """One sentence of a draft: its paragraph, its distance (0 is ordinary, in own deviations) and level 0 to 3, why."""

    text: str
    paragraph: int
    distance: float
    level: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Loads:
    """What the author's own sentences add to the decision in a window: mean and deviation by length in words."""

    window: int
    lengths: tuple[float, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]


@dataclass(frozen=True)
class OwnSentences:
    """The author's own sentences: their habits, and what they add to the verifier's decision."""

    habits: SentenceHabits
    loads: tuple[Loads, ...]
    quote_style: str


@dataclass(frozen=True)
class _Sentence:
    text: str
    paragraph: int
    words: int


def own_sentences(verifier: Verifier, training_texts: Sequence[str], held_out_texts: Sequence[str]) -> OwnSentences:
    """Measure the author's own sentences: habits on training text, loads on text the verifier was not fitted to.

    Where there are too few unseen sentences, the training text serves for the loads too; it flatters the author a
    little, and so calls other sentences far a little too soon.
    """
    style = quote_style([block for text in training_texts for block in paragraphs(text)])
    unseen = _cut("\n\n".join(held_out_texts))
    if len(unseen) < LEAST_UNSEEN:
        unseen = _cut("\n\n".join(training_texts))[: LEAST_UNSEEN * 20]
    lengths = [sentence.words for sentence in unseen]
    counts = verifier.count([sentence.text for sentence in unseen])
    loads = tuple(_loads(window, lengths, _added(verifier, counts, lengths, window)) for window in WINDOWS)
    return OwnSentences(sentence_habits(training_texts, style), loads, style)


def mark_sentences(
    texts: Sequence[str], verifier: Verifier, own: OwnSentences, profile: StyleProfile
) -> list[list[MarkedSentence]]:
    """Return every sentence of each draft with its distance from the author's voice."""
    cut = [_cut(text) for text in texts]
    every = [sentence for draft in cut for sentence in draft]
    if not every:
        return [[] for _ in texts]
    lengths = [sentence.words for sentence in every]
    counts = verifier.count([sentence.text for sentence in every])
    window = min(WINDOWS[-1], sum(lengths))
    added = _added(verifier, counts, lengths, window)
    loads = min(own.loads, key=lambda loads: abs(math.log(loads.window / max(window, 1))))
    names = list(verifier.panel.features)
    marked = iter(
        [
            _marked(sentence, _distance(value, sentence.words, loads), row, verifier, own, profile, names)
            for sentence, value, row in zip(every, added, _rows(counts), strict=True)
        ]
    )
    return [[next(marked) for _ in draft] for draft in cut]


def _marked(
    sentence: _Sentence,
    distance: float,
    held: tuple[np.ndarray, np.ndarray],
    verifier: Verifier,
    own: OwnSentences,
    profile: StyleProfile,
    names: Sequence[str],
) -> MarkedSentence:
    level = sum(distance > least for least in LEVELS)
    found = oddities(sentence.text, own.habits, own.quote_style)
    if distance > 0 and any(reason.share <= RARE and not reason.short for reason in found):
        level = max(level, 1)
    said = [reason.text for reason in found] if level else []
    if level and not said:
        said = _turns(held, verifier, names)
    if level > 1 and not said:
        said = ["its small words and punctuation run as other authors’ do, not as yours"]
    if not level and (near := favourites(sentence.text, profile)):
        said = [near]
    return MarkedSentence(sentence.text, sentence.paragraph, round(distance, 2), level, tuple(said))


def _turns(held: tuple[np.ndarray, np.ndarray], verifier: Verifier, names: Sequence[str]) -> list[str]:
    """Name the runs of words in a sentence that speak most for other authors; masked ones have no name."""
    import numpy as np

    places, numbers = held
    values = numbers * verifier.weighing.inverse_frequencies[places] * verifier.weights[places]
    found: list[str] = []
    for place in np.argsort(values)[:MOST_NAMED]:
        name = names[places[place]]
        if values[place] < 0 and _TURN.fullmatch(name) and not any(name in other or other in name for other in found):
            found.append(name)
    if not found:
        return []
    named = " and ".join(f"‘{name}’" for name in found[:2])
    return [f"{named}: {'turns' if len(found) > 1 else 'a turn'} of other authors more than yours"]


def _cut(text: str) -> list[_Sentence]:
    return [
        _Sentence(sentence, number, len(words(sentence)))
        for number, block in enumerate(paragraphs(text))
        for sentence in sentences(block)
    ]


def _added(verifier: Verifier, counts: csr_array, lengths: Sequence[int], window: int) -> list[float]:
    """Return what each sentence adds to the decision on its window of consecutive sentences.

    A feature's part of the decision is shared among its occurrences, so that the sentences of a window and the
    constant add up to the decision exactly.
    """
    import numpy as np

    found: list[float] = []
    for rows in _windows(lengths, window):
        together = counts[rows]
        total = together.sum(axis=0)
        weighed = weigh(_row(total), verifier.weighing).toarray().ravel()
        each = weighed * verifier.weights / np.maximum(total, 1)
        found += (together @ each).tolist()
    return found


def _row(total: np.ndarray) -> csr_array:
    from scipy.sparse import csr_array

    return csr_array(total[None, :])


def _rows(counts: csr_array) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for begin, end in zip(counts.indptr, counts.indptr[1:], strict=False):
        yield counts.indices[begin:end], counts.data[begin:end]


def _windows(lengths: Sequence[int], window: int) -> Iterator[slice]:
    """Yield consecutive sentences of `window` words or more; what is left over joins the last."""
    begin, held, left = 0, 0, sum(lengths)
    for place, length in enumerate(lengths):
        held, left = held + length, left - length
        if held >= window and left >= window:
            yield slice(begin, place + 1)
            begin, held = place + 1, 0
    yield slice(begin, len(lengths))


def _loads(window: int, lengths: Sequence[int], added: Sequence[float]) -> Loads:
    """Measure the mean and the deviation of what is added in groups of sentences of like length."""
    import numpy as np

    order = np.argsort(lengths, kind="stable")
    groups = np.array_split(order, max(2, min(8, len(order) // 20)))
    sizes, values = np.array(lengths, dtype=float), np.array(added)
    return Loads(
        window,
        tuple(float(sizes[group].mean()) for group in groups),
        tuple(float(values[group].mean()) for group in groups),
        tuple(max(1e-6, float(values[group].std(ddof=1))) for group in groups),
    )


def _distance(value: float, length: int, loads: Loads) -> float:
    """Return by how many own deviations a sentence falls short of what own ones of its length add.

    Between the groups of lengths both are interpolated; beyond the last they grow with the length, deviations with
    its root.
    """
    place = bisect_left(loads.lengths, length)
    if place == 0:
        mean, deviation = loads.means[0], loads.deviations[0]
    elif place == len(loads.lengths):
        share = length / loads.lengths[-1]
        mean, deviation = loads.means[-1] * share, loads.deviations[-1] * share**0.5
    else:
        low, high = loads.lengths[place - 1], loads.lengths[place]
        share = (length - low) / max(high - low, 1e-9)
        mean = (1 - share) * loads.means[place - 1] + share * loads.means[place]
        deviation = (1 - share) * loads.deviations[place - 1] + share * loads.deviations[place]
    return (mean - value) / deviation
