"""What is known of people's bodies: which hand, what is missing, and how old they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.continuity.claims import Claim, claim, negated, owner, whole_entry
from rag.continuity.numbers import NUMBER, value_of
from rag.continuity.sentences import MASK, Sentence
from rag.continuity.view import OWNER, SUBJECT, Meant, View
from rag.continuity.words import MEMORY

_SIDE = r"(?P<side>left|right)"
_PART = (
    r"(?P<part>eye|ear|hand|arm|leg|foot|little finger|index finger|ring finger|thumb|knee"
    r"|shoulder|eyebrow|cheek)"
)
_LOST = r"(?:lost|lacked|lacking|missing|cut off|took off|severed|without|wanting|gave|minus)"
_STATES = [
    (
        "missing",
        re.compile(
            rf"\b{_LOST} (?:the )?(?:top |upper )?(?:joint of |lobe of |tip of |end of"
            rf" )?(?:his|her|its|the) (?:own )?{_SIDE} {_PART}"
        ),
    ),
    (
        "missing",
        re.compile(
            rf"\b[Ww]here (?:{OWNER}|the) {_SIDE} {_PART} (?:had been|should have been"
            rf"|used to be|was once)"
        ),
    ),
    (
        "missing",
        re.compile(
            rf"\b(?:his|her|its|the) {_SIDE} {_PART} (?:was|is|had been) (?:gone|missing"
            rf"|lost|cut off|off)"
        ),
    ),
    ("missing", re.compile(rf"\btook (?:his|her) {_SIDE} {_PART}")),
    ("blind", re.compile(rf"\bblind (?:in|of) (?:the|his|her|its) {_SIDE} {_PART}")),
    ("blind", re.compile(rf"\b(?:his|her|the) blind {_SIDE} {_PART}")),
    ("deaf", re.compile(rf"\bdeaf (?:in|of) (?:the|his|her) {_SIDE} {_PART}")),
    ("three fingers", re.compile(rf"\bthree fingers (?:on|of) (?:his|her|the) {_SIDE} {_PART}")),
    (
        "artificial",
        re.compile(
            rf"\b(?:hook|wooden|iron|glass|brass|false)[a-z ,]{{0,20}}(?:for|in place"
            rf" of|instead of) (?:his|her|a|the) {_SIDE} {_PART}"
        ),
    ),
    ("artificial", re.compile(rf"\b(?:his|her|a) (?:wooden|iron|glass|brass|false|artificial) {_SIDE} {_PART}")),
    (
        "scar",
        re.compile(
            rf"\bscar[a-z ]{{0,30}}(?:through|across|over|on|above|below|under|down|along) "
            rf"(?:his|her|the) {_SIDE} {_PART}"
        ),
    ),
    (
        "burn",
        re.compile(
            rf"\b(?:burn|mark)[a-z ]{{0,30}}(?:on|below|under|beside|above|over) (?:his|her"
            rf"|the) {_SIDE} {_PART}"
        ),
    ),
]
_HOOK = rf"\b(?:hook|stump|claw)(?: [a-z]+)? (?:on|of|at the end of) {OWNER} {_SIDE} (?:arm|wrist|hand)\b"
_SLEEVE = (
    rf"(?:{OWNER} empty {_SIDE} (?:coat )?sleeve"
    rf"|{OWNER.replace('who', 'whose')} {_SIDE.replace('side', 'other')} (?:coat )?sleeve (?:was|is|hung|had been)"
    r" (?:pinned|empty|folded|sewn|tucked|knotted))\b"
)
_PATCH = rf"\bpatch (?:over|on|across) {OWNER} {_SIDE} eye\b"
_SHOWN = [
    (re.compile(_HOOK), ("missing hand", "missing arm")),
    (re.compile(_SLEEVE), ("missing arm", "missing hand")),
    (re.compile(_PATCH), ("missing eye", "blind eye")),
]
"""What shows which limb or eye is gone."""
_HANDED = re.compile(r"\b(?P<side>left|right)-handed\b", re.IGNORECASE)
_WHOLE = re.compile(
    r"\b(?:both|two)(?: of)?(?: (?:his|her|its))?(?: own)?(?: (?:good|sound|own|bare|whole|strong))* "
    r"(?P<part>hand|arm|leg|foot|feet|eye|ear)s?\b",
    re.IGNORECASE,
)
_USED = re.compile(
    rf"\b(?:with|in|on|held out|raised|lifted|put out|stretched out|used|closed|opened|wiped) (?:his|her|its) "
    rf"(?:own |good |free |open )?{_SIDE} (?P<part>hand|arm|foot|leg)\b(?! (?:had|should|used|would|was gone|missing))"
)
_NOT_REAL = re.compile(
    r"\b(?:wooden|glass|iron|false|artificial) (?P<part>leg|foot|hand|arm|eye)\b|\b(?P<hook>(?:wore"
    r"|wears|has|had) a hook)\b"
)
_LOST_ONE = re.compile(
    rf"\b(?:{_LOST}|took) (?:his|her|its|the) (?:own )?(?:left |right )?(?P<part>hand|arm|leg|foot|eye|ear)\b"
)
_GONE = re.compile(
    r"\b(?:his|her|the) (?:left|right) (?P<part>hand|arm|leg|foot|eye|ear) (?:is|was) (?:gone|missing|lost)"
)
_SUBJECT = re.compile(SUBJECT, re.IGNORECASE)


def limbs(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say which side somebody's hurt, missing or better limb is, and which limbs are whole or made."""
    for state, pattern in _STATES:
        for found in pattern.finditer(masked):
            if (meant := _subject_before(view, sentence, masked, found)) and not negated(masked, found.start()):
                part = found["part"]
                yield claim(view, sentence, meant, "limb", f"{state} {part}", found["side"], found.span())
    for pattern, states in _SHOWN:
        for found in pattern.finditer(masked):
            if (meant := _subject_before(view, sentence, masked, found)) and not negated(masked, found.start()):
                side = found["side"] or found.groupdict()["other"]
                for state in states:
                    yield claim(view, sentence, meant, "limb", state, side, found.span())
    for found in _HANDED.finditer(masked):
        if (meant := _subject_before(view, sentence, masked, found)) and not negated(masked, found.start()):
            yield claim(view, sentence, meant, "limb", "handed", found["side"].lower(), found.span())
    for found in _USED.finditer(masked) if view.about is None else ():
        meant = _subject_before(view, sentence, masked, found)
        if meant and not negated(masked, found.start()) and not MEMORY.search(masked[: found.start()]):
            yield claim(view, sentence, meant, "limb", f"used {found['part']}", found["side"], found.span())
    for found in _WHOLE.finditer(masked):
        if view.about is None and (meant := _subject_before(view, sentence, masked, found)):
            part = "foot" if found["part"].lower() == "feet" else found["part"].lower()
            if not negated(masked, found.start()):
                yield claim(view, sentence, meant, "limb", f"whole {part}", "whole", found.span())
    for pattern in (_NOT_REAL, _LOST_ONE, _GONE):
        for found in pattern.finditer(masked):
            if view.about is not None and (meant := _subject_before(view, sentence, masked, found)):
                part = found.groupdict().get("part") or "hand"
                for one in {"hand": ("hand",), "arm": ("hand", "arm"), "leg": ("foot", "leg")}.get(part, (part,)):
                    yield claim(view, sentence, meant, "limb", f"whole {one}", "lost", found.span())


