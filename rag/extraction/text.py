"""Manuscripts as sentences that know where they stand and which part of them is said aloud."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.extraction.lexicon import ABBREVIATED, listed
from style_tuner.records import Manuscript

END = re.compile(r"[.!?…]+[\"'”’)\]»]*(?=\s|$)|[。！？]+")
OPENERS = "\"'“‘„«([—–-¿¡ "
SPEECH = {
    "straight": re.compile(r'(?<!\w)"[^"]{1,5000}(?:"|$)'),
    "curly": re.compile(r"“[^”]{1,5000}(?:”|$)"),
    "low": re.compile(r"„[^“”„]{1,5000}(?:[“”]|$)"),
    "guillemets": re.compile(r"«[^»]{1,5000}(?:»|$)"),
    "curly single": re.compile(r"(?<!\w)‘(?=\S)[^‘]{1,5000}?(?:(?<=[.,!?;:—–-])’(?!\w)|$)"),
    "single": re.compile(r"(?<!\w)'(?=\S)(?!(?:tis|twas|em|til)\b).{1,5000}?(?<=[.,!?;:—–-])'(?!\w)"),
}

SMALL_WORDS = listed("the and of to a in was that it he she his her i you is had with on for as not said they")
ENGLISH = 0.15
"""Share of these among the words of a text from which on it is English; in English prose they make a third."""


@dataclass(frozen=True)
class Quote:
    """A piece of a manuscript as it stands there; chapters and paragraphs count from 1."""

    text: str
    manuscript: str
    title: str
    chapter: int
    paragraph: int


@dataclass(frozen=True)
class Paragraph:
    """One paragraph, where it stands, and the style in which its manuscript marks speech."""

    text: str
    manuscript: str
    title: str
    chapter: int
    number: int
    style: str

    @cached_property
    def sentences(self) -> list[tuple[int, int]]:
        """Where its sentences begin and end."""
        edges = sentence_edges(self.text)
        return [(start, end) for start, end in zip(edges, edges[1:], strict=False) if self.text[start:end].strip()]

    @cached_property
    def speech(self) -> list[tuple[int, int]]:
        """Where it is said aloud."""
        pattern = SPEECH.get(self.style)
        return [match.span() for match in pattern.finditer(self.text)] if pattern else []

    def spoken(self, place: int) -> bool:
        """Say whether the character at a place is said aloud."""
        at = bisect_right(self.speech, place, key=lambda span: span[0]) - 1
        return at >= 0 and place < self.speech[at][1]

    def speech_in(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return what is said aloud, wholly or in part, between two places."""
        first = max(0, bisect_right(self.speech, start, key=lambda span: span[0]) - 1)
        last = bisect_right(self.speech, end - 1, key=lambda span: span[0])
        return [span for span in self.speech[first:last] if span[1] > start]

    def quote(self, start: int, end: int) -> Quote:
        """Return what stands from one place to another, with the address."""
        return Quote(self.text[start:end].strip(), self.manuscript, self.title, self.chapter, self.number)

    def sentence_at(self, place: int) -> int:
        """Return the number of the sentence that a place lies in."""
        return max(0, bisect_right(self.sentences, place, key=lambda span: span[0]) - 1)


def sentence_edges(text: str) -> list[int]:
    """Return where sentences begin, and the end of the last; abbreviations and initials do not end one."""
    edges = [0]
    for match in END.finditer(text):
        follows = text[match.end() :].lstrip(OPENERS)[:1]
        word = re.search(r"([^\W\d_]+)$", text[max(0, match.start() - 12) : match.start()])
        short = match.group() == "." and word and (word[1] in ABBREVIATED or (len(word[1]) == 1 and word[1] != "I"))
        if follows and not follows.islower() and not short:
            edges.append(match.end())
    return [*edges, len(text)]


def paragraphs_of(manuscripts: Sequence[Manuscript]) -> list[Paragraph]:
    """Return all paragraphs of some manuscripts in the order of the story."""
    found = []
    for manuscript in manuscripts:
        texts = [
            [" ".join(block.split()) for block in re.split(r"\n\s*\n", chapter.text) if re.search(r"\w", block)]
            for chapter in manuscript.chapters
        ]
        style = speech_style([text for chapter in texts for text in chapter])
        for number, chapter in enumerate(texts, 1):
            for place, text in enumerate(chapter, 1):
                found.append(Paragraph(text, manuscript.id, manuscript.title, number, place, style))
    return found


def speech_style(texts: Sequence[str]) -> str:
    """Return the key of `SPEECH` by which most characters are said aloud, or `none`."""
    sample = texts[:: max(1, len(texts) // 500)]
    spoken = {
        style: sum(len(match.group()) for text in sample for match in pattern.finditer(text))
        for style, pattern in SPEECH.items()
    }
    best = max(spoken, key=lambda style: spoken[style])
    return best if spoken[best] else "none"


def without_capitals(manuscript: Manuscript) -> str | None:
    """Return the script of a manuscript whose letters know no capitals, such as Chinese or Arabic; else None."""
    scripts: Counter[str] = Counter()
    for letter in _letters(manuscript):
        cased = letter.lower() != letter.upper()
        scripts["" if cased else unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]] += 1
    script, _ = scripts.most_common(1)[0] if scripts else ("", 0)
    return {"CJK": "Chinese or Japanese"}.get(script, script.capitalize()) or None


def _letters(manuscript: Manuscript, most: int = 20_000) -> Iterator[str]:
    """Yield letters from all over a manuscript, few enough to be quick."""
    text = "".join(chapter.text for chapter in manuscript.chapters)
    yield from (letter for letter in text[:: max(1, len(text) // most)] if letter.isalpha())


def is_english(paragraphs: Sequence[Paragraph]) -> bool:
    """Say whether the small words of a text are those of English."""
    words = re.findall(r"[^\W\d_]+", " ".join(p.text for p in paragraphs[:: max(1, len(paragraphs) // 200)]).lower())
    return sum(word in SMALL_WORDS for word in words) >= ENGLISH * max(1, len(words))
