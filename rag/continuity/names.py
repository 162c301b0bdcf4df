"""Who and what the world's entries are about, and where a text names them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.continuity.numbers import is_number
from rag.continuity.words import FEMALE, MALE
from style_tuner.records import Entry, Moment

WORD = re.compile(r"[^\W_]+(?:[-.][^\W_]+)*")
_HE = re.compile(r"\b(?:he|him|his)\b", re.IGNORECASE)
_SHE = re.compile(r"\b(?:she|her|hers)\b", re.IGNORECASE)
_OPENING = re.compile(r"(?:^|[.!?] )([A-Z]\w*)")
NO_PERSONS = {"place", "thing", "rule", "event"}
"""Kinds of entry that are about nobody; an imported one may be of any kind, such as a note."""
_NO_PARTS = {"the", "of", "in", "and", "old", "young", "little", "great", "lord", "lady", "doctor", "captain", "father"}
_NO_PARTS |= {"mother", "brother", "sister", "master", "mistress", "king", "queen", "sir", "saint", "abbot", "matron"}
_NO_PARTS |= {"uncle", "aunt", "general", "speaker", "constable", "canon", "beadle", "abbess", "margrave", "dame"}


@dataclass(frozen=True)
class Being:
    """One person, place or thing with all entries about it; an entry before a change and one after it are one being."""

    id: str
    entries: tuple[Entry, ...]
    holding: tuple[Entry, ...]
    gender: str = ""

    @property
    def name(self) -> str:
        """The name to call it by: the shortest of its entries' names, as later ones add what has become of it."""
        return min((entry.name for entry in self.holding or self.entries), key=len, default="")

    @property
    def person(self) -> bool:
        """Say whether it is somebody: a character, or what an entry of no known kind calls he or she."""
        kinds = {entry.kind for entry in self.entries}
        return "character" in kinds or (not kinds <= NO_PERSONS and self.gender in ("he", "she"))

    @property
    def stands(self) -> bool:
        """Say whether it is a place or a thing, which may stand somewhere."""
        return self.gender == "it" and not any(entry.kind in ("rule", "event") for entry in self.entries)

    @property
    def event(self) -> bool:
        """Say whether it is something that happened."""
        return any(entry.kind == "event" for entry in self.entries)

    @property
    def names(self) -> list[str]:
        """Its names and aliases in all entries."""
        return [name for entry in self.entries for name in (entry.name, *entry.aliases)]


@dataclass(frozen=True)
class Mention:
    """Where a text names something: the beings that the name may stand for."""

    start: int
    end: int
    beings: tuple[Being, ...]
    full: bool = field(default=True)


