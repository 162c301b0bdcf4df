"""Masked text: common words and punctuation as they are, every other word as `#`, so that only the manner remains."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from style_tuner.manuscripts.plain import plain_blocks
from style_tuner.voice.segment import one_dash

MASK = "#"
NUMBER = "0"
EDGE = "¶"
"""Stands between two paragraphs."""
CHARACTERS = "\t"
RHYTHM = "\n"
"""Signs at the head of n-grams that are not of words."""
STOPS = frozenset(".!?")
PACES = (1, 2, 3, 4, 6, 8, 11, 15, 20, 30)
SENTENCES = (3, 5, 8, 11, 15, 20, 26, 34, 45, 60)
PARAGRAPHS = (4, 8, 13, 20, 30, 45, 65, 90, 130, 200)
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d[\d.,]*|\.\.\.|[—.,;:!?()\"¶]")
_UNIFIED = str.maketrans({"’": "'", "‘": '"', "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "…": "...", EDGE: " "})
_SINGLE_QUOTE = re.compile(r"(?<!\w)'|'(?!\w)")
_LOST_APOSTROPHE = re.compile(r"(?<=[a-zI]) (t|s|ll|ve|re|d|m)(?![\w'’])")
_QUOTE = re.compile(r"[\"']")
_LOST_DASH = re.compile(r"(?<=\S)   (?=\S)")
_LOST_QUOTE = re.compile(r"(?m)^ (?=\S)|(?<=\S)  (?=\S)|(?<=[.,;:!?]) (?=\r?$)")
_DOTS = re.compile(r"\.(?:[ \xa0]?\.){2,}")
_ENDINGS = ("'s", "ing", "ed", "ly", "est", "er", "ness", "tion", "ment", "able", "ous", "ful", "less", "s")


def tokens(text: str) -> list[str]:
    """Return words in lower case and punctuation marks; all quote marks and all dashes are one sign each.

    How a publisher sets quotes and dashes is not the author's manner, and a model may set them otherwise. Marks that a
    file has lost are put back (`_restored`).
    """
    return _found(_unified(text))


def parted_tokens(text: str) -> list[str]:
    """Return the same tokens with a sign between paragraphs, whose ends are found as they are in a manuscript.

    A text in one paragraph holds no such sign: it may be a piece of a longer one, and tells nothing about paragraphs.
    """
    paragraphs = [block.text for block in plain_blocks(_unified(text)) if block.kind == "paragraph"]
    return _found(f" {EDGE} ".join(paragraphs))


def _unified(text: str) -> str:
    unified = _DOTS.sub("...", one_dash(text).translate(_UNIFIED)).replace("_", "")
    return _restored(unified)


def _found(unified: str) -> list[str]:
    return _TOKEN.findall(_SINGLE_QUOTE.sub('"', unified).lower())


def _restored(text: str) -> str:
    """Put back apostrophes that a file has lost ("don t") and, where it has no quotation mark either, those and dashes.

    Such a file has a blank for every sign that is not plain ASCII, beside the blanks that it had: ` Stay!  he said.`
    """
    mended = _LOST_APOSTROPHE.sub(r"'\1", text)
    if mended == text or _QUOTE.search(text):
        return mended
    return _LOST_QUOTE.sub(' " ', _LOST_DASH.sub(" — ", mended))


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
    """Count runs of 2, 3 and 4 characters of the masked text, each with a leading sign that sets it off from words."""
    text = " ".join(masked_tokens)
    counts: Counter[str] = Counter()
    for size in (2, 3, 4):
        counts.update(text[start : start + size] for start in range(len(text) - size + 1))
    return Counter({f"{CHARACTERS}{gram}": count for gram, count in counts.items()})


def rhythm_grams(masked_tokens: Sequence[str]) -> Counter[str]:
    """Count how marks follow each other: runs of 1 to 3 with the number of words before each, of 2 to 5 without.

    Numbers of words are in bands. The lengths of sentences and of paragraphs are counted likewise, alone and in runs of
    2 and 3.
    """
    marks: list[str] = []
    paces: list[str] = []
    sentences: list[str] = []
    since_mark = since_stop = 0
    for token in masked_tokens:
        if token[0].isalnum() or token[0] == MASK:
            since_mark, since_stop = since_mark + 1, since_stop + 1
            continue
        marks.append(token)
        if token == EDGE:
            continue
        paces.append(f"{bisect_right(PACES, since_mark)}{token}")
        since_mark = 0
        if token in STOPS:
            sentences.append(f"{bisect_right(SENTENCES, since_stop)}")
            since_stop = 0
    kinds = (
        ("p", paces, (1, 2, 3)),
        ("m", marks, (2, 3, 4, 5)),
        ("s", sentences, (1, 2, 3)),
        ("b", _paragraphs(masked_tokens), (1, 2, 3)),
    )
    return Counter(
        f"{RHYTHM}{kind}{' '.join(found)}"
        for kind, run, sizes in kinds
        for size in sizes
        for found in zip(*(run[start:] for start in range(size)), strict=False)
    )


def _paragraphs(masked_tokens: Sequence[str]) -> list[str]:
    """Return the band of each paragraph's length, with a quotation mark where it opens with one.

    What stands after the last edge is left out: a unit or a passage mostly cuts it off.
    """
    found: list[str] = []
    opening, words = "", 0
    for token in masked_tokens:
        if token == EDGE:
            speech = '"' if opening == '"' else ""
            found.append(f"{bisect_right(PARAGRAPHS, words)}{speech}")
            opening, words = "", 0
            continue
        opening = opening or token
        words += token[0].isalnum() or token[0] == MASK
    return found
