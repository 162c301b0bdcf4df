"""What stands around a name: signs of a person, of a place or of a thing, and whether it is he or she."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.extraction.forms import Form
from rag.extraction.lexicon import (
    BODY_AND_KIN,
    HER_TITLES,
    HIS_TITLES,
    KNOWN_PLACES,
    PERSON_VERBS,
    PLACE_HEADS,
    PLACE_KINDS,
    PLACE_NOUNS,
    SPEECH_VERBS,
    SURE_PERSON_VERBS,
    THING_KINDS,
)
from rag.extraction.text import Paragraph

Kind = Literal["character", "place", "thing", "unknown"]

TELLS = re.compile(rf"(?:^|\W)(?:{'|'.join(sorted(SPEECH_VERBS))}),? (?:the |old |poor )?$")
IN_PLACE = re.compile(
    r"\b(?:in|into|near|across|throughout|outside|inside|within|via|around|off|reached|visit(?:ed)?) (?:the )?$",
    re.IGNORECASE,
)
TO_PLACE = re.compile(r"\b(?:at|to|from|towards?|through|beyond|upon|on|over|off|leave|left) (?:the )?$", re.IGNORECASE)
IN_KIND = re.compile(rf"\b(?:{PLACE_KINDS}|streets|people|shores?|coast|side) (?:of|at|in) (?:the )?$", re.IGNORECASE)
IS_THING = re.compile(
    rf"\b(?:aboard|on board|(?:{THING_KINDS})(?:,| called| named)?) (?:the )?[\"“'‘]?$", re.IGNORECASE
)
THING_DOES = re.compile(
    r"^ (?:sailed|anchored|lay at anchor|foundered|was launched|was wrecked|steamed|rang|was lit)\b"
)
FOLLOWS = re.compile(r"^,? (?:(?:had|has|was|is|did|would|could|then|only|just|also|never|not) )?([a-z]+)")
OWNS = re.compile(r"^['’]s? (?:own |\w+ )?([a-z]+)")
CALLED = re.compile(r"^(?:[,!?]|\.[\"”'’])")
PRONOUN = re.compile(r"\b(he|him|his|himself|she|her|hers|herself|it|its)\b", re.IGNORECASE)
NEXT_CAPITAL = re.compile(r"(?<=[a-z,;] )(?!I\b)[A-Z]\w+")
HIS, HERS = frozenset(("he", "him", "his", "himself")), frozenset(("she", "her", "hers", "herself"))
BEFORE, AFTER = 30, 90


@dataclass
class Evidence:
    """Signs counted over all mentions of a form."""

    mentions: int = 0
    person: float = 0
    tells: int = 0
    place: float = 0
    thing: float = 0
    his: int = 0
    hers: int = 0
    named_place: bool = False
    titled: bool = False
    title_sex: str = ""
    article: int = 0
    parts: int = 1

    def add(self, other: Evidence) -> None:
        """Add the signs of another form of the same name."""
        self.mentions += other.mentions
        self.person += other.person
        self.tells += other.tells
        self.place += other.place
        self.thing += other.thing
        self.his += other.his
        self.hers += other.hers
        self.article += other.article
        self.parts = max(self.parts, other.parts)
        self.titled = self.titled or other.titled
        self.title_sex = self.title_sex or other.title_sex

    @property
    def sex(self) -> str:
        """`he` or `she` where the titles say so, or else the words around the name agree; else nothing."""
        if self.title_sex:
            return self.title_sex
        if self.his >= 2 and self.his > 2 * self.hers:
            return "he"
        if self.hers >= 2 and self.hers > 2 * self.his:
            return "she"
        return ""

    @property
    def kind(self) -> Kind:
        """What the signs say that the name stands for."""
        person = self.person / max(1, self.mentions)
        place = self.place / max(1, self.mentions)
        thing = self.thing / max(1, self.mentions)
        if self.titled:
            return "character"
        if self.named_place and place >= person - 0.3:
            return "place"
        if self.article >= 0.6 * self.mentions and self.tells < max(2, 0.1 * self.mentions):
            return "place" if place >= 0.15 and place > max(person, 2 * thing) else "thing"
        if self.tells >= 2 and person > place:
            return "character"
        if thing >= 0.12 and thing > 0.5 * place and thing > 0.5 * person:
            return "thing"
        if self.person >= 1 and person >= 0.15 and person > 1.2 * place:
            return "character"
        if self.place >= 0.8 and place >= 0.13 and place > 1.2 * person:
            return "place"
        if self.parts > 1 and not self.article and person > place:
            return "character"
        return "unknown"


def weigh(form: Form, paragraphs: Sequence[Paragraph], english: bool) -> Evidence:
    """Return the signs around all places of a form; words of other languages than English tell nothing here."""
    found = Evidence(
        mentions=len(form.places), titled=bool(form.title), article=form.with_article, parts=len(form.core)
    )
    title = form.title
    found.title_sex = "he" if title in HIS_TITLES else "she" if title in HER_TITLES else ""
    found.named_place = not title and (
        (len(form.core) > 1 and (form.core[-1] in PLACE_NOUNS or form.core[0] in PLACE_HEADS))
        or (form.has_article and form.core[-1] in PLACE_NOUNS)
        or (len(form.core) == 1 and form.core[0] in KNOWN_PLACES)
    )
    if not english:
        return found
    for place in form.places:
        paragraph = paragraphs[place.paragraph]
        _around(found, paragraph, place.start, place.end)
    return found


def _around(found: Evidence, paragraph: Paragraph, start: int, end: int) -> None:
    text = paragraph.text
    before, after = text[max(0, start - BEFORE) : start], text[end : end + AFTER]
    follows, owns = FOLLOWS.match(after), OWNS.match(after)
    if TELLS.search(before):
        found.tells += 1
        found.person += 1.5
    elif follows and follows[1] in SURE_PERSON_VERBS:
        found.tells += follows[1] in SPEECH_VERBS
        found.person += 1
    elif follows and follows[1] in PERSON_VERBS:
        found.person += 0.4
    elif owns and owns[1] in BODY_AND_KIN:
        found.person += 1
    elif CALLED.match(after) and (not before.strip() or before[-1] in "\"“'‘" or before.endswith(", ")):
        found.person += 0.5 if paragraph.spoken(start) else 0
    if IN_KIND.search(before):
        found.place += 2
    elif IN_PLACE.search(before):
        found.place += 1
    elif TO_PLACE.search(before):
        found.place += 0.4
    if IS_THING.search(before) or THING_DOES.match(after):
        found.thing += 1
    stop = NEXT_CAPITAL.search(after)
    pronoun = PRONOUN.search(after[: stop.start() if stop else AFTER])
    if pronoun and not paragraph.spoken(start):
        word = pronoun[1].lower()
        found.his += word in HIS
        found.hers += word in HERS
        found.person += 0.25 * (word in HIS or word in HERS)