def _subject_before(view: View, sentence: Sentence, masked: str, found: re.Match[str]) -> Meant | None:
    """Return who the sentence is about where a match stands: the owner in it, else the nearest subject before it."""
    inside = re.search(OWNER, masked[found.start() : found.end()], re.IGNORECASE)
    if inside and (meant := view.meant(sentence.start + found.start() + inside.start("who"), inside["who"])):
        return meant
    before = [one for one in _SUBJECT.finditer(masked[: found.start()])]
    for one in reversed(before):
        if one["who"].lower() == "it":
            continue
        meant = view.meant(sentence.start + one.start("who"), one["who"])
        if meant is None or view.others(meant.being, sentence.start + one.end("who"), sentence.start + found.start()):
            return None  # somebody else stands nearer
        if meant.being.person or meant.being is view.about:
            return meant
    return whole_entry(view, sentence)


_AGE = rf"(?P<age>{NUMBER})"
_AGES = [
    re.compile(
        rf"{SUBJECT} (?:was|is|were) (?:only |just |now |then |already )?{_AGE}(?: years? (?:old"
        rf"|of age))?(?=[,.;:]| and | that | when | on | now| but|$)",
        re.I,
    ),
    re.compile(
        rf"{SUBJECT} (?:(?:had|has) )?(?:just |only just )?turned {_AGE}"
        r"(?=[,.;:]| and | on | in | that | last | this |$)",
        re.I,
    ),
    re.compile(
        rf"{SUBJECT}(?:,| was| is) (?:only |just |now |still )?an? (?:[a-z-]+ ){{0,2}}?(?:man|woman|boy|girl|lad|lass"
        rf"|child|youth|person|widow|widower|bachelor) of {_AGE}(?=[,.;:]| and | who | with |$)",
        re.I,
    ),
    re.compile(
        rf"{SUBJECT}(?: [a-z]+)?, (?:who (?:was|is) |now |aged )?{_AGE}(?: years old)?(?=[,.;]|"
        rf" and )",
        re.I,
    ),
    re.compile(rf"{SUBJECT}[^,.;:]{{3,40}}, {_AGE} years old\b", re.I),
    re.compile(rf"{SUBJECT}(?:,)? (?:at|aged|at the age of) {_AGE}(?=[,.;]| and | was | had )", re.I),
    re.compile(rf"\b{_AGE}-year-old (?P<who>{MASK}+)(?!['’])", re.I),
    re.compile(rf"{OWNER} {_AGE}(?:st|nd|rd|th) (?:birthday|year)", re.I),
]
_AT_AGE = re.compile(rf"(?:^|[.;—] |[“\"])At {_AGE},? (?P<who>{MASK}+(?!['’])|he\b|she\b)", re.I)
_ENTRY_AGE = re.compile(
    rf"(?:^|[,;.] |\bnow |\bat |\bof |\baged |\bis |\bwas |\bperson )(?P<age>{NUMBER})(?: years old)?"
    rf"(?=[,.;:]| and | or so|$| in (?:the year )?\d| dressed | and)",
    re.IGNORECASE,
)
_ENTRY_YEARS_OLD = re.compile(rf"(?P<age>{NUMBER}) years old", re.IGNORECASE)
_BORN = re.compile(
    rf"{SUBJECT}?[^.;]{{0,20}}\bborn\b[^.;]{{0,40}}?\bin (?:[A-Z][a-z]+ of )?(?:the (?:spring|summer"
    rf"|autumn|winter) of )?(?:the year )?(?P<year>\d{{1,4}})\b",
    re.I,
)
_WHEN = re.compile(
    rf"\bwhen (?P<who>he|she|{MASK}+) was (?:only )?(?:a )?(?:(?:boy|girl|child|man|woman|lad) of"
    rf" )?{_AGE}(?=[,.;]| and |$)",
    re.I,
)


