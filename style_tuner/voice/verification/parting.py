"""How a text is parted into paragraphs, and whether that is so unlike its author that it had better not be judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from style_tuner.voice.verification.masking import EDGE, STOPS
from style_tuner.voice.verification.ngrams import UNIT_WORDS, is_word
from style_tuner.voice.verification.panel import Panel

FEW = 0.25
"""Share of the paragraphs to be expected below which a text has lost its own."""
LEAST_EXPECTED = 3
"""Ends of paragraphs to be expected before their absence says anything."""
MANY = 0.7
"""Ends of paragraphs for each end of a sentence above which there is a paragraph for nearly every sentence."""
MORE = 1.5
"""Times the author's own such share that it has to be, too."""


@dataclass(frozen=True)
class Parting:
    """How many words, ends of paragraphs within the text and ends of sentences some text has."""

    words: int
    edges: int
    stops: int


def parting(shaped_texts: Iterable[Sequence[str]]) -> Parting:
    """Count masked texts, in which a sign stands between two paragraphs."""
    words = edges = stops = 0
    for text in shaped_texts:
        words += sum(map(is_word, text))
        edges += text.count(EDGE)
        stops += sum(token in STOPS for token in text)
    return Parting(words, edges, stops)


def parting_of(panel: Panel) -> Parting:
    """Return the same of a panel's text, as far as its signs are counted there."""
    edges, *stops = (
        int(panel.counts[:, [panel.features[sign]]].sum()) if sign in panel.features else 0 for sign in (EDGE, *STOPS)
    )
    return Parting(panel.counts.shape[0] * UNIT_WORDS, edges, sum(stops))


def lost(found: Parting, usual: Parting) -> bool:
    """Say whether a text has hardly any of the paragraphs that are to be expected of one as long."""
    expected = found.words * usual.edges / max(1, usual.words)
    return expected >= LEAST_EXPECTED and found.edges < FEW * expected


def oddly_parted(draft: Parting, own: Parting) -> str:
    """Return in words how a draft's paragraphs are unlike anything that its author's are; "" where they are not."""
    if lost(draft, own):
        return "The draft has hardly any paragraphs" if draft.edges else "The draft has no paragraphs"
    share, usual = (found.edges / max(1, found.stops) for found in (draft, own))
    if draft.edges >= LEAST_EXPECTED and share > MANY and share > MORE * usual:
        return "The draft has a paragraph for nearly every sentence"
    return ""
