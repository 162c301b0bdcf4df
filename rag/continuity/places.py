"""Where somebody or something is: born there, living there, standing there, and on which side of what."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.continuity.claims import Claim, claim, negated, owner, whole_entry
from rag.continuity.sentences import Sentence
from rag.continuity.view import NAME, OWNER, SUBJECT, Meant, View
from rag.continuity.words import words_of

_COMPASS = r"(?:north|south|east|west)(?:-?(?:east|west))?"
_SIDE = rf"(?P<side>{_COMPASS}|above|below|beyond|upstream|downstream)"
_PLACE = rf"(?:the )?(?P<place>{NAME}|(?-i:[A-Z][a-z]+))(?!['’\w])"
_TOWN = rf"(?:the )?(?P<place>{NAME}|(?-i:[A-Z][a-z]+(?: [A-Z][a-z]+)*))(?!['’\w])"
_LIES = r"(?:is|was|are|were|lies|lay|stands|stood|sits|sat|rises|rose)"
_SIDES = re.compile(rf"{SUBJECT} (?:{_LIES}) [^.;:]{{0,40}}?{_SIDE} (?:of )?{_PLACE}", re.IGNORECASE)
_ENTRY_SIDES = re.compile(
    rf"(?:(?:miles?|yards?|feet|furlongs?|hour|league) ){_SIDE} (?:of"
    rf" )?{_PLACE}",
    re.IGNORECASE,
)
_SIDE_OF = re.compile(
    rf"(?:on|from|along) (?:the )?(?:(?P<of>[a-z]+|{NAME})['’]s )?(?P<side>{_COMPASS})(?:ern)? (?:side|edge|bank|shore)"
    rf"(?: of (?:the )?(?P<what>[a-z]+|{NAME}))?",
    re.IGNORECASE,
)
_ELSE = re.compile(r"\b(?:an?|another|opposite|facing|faced|beside|next|from|across)\b", re.IGNORECASE)
"""What between a name and a side says that something else may stand there."""
_CAME = (
    r"(?:born (?:and (?:bred|raised) )?(?:in|on|at)|(?:came|come) into the world (?:in|on|at)|saw the light "
    r"(?:of day )?(?:in|on|at)|a native of)"
)
_BORN = re.compile(rf"{SUBJECT}?[^.;]{{0,12}}\b{_CAME} {_TOWN}", re.IGNORECASE)
_THERE_BORN = re.compile(rf"{SUBJECT} (?:was|is|had been) {_TOWN}[- ]born\b", re.IGNORECASE)
_NO_PLACES = words_of(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday christmas easter midsummer michaelmas lent"
)
_HOMES = (
    r"(?P<home>house|home|shop|cottage|rooms?|yard|office|workshop|attic|cellar|farm|mill|forge|studio"
    r"|lodgings?|inn|"
    r"school|tower|cell|flat|chambers)"
)
_IN = r"(?:in|on|at|off)"
_HOME = re.compile(rf"{OWNER} (?:[a-z]+ ){{0,2}}?{_HOMES} {_IN} {_TOWN}", re.IGNORECASE)
_KEEPS_HOME = re.compile(
    rf"{SUBJECT} (?:had|has|kept|keeps|owned|owns|made) (?:an? |his |her )?(?:[a-z]+ )?{_HOMES} {_IN} {_TOWN}",
    re.IGNORECASE,
)
_ENTRY_HOME = re.compile(rf"\b{_HOMES} {_IN} {_TOWN}", re.IGNORECASE)
_LIVES = re.compile(
    rf"{SUBJECT} (?P<when>[a-z]+ )?(?P<home>live[sd]?|dwel[lt]s?|dwelt|lodge[sd]) {_IN} {_TOWN}", re.IGNORECASE
)
_LIVING = ("home", "house", "cottage", "flat")
"""Words for where somebody lives, who has one such place unless the world tells of more."""
_OTHER_TIME = re.compile(
    r"\b(?:for|until|till|when|while|as an?|before|after|then|during|that|once|years?|months?)\b", re.IGNORECASE
)
_POST = re.compile(
    rf"(?P<what>(?:(?:[A-Z][a-z]+|{NAME}) )?(?:[A-Z][a-z]+)|master|mistress|keeper|[a-z]+warden"
    rf"|[a-z]+mistress|[a-z]+master) (?:of|on|at) {_PLACE}"
)
_STANDS = re.compile(
    rf"(?P<who>{NAME})(?!['’])(?:,| (?P<verb>{_LIES})(?:[^.;:,]{{0,30}}?))? {_IN}"
    rf" (?:the [a-z]+ (?:of|at|on|in) )?{_PLACE}",
    re.IGNORECASE,
)
_ENTRY_STANDS = re.compile(rf"(?<!north )(?<!south )(?<!east )(?<!west )\b(?:of|in|on|at) {_PLACE}", re.IGNORECASE)
_MOVES = re.compile(
    r"\b(?:ship|boat|brig|barge|ferry|packet|cart|coach|horse|mare|dog|cat|bird|hull|vessel|carriage"
    r"|sword|ring|book|coin|letter"
    r"|knife|worn|carries|carried|wears|bell of glass|box|string|shawl|mask|horn|key|whistle|token"
    r"|newspaper|balloon)\b",
    re.IGNORECASE,
)


def places(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say where somebody was born and lives, where something stands, and where it lies as seen from elsewhere."""
    about = whole_entry(view, sentence)
    yield from _sides(view, sentence, masked, about)
    for pattern in (_BORN, _THERE_BORN):
        for found in pattern.finditer(masked):
            meant = owner(view, sentence, found) if found["who"] else about
            if meant and (place := _place(view, sentence, found)) and not negated(masked, found.start("place")):
                yield claim(view, sentence, meant, "place", "born", place, found.span())
    yield from _living(view, sentence, masked, about)
    for found in _POST.finditer(masked):
        if (place := _place(view, sentence, found)) and (holder := about or _holder(view, sentence, masked, found)):
            what = sentence.text[found.start("what") : found.end("what")].lower()
            if holder.being.person and place != holder.being.id:
                yield claim(view, sentence, holder, "place", f"post: {what}", place, found.span())
    yield from _standing(view, sentence, masked, about)


