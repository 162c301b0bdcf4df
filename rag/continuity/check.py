"""A draft checked against the entries that hold at its chapter: rules only, and silent where it is not sure enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.continuity.compare import Comparison, told
from rag.continuity.facts import RULES, RULES_FOR_OTHERS, Fact, claims_of, facts_of
from rag.continuity.lives import Death, Sighting, absent, sightings
from rag.continuity.names import Being, NameFinder, beings_of
from rag.continuity.numbers import NUMBER, value_of
from rag.continuity.spelling import misspelt
from rag.continuity.view import View
from rag.continuity.words import alternatives
from style_tuner.records import Entry, Moment

Certainty = Literal["sure", "look at this"]
_YEAR = re.compile(r"\b(?:[Yy]ear|[Ii]n|[Oo]f) (?P<year>\d{2,4})\b(?! (?:feet|miles|men|people|pounds))")
_AGED_IN = re.compile(rf"(?P<age>{NUMBER})(?: years old)? in (?:the year )?(?P<year>\d{{2,4}})\b", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")
_ENGLISH = re.compile(r"\b(?:the|and|of|was|to|he|she|it|in|that|had|with|said|his|her)\b", re.IGNORECASE)
_LEAST_ENGLISH = 0.12
"""Share of these words in English prose is about a quarter; other languages stay under a twentieth."""


@dataclass(frozen=True)
class Finding:
    """One place where a draft and the world disagree.

    `start` and `end` are offsets in the draft, `quote` is the draft's sentence, `world_quote` the entry's sentence or
    field. `reason` says why it is not sure, `again` how often the draft repeats it, `by` who found it.
    """

    kind: str
    certainty: Certainty
    sentence: str
    start: int
    end: int
    quote: str
    entry: str
    entry_name: str
    world_quote: str
    reason: str = ""
    again: int = 0
    by: Literal["rules", "model"] = "rules"


@dataclass(frozen=True)
class Checked:
    """The findings in the order of the draft, how many entries it names, and what could not be checked."""

    findings: tuple[Finding, ...]
    words: int
    entries: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Material:
    """What a check reads: the draft, the beings it names and the facts about them."""

    view: View
    beings: dict[str, Being]
    facts: tuple[Fact, ...]
    deaths: tuple[Death, ...]
    named: tuple[Being, ...]


def check_draft(text: str, entries: Sequence[Entry], moment: Moment, material: Material | None = None) -> Checked:
    """Return where a draft contradicts the entries that hold at a moment of the story."""
    material = material or gather(text, entries, moment)
    where = "The draft" if moment.chapter is None else f"Chapter {moment.chapter}"
    found: list[Finding] = []
    if is_english(text):
        found += _contradictions(material, where)
        found += _the_dead(material, moment, where)
    found += _misspellings(material, entries, where)
    words = len(text.split())
    found = [as_written(one, material.view) for one in _once(found)]
    return Checked(tuple(found), words, len(material.named), tuple(_notes(text, entries, material)))


def gather(text: str, entries: Sequence[Entry], moment: Moment) -> Material:
    """Read the draft and, of the entries, those it names and those that speak of what it names."""
    told_here = [
        entry
        for entry in entries
        if not moment.book or not entry.book or entry.book.casefold() == moment.book.casefold()
    ]
    beings = beings_of(told_here, moment)
    finder = NameFinder(beings)
    view = View(text, finder)
    named = {being.id: being for mention in view.mentions for being in mention.beings}
    by_name = {name.casefold(): being for being in beings for name in being.names}
    spoken_of = _any_of(name for being in named.values() for name in being.names)
    facts: list[Fact] = []
    deaths: list[Death] = []
    for being in beings:
        for entry in being.holding:
            own = being.id in named
            if own or (spoken_of and spoken_of.search(f"{entry.name} {entry.text}")):
                more, dead = facts_of(entry, being, finder, by_name, RULES if own else RULES_FOR_OTHERS)
                facts += more
                deaths += dead
    return Material(view, {being.id: being for being in beings}, tuple(facts), tuple(deaths), tuple(named.values()))


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern for any of the names that are written with a capital."""
    long = {name.removeprefix("The ").removeprefix("the ") for name in names}
    written = [name for name in long if len(name) > 2 and name[0].isupper()]
    return re.compile(rf"\b(?:{alternatives(written)})\b") if written else None


def is_english(text: str) -> bool:
    """Say whether a text is in English, which the rules are written for; a short one gets the benefit of the doubt."""
    words = text.split()[:2000]
    if not words or len(_LETTERS.findall(text[:4000])) == 0:
        return True
    ascii_letters = sum(letter.isascii() for letter in _LETTERS.findall(text[:4000]))
    if ascii_letters < 0.5 * len(_LETTERS.findall(text[:4000])):
        return False
    return len(words) < 30 or len(_ENGLISH.findall(" ".join(words))) >= _LEAST_ENGLISH * len(words)


def _contradictions(material: Material, where: str) -> list[Finding]:
    dated = _dated(material.facts)
    comparison = Comparison(dated, material.beings)
    years = StoryYears(material.view)
    found = []
    for claim in claims_of(material.view):
        fact = comparison.contradicted(claim, years.at(claim.start))
        if fact is None:
            continue
        reason = claim.soft_reason or fact.claim.soft_reason
        sentence = material.view.sentence_at(claim.start).text
        found.append(
            Finding(
                claim.kind, "look at this" if reason else "sure",
                told(claim, comparison.beside(claim, fact), where, material.beings, material.view.text),
                claim.start, claim.end, sentence, fact.entry.id, fact.entry.name, fact.quote, reason,
            )
        )  # fmt: skip
    return found


