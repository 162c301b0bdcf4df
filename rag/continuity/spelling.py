"""Names that differ from one of the world's by a letter and stand in the draft once or twice."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.continuity.names import WORD, Being
from rag.continuity.view import View

LEAST_LETTERS = 4
LONG_SURNAME = 6
"""Letters from which on a second name with two other letters is surely the same one misspelt."""
RARELY = 2
"""How often a misspelling may stand in a draft; what stands there more often is meant."""
_CAPITAL = re.compile(r"\b[A-Z][^\W\d_]{2,}\b")


@dataclass(frozen=True)
class Misspelling:
    """A word of the draft and the name it may be meant for."""

    being: Being
    name: str
    written: str
    start: int
    end: int
    sure: bool


def misspelt(view: View, beings: Sequence[Being], texts: Sequence[str]) -> Iterator[Misspelling]:
    """Return the draft's words that are one letter away from a name; what stands in an entry is no misspelling."""
    words = [found for found in _CAPITAL.finditer(view.masked) if found[0] != found[0].upper()]
    if not words:
        return
    counts: dict[str, int] = defaultdict(int)
    for found in words:
        counts[found[0]] += 1
    known: dict[str, Being] = {}
    for being in beings:
        for name in being.names:
            for word in WORD.findall(name):
                if len(word) >= LEAST_LETTERS and word[0].isupper():
                    known.setdefault(word, being)
    surnames = _surnames(beings)
    written_in_world = {found[0] for text in texts for found in _CAPITAL.finditer(text)}
    lower = {word.lower() for word in re.findall(r"\b[a-z]{4,}\b", view.text)}
    near: dict[str, list[str]] = defaultdict(list)
    for word in known:
        for key in _keys(word):
            near[key].append(word)
    for found in words:
        word = found[0]
        if counts[word] > RARELY or word in known or word in written_in_world or word.lower() in lower:
            continue
        meant = {name for key in _keys(word) for name in near.get(key, ()) if _one_letter(word, name)}
        if not meant:
            for name, being in _after_first_name(view, found, surnames):
                long = min(len(word), len(name)) >= LONG_SURNAME
                yield Misspelling(being, name, word, found.start(), found.end(), long)
            continue
        if len(meant) != 1:
            continue
        name = meant.pop()
        beside = _beside(view, found, known[name])
        opens = view.sentence_at(found.start()).start == found.start()
        slip = _slip(word, name)
        alone = len(word) >= LEAST_LETTERS and view.finder.knows(name)
        likely = slip or (not opens and word[0] == name[0] and len(name) >= 5)
        if beside or (alone and likely):
            sure = beside or (slip and len(name) >= 5)
            yield Misspelling(known[name], name, word, found.start(), found.end(), sure)


def _surnames(beings: Sequence[Being]) -> dict[str, dict[str, Being]]:
    """Return the second names that go with each first name, and whose they are."""
    found: dict[str, dict[str, Being]] = defaultdict(dict)
    for being in beings:
        for name in being.names:
            parts = WORD.findall(name)
            if len(parts) == 2 and all(part[0].isupper() and len(part) >= LEAST_LETTERS for part in parts):
                found[parts[0]][parts[1]] = being
    return found


def _after_first_name(
    view: View, found: re.Match[str], surnames: Mapping[str, Mapping[str, Being]]
) -> Iterator[tuple[str, Being]]:
    """Return the second name of the first name before a word, where that has only one and the word is nearly that."""
    before = re.search(r"([^\W\d_]+) $", view.text[max(0, found.start() - 40) : found.start()])
    known = surnames.get(before[1], {}) if before else {}
    for name, being in known.items() if len(known) == 1 else ():
        if (found[0][0], found[0][-1]) == (name[0], name[-1]) and _edits(found[0], name) <= 2:
            yield name, being


def _edits(one: str, other: str) -> int:
    """Return how many letters have to be put in, left out or exchanged to make one word another."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        last, row[0] = row[0], at
        for place, wanted in enumerate(other, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (letter != wanted))
    return row[-1]


def _keys(word: str) -> set[str]:
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def _one_letter(one: str, other: str) -> bool:
    """Say whether two words differ by one letter put in, left out or exchanged, or by two that changed places."""
    if one + "s" == other or other + "s" == one:
        return False
    if len(one) == len(other):
        differing = [at for at in range(len(one)) if one[at] != other[at]]
        swapped = len(differing) == 2 and differing[1] == differing[0] + 1
        return len(differing) == 1 or (
            swapped and one[differing[0]] == other[differing[1]] and one[differing[1]] == other[differing[0]]
        )
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return len(longer) - len(shorter) == 1 and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer))
    )


def _slip(word: str, name: str) -> bool:
    """Say whether only a doubled letter was left out or put in, or two letters changed places."""
    single = re.sub(r"(.)\1", r"\1", word.lower()) == re.sub(r"(.)\1", r"\1", name.lower())
    return single or (len(word) == len(name) and sorted(word.lower()) == sorted(name.lower()))


def _beside(view: View, found: re.Match[str], being: Being) -> bool:
    """Say whether the rest of the being's own name stands next to the word."""
    for name in being.names:
        parts = WORD.findall(name)
        for one, two in zip(parts, parts[1:], strict=False):
            before = view.text[max(0, found.start() - len(one) - 1) : found.start()].strip()
            after = view.text[found.end() : found.end() + len(two) + 1].strip()
            if (before == one and _one_letter(found[0], two)) or (after == two and _one_letter(found[0], one)):
                return True
    return False
