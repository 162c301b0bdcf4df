"""Whose sister, husband or mother somebody is, and what they do for a living."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.continuity.claims import Claim, claim, negated, owner, whole_entry
from rag.continuity.names import Being
from rag.continuity.sentences import Sentence
from rag.continuity.view import NAME, OWNER, SUBJECT, Meant, View
from rag.continuity.words import CONVERSE, RELATIONS, TRADES, alternatives, words_of

_REL = rf"(?P<rel>{alternatives(RELATIONS)})\b(?! (?:tongue|land|house|country|ship|church|love|figure|superior)\b)"
_AGED = (
    r"(?:(?:elder|eldest|older|oldest|younger|youngest|twin|late|dead|only|own|dear|second|first"
    r"|poor|new|old) )*"
)
_OTHER = rf"(?P<other>{NAME}(?!['’]s)|[A-Z][a-z]+(?!['’]s))"
_TIES = [
    # whose, what, who
    re.compile(rf"{OWNER} {_AGED}(?i:{_REL}),? (?:was |is |called |named )?{_OTHER}"),
    re.compile(rf"(?P<other>{NAME})(?:,| was| is| had been) (?i:(?:always )?){OWNER} {_AGED}(?i:{_REL})\b"),
]
_OF = re.compile(
    rf"(?P<other>{NAME})(?:,| was| is| had been) (?:the |a )?{_AGED}{_REL} (?:of|to) (?P<who>{NAME})(?!['’])", re.I
)
_ENTRY_OF = re.compile(
    rf"(?:^|was |is |[,;] )(?:the |a )?{_AGED}{_REL} (?:of|to) (?P<who>{NAME})(?!['’])", re.IGNORECASE
)
_ENTRY_OWNED = re.compile(rf"(?:^|[,;] )(?P<who>{NAME})['’]s? {_AGED}{_REL}\b", re.IGNORECASE)
_ENTRY_UNNAMED = re.compile(
    rf"\b(?:his|her) {_AGED}{_REL}\b(?! {NAME})(?! of)|^(?:Twin )?{_AGED}{_REL.replace('rel', 'rel2')} "
    rf"(?:of|to) the\b",
    re.IGNORECASE,
)
_SLOTS = {"mother": "mother", "father": "father", "husband": "husband or wife", "wife": "husband or wife"}


def relations(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say who is what to whom, from both sides, and who is somebody's mother, father, husband or wife."""
    for pattern in (*_TIES, _OF):
        for found in pattern.finditer(masked):
            whose = owner(view, sentence, found, after_preposition=True)
            if whose is None or not whose.being.person or negated(masked, found.start("rel")):
                continue
            yield from _tie(view, sentence, whose, found, _named(view, sentence, found))
    about = whole_entry(view, sentence)
    if about is None or not about.being.person:
        return
    for pattern in (_ENTRY_OF, _ENTRY_OWNED):
        for found in pattern.finditer(masked):
            whose = owner(view, sentence, found, after_preposition=True)
            if whose and whose.being.person and whose.being is not about.being:
                yield from _tie(view, sentence, whose, found, about.being)


def _named(view: View, sentence: Sentence, found: re.Match[str]) -> Being | str | None:
    """Return the being that a match's group `other` names, or a name that the world does not know."""
    if not found["other"].startswith(NAME[0]):
        return found["other"]
    mention = view.mention_at(sentence.start + found.start("other"))
    return view.being_of(mention) if mention else None


def _tie(
    view: View, sentence: Sentence, whose: Meant, found: re.Match[str], other: Being | str | None
) -> Iterator[Claim]:
    word = found["rel"].lower()
    relation = RELATIONS[word]
    if isinstance(other, Being) and other.person and other is not whose.being:
        yield claim(view, sentence, whose, "relation", other.id, relation, found.span())
        converse = CONVERSE.get(relation, relation)
        yield claim(view, sentence, Meant(other, whose.sure), "relation", whose.being.id, converse, found.span())
    elif isinstance(other, Being):
        return
    if slot := _SLOTS.get(word):
        name = other.name if isinstance(other, Being) else other
        if name:
            yield claim(view, sentence, whose, "relation", slot, name.split()[0].casefold(), found.span())


def unnamed_relations(view: View, sentence: Sentence, masked: str, linked: list[Being]) -> Iterator[Claim]:
    """Read "his sister" in an entry as the one linked person of the same surname, where there is only one."""
    about = view.about
    if about is None or not about.person:
        return
    family = about.name.split()[-1]
    kin = [being for being in linked if being.person and being is not about and being.name.split()[-1] == family]
    if len(kin) != 1 or len(about.name.split()) < 2:
        return
    for found in _ENTRY_UNNAMED.finditer(masked):
        relation = RELATIONS[(found["rel"] or found["rel2"]).lower()]
        yield claim(view, sentence, Meant(about, True), "relation", kin[0].id, relation, found.span())
        converse = CONVERSE.get(relation, relation)
        yield claim(view, sentence, Meant(kin[0], True), "relation", about.id, converse, found.span())


_TRADE = "|".join(sorted((re.escape(word).replace(r"\-", "[ -]?") for word in TRADES), key=len, reverse=True))
_TRADE = rf"(?P<trade>{_TRADE}|harbou?r master|sea captain)"
_KIND_OF = r"(?:(?:old|young|best|poor|good|famous|great|honest|village|town|country|master|retired|little|only) )*"
_DOES = [
    (True, re.compile(rf"(?P<who>{NAME}), (?:the|a|an) {_KIND_OF}{_TRADE}\b(?!['’])", re.IGNORECASE)),
    (
        True,
        re.compile(
            rf"{SUBJECT}(?:,? who)? (?:was|is) (?:the|a|an) {_KIND_OF}{_TRADE}\b"
            rf"(?!['’])",
            re.IGNORECASE,
        ),
    ),
    (
        False,
        re.compile(rf"{SUBJECT}(?:,? who)? (?:had been|became) (?:the |a |an )?{_KIND_OF}{_TRADE}\b(?!['’])", re.I),
    ),
]
_WORKS = re.compile(rf"\b{_TRADE}\b", re.IGNORECASE)
_BESIDES = words_of(
    "cook fiddler forger gambler gardener hermit judge juror musician nurse painter pirate poacher poet servant singer "
    "smuggler spy steward teacher thief witch wrestler keeper captain"
)
"""What people are called in anger or in love, or are besides their trade."""
_WHOLE_LIFE = re.compile(r"^(?:[^.;]{0,30}) (?:all (?:his|her) life|for [a-z-]+ years|since|until)", re.IGNORECASE)


def occupations(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say what somebody does for a living."""
    if view.about is not None:
        meant = whole_entry(view, sentence)
        if meant and meant.being.person:
            for found in _WORKS.finditer(masked):
                yield claim(view, sentence, meant, "occupation", "trade", _plain(found["trade"]), found.span())
        return
    for plain, pattern in _DOES:
        for found in pattern.finditer(masked):
            meant = owner(view, sentence, found)
            if meant and meant.being.person and not negated(masked, found.start("trade")):
                firm = plain or _WHOLE_LIFE.search(masked[found.end() :])
                reason = "" if firm else "it may be told of another time"
                trade = _plain(found["trade"])
                if trade in _BESIDES and not reason:
                    reason = "one may be that besides, or be called so"
                yield claim(view, sentence, meant, "occupation", "trade", trade, found.span(), reason)


def _plain(trade: str) -> str:
    return re.sub(r"[ -]", "", trade.lower())