def _dated(facts: Sequence[Fact]) -> list[Fact]:
    """Return facts in which an age told with its year is a year of birth."""
    found = []
    for fact in facts:
        if fact.claim.kind == "age" and fact.claim.attribute == "age":
            years = _years_of(fact)
            if len(years) == 1:
                born = str(years.pop() - int(fact.claim.value))
                fact = replace(fact, claim=replace(fact.claim, attribute="born", value=born))
            elif years:
                continue
        found.append(fact)
    return found


def _years_of(fact: Fact) -> set[int]:
    """Return the year of an age that is told right after it, else the years of its sentence."""
    told = {int(one["year"]) for one in _AGED_IN.finditer(fact.quote) if value_of(one["age"]) == int(fact.claim.value)}
    named = re.findall(r"\b(?:[A-Z][a-z]+|year) (\d{2,4})\b", fact.quote)
    return told or {int(one["year"]) for one in _YEAR.finditer(fact.quote)} | set(map(int, named))


class StoryYears:
    """The years that a draft tells, read once: reading them anew for each claim takes minutes in a long draft."""

    def __init__(self, view: View) -> None:
        self._view = view
        told_at = [(one.end(), int(one["year"])) for one in _YEAR.finditer(view.text)]
        beyond = len(view.text) + 1
        self._first, self._year = told_at[0] if told_at else (beyond, 0)
        self._another = next((end for end, year in told_at if year != self._year), beyond)

    def at(self, position: int) -> int | None:
        """Return the year that the draft has come to with a position's sentence, if it tells only one until then."""
        sentence = self._view.sentence_at(position)
        return self._year if self._first <= sentence.start + len(sentence.text) < self._another else None


def _the_dead(material: Material, moment: Moment, where: str) -> list[Finding]:
    found = []
    gone = absent(material.named, moment)
    for sighting in sightings(material.view):
        deaths = [death for death in material.deaths if death.being.id == sighting.being.id]
        verdict = _dead_by(sighting, deaths, moment)
        ended = gone.get(sighting.being.id)
        if verdict is None and ended is None:
            continue
        quote = material.view.sentence_at(sighting.start).text
        name = sighting.being.name
        if verdict is not None:
            death, reason = verdict
            assert death.entry is not None
            reason = reason or sighting.reason
            said = f"{where} shows {name} alive; the world says: {death.quote}"
            entry, world_quote = death.entry, death.quote
        else:
            assert ended is not None
            reason = "the entry does not say what became of them"
            said = f"{where} shows {name}, whose entry ends with chapter {ended.to_chapter}."
            entry, world_quote = ended, f"holds to chapter {ended.to_chapter}"
        certainty: Certainty = "look at this" if reason else "sure"
        found.append(
            Finding(
                "dead", certainty, said, sighting.start, sighting.end, quote, entry.id, entry.name, world_quote, reason
            )
        )
    return found


def _dead_by(sighting: Sighting, deaths: Sequence[Death], moment: Moment) -> tuple[Death, str] | None:
    """Return the death that lies before a sighting, and what makes that unsure."""
    for death in deaths:
        assert death.entry is not None
        since = death.entry.from_chapter
        if moment.chapter is not None and since is not None:
            if moment.chapter > since:
                return death, ""
        elif death.year is not None and sighting.year is not None and sighting.year >= death.year + (not death.before):
            return death, ""
    return None


def _misspellings(material: Material, entries: Sequence[Entry], where: str) -> list[Finding]:
    found = []
    for one in misspelt(material.view, list(material.beings.values()), [entry.text for entry in entries]):
        entry = (one.being.holding or one.being.entries)[0]
        found.append(
            Finding(
                "name", "sure" if one.sure else "look at this",
                f"{where} writes {one.written}; the world has {one.name}.",
                one.start, one.end, material.view.sentence_at(one.start).text, entry.id, entry.name, entry.name,
                "" if one.sure else "it may be another name",
            )
        )  # fmt: skip
    return found


def as_written(found: Finding, view: View) -> Finding:
    """Return a finding with its places and its quote in the draft as it was given, mark-up and all."""
    sentence = view.sentence_at(found.start)
    start, end, _ = view.as_written(found.start, found.end)
    _, _, quote = view.as_written(sentence.start, sentence.start + len(sentence.text))
    return replace(found, start=start, end=end, quote=quote)


def _once(found: Sequence[Finding]) -> list[Finding]:
    """Return each finding once, the surest and earliest of its like, with how often it comes again."""
    kept: dict[tuple[str, str, str], Finding] = {}
    for one in sorted(found, key=lambda one: (one.certainty != "sure", one.start)):
        key = (one.kind, one.entry, one.sentence)
        kept[key] = replace(kept[key], again=kept[key].again + 1) if key in kept else one
    spans: dict[tuple[int, str], Finding] = {}
    for one in kept.values():
        spans.setdefault((one.start, one.kind), one)
    return sorted(spans.values(), key=lambda one: one.start)


def _notes(text: str, entries: Sequence[Entry], material: Material) -> list[str]:
    if not text.strip():
        return ["The draft is empty: there is nothing to check."]
    if not entries:
        return ["The world has no entries yet: there is nothing to check the draft against."]
    notes = []
    if not is_english(text):
        notes.append(
            "The draft does not look like English: only the spelling of names was checked, as the other checks read "
            "English."
        )
    if not material.named:
        notes.append("The draft names nobody and nothing of this world.")
    return notes
