"""Lines of text: whether their ends are meant, as in verse and lists, or only where a line was full."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from style_tuner.voice.segment import words

ENDS_SENTENCE = re.compile(r"[.!?…][\"'”’)\]»]*\s*$")
SHORTEST_VERSE = 3
"""Lines up to which a block says too little to be told from prose."""
LINE_WORDS = 14
LEAST_WIDTH = 40
"""Characters a line below which nobody wraps prose."""
FORCED = 0.7
LOW = 0.35
"""Verse mostly begins its lines with capitals; wrapped prose begins few so."""
CAPITALS = 0.8
LEAST_CAPITALS = 3
"""Lines that go on a sentence and begin with a capital: in wrapped prose only names do."""


def line_ends_meant(block: Sequence[str]) -> Literal["verse", "list", ""]:
    """Return "verse" or "list" where the line ends of a block are meant, or "" for prose.

    Wrapped prose breaks a line where the next word no longer fits; a paragraph on each line ends its sentences there.
    """
    lines = [line.strip() for line in block]
    sizes = [len(words(line)) for line in lines]
    if len(lines) <= SHORTEST_VERSE or max(sizes) > LINE_WORDS:
        return ""
    if sum(bool(ENDS_SENTENCE.search(line)) for line in lines) >= 0.6 * len(lines):
        return ""
    width = max(map(len, lines))
    breaks = list(zip(lines, lines[1:], strict=False))
    going_on = [after for line, after in breaks if not ENDS_SENTENCE.search(line)]
    capitals = sum(_capital(after) for after in going_on)
    if capitals >= max(LEAST_CAPITALS, CAPITALS * len(going_on)) and sum(sizes) >= 4 * len(sizes):
        return "verse"
    forced = sum(len(line) + 1 + len(after.split()[0]) > width for line, after in breaks)
    low = sum(line[0].islower() for line in lines)
    wrapped = width >= LEAST_WIDTH and forced >= FORCED * (len(lines) - 1)
    if wrapped or low > LOW * len(lines):
        return ""
    return "list" if sum(sizes) / len(sizes) < 4 else "verse"


def _capital(line: str) -> bool:
    """Tell whether a line begins with a capital that means something: not where all of it is capitals."""
    first = next((sign for sign in line if sign.isalpha()), "")
    return first.isupper() and not line.isupper()
