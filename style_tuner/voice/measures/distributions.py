"""How lengths and speech spread over a text, as shares by fixed bins, so that two texts can be laid over each other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from style_tuner.voice.measures.features import TextMeasures

SENTENCE_BINS = tuple(range(1, 82, 2))
PARAGRAPH_BINS = (1, 4, 8, 12, 17, 23, 30, 39, 50, 64, 82, 105, 134, 171, 218, 278, 354, 451, 575)
WORD_BINS = tuple(range(1, 16))
DIALOGUE_BINS = (0.0, 0.001, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Each bin reaches from its figure up to the next; the last one has no upper end."""
STRETCH = 500
"""Words of each stretch whose share of speech is taken."""

BINS: dict[str, tuple[float, ...]] = {
    "sentences": SENTENCE_BINS,
    "paragraphs": PARAGRAPH_BINS,
    "words": WORD_BINS,
    "dialogue": DIALOGUE_BINS,
}


def distributions(found: TextMeasures) -> dict[str, tuple[float, ...]]:
    """Return the shares by bin of sentence, paragraph and word lengths and of the speech in stretches of 500 words."""
    return {
        "sentences": shares(found.sentence_lengths, SENTENCE_BINS),
        "paragraphs": shares(found.paragraph_lengths, PARAGRAPH_BINS),
        "words": shares(map(len, found.words), WORD_BINS),
        "dialogue": shares(speech_by_stretch(found), DIALOGUE_BINS),
    }


def shares(values: Iterable[float], bins: Sequence[float]) -> tuple[float, ...]:
    """Return the share of the values in each bin."""
    counts = [0] * len(bins)
    for value in values:
        counts[max(0, bisect_right(bins, value) - 1)] += 1
    total = max(1, sum(counts))
    return tuple(round(count / total, 4) for count in counts)


def speech_by_stretch(found: TextMeasures) -> list[float]:
    """Return the share of words said aloud in each stretch of whole paragraphs of 500 words or more."""
    result = []
    words = spoken = 0
    for length, aloud in zip(found.paragraph_lengths, found.paragraph_spoken, strict=True):
        words += length
        spoken += aloud
        if words >= STRETCH:
            result.append(spoken / words)
            words = spoken = 0
    return result or [spoken / max(1, words)]
