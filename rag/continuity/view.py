"""A text as the rules read it: names masked, sentence by sentence, and who is meant by a name or a pronoun."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.continuity.names import WORD, Being, Mention, NameFinder
from rag.continuity.sentences import MASK, Sentence, plain, sentences_of
from rag.continuity.words import FEMALE, MALE, PEOPLE, alternatives

NAME = f"{MASK}+"
OWNER = rf"(?P<who>{NAME}['’]s?|(?i:\b(?:his|her|its)\b))"
"""A name in the possessive or a possessive pronoun."""
SUBJECT = rf"(?P<who>{NAME}(?![{MASK}'’])|(?i:\b(?:he|she|it)\b))"
"""A name or a pronoun that does something."""
GENDERS = {"he": "he", "his": "he", "him": "he", "she": "she", "her": "she", "hers": "she", "it": "it", "its": "it"}
_ACTS = re.compile(r"\s(?:said|was|had|is|has|[a-z]{2,}ed)\b")
_SAID = re.compile(
    rf"\b(?:said|asked|answered|replied|cried|called|whispered|muttered|shouted|murmured) (?P<who>{NAME})\.?$"
)
_BEING = (
    r"(?:was|is|had been|had always been|had never been|became|remained)(?: (?:not|never|only|still|now))? (?:an?|the)"
)
_TOLD_TO_BE = re.compile(
    rf"{NAME}(?:,? {_BEING}|, an?) (?:[\w{MASK}-]+,? ){{0,3}}?(?P<word>{alternatives(PEOPLE)})\b(?!['’-]|,? and\b)"
)
"""A word that says what somebody is, and so means nobody else: "Ann was not a town woman", "Ann, a tall woman"."""
REACH = 6
"""How many sentences back a pronoun is followed."""


@dataclass(frozen=True)
class Person:
    """Somebody a text mentions: a being of the world, or None for one that the world does not know."""

    position: int
    being: Being | None
    gender: str


@dataclass(frozen=True)
class Meant:
    """Who is meant, and whether that is sure."""

    being: Being
    sure: bool


class View:
    """A text read for what it says; `about` is the being that an entry's text is about, None for a draft."""

    def __init__(self, text: str, finder: NameFinder, about: Being | None = None) -> None:
        """Find the names and sentences."""
        self.about = about
        self.finder = finder
        clean, self._places = plain(text)
        self._written = text
        self.mentions = finder.find(clean)
        self._starts = [mention.start for mention in self.mentions]
        pieces, at = [], 0
        for mention in self.mentions:
            pieces += [clean[at : mention.start], MASK * (mention.end - mention.start)]
            at = mention.end
        self.masked = "".join((*pieces, clean[at:]))
        self.text = clean
        self.sentences = sentences_of(clean)
        self._sentence_starts = [sentence.start for sentence in self.sentences]
        self._named_in_full = {mention.beings[0].id for mention in self.mentions if len(mention.beings) == 1}
        self._people = list(self._all_people())
        self._people_starts = [person.position for person in self._people]

    def as_written(self, start: int, end: int) -> tuple[int, int, str]:
        """Return where a part of the plain text stands in the text as it was given, and how it is written there."""
        first, last = self._places[start], self._places[max(start, end - 1)] + 1
        return first, last, self._written[first:last]

    def masked_sentences(self) -> Iterator[tuple[Sentence, str]]:
        """Give each sentence with its masked text."""
        for sentence in self.sentences:
            yield sentence, self.masked[sentence.start : sentence.start + len(sentence.text)]

    def sentence_at(self, position: int) -> Sentence:
        """Return the sentence that holds a position."""
        return self.sentences[max(0, bisect.bisect_right(self._sentence_starts, position) - 1)]

    def mention_at(self, position: int) -> Mention | None:
        """Return the name that stands at a position."""
        number = bisect.bisect_right(self._starts, position) - 1
        if number >= 0 and position < self.mentions[number].end:
            return self.mentions[number]
        return None

    def named_in(self, start: int, end: int) -> list[Mention]:
        """Return the names between two positions."""
        low, high = bisect.bisect_left(self._starts, start), bisect.bisect_left(self._starts, end)
        return self.mentions[low:high]

    def being_of(self, mention: Mention) -> Being | None:
        """Return the one being a name stands for; of several the one that the text names elsewhere, or that holds."""
        if len(mention.beings) == 1:
            return mention.beings[0]
        if self.about in mention.beings:
            return self.about
        named = [being for being in mention.beings if being.id in self._named_in_full]
        holding = [being for being in mention.beings if being.holding]
        for found in (named, holding):
            if len(found) == 1:
                return found[0]
        return None

    def meant(self, position: int, word: str) -> Meant | None:
        """Return who is meant by a name (masked) or a pronoun at a position."""
        if MASK in word:
            mention = self.mention_at(position)
            being = self.being_of(mention) if mention else None
            return Meant(being, mention is not None and len(mention.beings) == 1) if being else None
        gender = GENDERS.get(word.lower().strip())
        if gender is None:
            return None
        if self.about is not None:
            return self._meant_in_entry(position, gender)
        sentence = self.sentence_at(position)
        if sentence.is_spoken(position - sentence.start):
            return None
        return self._followed_back(position, gender, sentence)

    def _meant_in_entry(self, position: int, gender: str) -> Meant | None:
        assert self.about is not None
        sentence = self.sentence_at(position)
        fits = self.about.gender in (gender, "") or (gender == "she" and self.about.gender == "it")
        others = [
            person
            for person in self._between(sentence.start, position)
            if person.being is not self.about and person.gender in (gender, "")
        ]
        return Meant(self.about, True) if fits and not others else None

    def _followed_back(self, position: int, gender: str, sentence: Sentence) -> Meant | None:
        """Follow a pronoun back to the only one it can mean."""
        number = self.number_of(sentence)
        reach = 1 if gender == "it" else REACH
        first = number
        while first > 0 and number - first < reach and self.sentences[first - 1].paragraph == sentence.paragraph:
            first -= 1
        near = [
            person
            for person in self._between(self.sentences[first].start, position)
            if _fits(person, gender) and not self._is_spoken(person.position)
        ]
        named = {person.being.id for person in near if person.being is not None}
        if not named:
            return None
        last = next(person for person in reversed(near) if person.being is not None)
        assert last.being is not None
        if gender == "it":  # anything else may be meant, too
            return Meant(last.being, False) if len(named) == 1 else None
        strangers = [person for person in near if person.being is None and not self._may_be(person, last.being)]
        if len(named) == 1 and not any(person.gender == gender for person in strangers):
            return Meant(last.being, not strangers and bool(last.being.gender))
        if self._takes_up(position, sentence, last, number):
            return Meant(last.being, near[-1] is last)
        if near[-1] in strangers:
            return None
        here = sentence.start if last.position >= sentence.start else self.sentences[max(0, number - 1)].start
        rivals = [
            person
            for person in near
            if person.position >= here
            and person is not last
            and (person.being or person in strangers)
            and person.being is not last.being
        ]
        return Meant(last.being, False) if last.position >= here and not rivals else None

    def _takes_up(self, position: int, sentence: Sentence, last: Person, number: int) -> bool:
        """Say whether a pronoun opens its sentence, and the one before opens with the name or ends in "said Ann"."""
        before = self.sentences[max(0, number - 1)]
        if position != sentence.start or before.paragraph != sentence.paragraph:
            return False
        said = _SAID.search(self.masked, before.start, before.start + len(before.text))
        return last.position == before.start or (said is not None and last.position == said.start("who"))

    def number_of(self, sentence: Sentence) -> int:
        """Return a sentence's place among the sentences."""
        return bisect.bisect_right(self._sentence_starts, sentence.start) - 1

    def _is_spoken(self, position: int) -> bool:
        sentence = self.sentence_at(position)
        return sentence.is_spoken(position - sentence.start)

    def _may_be(self, stranger: Person, being: Being) -> bool:
        """Say whether a word for a person, such as "the bailiff", is this being's own trade or title."""
        word = WORD.match(self.text, stranger.position)
        known = " ".join((*being.names, *(entry.text for entry in being.holding or being.entries))).lower()
        return word is None or re.search(rf"\b{re.escape(word[0].lower())}\b", known) is not None

    def others(self, being: Being, start: int, end: int) -> list[Person]:
        """Return who else is mentioned between two positions; what may be a word for the being itself is left out."""
        found = [person for person in self._between(start, end) if person.being is not being]
        return [person for person in found if person.being is not None or not self._may_be(person, being)]

    def _between(self, start: int, end: int) -> Sequence[Person]:
        low, high = bisect.bisect_left(self._people_starts, start), bisect.bisect_left(self._people_starts, end)
        return self._people[low:high]

    def _all_people(self) -> Iterator[Person]:
        found = [Person(one.start, being, being.gender) for one in self.mentions if (being := self.being_of(one))]
        found += [Person(one.start, None, "") for one in self.mentions if self.being_of(one) is None]
        told = {found.start("word") for found in _TOLD_TO_BE.finditer(self.masked)}
        for word in WORD.finditer(self.masked):
            lower = word[0].lower()
            if lower in PEOPLE and word.start() not in told:
                gender = "she" if lower in FEMALE else "he" if lower in MALE else ""
                found.append(Person(word.start(), None, gender))
            elif len(word[0]) > 2 and word[0].istitle() and _ACTS.match(self.masked, word.end()):
                before = self.masked[max(0, word.start() - 2) : word.start()]
                if re.search(r"[\w,;]\s$", before):  # no sentence begins here, so the capital is a name's
                    found.append(Person(word.start(), None, ""))
        return iter(sorted(found, key=lambda person: person.position))


def _fits(person: Person, gender: str) -> bool:
    """Say whether a pronoun may mean a person; whose gender is not known may be anybody."""
    if person.being is not None and not person.being.person:
        return gender == "it" or (gender == "she" and any(entry.kind == "thing" for entry in person.being.entries))
    if gender == "it":
        return False
    return person.gender in (gender, "")
