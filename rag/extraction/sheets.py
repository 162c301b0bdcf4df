"""Draft sheets: what the manuscripts tell of a name, each fact with the sentence that it comes from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.extraction.lexicon import PLAIN_TITLES, TITLES
from rag.extraction.meant import MARK, Sentence, sentences_with
from rag.extraction.names import Name
from rag.extraction.rules import HER_KIN, HER_TRADE, HIS_KIN, RULES, SEVERAL, Rule
from rag.extraction.text import Paragraph, Quote

DOUBT = re.compile(
    r"\b(?:if|in case|doubtless|probably|as though|would|might|could|may|perhaps|maybe|dream(?:ed|t)?|imagin\w*|"
    r"wish\w*|suppos\w*|pretend\w*|almost|nearly|seem\w*|until|till|unless|whether|should|lest|rumour\w*|believ\w*|"
    r"thought|feared?|hoped?|looked|elder|younger|not|never|no|nor|neither|hardly|scarcely|n['’]t|when|before|since|"
    r"once)\b",
    re.IGNORECASE,
)
"""Words that, before a fact in its sentence or inside it, leave it in doubt or put it into another time."""
BEFORE, AFTER = 45, 12
QUOTES_OF_ONE = 3
LONGEST = 2000
"""Characters of a quote that somebody will read to judge a fact; what needs more is not proposed."""
LATER = ("life",)
"""Fields that become true in the course of the story: told from its beginning they would give it away."""


@dataclass(frozen=True)
class Fact:
    """One field of a sheet with the words of the manuscripts that tell it."""

    field: str
    value: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Sheet:
    """What is known of one name; facts of one field with several values contradict one another."""

    name: Name
    facts: tuple[Fact, ...]
    disputed: tuple[Fact, ...]
    links: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """The facts that nothing contradicts."""
        return {fact.field: fact.value for fact in self.facts}

    @property
    def text(self) -> str:
        """A draft of the entry's text, from the facts alone."""
        fields = self.fields
        what = fields.get("what") or fields.get("occupation", "").partition(";")[0]
        if what and self.name.kind == "character":
            what = what if what.startswith(("a ", "an ", "the ")) else f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
        first = f"{self.name.name} is {what}. " if what else ""
        return f"{first}{self.name.name} is first told of in {where_told(self.name.first)}."


def where_told(quote: Quote) -> str:
    """Say where a quote stands."""
    return f"chapter {quote.chapter} of {quote.title}"


