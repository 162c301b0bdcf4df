"""What a text says of somebody or something, as values that can be compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rag.continuity.names import Being
from rag.continuity.sentences import MASK, Sentence
from rag.continuity.view import Meant, View
from rag.continuity.words import UNFIT

_AFTER_PREPOSITION = re.compile(
    r"\b(?:of|on|in|at|to|from|by|with|for|near|off|over|under|behind|beside|past)(?: the)? $", re.IGNORECASE
)
_SOMEBODYS = re.compile(r"['’]s? (?!(?:[\w-]+ ){1,3}(?:is|was|are|were|has|had|can|lies|stands)\b)")
"""What follows a name with which an entry begins by telling whose it is: "Ann's boat, long and black."."""
NEGATED = re.compile(
    r"\b(?:not|never|neither|nor|no longer|no|without|n['’]t|hardly|far from)\b[^,;.]{0,24}$", re.IGNORECASE
)


@dataclass(frozen=True)
class Claim:
    """One statement: of whom, what about them (kind and attribute), the value, where it stands, and if it is firm."""

    being: Being
    kind: str
    attribute: str
    value: str
    start: int
    end: int
    firm: bool = True
    soft_reason: str = ""
    context: str = ""


Rule = Callable[[View, Sentence, str], Iterator[Claim]]
"""From a view, a sentence and the sentence with its names masked, to what it says."""


def claim(
    view: View,
    sentence: Sentence,
    meant: Meant,
    kind: str,
    attribute: str,
    value: str,
    span: tuple[int, int],
    reason: str = "",
) -> Claim:
    """Return a claim at a span of a sentence; what is spoken, guessed or no plain statement is not firm."""
    if not reason:
        if sentence.is_spoken(span[0]):
            reason = "it is said by a character, who may be wrong or lie"
        elif not meant.sure:
            reason = "who is meant is not quite certain"
        elif view.about is None and UNFIT.search(sentence.text[max(0, span[0] - 120) : span[1]]):
            reason = "the sentence may not state it as a fact"
    start, end = sentence.start + span[0], sentence.start + span[1]
    return Claim(meant.being, kind, attribute, value, start, end, not reason, reason, sentence.text)


def negated(masked: str, position: int) -> bool:
    """Say whether a negation governs what stands at a position of a sentence."""
    return bool(NEGATED.search(masked[:position]))


def owner(view: View, sentence: Sentence, found: re.Match[str], after_preposition: bool = False) -> Meant | None:
    """Return who a match's group `who` means; in "the bell of Pellow was" the name is not what the verb is about."""
    plain_name = found["who"].endswith(MASK) and not re.match(",? who\\b", sentence.text[found.end("who") :])
    if plain_name and not after_preposition and _AFTER_PREPOSITION.search(sentence.text[: found.start("who")]):
        return None
    return view.meant(sentence.start + found.start("who"), found["who"])


def whole_entry(view: View, sentence: Sentence) -> Meant | None:
    """Return the being that an entry is about, for what a sentence says without a subject and before another's name."""
    about = view.about
    if about is None:
        return None
    first = next(iter(view.named_in(sentence.start, sentence.start + 1)), None)
    described = first and sentence is view.sentences[0] and _SOMEBODYS.match(view.masked, first.end)
    subject = view.being_of(first) if first and not described else about
    return Meant(about, True) if subject is about else None
