"""Numbers that belong to somebody or something: masts, arches, feet of length, lives lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.continuity.claims import Claim, claim, negated, owner, whole_entry
from rag.continuity.numbers import BARE_NUMBER, NUMBER, value_of
from rag.continuity.sentences import Sentence
from rag.continuity.view import NAME, OWNER, Meant, View
from rag.continuity.words import words_of

_UNITS = words_of(
    "foot feet yard mile inch pound ton year month week day hour minute second pence penny shilling "
    "crown mark time hundred thousand degree fathom pint quart league acre fortnight dozen night morning "
    "of and or in per"
)
_ENDS_PHRASE = words_of(
    "of and or in to for on by with at from that is was were long high wide deep across as but who which where when"
)
_MEASURE = r"(?:long|high|tall|wide|deep|across|broad|thick|over)"
_NOUN = r"(?P<noun>[a-z]+)"
_COUNT = rf"(?P<number>{NUMBER})"
_ADJECTIVE = r"(?:(?!of|and|or|in|to|for|on|by|with|at|from|that|is|was|long|high|wide|deep|across)[a-z-]+ ){0,2}?"
_MEASURED = rf"{_COUNT} (?P<unit>feet|foot|yards|miles|inches|fathoms) (?P<measure>{_MEASURE})\b"
_MASTED = re.compile(
    rf"(?P<number>{BARE_NUMBER})-(?P<noun>mast|arm|legg|stor(?:e?y|i)|wheel|door|ton|pan)(?:s?ed|ed|s)?\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:about|some|nearly|almost|over|under|more than|less than|fewer than|at least|another|other"
    r"|first|last|next|"
    r"of (?:the|his|her|its)|these|those|all but|hundred|thousand|perhaps)\s+$",
    re.IGNORECASE,
)
_NOUNS = r"(?P<noun>(?: (?!(?:and|or|of|in|with)\b)[a-z-]+){1,3})"
_COUNTED = re.compile(rf"\b{_COUNT}{_NOUNS}", re.IGNORECASE)
_MEASURES = re.compile(rf"\b{_MEASURED}", re.IGNORECASE)
_OF_NAME = re.compile(
    rf"\b{_COUNT} {_ADJECTIVE}{_NOUN} (?:of|to|in|on) (?:the (?P<part>[a-z]+) (?:of|in|on|at) )?"
    rf"(?P<who>(?:the |old )?{NAME})(?!['’])",
    re.IGNORECASE,
)
_HAS = re.compile(
    rf"(?P<who>{NAME}|\b(?:it|she)\b)(?!['’])(?:,[^,.;]{{0,40}},)? (?:(?:was|is) (?:only )?an? (?:[a-z-]+,? ){{1,4}})?"
    rf"(?:[a-z]+ ){{0,2}}?(?:is|was|are|were|has|had|have"
    rf"|weighs?|weighed|"
    rf"killed|drowned|took|cost|lost|carries|carried|holds|held|with|counts|counted) {_COUNT}{_NOUNS}",
    re.IGNORECASE,
)
_OWNED = re.compile(rf"{OWNER} {_COUNT}{_NOUNS}", re.IGNORECASE)
_MEASURED_NAME = re.compile(
    rf"(?P<who>{NAME})(?!['’]) (?:is|was|were|are|stands|stood|rises|rose) {_MEASURED}", re.IGNORECASE
)


def numbers(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say how many of something a thing, a place or an event has."""
    if meant := whole_entry(view, sentence):
        for pattern in (_COUNTED, _MASTED):
            for found in pattern.finditer(masked):
                if not _part_of(masked, found):
                    yield from _counted(view, sentence, meant, found)
        for found in _MEASURES.finditer(masked):
            yield _measured(view, sentence, meant, found)
        return
    for pattern in (_OF_NAME, _HAS, _OWNED):
        for found in pattern.finditer(masked):
            at = found.start("who") + (4 if found["who"].lower().startswith(("the ", "old ")) else 0)
            meant = view.meant(sentence.start + at, found["who"])
            if meant and _elsewhere(meant, found):
                continue
            if meant and pattern is not _OF_NAME and not owner(view, sentence, found, meant.being.event):
                continue
            if meant and not _part_of(masked, found) and not negated(masked, found.start("number")):
                yield from _counted(view, sentence, meant, found)
    for found in _MEASURED_NAME.finditer(masked):
        if (meant := owner(view, sentence, found)) and not _part_of(masked, found):
            yield _measured(view, sentence, meant, found)


def _elsewhere(meant: Meant, found: re.Match[str]) -> bool:
    """Say whether a number is one of somebody, or of a part of a place that the world does not speak of."""
    if meant.being.person and found["who"].lower() in ("it", "she"):
        return True
    part = found.groupdict().get("part")
    known = " ".join(entry.text for entry in meant.being.holding).lower()
    return part is not None and not re.search(rf"\b{part.lower()}\b", known)


def _counted(view: View, sentence: Sentence, meant: Meant, found: re.Match[str]) -> Iterator[Claim]:
    """Yield what a number counts: of "three tall masts" either word may be the noun."""
    value = str(value_of(found["number"]))
    for noun in nouns(found["noun"]):
        yield claim(view, sentence, meant, "number", noun, value, found.span())


def nouns(words: str) -> list[str]:
    """Return the words that may be the noun of a phrase, in the singular, up to the first that ends it."""
    found = []
    for word in words.lower().split():
        noun = singular(word)
        if word in _ENDS_PHRASE or noun in _UNITS:  # "sixty years old" counts no olds
            break
        found.append(noun)
    return found


def _part_of(masked: str, found: re.Match[str]) -> bool:
    """Say whether a number counts only some of them, or is only about right."""
    before = masked[: found.start("number")]
    return bool(_VAGUE.search(before)) or found["number"].lower() in ("one", "1", "a hundred", "a thousand")


def _measured(view: View, sentence: Sentence, meant: Meant, found: re.Match[str]) -> Claim:
    unit = {"foot": "feet"}.get(found["unit"].lower(), found["unit"].lower())
    measure = {"tall": "high", "broad": "wide", "over": "across"}.get(
        found["measure"].lower(), found["measure"].lower()
    )
    return claim(view, sentence, meant, "number", f"{unit} {measure}", str(value_of(found["number"])), found.span())


def singular(noun: str) -> str:
    """Return a noun's singular, well enough to find it again."""
    noun = noun.lower()
    if noun == "feet":
        return "foot"
    for ending, kept in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss")):
        if noun.endswith(ending):
            return noun[: -len(ending)] + kept
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun
