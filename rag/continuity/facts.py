"""The facts of a world's entries: from their fields and, by the same rules that read a draft, from their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.continuity import bodies, colours, looks, places, things, ties, years
from rag.continuity.claims import Claim, Rule
from rag.continuity.lives import Death, deaths_in
from rag.continuity.names import Being, NameFinder
from rag.continuity.view import View
from rag.continuity.words import RELATIONS, TRADES
from style_tuner.records import Entry

RULES: tuple[Rule, ...] = (
    looks.looks,
    looks.build,
    bodies.limbs,
    bodies.ages,
    ties.relations,
    ties.occupations,
    things.numbers,
    colours.colours,
    years.years,
    places.places,
)
RULES_FOR_OTHERS: tuple[Rule, ...] = (bodies.limbs, ties.relations, years.years)
"""What an entry is read for that the draft does not name but that speaks of what it names."""


@dataclass(frozen=True)
class Fact:
    """What an entry says, and its words for it."""

    claim: Claim
    entry: Entry
    quote: str


def claims_of(view: View, rules: Sequence[Rule] = RULES) -> Iterator[Claim]:
    """Return all that a text says by some rules."""
    for sentence, masked in view.masked_sentences():
        for rule in rules:
            yield from rule(view, sentence, masked)


def facts_of(
    entry: Entry, being: Being, finder: NameFinder, by_name: Mapping[str, Being], rules: Sequence[Rule]
) -> tuple[list[Fact], list[Death]]:
    """Return what an entry says of its own being and of others, and whose death it tells."""
    stated = {
        sentence: f"{name}: {value}"
        for name, value in entry.fields.items()
        if (sentence := _sentence(name, value, being))
    }
    stated |= {sentence: f"also called {alias}" for alias in entry.aliases if (sentence := _as_sentence(alias, being))}
    view = View("\n\n".join((entry.text, *stated)), finder, being)
    found = list(claims_of(view, rules))
    linked = [by_name[name.casefold()] for name in entry.links if name.casefold() in by_name]
    for piece, masked in view.masked_sentences():
        found += ties.unnamed_relations(view, piece, masked, linked)
    facts = []
    for one in found:
        sentence_text = view.sentence_at(one.start).text
        facts.append(Fact(one, entry, stated.get(sentence_text, sentence_text)))
    return facts, list(deaths_in(view, entry))


def _as_sentence(alias: str, being: Being) -> str:
    """Return an alias that tells a trade or a relation, such as "the boatbuilder" or "Joss's mother", as a sentence."""
    last = alias.rsplit(maxsplit=1)[-1].lower() if alias.split() else ""
    if not being.person or (last not in RELATIONS and last not in TRADES):
        return ""
    if last in TRADES:
        return f"Known as {alias}."
    whose, apart, _ = alias.replace("’", "'").rpartition("'s ")
    return f"{last.title()} of {whose}." if apart else ""


def _sentence(name: str, value: str, being: Being) -> str:
    """Return a field as the sentence by which an entry's text would say it."""
    key, value = name.strip().lower(), value.strip().rstrip(".")
    his = {"he": "His", "she": "Her"}.get(being.gender, "His")
    if not value:
        return ""
    if key in RELATIONS:
        return f"{his} {key} {value}."
    if key == "age":
        return f"Aged {value}."
    if key in ("born", "birth", "year of birth"):
        return f"Born in {value}."
    if key in ("died", "death"):
        return f"Died in {value}."
    if key in ("hand", "handedness"):
        return f"{value}-handed."
    if key in ("birthplace", "born in"):
        return f"Born in {value}."
    if key in ("home", "lives", "lives in", "residence"):
        return f"Home in {value}."
    return f"{name.strip()}: {value}."
