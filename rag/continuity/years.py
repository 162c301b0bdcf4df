"""In what year something happened to somebody or something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.continuity.claims import Claim, claim, owner, whole_entry
from rag.continuity.sentences import Sentence
from rag.continuity.view import NAME, View

_YEAR = r"(?P<year>\d{1,4})(?![\d,]*\s*(?:feet|miles|yards|men|people|o['’]clock|pounds|pence))\b"
_WHEN = (
    r"(?i:in|on|of|since|by) (?:the )?(?:(?:early |late )?(?:spring|summer|autumn|winter|year|month|end"
    r"|\w+ of) (?:of )?"
    r"|\d{1,2}(?:st|nd|rd|th)? (?:of )?)?(?:[A-Z][a-z]+ (?:of )?)?(?:the year )?"
)
_VERBS = {
    "fell": r"fell|falls?|fallen|collapsed|came down",
    "drowned": r"drown\w*",
    "found": r"found",
    "built": r"built|rebuilt",
    "launched": r"launch\w*",
    "cast": r"cast",
    "lit": r"lit",
    "opened": r"open\w*",
    "begun": r"began|begun|beg[iu]n\w*",
    "married": r"marr\w+|wed|wedded",
    "died": r"died|death|killed",
    "sold": r"sold",
    "burned": r"burn\w*",
    "rung": r"rang|rung",
    "hanged": r"hang\w*",
    "wrecked": r"wreck\w*",
    "crowned": r"crown\w*",
    "founded": r"founded",
    "came": r"arrived|came|appeared",
    "left": r"left|recalled",
}
_ANY_VERB = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _VERBS.items())
_VERB = re.compile(rf"\b(?:{_ANY_VERB})\b", re.IGNORECASE)
_DATED = re.compile(rf"\b{_WHEN}{_YEAR}")
_NAME_OF = re.compile(rf"(?P<who>{NAME})(?!['’]) (?:of|in) (?:the year )?{_YEAR}")
_NAMED_VERB = re.compile(
    rf"(?P<who>{NAME}(?!['’])|\b[Ii]t|\b[Hh]e|\b[Ss]he) (?:was |were |had been |had |is )?(?:first "
    rf"|finally |at last )?(?P<verb>[a-z]+)"
)


def years(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say in what year something happened to somebody or something."""
    dated = list(_DATED.finditer(masked))
    if not dated:
        return
    for found in _NAME_OF.finditer(masked):
        if (meant := owner(view, sentence, found, after_preposition=True)) and meant.being.event:
            yield claim(view, sentence, meant, "year", "itself", found["year"], found.span())
    meant = whole_entry(view, sentence)
    if meant and meant.being.event and view.about is not None:
        for found in dated:
            yield claim(view, sentence, meant, "year", "itself", found["year"], found.span())
    if len(dated) != 1:
        return
    for bare in _VERB.finditer(masked) if meant else ():
        if meant and 0 < dated[0].start() - bare.end() < 20:
            action = next(key for key, value in bare.groupdict().items() if value)
            span = (bare.start(), dated[0].end())
            yield claim(view, sentence, meant, "year", action, dated[0]["year"], span)
    for verb in _NAMED_VERB.finditer(masked):
        named = _VERB.fullmatch(verb["verb"])
        whose = owner(view, sentence, verb) if named else None
        if named and whose and abs(verb.end() - dated[0].start()) < 80:
            action = next(key for key, value in named.groupdict().items() if value)
            reason = "" if _next_to(masked, verb, dated[0]) else "the year may belong to something else in the sentence"
            span = (min(verb.start(), dated[0].start()), max(verb.end(), dated[0].end()))
            yield claim(view, sentence, whose, "year", action, dated[0]["year"], span, reason)


def _next_to(masked: str, verb: re.Match[str], dated: re.Match[str]) -> bool:
    """Say whether no other clause stands between what happened and its year."""
    between = masked[min(verb.end(), dated.end()) : max(verb.start(), dated.start())]
    return not re.search(r"[;:—]|\b(?:who|which|when|after|before|because|but)\b", between)
