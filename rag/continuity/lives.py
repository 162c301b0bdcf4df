"""Who is alive: the dead neither speak nor act, unless somebody remembers them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.continuity.names import Being
from rag.continuity.view import NAME, View
from rag.continuity.words import MEMORY, UNFIT
from style_tuner.records import Entry, Moment

DIED = (
    r"(?:died|was drowned|were drowned|was killed|was hanged|drowned|perished|was murdered|was shot|was buried|"
    r"was not seen to come up|dead some hours|hanged her|hanged him)"
)
_DATE = (
    r"(?:in|on|before|of|until (?:his|her) death in) (?:\d{1,2} )?(?:[A-Z][a-z]+ )?(?:the year )?"
    r"(?P<year>\d{1,4})\b"
)
_OWN_DEATH = re.compile(
    rf"(?P<who>{NAME}|\b[Hh]e|\b[Ss]he)?[^.;]{{0,60}}?\b(?:died|(?:was|were) (?:drowned|killed|hanged)|"
    rf"(?:his|her) death) {_DATE}"
)
_DEATH = re.compile(
    rf"(?P<who>{NAME})[^.;]{{0,160}}?\b{DIED}(?: there)?\b|\b(?:hanged|killed|drowned|murdered|buried) "
    rf"(?P<whom>{NAME}|her|him)\b"
)
_MAY_DIE = re.compile(
    r"\b(?:died?|dead|death|drowned|killed|hanged|perished|murdered|shot|buried|not seen to)\b", re.IGNORECASE
)
_DEATH_NAME = re.compile(r"(?:The )?(?:Death|Hanging|Murder|Drowning|Killing|Funeral|Burial|Execution|Loss) of ")
_YEAR = re.compile(r"\b(?:[Yy]ear|[Ii]n|[Oo]f|[Ss]ince) (?P<year>\d{2,4})\b(?! (?:feet|miles|men|people|pounds))")
_SPEAKS = (
    r"said|asked|answered|cried|shouted|whispered|replied|muttered|told|called|laughed|nodded|smiled"
    r"|sighed|grinned|spoke|"
    r"swore|murmured|snapped|growled|shrugged"
)
_ACTS = (
    r"came|went|walked|ran|stood|sat|took|held|looked|leaned|turned|opened|closed|shut|put|gave|got"
    r"|rose|climbed|dipped|lifted|"
    r"pulled|pushed|stepped|picked|set|laid|drew|rowed|rode|wrote|read|ate|drank|knelt|waited|raised"
    r"|poured|watched|reached|"
    r"threw|bent|knocked|entered|followed|crossed|stared|listened|blinked|coughed|hurried|began"
    r"|stopped|is|was (?:[a-z]+ing)"
)
_ACTING = re.compile(
    rf"(?P<who>{NAME})(?!['’])(?:,[^,.;]{{0,40}},)? (?:(?:also|then|only|just|slowly|quietly|always) )?"
    rf"(?P<verb>{_SPEAKS}|{_ACTS})\b"
)
_SPEAKING = re.compile(rf"[\"”’'],? (?:{_SPEAKS}) (?P<who>{NAME})(?!['’])")


@dataclass(frozen=True)
class Death:
    """What the world says of somebody's death: by what entry, in which words, in what year if it tells one."""

    being: Being
    entry: Entry | None
    quote: str
    year: int | None = None
    before: bool = False


@dataclass(frozen=True)
class Sighting:
    """Where the draft shows somebody alive, and what makes it unsure."""

    being: Being
    start: int
    end: int
    reason: str
    year: int | None


