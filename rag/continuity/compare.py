"""A draft's claims beside the world's facts: what contradicts what, told in a sentence."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rag.continuity.claims import Claim
from rag.continuity.facts import Fact
from rag.continuity.names import Being
from rag.continuity.words import BUILD_CLASH, SAME_TRADE, near, words_of

_COMMON = words_of("the and was were had has have when that they them with from this his her him she for but not")
_BESIDE = re.compile(
    r"\b(?:(?:north|south|east|west)\w* of|from|between|above|below|beyond|opposite|towards?|to|miles? of) (?:the )?$"
)
"""What before a place's name says that it is another place: a town four miles north of it does not lie in it."""
AGE_SLACK = 2
"""Years by which an age without a date may differ: a story takes its time."""


class Comparison:
    """Facts by what they are about, and how each kind of claim is held against them."""

    def __init__(self, facts: Iterable[Fact], beings: Mapping[str, Being]) -> None:
        """Sort the facts by being, kind and attribute."""
        self._facts: dict[tuple[str, str, str], list[Fact]] = defaultdict(list)
        self._beings = beings
        texts = " ".join(entry.text for being in beings.values() for entry in being.holding)
        self._named_in_world = {word.lower() for word in re.findall(r"\b[A-Z][a-z]+\b", texts)}
        for fact in facts:
            being = "" if fact.claim.attribute.startswith("named: ") else fact.claim.being.id
            self._facts[being, fact.claim.kind, fact.claim.attribute].append(fact)

    def of(self, claim: Claim, attribute: str = "") -> list[Fact]:
        """Return the facts of the same being, kind and attribute."""
        return self._facts.get((claim.being.id, claim.kind, attribute or claim.attribute), [])

    def beside(self, claim: Claim, fact: Fact) -> list[Fact]:
        """Return a fact and what the world says beside it: the other eye, or which hand is lost."""
        part = claim.attribute.removeprefix("whole ")
        more = self.of(claim, f"missing {part}") if part != claim.attribute else self.of(claim)
        same = (fact.claim.start, fact.claim.value, fact.entry)
        return [fact, *(one for one in more if (one.claim.start, one.claim.value, one.entry) != same)]

    def contradicted(self, claim: Claim, year: int | None = None) -> Fact | None:
        """Return the fact that a claim contradicts, or None."""
        if claim.kind == "age":
            return self._age(claim, year)
        facts = self.of(claim)
        if claim.kind == "limb" and claim.attribute.startswith("used "):
            lost = self.of(claim, f"missing {claim.attribute.removeprefix('used ')}")
            return next((fact for fact in lost if fact.claim.value == claim.value), None)
        if claim.kind == "limb" and claim.attribute.startswith("whole "):
            return next((fact for fact in facts if fact.claim.value == "lost"), None)
        if claim.kind == "colour" and claim.attribute == "itself":
            return self._own_colour(claim, facts)
        if claim.value.startswith(("not ", "both ")):
            return self._marked(claim, facts)
        if not facts or any(self._agree(claim, fact.claim) for fact in facts):
            return None
        if claim.kind in ("number", "year", "limb") and len({fact.claim.value for fact in facts}) > 1:
            return None
        if claim.kind == "build":
            return next((fact for fact in facts if frozenset((fact.claim.value, claim.value)) in BUILD_CLASH), None)
        return self._unsure(claim, facts[0]) if claim.kind == "place" else facts[0]

    def _unsure(self, claim: Claim, fact: Fact) -> Fact:
        """Return a fact that is not firm where both places have no entry: the one may lie in the other."""
        if not (claim.value.startswith("?") and fact.claim.value.startswith("?")):
            return fact
        return replace(fact, claim=replace(fact.claim, soft_reason="the one place may lie in the other"))

    def _agree(self, claim: Claim, fact: Claim) -> bool:
        one, other = claim.value, fact.value
        if one == other:
            return True
        if claim.kind in ("eyes", "hair", "colour"):
            return near(claim.kind, one, other)
        if claim.kind == "occupation":
            return any({one, other} <= group for group in SAME_TRADE) or one in other or other in one
        if claim.kind == "place":
            return self._places_agree(claim, one, other)
        if claim.kind == "year":
            return abs(int(one) - int(other)) == 0
        return False

    def _places_agree(self, claim: Claim, one: str, other: str) -> bool:
        """Say whether two places may be one: the one lies in the other, or their entries speak of each other."""
        if claim.attribute.startswith("side of"):
            return bool(set(one.split("-")) & set(other.split("-"))) or (one in other or other in one)
        here, there = self._beings.get(one), self._beings.get(other)
        if here is None or there is None:  # a place without an entry differs only where the world names it elsewhere
            known, name = here or there, (other if here else one).removeprefix("?")
            told = all(word in self._named_in_world for word in name.split())
            apart = claim.attribute == "born" if known is None else not _speaks_of(known, [name])
            return not (told and apart)
        return here is there or _mentions(here, there) or _mentions(there, here)

    def _marked(self, claim: Claim, facts: Sequence[Fact]) -> Fact | None:
        """Compare "both brown" with eyes of two colours, and "not grey" with grey."""
        mark, _, value = claim.value.partition(" ")
        if mark == "not":
            return next((fact for fact in facts if fact.claim.value == value), None)
        unlike = [fact for fact in facts if not near(claim.kind, value, fact.claim.value)]
        return unlike[0] if unlike else None

    def _own_colour(self, claim: Claim, painted: Sequence[Fact]) -> Fact | None:
        """Compare the colour of a thing with its own, else with those of its parts, of which none may fit."""
        if painted:
            return None if any(near("colour", claim.value, fact.claim.value) for fact in painted) else painted[0]
        parts = [
            fact
            for (being, kind, _), facts in self._facts.items()
            if being == claim.being.id and kind == "colour"
            for fact in facts
        ]
        if not parts or any(near("colour", claim.value, fact.claim.value) for fact in parts):
            return None
        return parts[0]

    def _age(self, claim: Claim, year: int | None) -> Fact | None:
        """Compare an age with the year of birth where the year is known, else with an age that has no date."""
        born = self._facts.get((claim.being.id, "age", "born"), [])
        if claim.attribute == "born":
            return born[0] if born and all(fact.claim.value != claim.value for fact in born) else None
        if claim.attribute == "when":
            alike = [fact for fact in self.of(claim) if _alike(claim.context, fact.quote)]
            return alike[0] if alike and all(fact.claim.value != claim.value for fact in alike) else None
        ages = self.of(claim)
        dated = born and year is not None
        if dated:
            off = [fact for fact in born if abs((year or 0) - int(fact.claim.value) - int(claim.value)) > 1]
            return off[0] if len(off) == len(born) else None
        if born or not ages:
            return None
        off = [fact for fact in ages if abs(int(fact.claim.value) - int(claim.value)) > AGE_SLACK]
        return off[0] if len(off) == len(ages) else None


