"""The guide's four comparisons: vocabulary, sentence lengths, paragraphs and dialogue, pacing. They explain a score.

They do not identify an author by themselves, so they make no part of the score. Each is 100 where a text is as near to
the author's writing as the author's own pages usually are, and 50 where it is twice as far.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from style_tuner.records import PairedFigure
from style_tuner.voice import lexicon
from style_tuner.voice.measures.features import TextMeasures, measure
from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import pieces

PAGE_WORDS = 1000
PAGES = 40
COMMON_WORDS = 1000
WORDS_SHOWN = 6
SENTENCE_BOUNDS = (5, 10, 15, 25, 40)
PARAGRAPH_BOUNDS = (20, 50, 100, 200)
PACING_LABELS = ("action verbs", "transitions", "sentences of 5 words or fewer")
NAMES = ("vocabulary_match", "sentence_lengths", "paragraphs_and_dialogue", "pacing")


@dataclass(frozen=True)
class Traits:
    """What the comparisons look at: word shares, log lengths, share of dialogue, and four rates of pacing."""

    words: dict[str, float]
    sentences: tuple[float, ...]
    paragraphs: tuple[float, ...]
    dialogue: float
    pacing: tuple[float, float, float, float]


@dataclass(frozen=True)
class OwnTraits:
    """The traits of all the author's text, the common words compared, and how far own pages usually are from them."""

    whole: Traits
    vocabulary: frozenset[str]
    usual: tuple[float, float, float, float]


