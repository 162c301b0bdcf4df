"""What people look like: eyes, hair, build."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.continuity.claims import Claim, claim, negated, owner, whole_entry
from rag.continuity.sentences import Sentence
from rag.continuity.view import NAME, OWNER, SUBJECT, View
from rag.continuity.words import BUILDS, EYE_COLOURS, HAIR_COLOURS, alternatives

_EYE = alternatives(EYE_COLOURS)
_HAIR = alternatives(HAIR_COLOURS)
_SOME = r"(?:[a-z’'-]+,? (?:and )?){0,3}?"
_VERY = (
    r"(?:(?:both|all|very|so|quite|rather|always|still|a|the|pale|dark|deep|bright|light|clear"
    r"|cold|soft|same) )*"
)
_IS = r"(?:were|are|was|is|had been|have been|looked|shone)"
_NOT = r"(?:(?:not|never|no longer) )?"
_AS = r"(?P<as>as )?"


def _patterns(part: str, colours: str, worn: str) -> list[re.Pattern[str]]:
    """Return the ways to give a part of somebody a colour, `colour` being the colour and `who` the owner."""
    colour = rf"(?P<colour>{colours})(?:ish)?\b(?!-)"
    steady = rf"{colour}(?! (?:with|from|for|in|under|against)\b)"
    hyphened = rf"(?P<colour>{colours})-{worn}"
    return [
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"{OWNER} {_SOME}{colour},? (?:[a-z-]+ )?{part}\b",
            rf"(?P<both>both )?{OWNER} (?:(?!(?:{colours})\b)[a-z]+ )?{part} (?:{_IS})"
            rf" {_NOT}{_VERY}{_AS}{steady}",
            rf"{SUBJECT}(?:,? who)?(?: [a-z]+)?,? (?:had|has|have|with) (?:always )?(?:had )?{_SOME}{colour},? "
            rf"(?:[a-z-]+ )?{part}\b",
            rf"{SUBJECT}(?: [a-z]+)? (?:had|has|with) (?:[a-z]+ ){{0,2}}?{part} (?:so |of )?{_AS}{colour}",
            rf"{SUBJECT}[^.;:]{{3,60}}? with (?P<both>two |both )?(?:(?!his|her|{NAME})[a-z]+"
            rf" ){{0,2}}?{colour} {part}\b",
            rf"{SUBJECT} (?:was|is|were)[^.;:]{{0,30}}? {hyphened}\b",
            rf"\b{hyphened} (?P<who>{NAME})(?!['’])",
            rf"{SUBJECT}, {hyphened}\b",
            rf"{SUBJECT}, whose (?:[a-z]+ )?{part} (?:{_IS}) {_NOT}{_VERY}{steady}",
            rf"{OWNER} {part} (?:{_IS}) (?:long|short|thick|straight|curly|large|small|wide|clear) and {colour}\b",
            rf"{OWNER} {part},? {colour} as\b",
        )
    ]


_LOOKS = {
    "eyes": ("eyes?", _EYE, EYE_COLOURS),
    "hair": (
        r"(?:hair|curls|locks|braids?"
        r"|plaits?)",
        _HAIR,
        HAIR_COLOURS,
    ),
}
_LOOKS["beard"] = (r"(?:beard|moustache|whiskers)", _HAIR, HAIR_COLOURS)
_WORN = {"eyes": "eyed", "hair": "(?:haired|headed)", "beard": "bearded"}
_FOUND = {attribute: _patterns(part, colours, _WORN[attribute]) for attribute, (part, colours, _) in _LOOKS.items()}
_ENTRY_EYES = re.compile(
    rf"\b(?P<colour>{_EYE})(?:[- ]eye[sd]?\b)|\beyes?:? (?:{_IS} )?{_VERY}(?P<after>{_EYE})\b", re.I
)
_ENTRY_HAIR = re.compile(
    rf"\b(?P<colour>{_HAIR})[- ](?:hair(?:ed)?|headed|curls|locks)\b"
    rf"|(?:^|[,:;.] (?:and )?)(?P<alone>red|ginger|flaxen|fair|blonde?|bald|hairless|dark)(?=[,.;:]| and |$)"
    rf"|\bhair:?(?: {_IS})? (?:so )?{_VERY}(?P<after>{_HAIR})\b|\bwith a (?P<bare>shaved|shaven|bald) head",
    re.IGNORECASE,
)
_ENTRY_BEARD = re.compile(
    rf"\b(?P<colour>{_HAIR})[- ](?:beard(?:ed)?|moustache[d]?|whisker(?:s"
    rf"|ed))\b",
    re.IGNORECASE,
)
_TWO_EYES = re.compile(
    rf"\bone (?P<a>{_EYE}) eye and (?:the other |one )(?P<b>{_EYE})\b"
    rf"|\bone eye (?:was |is )?(?P<c>{_EYE}) and (?:the other|one) (?:was |is )?(?P<d>{_EYE})\b",
    re.IGNORECASE,
)
_BALD = [
    re.compile(rf"{OWNER} (?:bald|shaven|hairless) (?:head|skull|pate|crown)\b", re.IGNORECASE),
    re.compile(rf"{SUBJECT} (?:was|is) (?:quite |already |completely )?(?:bald|hairless)\b", re.IGNORECASE),
]


def looks(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say what colour somebody's eyes, hair and beard are said to be."""
    if view.about is not None:
        yield from _in_entry(view, sentence, masked)
    two = _TWO_EYES.search(masked)
    for attribute, patterns in _FOUND.items():
        if attribute == "eyes" and two:
            continue
        values = _LOOKS[attribute][2]
        kind = "eyes" if attribute == "eyes" else "hair"
        taken: set[int] = set()
        for pattern in patterns:
            for found in pattern.finditer(masked):
                if found.start("colour") in taken or not (meant := owner(view, sentence, found)):
                    continue
                taken.add(found.start("colour"))
                value = values[found["colour"].lower()]
                groups = found.groupdict()
                reason = "it may be a comparison" if _compared(masked, found) else _passing(kind, value, found[0])
                if negated(masked, found.start("colour")):
                    if re.search(r"\b(?:both|all|only|just|so|as)\b", found[0]):
                        continue
                    value, reason = f"not {value}", "the draft denies it"
                elif groups.get("both"):
                    value = f"both {value}"
                yield claim(view, sentence, meant, kind, attribute, value, found.span(), reason)
    for pattern in _BALD:
        for found in pattern.finditer(masked):
            if (meant := owner(view, sentence, found)) and not negated(masked, found.start()):
                yield claim(view, sentence, meant, "hair", "hair", "bald", found.span())


