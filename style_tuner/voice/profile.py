"""Measure an author's voice: one pass over the manuscript, by counting."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from math import log
from typing import Any, Literal

from style_tuner.errors import ManuscriptError
from style_tuner.records import Favourite, StyleProfile
from style_tuner.voice import lexicon
from style_tuner.voice.features import TextMeasures, measure
from style_tuner.voice.reference import lowered, reference_words

VARIETY_WINDOW = 500
LISTED = 20


def build_profile(texts: Sequence[str]) -> StyleProfile:
    """Measure the author's texts together (one string a chapter or passage, paragraphs parted by blank lines)."""
    found = measure(texts)
    if not found.words:
        raise ManuscriptError("There are no words to measure: add a manuscript with some prose in it.")
    lower = lowered(found.words)
    lengths = found.sentence_lengths
    subordination = found.subordinate_sentences / len(lengths)
    long_words = sum(len(word) >= 7 for word in lower) / len(lower)
    counts = Counter(lower)
    return StyleProfile(
        words=len(lower),
        sentences=len(lengths),
        paragraphs=len(found.paragraph_lengths),
        word_length=_rounded(sum(map(len, lower)) / len(lower)),
        long_words=_rounded(long_words),
        lexical_variety=_rounded(lexical_variety(lower)),
        vocabulary_level=_level(long_words),
        sentence_length=_rounded(statistics.fmean(lengths)),
        sentence_length_deviation=_rounded(statistics.pstdev(lengths)),
        sentence_quartiles=_quartiles(lengths),
        subordination=_rounded(subordination),
        sentence_pattern=_pattern(lengths, subordination),
        paragraph_length=_rounded(statistics.fmean(found.paragraph_lengths)),
        paragraph_quartiles=_quartiles(found.paragraph_lengths),
        dialogue=_rounded(found.spoken_words / len(lower)),
        quote_style=found.quote_style,
        person=_person(found.narrated),
        tense=_tense(found.narrated),
        punctuation={mark: _rate(count, lower) for mark, count in found.punctuation.items()},
        function_words={word: _rate(counts[word], lower) for word in lexicon.FUNCTION_WORDS},
        action_verbs=_rate(sum(counts[word] for word in lexicon.ACTION_VERBS), lower),
        transitions=_rate(sum(counts[word] for word in lexicon.TRANSITIONS), lower),
        openings={word: _rounded(count / len(lengths)) for word, count in found.openings.most_common(LISTED)},
        favourite_words=favourite_words(found.words),
        favourite_phrases=favourite_phrases(found),
    )


def lexical_variety(lower: Sequence[str], window: int = VARIETY_WINDOW) -> float:
    """Return the moving-average type/token ratio; a text shorter than the window is one window."""
    window = min(window, len(lower))
    seen = Counter(lower[:window])
    total = types = len(seen)
    for old, new in zip(lower, lower[window:], strict=False):
        seen[new] += 1
        types += seen[new] == 1
        seen[old] -= 1
        types -= seen[old] == 0
        total += types
    return total / (len(lower) - window + 1) / window


def mostly_capitalised(written: Sequence[str]) -> frozenset[str]:
    """Return the words, in lower case, that are more often capitalised than not: names, mostly."""
    capitals = Counter(lowered([word for word in written if word[0].isupper()]))
    every = Counter(lowered(written))
    return frozenset(word for word, count in capitals.items() if 2 * count > every[word])


def favourite_words(written: Sequence[str]) -> tuple[Favourite, ...]:
    """Return words used far above their rate in general English, strongest first; no names, no function words.

    Ranked by the G² contribution (Dunning 1993); a word counts as a name where it is mostly capitalised.
    """
    every = Counter(lowered(written))
    left_out = mostly_capitalised(written) | lexicon.PLAIN
    rates, total = reference_words(), len(written)
    ranked = []
    for word, count in every.items():
        usual = max(rates.get(word, 0.0), 1.0) / 1e6
        ratio = count / total / usual
        if count >= max(4, total / 20_000) and word not in left_out and len(word) > 2 and ratio >= 2:
            ranked.append((count * log(ratio), Favourite(word, count, round(ratio, 1))))
    ranked.sort(key=lambda pair: -pair[0])
    return tuple(favourite for _, favourite in ranked[:LISTED])