def write_sheets(names: Sequence[Name], paragraphs: Sequence[Paragraph]) -> list[Sheet]:
    """Return one sheet a name, in the order of the names."""
    found: dict[int, dict[str, dict[str, list[Quote]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    links: dict[int, dict[str, None]] = defaultdict(dict)
    for sentence in sentences_with(names, paragraphs):
        for number, field, value, quote, other in _facts(sentence):
            found[number][field][value].append(quote)
            if other is not None:
                links[number][names[other].name] = None
    return [_sheet(name, found[number], tuple(links[number])) for number, name in enumerate(names)]


def _sheet(name: Name, found: dict[str, dict[str, list[Quote]]], links: tuple[str, ...]) -> Sheet:
    facts: list[Fact] = []
    disputed: list[Fact] = []
    titled = next((quote for quote in name.quotes if name.title and name.title in quote.text), None)
    if name.title in TITLES - PLAIN_TITLES and titled:
        facts.append(Fact("title", name.title, (titled,)))
    for field, values in found.items():
        merged = values if field in LATER else _merged(values)
        told = [Fact(field, value, tuple(quotes[:QUOTES_OF_ONE])) for value, quotes in merged.items()]
        if field in LATER:
            told = [Fact(field, told[0].value, tuple(quote for fact in told for quote in fact.quotes)[:QUOTES_OF_ONE])]
        if len(told) == 1:
            facts += told
        elif field in SEVERAL or told[0].quotes and field in _RELATIONS:
            joined = "; ".join(fact.value for fact in told)
            facts.append(Fact(field, joined, tuple(quote for fact in told for quote in fact.quotes[:1])))
        else:
            disputed += told
    facts.append(Fact("first appears", where_told(name.first), (name.first,)))
    return Sheet(name, tuple(facts), tuple(disputed), links)


_RELATIONS = frozenset(("sister", "brother", "son", "daughter", "uncle", "aunt", "cousin", "nephew", "niece"))


def _merged(values: dict[str, list[Quote]]) -> dict[str, list[Quote]]:
    """Return the values without those that only say less than another, `blue` beside `pale blue`."""
    merged: dict[str, list[Quote]] = {}
    for value in sorted(values, key=len, reverse=True):
        fuller = next((known for known in merged if set(value.split()) <= set(known.split())), None)
        merged.setdefault(fuller or value, []).extend(values[value])
    return dict(sorted(merged.items(), key=lambda item: -len(item[1])))


def _facts(sentence: Sentence) -> Iterator[tuple[int, str, str, Quote, int | None]]:
    """Yield what a sentence tells for sure: of which name, field, value, the words, and the other name in it."""
    if sentence.masked.rstrip().endswith("?"):
        return
    lower = sentence.masked.lower()
    for rule in RULES:
        if rule.trigger and rule.trigger not in lower:
            continue
        for match in rule.pattern.finditer(sentence.masked):
            groups = match.groupdict()
            about = _about(sentence, match)
            if about is None or _in_doubt(sentence, match, rule):
                continue
            number, back = about
            other = int(groups["other"]) if groups.get("other") else None
            kin = (groups.get("field") or "").lower()
            if sentence.names[number].kind not in rule.kinds or not _other_fits(sentence, rule, number, other, kin):
                continue
            field, value = _told(sentence, rule, groups, other)
            if field == "occupation" and HER_TRADE.search(value) and sentence.names[number].sex == "he":
                continue
            quote = sentence.quote_from(back)
            if len(quote.text) <= LONGEST:
                yield number, field, value, quote, other


def _about(sentence: Sentence, match: re.Match[str]) -> tuple[int, int] | None:
    if sentence.is_spoken(match.start()):
        return None
    if match["who"]:
        return int(match["who"]), 0
    return sentence.meant(match["pronoun"], match.start("pronoun"))


def _in_doubt(sentence: Sentence, match: re.Match[str], rule: Rule) -> bool:
    start = max(0, match.start() - BEFORE)
    clause = re.split(r"[;:—]", sentence.masked[start : match.start()])[-1]
    around = clause + sentence.masked[match.start() : match.end()]
    after = sentence.masked[match.end() : match.end() + AFTER]
    return (
        bool(DOUBT.search(around)) or bool(re.match(r",? (?:if|or|as|when|but not)\b", after)) and rule.field != "where"
    )


def _other_fits(sentence: Sentence, rule: Rule, number: int, other: int | None, kin: str) -> bool:
    """Say whether the other name is what the rule needs: somebody of the right sex for a relation, a place to live."""
    if other is None:
        return True
    if other == number or sentence.names[other].sex in (
        {"she"} if kin in HIS_KIN else {"he"} if kin in HER_KIN else ()
    ):
        return False
    kind = sentence.names[other].kind
    if rule.field in ("lives in", "from", "born in", "where"):
        return kind in ("place", "unknown") if rule.field != "from" else kind == "place"
    return kind in ("character", "unknown") if not rule.field else True


def _told(sentence: Sentence, rule: Rule, groups: dict[str, str | None], other: int | None) -> tuple[str, str]:
    """Return field and value of a match in plain words."""
    value = " ".join((groups.get("value") or "").lower().split())
    limb = " ".join(filter(None, (groups.get("side"), groups.get("limb")))).lower()
    value = MARK.sub(lambda mark: sentence.names[int(mark[1])].name, value)
    if rule.field == "limb lost":
        return limb, "lost" if " of " not in value else f"lost {value}"
    if rule.field == "limb made":
        return limb, value
    if rule.field == "life":
        return "life", f"dead, told in {where_told(sentence.quote)}"
    if rule.field == "what" and not value.startswith(("a ", "an ", "the ")):
        value = f"{'an' if value[0] in 'aeiou' else 'a'} {value}"
    if rule.field == "age":
        return "age", f"{value} in {where_told(sentence.quote)}"
    if other is not None and not value:
        return (groups.get("field") or rule.field).lower(), sentence.names[other].name
    return rule.field, value
