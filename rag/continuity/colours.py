"""The colours of things, places and what belongs to people."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.continuity.claims import Claim, claim, negated, owner, whole_entry
from rag.continuity.names import Being
from rag.continuity.sentences import Sentence
from rag.continuity.things import nouns
from rag.continuity.view import OWNER, SUBJECT, Meant, View
from rag.continuity.words import COLOURS, alternatives, words_of

NAMELESS = Being("", (), ())
"""Stands for what only its own name tells, such as a bull in the entry of its owner."""
_COLOUR = rf"(?P<colour>{alternatives(COLOURS)})"
_ANY_ADJECTIVE = r"(?:[a-z-]+,? ){0,2}?"
_NOT_THINGS = words_of("eye eyes hair beard head man woman and or with as in on of to hair face cheek light one ones")
_AFTER = r"(?P<noun>(?: [a-z-]+){1,2})"
_COLOURED = re.compile(rf"\b{_COLOUR}{_AFTER}", re.IGNORECASE)
_PAINTED = re.compile(
    rf"\b(?:painted|tarred|dyed|lacquered|whitewashed|enamelled) (?:all )?(?:the colour of"
    rf" )?{_COLOUR}\b",
    re.IGNORECASE,
)
_OWN_COLOUR = re.compile(rf"{OWNER} {_ANY_ADJECTIVE}{_COLOUR}{_AFTER}", re.IGNORECASE)
_IS_COLOUR = re.compile(
    rf"{SUBJECT}(?:,[^,.;]{{0,30}},)? (?:was|is|were) (?:all |still )?(?:painted |tarred |dyed )?(?:all"
    rf" |bright |dark |pale )?{_COLOUR}"
    rf"(?=[,.;]| from| all| and| with| again)",
    re.IGNORECASE,
)
_IS_A = re.compile(rf"{SUBJECT} (?:was|is) (?:a|an|the) {_ANY_ADJECTIVE}{_COLOUR}{_AFTER}", re.IGNORECASE)
_THE = re.compile(rf"^(?:The|the) {_ANY_ADJECTIVE}{_COLOUR}{_AFTER}")
_NAMED = re.compile(rf"\b{_COLOUR} (?P<noun>[a-z]+),? (?:called |named )?(?P<name>[A-Z][a-z]+)\b")


def colours(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say what colour a thing is, or a part of it."""
    for found in _NAMED.finditer(sentence.text):
        attribute = f"named: {found['name']}"
        value = COLOURS[found["colour"].lower()]
        being = view.about or NAMELESS
        yield claim(view, sentence, Meant(being, True), "colour", attribute, value, found.span())
    if meant := whole_entry(view, sentence):
        for found in _COLOURED.finditer(masked):
            value = COLOURS[found["colour"].lower()]
            for noun in nouns(found["noun"]):
                if noun not in _NOT_THINGS:
                    yield claim(view, sentence, meant, "colour", noun, value, found.span())
        for found in _PAINTED.finditer(masked):
            yield claim(view, sentence, meant, "colour", "itself", COLOURS[found["colour"].lower()], found.span())
        return
    for pattern in (_OWN_COLOUR, _IS_A, _IS_COLOUR):
        for found in pattern.finditer(masked):
            meant = owner(view, sentence, found)
            if meant is None or negated(masked, found.start("colour")):
                continue
            if pattern is not _OWN_COLOUR and (meant.being.person or found["who"].lower() == "it"):
                continue
            value = COLOURS[found["colour"].lower()]
            for noun in ["itself"] if pattern is _IS_COLOUR else nouns(found["noun"]):
                if noun not in _NOT_THINGS:
                    yield claim(view, sentence, meant, "colour", noun, value, found.span())
            if pattern is _IS_A:
                reason = "the world may tell the colour of a part of it only"
                yield claim(view, sentence, meant, "colour", "itself", value, found.span(), reason)
    yield from _by_its_kind(view, sentence, masked)


def _by_its_kind(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Read "The white mare" after a sentence about a named mare as that mare, if nothing else is named there."""
    found = _THE.match(masked)
    number = view.number_of(sentence) if found else 0
    if not found or number == 0 or view.sentences[number - 1].paragraph != sentence.paragraph:
        return
    before = view.sentences[number - 1]
    beings = [being for one in view.named_in(before.start, sentence.start) if (being := view.being_of(one))]
    if len(beings) == 1 and not beings[0].person:
        value = COLOURS[found["colour"].lower()]
        for noun in nouns(found["noun"]):
            if noun not in _NOT_THINGS:
                yield claim(view, sentence, Meant(beings[0], False), "colour", noun, value, found.span())
