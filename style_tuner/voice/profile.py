"""Measure an author's voice: one pass over the manuscript, by counting."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from itertools import islice
from typing import Any, Literal

from style_tuner.errors import ManuscriptError
from style_tuner.records import DialogueTags, Favourite, Rhythm, StyleProfile
from style_tuner.voice import lexicon
from style_tuner.voice.measures import habits
from style_tuner.voice.measures.distributions import distributions
from style_tuner.voice.measures.favourites import favourite_phrases, favourite_words, names_among
from style_tuner.voice.measures.features import TextMeasures, measure
from style_tuner.voice.measures.richness import lexical_variety, mtld
from style_tuner.voice.reference import lowered

LISTED = 20
SHOWN_SIMILES = 6


def build_profile(texts: Sequence[str], style: str | None = None) -> StyleProfile:
    """Measure the author's texts together (one string a chapter or passage, paragraphs parted by blank lines).

    `style` is the quote style where it is known from a longer text. `words` counts what white space parts, as
    everywhere that the author sees a count; lengths and rates leave out dashes and numbers.
    """
    words = sum(len(text.split()) for text in texts)
    return replace(profile_of(measure(texts, style)), words=words)


def profile_of(found: TextMeasures) -> StyleProfile:
    """Put the counts of some texts into the figures that the author is shown."""
    if not found.words:
        raise ManuscriptError("There are no words to measure: add a manuscript with some prose in it.")
    lower = lowered(found.words)
    lengths = found.sentence_lengths
    subordination = found.subordinate_sentences / len(lengths)
    long_words = sum(len(word) >= 7 for word in lower) / len(lower)
    counts, narrated = Counter(lower), Counter(found.narrated)
    names = names_among(found.capitals, counts)
    past = habits.past_share(found.narrated, narrated)
    adverbs = Counter({word: count for word, count in counts.items() if habits.is_adverb(word) and word not in names})
    return StyleProfile(
        words=len(lower),
        sentences=len(lengths),
        paragraphs=len(found.paragraph_lengths),
        word_length=_rounded(sum(map(len, lower)) / len(lower)),
        long_words=_rounded(long_words),
        lexical_variety=_rounded(lexical_variety(lower)),
        mtld=round(mtld(lower), 1),
        vocabulary_level=_level(long_words),
        sentence_length=_rounded(statistics.fmean(lengths)),
        sentence_length_deviation=_rounded(statistics.pstdev(lengths)),
        sentence_quartiles=_quartiles(lengths),
        rhythm=habits.rhythm(lengths),
        subordination=_rounded(subordination),
        sentence_pattern=_pattern(lengths, subordination),
        paragraph_length=_rounded(statistics.fmean(found.paragraph_lengths)),
        paragraph_quartiles=_quartiles(found.paragraph_lengths),
        one_sentence_paragraphs=_rounded(found.one_sentence_paragraphs / len(found.paragraph_lengths)),
        dialogue=_rounded(found.spoken_words / len(lower)),
        quote_style=found.quote_style,
        dialogue_tags=habits.dialogue_tags(found),
        person=habits.person(narrated),
        tense="past" if past >= 0.5 else "present",
        past=_rounded(past),
        punctuation={mark: _rate(count, lower) for mark, count in found.punctuation.items()},
        function_words={word: _rate(counts[word], lower) for word in lexicon.FUNCTION_WORDS},
        action_verbs=_rate(sum(counts[word] for word in lexicon.ACTION_VERBS), lower),
        transitions=_rate(sum(counts[word] for word in lexicon.TRANSITIONS), lower),
        adverbs=_rate(adverbs.total(), lower),
        adverb_words=dict(adverbs.most_common(LISTED)),
        similes=_rate(len(found.similes), lower),
        simile_examples=tuple(found.similes[:: max(1, -(-len(found.similes) // SHOWN_SIMILES))]),
        openings=_shares(found.openings, names),
        opening_kinds=habits.kinds(found.openings, names),
        endings=_shares(found.endings, names),
        ending_kinds=habits.kinds(found.endings, names),
        paragraph_openings=_shares(found.paragraph_openings, names),
        paragraph_opening_kinds=habits.kinds(found.paragraph_openings, names, found.opened_by_speech),
        paragraph_endings=_shares(found.paragraph_endings, names),
        paragraph_ending_kinds=habits.kinds(found.paragraph_endings, names, found.closed_by_speech),
        favourite_words=favourite_words(lower, counts, names),
        favourite_phrases=favourite_phrases(found.sentence_words, counts, names),
        distributions=distributions(found),
    )


def profile_to_json(profile: StyleProfile) -> dict[str, Any]:
    """Return the profile as plain values for `profile.json`."""
    return asdict(profile)


def profile_from_json(value: dict[str, Any]) -> StyleProfile:
    """Return the profile that `profile_to_json` gave, now or in an earlier version, which measured less."""
    known = {name: value[name] for name in (field.name for field in fields(StyleProfile)) if name in value}
    for name in ("favourite_words", "favourite_phrases"):
        known[name] = tuple(Favourite(**favourite) for favourite in value[name])
    for name in ("sentence_quartiles", "paragraph_quartiles", "simile_examples"):
        known[name] = tuple(value.get(name, ()))
    known["distributions"] = {name: tuple(found) for name, found in value.get("distributions", {}).items()}
    if rhythm := value.get("rhythm"):
        known["rhythm"] = Rhythm(**(rhythm | {"echoes": tuple(rhythm["echoes"])}))
    if tags := value.get("dialogue_tags"):
        known["dialogue_tags"] = DialogueTags(**tags)
    return StyleProfile(**known)


def is_complete(profile: StyleProfile) -> bool:
    """Say whether a profile holds all that is measured now; one of an earlier version does not."""
    return profile.rhythm is not None


def _rounded(value: float) -> float:
    return round(value, 4)


def _rate(count: int, lower: Sequence[str]) -> float:
    return round(1000 * count / len(lower), 3)


def _shares(counts: Counter[str], names: frozenset[str]) -> dict[str, float]:
    """Return the shares of the most frequent words at an edge, names left out: they are a work's, not a manner."""
    total = max(1, counts.total())
    listed = ((word, count) for word, count in counts.most_common() if habits.kind(word, names) != "name")
    return {word: _rounded(count / total) for word, count in islice(listed, LISTED)}


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