def _alike(one: str, other: str) -> bool:
    """Say whether two sentences tell of one event: they share three longer words, names left out."""
    return len(_stems(one) & _stems(other)) >= 3


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"\b[a-z]{3,}\b", text) if word not in _COMMON}


def _mentions(one: Being, other: Being) -> bool:
    return _speaks_of(one, [name.casefold().removeprefix("the ") for name in other.names])


def _speaks_of(one: Being, names: Sequence[str]) -> bool:
    text = " ".join(f"{entry.text} {', '.join(entry.links)}" for entry in one.entries).casefold()
    places = [found for name in names for found in re.finditer(rf"\b{re.escape(name)}\b", text)]
    return any(not _BESIDE.search(text[: found.start()]) for found in places)


def told(claim: Claim, facts: Sequence[Fact], where: str, beings: Mapping[str, Being], draft: str) -> str:
    """Return a finding as a sentence: what the draft says and what the world does; the first fact leads."""
    fact = facts[0]
    name = _called(claim.being, draft) or claim.attribute.removeprefix("named: ")
    value, other = _plain(claim.value, beings), _plain(fact.claim.value, beings)
    attribute = claim.attribute
    if claim.kind in ("eyes", "hair"):
        verb = "is" if attribute in ("hair", "beard") else "are"
        if "bald" in (value, other):
            return f"{where} makes {name} {value if value == 'bald' else f'have {value} hair'}; the world says {other}."
        colours = list(dict.fromkeys(one.claim.value for one in facts if one.quote == fact.quote))
        if attribute == "eyes" and len(colours) == 2:
            other = f"one {colours[0]}, one {colours[1]}"
        return f"{where} says {name}'s {attribute} {verb} {value}; the world says {other}."
    if claim.kind == "limb":
        if attribute.startswith("whole "):
            return f"{where} lets {name} have both {_plural(attribute[6:])}; the world says {_lost(facts)} is lost."
        if attribute.startswith("used "):
            return f"{where} lets {name} use the {value} {attribute[5:]}; the world says it is lost."
        if attribute == "handed":
            return f"{where} makes {name} {value}-handed; the world says {other}-handed."
        state, _, part = attribute.rpartition(" ")
        return f"{where} says it is {name}'s {value} {part} ({state}); the world says the {other} one."
    if claim.kind == "age":
        what = "was born in" if attribute == "born" else "is"
        against = f"born in {other}" if fact.claim.attribute == "born" else other
        return f"{where} says {name} {what} {value}; the world says {against}."
    if claim.kind == "build":
        return f"{where} calls {name} {value}; the world says {other}."
    if claim.kind == "relation":
        if attribute in beings:
            second = beings[attribute].name
            return f"{where} makes {second} {name}'s {value}; the world says {other}."
        return f"{where} names {value.title()} as {name}'s {attribute}; the world says {other.title()}."
    if claim.kind == "occupation":
        return f"{where} makes {name} a {value}; the world says {other}."
    if claim.kind == "number":
        counted = attribute if " " in attribute else _plural(attribute)
        return f"{where} gives {name} {value} {counted}; the world says {other}."
    if claim.kind == "colour":
        part = "" if attribute == "itself" or attribute.startswith("named: ") else f" ({attribute})"
        return f"{where} says {name}{part} is {value}; the world says {other}."
    if claim.kind == "year":
        return f"{where} dates {name} to the year {value}; the world says {other}."
    if attribute == "born":
        return f"{where} says {name} was born in {value}; the world says {other}."
    return f"{where} puts {name} {_placed(attribute, value)}; the world says {_placed(fact.claim.attribute, other)}."


def _called(being: Being, draft: str) -> str:
    """Return the name by which the draft calls somebody: an entry's title may be one that nobody says."""
    said = [name for name in (being.name, *being.names) if name and re.search(rf"\b{re.escape(name)}\b", draft)]
    return being.name if being.name in said else max(said, key=len, default=being.name)


def _lost(facts: Sequence[Fact]) -> str:
    sides = {one.claim.value for one in facts if one.claim.attribute.startswith("missing ")}
    return f"the {sides.pop()} one" if len(sides) == 1 else "one"


def _placed(attribute: str, value: str) -> str:
    if attribute.startswith("side of"):
        return f"on another side ({value})" if " " in value else value
    return f"at {value}"


def _plain(value: str, beings: Mapping[str, Being]) -> str:
    return beings[value].name if value in beings else value[1:].title() if value.startswith("?") else value


def _plural(noun: str) -> str:
    if noun == "foot":
        return "feet"
    return re.sub("(?<=[^aeiou])y$", "ie", re.sub("(?<=[cs]h|ss)$", "e", noun)) + "s"