def _living(view: View, sentence: Sentence, masked: str, about: Meant | None) -> Iterator[Claim]:
    """Say where somebody lives; where the sentence tells of a time, it may be another than the present."""
    for pattern in (_HOME, _KEEPS_HOME, _LIVES, *((_ENTRY_HOME,) if about else ())):
        for found in pattern.finditer(masked):
            meant = owner(view, sentence, found) if "who" in found.groupdict() else about
            place = _place(view, sentence, found)
            if not meant or not meant.being.person or not place or negated(masked, found.start("home")):
                continue
            home = found["home"].lower().rstrip("s")
            home = "home" if pattern is _LIVES or home in _LIVING else home
            now = (found.groupdict().get("when") or "now ").lower() in ("now ", "still ", "always ")
            timed = not now or _OTHER_TIME.search(masked[: found.start()] + masked[found.end() :])
            reason = (
                "it may be told of another time" if pattern in (_LIVES, _KEEPS_HOME) and timed and not about else ""
            )
            yield claim(view, sentence, meant, "place", home, place, found.span(), reason)


def _sides(view: View, sentence: Sentence, masked: str, about: Meant | None) -> Iterator[Claim]:
    for pattern in (_SIDES, *((_ENTRY_SIDES,) if about else ())):
        for found in pattern.finditer(masked):
            meant = owner(view, sentence, found) if "who" in found.groupdict() else about
            place = _place(view, sentence, found)
            if meant and place and not meant.being.person:
                yield claim(view, sentence, meant, "place", f"side of: {place}", found["side"].lower(), found.span())
    for found in _SIDE_OF.finditer(masked):
        group = "what" if found["what"] else "of"
        what = sentence.text[found.start(group) : found.end(group)].lower().split()[-1:] if found[group] else []
        holder = about or _holder(view, sentence, masked, found)
        if what and holder and not holder.being.person:
            yield claim(view, sentence, holder, "place", f"side of the {what[0]}", found["side"].lower(), found.span())


def _standing(view: View, sentence: Sentence, masked: str, about: Meant | None) -> Iterator[Claim]:
    """Say in what place a thing or place that does not move stands."""
    if about is not None:
        first = view.sentences[0]
        if not about.being.stands or sentence is not first or _MOVES.search(view.text):
            return
        for found in _ENTRY_STANDS.finditer(masked):
            if place := _place(view, sentence, found):
                yield claim(view, sentence, about, "place", "stands", place, found.span())
        return
    for found in _STANDS.finditer(masked):
        verbless = found["verb"] is None
        meant, place = owner(view, sentence, found, verbless), _place(view, sentence, found)
        if meant and place and meant.being.stands and meant.being.id != place and not negated(masked, found.end()):
            yield claim(view, sentence, meant, "place", "stands", place, found.span())


def _place(view: View, sentence: Sentence, found: re.Match[str]) -> str:
    """Return the place that a match names: a being's id, or `?` and the name of one that has no entry."""
    mention = view.mention_at(sentence.start + found.start("place"))
    if mention is None:
        return "" if found["place"].lower() in _NO_PLACES else f"?{found['place'].lower()}"
    being = view.being_of(mention)
    return being.id if being and any(entry.kind == "place" for entry in being.entries) else ""


def _holder(view: View, sentence: Sentence, masked: str, found: re.Match[str]) -> Meant | None:
    """Return who the sentence is about before a match: its first name or pronoun."""
    subject = re.search(SUBJECT, masked[: found.start()], re.IGNORECASE)
    if subject is None or _ELSE.search(masked[subject.end() : found.start()]):
        return None
    return view.meant(sentence.start + subject.start("who"), subject["who"])