def deaths_in(view: View, entry: Entry) -> Iterator[Death]:
    """Return who is dead by what an entry says."""
    if not _MAY_DIE.search(view.text) and not _DEATH_NAME.match(entry.name):
        return
    for found in _OWN_DEATH.finditer(view.masked):
        being = _who(view, found, "who") if found["who"] and found["who"].startswith(NAME[0]) else view.about
        if being and being.person and _same_clause(view, found):
            sentence = view.sentence_at(found.end())
            yield Death(being, entry, sentence.text, int(found["year"]), "before" in found[0])
    if entry.kind != "event" or not view.sentences:
        return
    if _DEATH_NAME.match(entry.name) and (being := _title_being(entry, view)):
        yield Death(being, entry, view.sentences[0].text)
    for found in _DEATH.finditer(view.masked):
        group = "who" if found["who"] else "whom"
        dead = _who(view, found, group) if NAME[0] in found[group] else None
        if dead and dead.person and _same_clause(view, found):
            yield Death(dead, entry, view.sentence_at(found.start()).text)


def _same_clause(view: View, found: re.Match[str]) -> bool:
    """Say whether nobody else is named between who and death, and no other's death is told."""
    start = found.end("who") if found["who"] else found.start()
    others = [view.being_of(mention) for mention in view.named_in(start, found.end())]
    kin = re.search(
        r"\b(?:wife|husband|mother|father|son|daughter|nobody"
        r"|one)\b",
        view.text[start : found.end()],
        re.I,
    )
    return not kin and not any(
        being is None or being.person for being in others if found.groupdict().get("whom") is None
    )


def _who(view: View, found: re.Match[str], group: str) -> Being | None:
    mention = view.mention_at(found.start(group))
    return view.being_of(mention) if mention else None


def _title_being(entry: Entry, view: View) -> Being | None:
    """Return whose death an event's name tells, such as The Death of X."""
    for mention in view.finder.find(entry.name.partition(" of ")[2]):
        for being in mention.beings:
            if being.person and (mention.full or len(mention.beings) == 1):
                return being
    return None


def sightings(view: View) -> Iterator[Sighting]:
    """Return where the draft shows somebody speaking or acting, with the year that its story has come to."""
    year: int | None = None
    several = len({found["year"] for found in _YEAR.finditer(view.text)}) > 1
    for sentence, masked in view.masked_sentences():
        told = [found for found in _YEAR.finditer(masked) if not sentence.is_spoken(found.start())]
        if told:
            year = int(told[-1]["year"])
        for pattern in (_ACTING, _SPEAKING):
            for found in pattern.finditer(masked):
                mention = view.mention_at(sentence.start + found.start("who"))
                being = view.being_of(mention) if mention else None
                if being is None or not being.person:
                    continue
                if sentence.is_spoken(found.start("who")):
                    continue
                if reason := _remembered(view, sentence.start + found.start(), sentence.paragraph):
                    if reason == "no":
                        continue
                elif several and year is not None:
                    reason = "the draft tells of several years"
                yield Sighting(being, sentence.start + found.start(), sentence.start + found.end(), reason or "", year)


def _remembered(view: View, position: int, paragraph: int) -> str:
    """Return `no` where the sentence is a memory or no statement, and a doubt where one before it may be."""
    number = view.number_of(view.sentence_at(position))
    here = view.sentences[number]
    if (
        MEMORY.search(here.text)
        or UNFIT.search(here.text)
        or re.search(r"\bhad\b", here.text[: max(0, position - here.start)])
    ):
        return "no"
    before = [
        one for one in view.sentences[max(0, number - 3) : number + 2] if one.paragraph == paragraph and one is not here
    ]
    if any(MEMORY.search(one.text) or UNFIT.search(one.text) for one in before):
        return "a sentence near it looks back"
    return ""


def absent(beings: Sequence[Being], moment: Moment) -> dict[str, Entry]:
    """Return the beings of which no entry holds any more at a chapter, with the last entry that did."""
    if moment.chapter is None:
        return {}
    gone = {}
    for being in beings:
        ended = [entry for entry in being.entries if entry.to_chapter is not None and entry.to_chapter < moment.chapter]
        if being.person and not being.holding and ended and len(ended) == len(being.entries):
            gone[being.id] = max(ended, key=lambda entry: entry.to_chapter or 0)
    return gone