def _passing(kind: str, value: str, said: str) -> str:
    """Return why a colour may be one of the moment or of a later age."""
    if kind == "hair" and value in ("grey", "white"):
        return "hair turns grey with age"
    if kind == "eyes" and value in ("dark", "black", "golden", "yellow", "white") and re.search(rf"\b{_IS}\b", said):
        return "it may be meant of the light or of a mood"
    return ""


def _compared(masked: str, found: re.Match[str]) -> bool:
    """Say whether the colour is only likened: "were as grey as the sea"; "had eyes as blue as" states one."""
    groups = found.groupdict()
    stated = re.search(r"\b(?:had|has|with)\b", found[0])
    if groups.get("as") and not stated:
        return True
    before = masked[max(0, found.start("colour") - 12) : found.start("colour")]
    return bool(re.search(r"\b(?:like|almost|nearly|looked|turned|went)\s(?:(?:a|very|quite|so)\s)?$", before))


def _in_entry(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Read what an entry says without naming whose eyes and hair they are: its own being's, if it is somebody."""
    meant = whole_entry(view, sentence)
    if meant is None:
        return
    if two := _TWO_EYES.search(masked):
        for colour in (two["a"] or two["c"], two["b"] or two["d"]):
            yield claim(view, sentence, meant, "eyes", "eyes", EYE_COLOURS[colour.lower()], two.span())
        return
    for kind, attribute, pattern, values in (
        ("eyes", "eyes", _ENTRY_EYES, EYE_COLOURS),
        ("hair", "hair", _ENTRY_HAIR, HAIR_COLOURS),
        ("hair", "beard", _ENTRY_BEARD, HAIR_COLOURS),
    ):
        for found in pattern.finditer(masked):
            word = next(word for word in found.groups() if word).lower()
            value = "bald" if word in ("bald", "hairless", "shaved", "shaven") else values.get(word, word)
            if not negated(masked, found.start()) and (meant.being.person or kind == "eyes"):
                yield claim(view, sentence, meant, kind, attribute, value, found.span())


_BUILD = alternatives(BUILDS)
_WHO = r"(?:man|woman|boy|girl|person|lady|fellow|child|creature|figure|gentleman|thing)"
_BUILT = [
    re.compile(
        rf"{SUBJECT} (?:was|is|had always been|had been) (?:by far )?(?:a |an |the )?(?:very |rather "
        rf"|so |quite |too |really )*"
        rf"(?P<build>{_BUILD})(?:est|er|ter|test)?\b(?! (?:to|enough|for|with|in|as|of|boy|girl"
        rf"|child)\b)(?!,? [a-z-]+ed\b)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{SUBJECT} (?:was|is|had always been)(?: [a-z]+)? (?:a|an|the) (?:[a-z-]+,? (?:and"
        rf" )?){{0,2}}?(?P<build>{_BUILD})"
        rf"(?:est|er|test)?,? (?:and )?(?:[a-z-]+ )?{_WHO}\b",
        re.IGNORECASE,
    ),
    re.compile(rf"{SUBJECT} (?:was|is) (?:as )(?P<build>{_BUILD}) as (?!a |an |the )", re.IGNORECASE),
    re.compile(rf"{SUBJECT} (?:was|is) (?:[a-z-]+,? ){{0,2}}?and (?P<build>{_BUILD})\b(?=[,.;])", re.IGNORECASE),
]
_ENTRY_BUILD = re.compile(
    rf"(?:^|[,:;.] |^[Aa]n? |, an? |\bvery )(?P<build>{_BUILD})(?=[,.;:]| and |$| where | (?:[a-z-]+ )?"
    rf"(?:man|woman|girl|boy)\b)",
    re.IGNORECASE,
)
_TALL_IN_FEET = re.compile(r"\bsix feet(?: [a-z]+)?(?: tall)?|\bsix-foot|\bsix foot", re.IGNORECASE)


def build(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say how tall, stout or large somebody is said to be."""
    if (meant := whole_entry(view, sentence)) and meant.being.person:
        for found in _ENTRY_BUILD.finditer(masked):
            if not negated(masked, found.start()):
                yield claim(view, sentence, meant, "build", "build", BUILDS[found["build"].lower()], found.span())
        if tall := _TALL_IN_FEET.search(masked):
            yield claim(view, sentence, meant, "build", "build", "tall", tall.span())
    taken = set()
    for pattern in _BUILT:
        for found in pattern.finditer(masked):
            meant = owner(view, sentence, found)
            if meant is None or not meant.being.person or found.start("build") in taken:
                continue
            taken.add(found.start("build"))
            then = re.search(
                r"\b(?:when|while|until|since|if) (?:\w+ ){0,3}$", masked[: found.start("who")], re.IGNORECASE
            )
            if not then and not negated(masked, found.start("build")):
                value = BUILDS[found["build"].lower()]
                yield claim(view, sentence, meant, "build", "build", value, found.span())