def beings_of(entries: Iterable[Entry], moment: Moment) -> list[Being]:
    """Group entries by what they are about: one that bears the name of another as an alias continues it."""
    kept = list(entries)
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, entry in enumerate(kept):
        by_name[entry.name.casefold()].append(number)
    leader = list(range(len(kept)))

    def root(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    for number, entry in enumerate(kept):
        for name in (entry.name, *entry.aliases):
            for other in by_name.get(name.casefold(), ()):
                same = kept[other].kind == entry.kind and entry.kind in ("character", "place", "thing")
                if same or kept[other].name.casefold() == entry.name.casefold():
                    leader[root(number)] = root(other)
    groups: dict[int, list[Entry]] = defaultdict(list)
    for number, other in _successors(kept):
        leader[root(number)] = root(other)
    for number, entry in enumerate(kept):
        groups[root(number)].append(entry)
    return [
        Being(group[0].id, tuple(group), tuple(one for one in group if one.holds(moment)), _gender(group))
        for group in groups.values()
    ]


def _successors(entries: Sequence[Entry]) -> Iterator[tuple[int, int]]:
    """Return which entries take up where another ends, under one of its proper names; a title passes to others."""
    ending: dict[tuple[str, str, int], int] = {}
    for number, entry in enumerate(entries):
        if entry.to_chapter is not None:
            ending |= {(entry.kind, name, entry.to_chapter + 1): number for name in entry.aliases if name[:1].isupper()}
    for number, entry in enumerate(entries):
        if entry.from_chapter is not None:
            for name in entry.aliases:
                before = ending.get((entry.kind, name, entry.from_chapter))
                if before is not None and before != number:
                    yield number, before


def _gender(entries: Sequence[Entry]) -> str:
    character = any(entry.kind == "character" for entry in entries)
    if not character and any(entry.kind in NO_PERSONS for entry in entries):
        return "it"
    text = " ".join(f"{entry.text} {' '.join(entry.aliases)} {entry.name}" for entry in entries)
    stated = " ".join(
        value.lower() for entry in entries for key, value in entry.fields.items() if key.lower() in ("gender", "sex")
    )
    he, she = len(_HE.findall(text)), len(_SHE.findall(text))
    openings = [found[1].lower() for found in _OPENING.finditer(text)]
    he += 3 * sum(word in MALE or word in ("he", "his") for word in openings)
    she += 3 * sum(word in FEMALE or word in ("she", "her") for word in openings)
    words = [word.lower() for word in WORD.findall(" ".join((*_titles(entries), stated)))]
    he += 3 * sum(word in MALE or word in ("male", "mr", "lord", "he") for word in words)
    she += 3 * sum(word in FEMALE or word in ("female", "mrs", "miss", "she") for word in words)
    unknown = "" if character else "it"
    return "he" if he > 1.5 * she else "she" if she > 1.5 * he else unknown


def _titles(entries: Sequence[Entry]) -> list[str]:
    return [name for entry in entries for name in (entry.name, *entry.aliases) if "'" not in name and "’" not in name]


class NameFinder:
    """Finds the names of a world's beings in texts, the longest name first."""

    def __init__(self, beings: Sequence[Being]) -> None:
        """Index the names by their first word."""
        forms: dict[tuple[str, ...], dict[str, Being]] = defaultdict(dict)
        parts: dict[str, dict[str, Being]] = defaultdict(dict)
        for being in beings:
            for name in being.names:
                if form := _form(name):
                    forms[form][being.id] = being
            if being.person:
                for word in (word for name in being.names for word in WORD.findall(name)):
                    if word[0].isupper() and len(word) > 3 and word.lower() not in _NO_PARTS and not is_number(word):
                        parts[word][being.id] = being
        for word, found in parts.items():
            if len(found) == 1 and (word,) not in forms and not word.isupper():
                forms[(word,)].update(found)
        self._forms = {form: tuple(found.values()) for form, found in forms.items()}
        self._longest: dict[str, int] = defaultdict(int)
        for form in self._forms:
            self._longest[form[0]] = max(self._longest[form[0]], len(form))

    def knows(self, word: str) -> bool:
        """Say whether a word alone names a being."""
        return (word,) in self._forms

    def find(self, text: str) -> list[Mention]:
        """Return where the text names a being."""
        words = [(found.start(), found.end(), found[0]) for found in WORD.finditer(text)]
        found: list[Mention] = []
        at = 0
        while at < len(words):
            first = words[at][2]
            lead = first.lower() if first.lower() == "the" else first
            for length in range(min(self._longest.get(lead, 0), len(words) - at), 0, -1):
                taken = words[at : at + length]
                form = (lead, *(word for _, _, word in taken[1:]))
                if (beings := self._forms.get(form)) and _together(text, taken):
                    found.append(Mention(taken[0][0], taken[-1][1], beings, length > 1))
                    at += length
                    break
            else:
                at += 1
        return found


def _together(text: str, words: Sequence[tuple[int, int, str]]) -> bool:
    """Say whether only spaces or a full stop after a title stand between words."""
    between = zip(words, words[1:], strict=False)
    return all(re.fullmatch(r"\.?\s+|['’]s\s+|['’]\s*", text[one[1] : two[0]]) for one, two in between)


def _form(name: str) -> tuple[str, ...]:
    """Return the words of a name; a name with no capital but the article's cannot be told from other words."""
    words = WORD.findall(name)
    if not words:
        return ()
    article = words[0].lower() == "the"
    rest = words[1:] if article else words
    if not rest or not any(word[0].isupper() for word in rest) or (rest == words and not words[0][0].isupper()):
        return ()
    return tuple(rest) if len(rest) > 1 else ("the", *rest) if article else tuple(rest)
