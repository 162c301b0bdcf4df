"""What is counted in a text, whether a whole manuscript or one draft."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from style_tuner.voice import lexicon
from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import narrated_part, paragraphs, quote_style, sentences, spoken_part, words


@dataclass(frozen=True)
class TextMeasures:
    """Counts of some texts taken together; words as written, in order; lengths in words."""

    words: list[str]
    sentence_words: list[list[str]]
    sentence_lengths: list[int]
    paragraph_lengths: list[int]
    quote_style: str
    spoken_words: int
    narrated: list[str]
    subordinate_sentences: int
    punctuation: dict[str, int]
    openings: Counter[str]


def measure(texts: Sequence[str], style: str | None = None) -> TextMeasures:
    """Count everything in one pass; `style` is the quote style where it is known from a longer text."""
    blocks = [paragraph for text in texts for paragraph in paragraphs(text)]
    style = style or quote_style(blocks)
    sentence_words: list[list[str]] = []
    every: list[str] = []
    narrated: list[str] = []
    paragraph_lengths = []
    spoken = 0
    for block in blocks:
        before = len(every)
        for sentence in sentences(block):
            written = words(sentence)
            every += written
            sentence_words.append(lowered(written))
        paragraph_lengths.append(len(every) - before)
        spoken += len(words(spoken_part(block, style)))
        narrated += lowered(words(narrated_part(block, style)))
    joined = "\n".join(blocks).replace("...", "…").replace("--", "—")
    return TextMeasures(
        words=every,
        sentence_words=sentence_words,
        sentence_lengths=[len(sentence) for sentence in sentence_words],
        paragraph_lengths=paragraph_lengths,
        quote_style=style,
        spoken_words=spoken,
        narrated=narrated,
        subordinate_sentences=sum(not lexicon.SUBORDINATORS.isdisjoint(sentence) for sentence in sentence_words),
        punctuation={mark: sum(map(joined.count, marks)) for mark, marks in lexicon.PUNCTUATION.items()},
        openings=Counter(sentence[0] for sentence in sentence_words),
    )