def own_traits(own_texts: Sequence[str]) -> OwnTraits:
    """Measure the author's text as a whole, and up to forty pages of it against the whole."""
    measured = measure(own_texts)
    counts = Counter(lowered(measured.words))
    vocabulary = frozenset(word for word, _ in counts.most_common(COMMON_WORDS))
    whole = traits(measured, vocabulary)
    pages = pieces("\n\n".join(own_texts), PAGE_WORDS)
    pages = pages[:: max(1, len(pages) // PAGES)]
    far = [distances(traits(measure([page], measured.quote_style), vocabulary), whole) for page in pages]
    third_quarter = (sorted(values)[3 * len(values) // 4] for values in zip(*far, strict=True))
    vocabulary_usual, sentences, paragraphs, pacing = (max(value, 1e-3) for value in third_quarter)
    return OwnTraits(whole, vocabulary, (vocabulary_usual, sentences, paragraphs, pacing))


def compare(texts: Sequence[str], own: OwnTraits) -> dict[str, float]:
    """Return the four comparisons, 0 to 100, of some texts taken together."""
    measured = measure(texts)
    if not measured.words:
        return dict.fromkeys(NAMES, 0.0)
    far = distances(traits(measured, own.vocabulary), own.whole)
    return {
        name: round(100 * min(1.0, usual / max(distance, 1e-9)), 1)
        for name, usual, distance in zip(NAMES, own.usual, far, strict=True)
    }


def figures(texts: Sequence[str], own: OwnTraits) -> tuple[PairedFigure, ...]:
    """Return what each comparison looks at, the author's own value beside the draft's, to be drawn in pairs."""
    measured = measure(texts)
    if not measured.words:
        return ()
    found, whole = traits(measured, own.vocabulary), own.whole
    apart = sorted(
        own.vocabulary,
        key=lambda word: (-abs(found.words.get(word, 0.0) - whole.words[word]) / math.sqrt(whole.words[word]), word),
    )
    shown = tuple(sorted(apart[:WORDS_SHOWN], key=lambda word: -whole.words[word]))
    spoken = (100 * whole.dialogue, 100 * found.dialogue)
    own_blocks, draft_blocks = (_shares(one.paragraphs, PARAGRAPH_BOUNDS) for one in (whole, found))
    return (
        PairedFigure(
            "The common words that differ most",
            "in 1,000 words",
            shown,
            tuple(1000 * whole.words[word] for word in shown),
            tuple(1000 * found.words.get(word, 0.0) for word in shown),
        ),
        PairedFigure(
            "Sentence lengths",
            "% of the sentences, by words",
            _ranges(SENTENCE_BOUNDS),
            _shares(whole.sentences, SENTENCE_BOUNDS),
            _shares(found.sentences, SENTENCE_BOUNDS),
        ),
        PairedFigure(
            "Paragraph lengths and dialogue",
            "% of the paragraphs, by words; last: % of the words that are spoken",
            (*_ranges(PARAGRAPH_BOUNDS), "spoken"),
            (*own_blocks, spoken[0]),
            (*draft_blocks, spoken[1]),
        ),
        PairedFigure("Pacing", "in 1,000 words; last: in 100 sentences", PACING_LABELS, _paces(whole), _paces(found)),
    )


def _shares(log_lengths: Sequence[float], bounds: Sequence[int]) -> tuple[float, ...]:
    """Return how many in 100 lengths are up to each bound, and beyond the last."""
    below = [sum(math.exp(length) < bound + 0.5 for length in log_lengths) for bound in bounds]
    total = max(1, len(log_lengths))
    return tuple(100 * (above - under) / total for under, above in pairwise([0, *below, len(log_lengths)]))


def _ranges(bounds: Sequence[int]) -> tuple[str, ...]:
    starts = [1, *(bound + 1 for bound in bounds)]
    return (*(f"{start}–{bound}" for start, bound in zip(starts, bounds, strict=False)), f"over {bounds[-1]}")


def _paces(found: Traits) -> tuple[float, ...]:
    return (1000 * found.pacing[0], 1000 * found.pacing[1], 100 * found.pacing[3])


def traits(measured: TextMeasures, vocabulary: frozenset[str]) -> Traits:
    """Return the traits of a measured text; words outside `vocabulary` count by their length alone."""
    lower = lowered(measured.words)
    counts = Counter(word if word in vocabulary else f"#{min(len(word), 12)}" for word in lower)
    total = len(lower)
    lengths = [math.log(length) for length in measured.sentence_lengths]
    changes = [abs(after - before) for before, after in pairwise(lengths)]
    return Traits(
        words={word: count / total for word, count in counts.items()},
        sentences=tuple(sorted(lengths)),
        paragraphs=tuple(sorted(math.log(length) for length in measured.paragraph_lengths)),
        dialogue=measured.spoken_words / total,
        pacing=(
            sum(word in lexicon.ACTION_VERBS for word in lower) / total,
            sum(word in lexicon.TRANSITIONS for word in lower) / total,
            sum(changes) / max(1, len(changes)),
            sum(length <= 5 for length in measured.sentence_lengths) / len(lengths),
        ),
    )


def distances(one: Traits, other: Traits) -> tuple[float, float, float, float]:
    """Return how far two texts are apart in each comparison; units differ from one to the next.

    Vocabulary: Jensen-Shannon distance; sentences and paragraphs: Wasserstein distance of log lengths, dialogue added
    by its share; pacing: mean change on a log scale of action verbs, transitions, rhythm and short sentences.
    """
    from scipy.stats import wasserstein_distance

    pacing = [abs(math.log((a + 0.01) / (b + 0.01))) for a, b in zip(one.pacing, other.pacing, strict=True)]
    return (
        _word_distance(one.words, other.words),
        float(wasserstein_distance(one.sentences, other.sentences)),
        float(wasserstein_distance(one.paragraphs, other.paragraphs)) / 2 + abs(one.dialogue - other.dialogue),
        sum(pacing) / len(pacing),
    )


def _word_distance(one: dict[str, float], other: dict[str, float]) -> float:
    divergence = 0.0
    for word in one.keys() | other.keys():
        first, second = one.get(word, 0.0), other.get(word, 0.0)
        middle = (first + second) / 2
        divergence += sum(share * math.log2(share / middle) / 2 for share in (first, second) if share)
    return math.sqrt(max(0.0, divergence))
