"""Masked text: common words and punctuation as they are, every other word as `#`, so that only the manner remains."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

MASK = "#"
NUMBER = "0"
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d[\d.,]*|\.\.\.|[—.,;:!?()\"]")
_UNIFIED = str.maketrans(
    {"’": "'", "‘": '"', "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "…": "...", "–": "—", "―": "—"}
)
_SINGLE_QUOTE = re.compile(r"(?<!\w)'|'(?!\w)")
_LOST_APOSTROPHE = re.compile(r"(?<=[a-z]) (t|s|ll|ve|re|d|m)(?![\w'’])")
_DOTS = re.compile(r"\.(?:[ \xa0]?\.){2,}")
_ENDINGS = ("'s", "ing", "ed", "ly", "est", "er", "ness", "tion", "ment", "able", "ous", "ful", "less", "s")


def tokens(text: str) -> list[str]:
    """Return words in lower case and punctuation marks; all quote marks and all dashes are one sign each.

    How a publisher sets quotes and dashes is not the author's manner, and a model may set them otherwise. Apostrophes
    that a file has lost ("don t") are put back.
    """
    unified = _DOTS.sub("...", text.translate(_UNIFIED)).replace("--", "—").replace(" - ", " — ").replace("_", "")
    unified = _LOST_APOSTROPHE.sub(r"'\1", unified).lower()
    return _TOKEN.findall(_SINGLE_QUOTE.sub('"', unified))


def masked(found: Iterable[str], known: frozenset[str]) -> list[str]:
    """Return the tokens with every word that is not in `known` replaced by `#`, and numbers by `0`."""
    return [
        token if token in known or not (token[0].isalnum()) else NUMBER if token[0].isdigit() else MASK
        for token in found
    ]


def shaped(found: Sequence[str], known: frozenset[str]) -> list[str]:
    """Return the tokens masked, but with the common ending of a masked word kept: `walking` becomes `#ing`."""
    hidden = masked(found, known)
    return [MASK + _ending(token) if seen == MASK else seen for token, seen in zip(found, hidden, strict=True)]


@lru_cache(maxsize=100_000)
def _ending(word: str) -> str:
    return next((ending for ending in _ENDINGS if word.endswith(ending) and len(word) > len(ending) + 2), "")


def word_grams(masked_tokens: Sequence[str]) -> Counter[str]:
    """Count 1-, 2- and 3-grams of masked tokens, joined by blanks."""
    pairs = list(map(" ".join, zip(masked_tokens, masked_tokens[1:], strict=False)))
    triples = map(" ".join, zip(pairs, masked_tokens[2:], strict=False))
    counts = Counter(masked_tokens)
    counts.update(pairs)
    counts.update(triples)
    return counts


def character_grams(masked_tokens: Sequence[str]) -> Counter[str]:
    """Count runs of 2, 3 and 4 characters of the masked text, each with a leading mark that sets it off from words."""
    text = " ".join(masked_tokens)
    counts: Counter[str] = Counter()
    for size in (2, 3, 4):
        counts.update(text[start : start + size] for start in range(len(text) - size + 1))
    return Counter({f"\t{gram}": count for gram, count in counts.items()})
