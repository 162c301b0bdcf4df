"""A text without mark-up in sentences with their offsets, and what is spoken in it."""

from __future__ import annotations

import bisect
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.continuity.words import alternatives

_MARK_UP = re.compile(
    r"<[^<>\n]{1,200}>|\]\([^()\n]{1,300}\)|^[ \t]{0,3}#{1,6}[ \t]|^[ \t]{0,3}>[ \t]?|[*_`~]{1,3}|\["
    r"(?=[^\[\]\n]{1,200}\])"
    r"|(?<=\w)\](?=\W)|&[a-z]{2,6};",
    re.MULTILINE,
)
_ENDLESS = re.compile(r"\w{60,}")
_SPACE = re.compile(r"\s{2,}|[^\S ]")
_ENDED = re.compile(r"[.!?…:\"”’»]$")
_ENDS = re.compile(r"[.!?…]+[\"”’')\]]*(?=\s)|\n\s*\n|$(?![\s\S])")
_SHORT = re.compile(
    rf"(?:\b(?:{alternatives(['Mr', 'Mrs', 'Ms', 'Dr', 'St', 'Capt', 'Col', 'Gen', 'Rev'])})|\b[A-Z])\.$"
)
_QUOTES = {"“": "”", '"': '"', "«": "»", "„": "“"}


MASK = "§"
"""Stands for each letter of a name once it is found, so that patterns can say "a name" and offsets stay true."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, where it starts in the text, its paragraph's number, and which parts of it are spoken."""

    text: str
    start: int
    paragraph: int = 0
    spoken: tuple[tuple[int, int], ...] = field(default=())

    def is_spoken(self, position: int) -> bool:
        """Say whether somebody speaks at a position of the sentence."""
        return any(start <= position < end for start, end in self.spoken)


def plain(text: str) -> tuple[str, Sequence[int]]:
    """Return a text in which patterns can rely on single spaces, and for each character where it stood before.

    Mark-up and words of more than 60 letters are left out, lines of one paragraph joined, paragraphs parted by a blank
    line: where a text has none, a line that ends like a sentence ends a paragraph.
    """
    blanked = _MARK_UP.sub(lambda found: " " * len(found[0]), text).replace(MASK, " ")
    blanked = _ENDLESS.sub(lambda found: " " * len(found[0]), blanked)
    parted = re.search(r"\n\s*\n", blanked) is not None
    pieces: list[str] = []
    places = array("l")
    at = 0
    for space in _SPACE.finditer(blanked):
        pieces.append(blanked[at : space.start()])
        places.extend(range(at, space.start()))
        ends = space[0].count("\n") > 1 if parted else "\n" in space[0] and _ENDED.search(blanked[: space.start()][-2:])
        gap = "\n\n" if ends else " "
        pieces.append(gap)
        places.extend([space.start()] * len(gap))
        at = space.end()
    pieces.append(blanked[at:])
    places.extend(range(at, len(blanked) + 1))
    return "".join(pieces), places


def sentences_of(text: str) -> list[Sentence]:
    """Split a text into sentences."""
    spoken = speech(text)
    starts = [start for start, _ in spoken]
    found: list[Sentence] = []
    at = paragraph = 0
    for end in _ENDS.finditer(text):
        piece = text[at : end.end()]
        goes_on = text[end.end() : end.end() + 40].lstrip(" \n\"“‘'—–-(")[:1].islower() and "\n" not in end[0]
        if end.end() < len(text) and (goes_on or _SHORT.search(piece)):
            continue
        lead = len(piece) - len(piece.lstrip())
        body = piece.strip()
        if body:
            start = at + lead
            first = max(0, bisect.bisect_right(starts, start) - 1)
            inside = []
            for low, high in spoken[first:]:
                if low >= start + len(body):
                    break
                if high > start:
                    inside.append((max(0, low - start), min(len(body), high - start)))
            found.append(Sentence(body, start, paragraph, tuple(inside)))
        if "\n" in end[0]:
            paragraph += 1
        at = end.end()
    return found


def speech(text: str) -> list[tuple[int, int]]:
    """Return where somebody speaks, in double quotes or, where there are none, single ones; paragraphs end it."""
    doubled = any(mark in text for mark in _QUOTES)
    found = []
    for paragraph in re.finditer(r"(?:(?!\n\s*\n)[\s\S])+", text):
        body, base = paragraph[0], paragraph.start()
        if not doubled:
            pattern = r"(?<!\w)[‘'](?=\w)[^‘\n]*?[,.!?…—-][’'](?!\w)"
            found += [(base + one.start(), base + one.end()) for one in re.finditer(pattern, body)]
            continue
        at = 0
        while at < len(body):
            if close := _QUOTES.get(body[at]):
                end = body.find(close, at + 1)
                end = len(body) if end < 0 else end + 1
                found.append((base + at, base + end))
                at = end
            else:
                at += 1
    return found