def favourite_phrases(found: TextMeasures) -> tuple[Favourite, ...]:
    """Return frequent phrases of three to five words, each against the chance of its words meeting by accident."""
    phrases: Counter[tuple[str, ...]] = Counter()
    single = Counter(lowered(found.words))
    total = len(found.words)
    for sentence in found.sentence_words:
        for size in (3, 4, 5):
            phrases.update(zip(*(sentence[start:] for start in range(size)), strict=False))
    least = max(3, total // 15_000)
    names = mostly_capitalised(found.words)
    frequent = {phrase: count for phrase, count in phrases.items() if count >= least and names.isdisjoint(phrase)}
    inside = {part: count for phrase, count in frequent.items() for part in (phrase[:-1], phrase[1:])}
    ranked = []
    for phrase, count in frequent.items():
        if 2 * inside.get(phrase, 0) > count or lexicon.PLAIN.issuperset(phrase):
            continue
        chance = float(total)
        for word in phrase:
            chance *= single[word] / total
        ratio = count / chance
        ranked.append((count * log(ratio), Favourite(" ".join(phrase), count, round(ratio, 1))))
    ranked.sort(key=lambda pair: (-pair[0], pair[1].text))
    return tuple(favourite for _, favourite in ranked[:LISTED])


def profile_to_json(profile: StyleProfile) -> dict[str, Any]:
    """Return the profile as plain values for `profile.json`."""
    return asdict(profile)


def profile_from_json(value: dict[str, Any]) -> StyleProfile:
    """Return the profile that `profile_to_json` gave."""
    favourites = {
        key: tuple(Favourite(**favourite) for favourite in value[key])
        for key in ("favourite_words", "favourite_phrases")
    }
    quartiles = {key: tuple(value[key]) for key in ("sentence_quartiles", "paragraph_quartiles")}
    return StyleProfile(**(value | favourites | quartiles))


def _rounded(value: float) -> float:
    return round(value, 4)


def _rate(count: int, lower: Sequence[str]) -> float:
    return round(1000 * count / len(lower), 3)


def _quartiles(lengths: Sequence[int]) -> tuple[float, float, float]:
    if len(lengths) == 1:
        return (float(lengths[0]),) * 3
    first, second, third = statistics.quantiles(lengths, n=4, method="inclusive")
    return (first, second, third)


def _level(long_words: float) -> Literal["plain", "everyday", "rich"]:
    """Name the third of 70 English novels that a text falls in by its share of long words."""
    return "plain" if long_words < 0.152 else "everyday" if long_words < 0.174 else "rich"


def _pattern(lengths: Sequence[int], subordination: float) -> Literal["simple", "varied", "complex"]:
    """Name what the lower and the upper quarter of the same novels do; the half between is varied."""
    mean = statistics.fmean(lengths)
    if mean < 15 and subordination < 0.32:
        return "simple"
    return "complex" if mean > 20 and subordination > 0.4 else "varied"


def _person(narrated: Sequence[str]) -> Literal["first", "second", "third"]:
    counts = Counter(narrated)
    first, second, third = (
        sum(counts[word] for word in group)
        for group in (lexicon.FIRST_PERSON, lexicon.SECOND_PERSON, lexicon.THIRD_PERSON)
    )
    if second > first and second > third:
        return "second"
    return "first" if first > max(0.4 * third, 0.015 * len(narrated)) else "third"


def _tense(narrated: Sequence[str]) -> Literal["past", "present"]:
    counts = Counter(narrated)
    after_pronoun = sum(
        word.endswith("ed") for pronoun, word in pairwise(narrated) if pronoun in ("i", "he", "she", "they", "it", "we")
    )
    past = sum(counts[word] for word in lexicon.PAST_MARKERS) + after_pronoun
    present = sum(counts[word] for word in lexicon.PRESENT_MARKERS)
    return "present" if present > past else "past"
