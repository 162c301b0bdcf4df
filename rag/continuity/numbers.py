"""Numbers as authors write them: 22, twenty-two, five-and-twenty, a hundred and fourteen."""

from __future__ import annotations

import re

from rag.continuity.words import alternatives

_ONES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_ONES, 1)} | {word: 10 * ten for ten, word in enumerate(_TENS, 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_WORD = alternatives([*_VALUES, *_SCALES])
BARE_NUMBER = rf"(?:\d{{1,3}}(?:,\d{{3}})+|\d+|(?:a )?(?:{_WORD})(?:(?:[ -]|-and-| and )(?:{_WORD}))*)"
"""A regular expression for a number, to be used with re.IGNORECASE."""
NUMBER = rf"{BARE_NUMBER}(?![\w’'])"
"""The same where a word ends."""
_NUMBER = re.compile(NUMBER, re.IGNORECASE)
_PIECES = re.compile(rf"\b(?:{_WORD})\b", re.IGNORECASE)


def is_number(word: str) -> bool:
    """Say whether a word is a number, as in the name of a lock."""
    return _NUMBER.fullmatch(word) is not None


def value_of(text: str) -> int:
    """Return the value of a number that `NUMBER` matched."""
    if text[0].isdigit():
        return int(text.replace(",", ""))
    total = current = 0
    for piece in _PIECES.findall(text.lower()):
        if piece in _SCALES:
            current = max(current, 1) * _SCALES[piece]
            if _SCALES[piece] > 100:
                total, current = total + current, 0
        else:
            current += _VALUES[piece]
    return total + current
