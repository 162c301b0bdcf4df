"""Sentences with their names put in marks, and whom `he` and `her` mean in them where only one can be meant."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.extraction.names import Name
from rag.extraction.rules import TRADE
from rag.extraction.text import Paragraph, Quote

MARK = re.compile(r"⟨(\d+)⟩")
SOMEBODY = re.compile(
    r"\b(?:man|men|woman|women|girl|boy|child|lady|gentleman|mother|father|sister|brother|wife|husband|daughter|son|"
    r"fellow|stranger|master|mistress|servant|maid|nurse|uncle|aunt|cousin|niece|nephew|friend|widow|baby|"
    r"somebody|someone|one of)\b"
    rf"|(?<!⟩ )(?<!⟩, )\b(?:the|an?|another|some) (?:[a-z]+ )?{TRADE}\b",
    re.IGNORECASE,
)
BACK = 3
"""Sentences before a pronoun in which the one it means must be named."""
RIVALS = {"he": re.compile(r"\b(?:he|him|his)\b", re.I), "she": re.compile(r"\b(?:she|hers?)\b", re.I)}
OBJECTS = {"he": re.compile(r"\bhim\b"), "she": re.compile(r"\bher\b(?! [a-z])")}
"""Pronouns of the same sex that stand before a name, or as its object, mean somebody else."""
CALLED = re.compile(r"\b(?:his|her) name (?:was|is) $", re.IGNORECASE)
BEHIND = re.compile(r"\b(?:of|by|with|to|at|from|for|about|than|like) (?:[a-z]+ ){0,2}$", re.IGNORECASE)
SEXES = {"he": "he", "his": "he", "him": "he", "she": "she", "her": "she"}


@dataclass(frozen=True)
class Sentence:
    """A sentence whose names are marks such as `⟨3⟩`, the number of the name, among the others of its paragraph."""

    paragraph: Paragraph
    number: int
    masked: str
    spoken: tuple[tuple[int, int], ...]
    before: tuple[str, ...]
    names: Sequence[Name]

    @cached_property
    def quote(self) -> Quote:
        """The sentence as it stands."""
        start, end = self.paragraph.sentences[self.number]
        return self.paragraph.quote(start, end)

    def is_spoken(self, place: int) -> bool:
        """Say whether the masked character at a place is said aloud."""
        return any(start <= place < end for start, end in self.spoken)

    def quote_from(self, back: int) -> Quote:
        """Return the sentence with so many of the sentences before it."""
        first, last = self.paragraph.sentences[self.number - back], self.paragraph.sentences[self.number]
        return self.paragraph.quote(first[0], last[1])

    def meant(self, pronoun: str, place: int) -> tuple[int, int] | None:
        """Return the number of the name that a pronoun at a place means, and how many sentences back it stands.

        None where nobody, or more than one of that sex, is named since, or somebody without a name came in between.
        """
        sex = SEXES[pronoun.lower()]
        texts = [self.masked[:place], *reversed(self.before)]
        for back, text in enumerate(texts):
            people = {number for number in map(int, MARK.findall(text)) if self._may_be(number, sex)}
            if len(people) > 1:
                return None
            if people:
                number = people.pop()
                told, _, after = text.rpartition(f"⟨{number}⟩")
                between = after + " ".join(reversed(texts[:back]))
                told = CALLED.sub(" ", told)
                if BEHIND.search(told) or SOMEBODY.search(told + between) or RIVALS[sex].search(told):
                    return None
                if re.match("['’]", after) or (back and OBJECTS[sex].search(after)):
                    return None
                return (number, back) if self.names[number].sex == sex else None
            if SOMEBODY.search(text):
                return None
        return None

    def _may_be(self, number: int, sex: str) -> bool:
        name = self.names[number]
        return name.kind in ("character", "unknown") and name.sex in (sex, "")


def sentences_with(names: Sequence[Name], paragraphs: Sequence[Paragraph]) -> Iterator[Sentence]:
    """Yield the sentences of all paragraphs in which a name stands, with their names in marks."""
    found: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for number, name in enumerate(names):
        for place in name.places:
            found[place.paragraph].append((place.start, place.end, number))
    for number, places in sorted(found.items()):
        yield from _masked(paragraphs[number], sorted(places), names)


def _masked(paragraph: Paragraph, places: Sequence[tuple[int, int, int]], names: Sequence[Name]) -> Iterator[Sentence]:
    before: list[str] = []
    starts = [first for first, _, _ in places]
    for number, (start, end) in enumerate(paragraph.sentences):
        text, at = "", start
        edges: list[int] = []  # for each masked character, its place in the paragraph
        for first, last, name in places[bisect_left(starts, start) : bisect_left(starts, end)]:
            text += paragraph.text[at:first] + f"⟨{name}⟩"
            edges += range(at, first)
            edges += [first] * (len(text) - len(edges))
            at = last
        text += paragraph.text[at:end]
        edges += range(at, end)
        spoken = [
            (bisect_left(edges, max(said, start)), bisect_left(edges, min(until, end)))
            for said, until in paragraph.speech_in(start, end)
        ]
        yield Sentence(paragraph, number, text, tuple(spoken), tuple(before[-BACK:]), names)
        told = text
        for first, last in reversed(spoken):
            told = told[:first] + " " + told[last:]
        before.append(told)
