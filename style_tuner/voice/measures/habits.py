"""Habits that a writer recognises: rhythm, dialogue tags, kinds of openings and endings, adverbs, person and tense."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from style_tuner.records import DialogueTags, Rhythm
from style_tuner.voice import lexicon
from style_tuner.voice.measures.features import TextMeasures

ECHOES = 5
SHORT_RUN = 3
LISTED_VERBS = 8


def rhythm(lengths: Sequence[int]) -> Rhythm:
    """Return how sentence lengths follow one another; see the record."""
    ordered = sorted(lengths)
    low, high = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]
    short = [length <= low for length in lengths]
    after_long = [after <= low for before, after in pairwise(lengths) if before >= high]
    in_runs = run = 0
    for is_short in [*short, False]:
        if is_short:
            run += 1
            continue
        in_runs += run if run >= SHORT_RUN else 0
        run = 0
    logs = [math.log(length) for length in lengths]
    return Rhythm(
        variation=round(statistics.pstdev(lengths) / statistics.fmean(lengths), 4),
        echoes=tuple(round(autocorrelation(logs, lag), 4) for lag in range(1, ECHOES + 1)),
        short=round(sum(short) / len(short), 4),
        short_after_long=round(sum(after_long) / max(1, len(after_long)), 4),
        short_runs=round(in_runs / len(lengths), 4),
    )


def autocorrelation(values: Sequence[float], lag: int) -> float:
    """Return how far each value goes with the one `lag` later, -1 to 1; 0 where nothing varies or nothing follows."""
    mean = statistics.fmean(values)
    apart = [value - mean for value in values]
    power = sum(value * value for value in apart)
    if power < 1e-12 or lag >= len(values):
        return 0.0
    return sum(one * other for one, other in zip(apart, apart[lag:], strict=False)) / power


def dialogue_tags(found: TextMeasures) -> DialogueTags | None:
    """Return how speech is given to its speakers, or None where nobody speaks."""
    if not found.turns:
        return None
    total = max(1, found.tags.total())
    said = sum(found.tags[verb] for verb in ("said", "says", "say"))
    asked = sum(found.tags[verb] for verb in ("asked", "asks", "ask"))
    return DialogueTags(
        turns=found.turns,
        tagged=round(found.tagged_turns / found.turns, 4),
        said=round(said / total, 4),
        asked=round(asked / total, 4),
        other=round((found.tags.total() - said - asked) / total, 4),
        verbs={verb: round(count / total, 4) for verb, count in found.tags.most_common(LISTED_VERBS)},
    )


def kind(word: str, names: frozenset[str]) -> str:
    """Return what a lower-case word is at an edge of a sentence, by lists and by its ending."""
    if word in lexicon.PRONOUNS:
        return "pronoun"
    if word in lexicon.DETERMINERS:
        return "article"
    if word in lexicon.CONJUNCTIONS:
        return "conjunction"
    if word in names:
        return "name"
    if word in lexicon.PREPOSITIONS:
        return "preposition"
    if word in lexicon.QUESTION_WORDS:
        return "question word"
    if word in lexicon.PLAIN_ADVERBS or is_adverb(word):
        return "adverb"
    if len(word) > 4 and word.endswith(("ing", "ed")) and word not in lexicon.NO_PARTICIPLES:
        return "participle"
    return "other word"


def kinds(counts: Mapping[str, int], names: frozenset[str], speech: int = 0) -> dict[str, float]:
    """Return the share of each kind among counted words, the most frequent first; `speech` counts as a kind."""
    found: Counter[str] = Counter({"speech": speech} if speech else {})
    for word, count in counts.items():
        found[kind(word, names)] += count
    total = max(1, found.total())
    return {name: round(count / total, 4) for name, count in found.most_common()}


def is_adverb(word: str) -> bool:
    """Say whether a lower-case word is an adverb in -ly."""
    return len(word) > 4 and word.endswith("ly") and word not in lexicon.NO_ADVERBS


def person(narrated: Mapping[str, int]) -> Literal["first", "second", "third"]:
    """Return who tells, from the counts of narrated words."""
    first, second, third = (
        sum(narrated.get(word, 0) for word in group)
        for group in (lexicon.FIRST_PERSON, lexicon.SECOND_PERSON, lexicon.THIRD_PERSON)
    )
    if second > first and second > third:
        return "second"
    return "first" if first > max(0.4 * third, 0.015 * sum(narrated.values())) else "third"


def past_share(narrated: Sequence[str], counts: Mapping[str, int]) -> float:
    """Return the share of past forms among the narrated verbs that tell a tense; 1 where none does."""
    after_pronoun = sum(
        word.endswith("ed") for pronoun, word in pairwise(narrated) if pronoun in ("i", "he", "she", "they", "it", "we")
    )
    past = sum(counts.get(word, 0) for word in lexicon.PAST_MARKERS) + after_pronoun
    present = sum(counts.get(word, 0) for word in lexicon.PRESENT_MARKERS)
    return past / (past + present) if past + present else 1.0