def ages(view: View, sentence: Sentence, masked: str) -> Iterator[Claim]:
    """Say how old somebody is, in what year they were born, and how old they were when something happened."""
    for found in _BORN.finditer(masked):
        meant = owner(view, sentence, found) if found["who"] else whole_entry(view, sentence)
        if meant and meant.being.person:
            yield claim(view, sentence, meant, "age", "born", found["year"], found.span())
    for found in _WHEN.finditer(masked):
        if (meant := owner(view, sentence, found)) and meant.being.person:
            yield claim(view, sentence, meant, "age", "when", str(value_of(found["age"])), found.span())
    if (meant := whole_entry(view, sentence)) and meant.being.person:
        for pattern in (_ENTRY_AGE, _ENTRY_YEARS_OLD):
            for found in pattern.finditer(masked):
                if 5 <= (age := value_of(found["age"])) < 120 and not re.search(
                    r"\bwhen\b|\bborn\b", masked[: found.start()]
                ):
                    yield claim(view, sentence, meant, "age", "age", str(age), found.span())
        return
    for pattern in (*_AGES, _AT_AGE):
        for found in pattern.finditer(masked):
            age = value_of(found["age"])
            if (meant := owner(view, sentence, found)) and meant.being.person and 2 < age < 120:
                before = masked[: found.start("age")]
                if re.search(r"\b(?:when|until|since|before)\b[^,.;]*$", before, re.I):
                    continue
                past = pattern is _AT_AGE or re.search(r"\b(?:once|had been|in those days)\b", before, re.I)
                reason = "it may be told of another time" if past else ""
                yield claim(view, sentence, meant, "age", "age", str(age), found.span(), reason)
