"""What is counted in a text, whether a whole manuscript or one draft: one pass, each word read once."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from style_tuner.voice import lexicon
from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import (
    WORD,
    narrated_parts,
    one_dash,
    paragraphs,
    quote_style,
    sentence_ends,
    spoken_spans,
)

_VERBS = "|".join(sorted(lexicon.SPEECH_VERBS))
_TAG_AFTER = re.compile(rf"[\s,;—–-]*(?:[\w’'.]+\s+){{0,3}}?({_VERBS})\b")
_TAG_BEFORE = re.compile(rf"\b({_VERBS})\b[^.!?]{{0,40}}[,:—–-]\s*\Z")
_SIMILE = re.compile(
    r"\b([\w’']+) (like (?:an?|the|some) [\w’'-]+(?: [\w’'-]+){0,3})"
    r"|\b(as ([\w-]+) as (?:(?:an?|the|any|some) )?([\w’'-]+))"
)


@dataclass
class TextMeasures:
    """Counts of some texts taken together; words as written, in order; lengths in words.

    `capitals` are the capitalised words that open no sentence. `spoken_sentences` says of each sentence whether most of
    it is said aloud. Tags are the verbs that give speech to its speaker; `turns` are paragraphs with speech,
    `tagged_turns` those with a tag. First and last words are in lower case; paragraphs that open or close with speech
    are counted apart from them.
    """

    quote_style: str = "none"
    words: list[str] = field(default_factory=list)
    capitals: list[str] = field(default_factory=list)
    sentence_words: list[list[str]] = field(default_factory=list)
    sentence_lengths: list[int] = field(default_factory=list)
    spoken_sentences: list[bool] = field(default_factory=list)
    paragraph_lengths: list[int] = field(default_factory=list)
    paragraph_spoken: list[int] = field(default_factory=list)
    narrated: list[str] = field(default_factory=list)
    subordinate_sentences: int = 0
    one_sentence_paragraphs: int = 0
    turns: int = 0
    tagged_turns: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    similes: list[str] = field(default_factory=list)
    punctuation: dict[str, int] = field(default_factory=dict)
    openings: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    paragraph_openings: Counter[str] = field(default_factory=Counter)
    paragraph_endings: Counter[str] = field(default_factory=Counter)
    opened_by_speech: int = 0
    closed_by_speech: int = 0

    @property
    def spoken_words(self) -> int:
        """Number of words said aloud."""
        return sum(self.paragraph_spoken)


def measure(texts: Sequence[str], style: str | None = None) -> TextMeasures:
    """Count everything in one pass; `style` is the quote style where it is known from a longer text."""
    blocks = [paragraph for text in texts for paragraph in paragraphs(text)]
    found = TextMeasures(quote_style=style or quote_style(blocks))
    for block in blocks:
        _measure_paragraph(block, found)
    joined = one_dash("\n".join(blocks)).replace("...", "…")
    found.punctuation = {mark: sum(map(joined.count, marks)) for mark, marks in lexicon.PUNCTUATION.items()}
    return found


def _measure_paragraph(block: str, found: TextMeasures) -> None:
    starts, written = [], []
    for match in WORD.finditer(block):
        starts.append(match.start())
        written.append(match.group())
    lower = lowered(written)
    spans = spoken_spans(block, found.quote_style)
    spoken = [(bisect_left(starts, start), bisect_left(starts, end)) for start, end in spans]
    aloud = bytearray(len(lower))
    at = 0
    for first, last in spoken:
        aloud[first:last] = b"\1" * (last - first)
        found.narrated += lower[at:first]
        at = last
    found.narrated += lower[at:]
    found.words += written
    found.paragraph_lengths.append(len(lower))
    found.paragraph_spoken.append(sum(aloud))
    edges = [0, *(bisect_left(starts, end) for end in sentence_ends(block))]
    cut = [(first, last) for first, last in pairwise(edges) if last > first]
    for first, last in cut:
        sentence = lower[first:last]
        found.capitals += [word for word in written[first + 1 : last] if word[0].isupper()]
        found.sentence_words.append(sentence)
        found.sentence_lengths.append(last - first)
        found.spoken_sentences.append(2 * sum(aloud[first:last]) > last - first)
        found.subordinate_sentences += not lexicon.SUBORDINATORS.isdisjoint(sentence)
        found.openings[sentence[0]] += 1
        found.endings[sentence[-1]] += 1
    found.one_sentence_paragraphs += len(cut) == 1
    if aloud[0]:
        found.opened_by_speech += 1
    else:
        found.paragraph_openings[lower[0]] += 1
    if aloud[-1]:
        found.closed_by_speech += 1
    else:
        found.paragraph_endings[lower[-1]] += 1
    if any(aloud):
        found.turns += 1
        tags = _tags(block, spans)
        found.tagged_turns += bool(tags)
        found.tags.update(tags)
    if " like " in block or " as " in block:
        found.similes += _similes(block)


def _tags(block: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """Return the verbs that give the spoken spans to a speaker, in order.

    A tag goes on after a comma, a question or an exclamation; after a full stop there stands a sentence of its own.
    """
    found = []
    parts = narrated_parts(block, spans)
    for number, (_, end) in enumerate(spans):
        before, after = parts[number], parts[number + 1]
        closing = block[max(0, end - 2) : end].rstrip("\"'”’»«“‘")[-1:]
        tag = (_TAG_AFTER.match(after) if closing != "." else None) or _TAG_BEFORE.search(before)
        if tag:
            found.append(tag[1].lower())
    return found


def _similes(block: str) -> list[str]:
    found = []
    for match in _SIMILE.finditer(block):
        before, like, like_as, quality, compared = match.groups()
        if like and before.lower().replace("’", "'") not in lexicon.NOT_BEFORE_LIKE:
            found.append(like)
        elif like_as and quality not in lexicon.NO_SIMILES and lowered([compared])[0] not in lexicon.PLAIN:
            found.append(like_as)
    return found
