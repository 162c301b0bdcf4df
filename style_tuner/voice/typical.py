"""Which passages are most and least like the rest of an author's writing, by the author's own measures, and why."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from style_tuner.records import Manuscript, Passage, QuotedPassage
from style_tuner.voice import lexicon
from style_tuner.voice.measures import habits
from style_tuner.voice.measures.features import TextMeasures, measure
from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import pieces

QUOTED = 3
LEAST_PASSAGES = 8
LEAST_WORDS = 60
LEAST_TOLD = 4
"""Narrated sentences below which a passage shows a voice too little to be quoted, or figures of sentences."""
LEAST_TOLD_WORDS = 3
MOST_CAPITALS = 0.25
"""Share of words with a capital inside a sentence: titles and tables of contents have more, prose about a tenth."""
PIECE_WORDS = 250
FARTHEST = 4.0
"""Deviations beyond which a measure counts no more, so that one odd figure does not decide alone."""


@dataclass(frozen=True)
class _Measure:
    """One figure of a passage: how to take it, how to say it, and the smallest deviation that is worth a word."""

    take: Callable[[TextMeasures], float]
    said: str
    least: float
    logarithmic: bool = False


def _in_thousand(found: TextMeasures, count: float) -> float:
    return 1000 * count / len(found.words)


def _marks(marks: str) -> Callable[[TextMeasures], float]:
    return lambda found: _in_thousand(found, sum(found.punctuation[mark] for mark in marks))


def _openings(words: frozenset[str]) -> Callable[[TextMeasures], float]:
    return lambda found: 100 * sum(found.openings[word] for word in words) / len(found.sentence_lengths)


def _words_in(words: frozenset[str]) -> Callable[[TextMeasures], float]:
    return lambda found: _in_thousand(found, sum(word in words for word in lowered(found.words)))


MEASURES = (
    _Measure(lambda found: statistics.fmean(found.sentence_lengths), "{} words a sentence", 0.1, logarithmic=True),
    _Measure(lambda found: statistics.fmean(found.paragraph_lengths), "{} words a paragraph", 0.1, logarithmic=True),
    _Measure(lambda found: 100 * found.spoken_words / len(found.words), "{} % of it spoken", 5.0),
    _Measure(lambda found: 100 * habits.rhythm(found.sentence_lengths).variation, "lengths that vary by {} %", 8.0),
    _Measure(lambda found: _in_thousand(found, sum(map(len, found.words))) / 10, "{} letters in 100 words", 8.0),
    _Measure(
        lambda found: 100 * found.subordinate_sentences / len(found.sentence_lengths),
        "{} % of the sentences with a subordinate clause",
        6.0,
    ),
    _Measure(_marks(","), "{} commas in 1,000 words", 8.0),
    _Measure(_marks(";:"), "{} semicolons and colons in 1,000 words", 3.0),
    _Measure(_marks("—…"), "{} dashes and ellipses in 1,000 words", 3.0),
    _Measure(_marks("!?"), "{} question and exclamation marks in 1,000 words", 4.0),
    _Measure(_openings(lexicon.PRONOUNS), "{} % of the sentences opening with a pronoun", 6.0),
    _Measure(_openings(lexicon.CONJUNCTIONS), "{} % of the sentences opening with a conjunction", 5.0),
    _Measure(_words_in(lexicon.ACTION_VERBS), "{} action verbs in 1,000 words", 6.0),
)


def quoted_passages(passages: Sequence[Passage], style: str) -> tuple[QuotedPassage, ...]:
    """Return the three passages nearest to the author's middle and the three farthest; none of too few passages.

    Only passages with some sentences of narration are quoted, for the figures are of sentences.

    The distance is the root mean square of all measures, each in the author's own deviations (from the quartiles) from
    the author's median. `style` is the manuscript's quote style.
    """
    long = [passage for passage in passages if passage.words >= LEAST_WORDS]
    told = [(passage, found) for passage in long if _is_told(found := measure([passage.text], style))]
    if len(told) < LEAST_PASSAGES:
        return ()
    kept, rows = [passage for passage, _ in told], [_values(found) for _, found in told]
    spreads = [_spread(values, one.least) for one, values in zip(MEASURES, zip(*rows, strict=True), strict=True)]
    apart = [
        [(value - middle) / deviation for value, (middle, deviation) in zip(row, spreads, strict=True)] for row in rows
    ]
    distances = [math.sqrt(statistics.fmean(min(abs(z), FARTHEST) ** 2 for z in row)) for row in apart]
    order = sorted(range(len(kept)), key=lambda number: distances[number])
    chosen = [(number, True) for number in order[:QUOTED]] + [(number, False) for number in order[: -QUOTED - 1 : -1]]
    return tuple(
        QuotedPassage(
            text=kept[number].text,
            manuscript=kept[number].manuscript,
            typical=typical,
            distance=round(distances[number], 2),
            reasons=_reasons(rows[number], apart[number], spreads, typical),
        )
        for number, typical in chosen
    )


def cut_passages(manuscripts: Sequence[Manuscript]) -> list[Passage]:
    """Cut manuscripts into pieces of about 250 words, where no dataset has parted them yet."""
    return [
        Passage(manuscript.id, number, place, text, 0)
        for manuscript in manuscripts
        for number, chapter in enumerate(manuscript.chapters)
        for place, text in enumerate(pieces(chapter.text, PIECE_WORDS))
    ]


def _is_told(found: TextMeasures) -> bool:
    """Tell whether a passage has enough sentences of narration: no title page, list, or end of a letter."""
    narrated = sum(
        not spoken and length >= LEAST_TOLD_WORDS
        for spoken, length in zip(found.spoken_sentences, found.sentence_lengths, strict=True)
    )
    return narrated >= LEAST_TOLD and len(found.capitals) <= MOST_CAPITALS * len(found.words)


def _values(found: TextMeasures) -> list[float]:
    return [math.log(one.take(found)) if one.logarithmic else one.take(found) for one in MEASURES]


def _spread(values: Sequence[float], least: float) -> tuple[float, float]:
    """Return the median and the deviation that the quartiles tell, which a few odd passages do not widen."""
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return middle, max(least, (third - first) / 1.349)


def _reasons(
    row: Sequence[float], apart: Sequence[float], spreads: Sequence[tuple[float, float]], typical: bool
) -> tuple[str, ...]:
    """Say what is as usual (the first measures that are), or what is farthest from it with what is usual."""
    ranked = sorted(range(len(MEASURES)), key=lambda number: -abs(apart[number]))
    if typical:
        ranked = [number for number in range(len(MEASURES)) if abs(apart[number]) < 1]
    said = []
    for number in ranked[:QUOTED]:
        one, (middle, deviation) = MEASURES[number], spreads[number]
        shown, low, high = (
            math.exp(value) if one.logarithmic else max(0.0, value)
            for value in (row[number], middle - deviation, middle + deviation)
        )
        usual = "as usual" if typical else f"usually {low:.0f} to {high:.0f}"
        said.append(f"{one.said.format(f'{shown:.0f}')} ({usual})")
    return tuple(said)
