"""Join the forms of one name: `Elena Vask`, `Elena` and `Dr. Vask`, where nobody else can be meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from rag.extraction.evidence import Evidence
from rag.extraction.forms import Form, Place
from rag.extraction.lexicon import FIRST_NAME_TITLES, PLACE_NOUNS, UNWED_TITLES, WED_TITLES
from rag.extraction.text import Paragraph

SURE = 3
"""How many times as often as all others of a first name somebody is named to whom that name alone belongs."""
ALONE = 20
"""The same for a surname, which families share."""
CALLED = 10
"""How many times as often as `Miss Lucy` somebody named Lucy must be named to be her."""
TOGETHER = 2
"""Sentences of narration in which two forms stand side by side, from which on they are two people."""


@dataclass
class Group:
    """The forms of one name with the signs around all of them."""

    forms: list[Form]
    evidence: Evidence
    full: tuple[str, ...] = ()
    titles: Counter[str] = field(default_factory=Counter)

    @property
    def mentions(self) -> int:
        """How often the name stands in any form."""
        return sum(len(form.places) for form in self.forms)

    def take(self, form: Form, evidence: Evidence) -> None:
        """Add one more form of the same name."""
        self.forms.append(form)
        self.evidence.add(evidence)
        if form.title:
            self.titles[form.title] += len(form.places)


def join(forms: Sequence[Form], evidence: Sequence[Evidence], paragraphs: Sequence[Paragraph]) -> list[Group]:
    """Return the forms in groups, one a name."""
    beside = _side_by_side(forms, paragraphs)
    signs = {id(form): found for form, found in zip(forms, evidence, strict=True)}
    groups: list[Group] = []
    for form in sorted((form for form in forms if len(form.core) > 1), key=lambda form: -len(form.places)):
        home = next((group for group in groups if _same_full(group.full, form)), None)
        if home is None:
            home = Group([], Evidence(named_place=signs[id(form)].named_place), form.core)
            groups.append(home)
        home.take(form, signs[id(form)])
    given = {group.full[0] for group in groups}
    singles = [form for form in forms if len(form.core) == 1]
    for form in sorted(singles, key=lambda form: (form.core[0] not in given, not form.title, -len(form.places))):
        home = _home(form, signs[id(form)], groups, beside)
        if home is None:
            home = Group([], Evidence(named_place=signs[id(form)].named_place))
            groups.append(home)
        home.take(form, signs[id(form)])
    return [group for group in groups if not _family(group, forms)]


def _same_full(known: tuple[str, ...], form: Form) -> bool:
    """Say whether two full names have the same first and last part, or one, seen once, only has words around it."""
    core, size = form.core, len(known)
    if (known[0], known[-1]) == (core[0], core[-1]):
        return True
    return len(form.places) == 1 and any(core[at : at + size] == known for at in range(len(core) - size + 1))


def _home(form: Form, signs: Evidence, groups: Sequence[Group], beside: Counter[tuple[int, int]]) -> Group | None:
    """Return the group that a single word, with or without a title, belongs to; None where that is open."""
    word, title = form.core[0], form.title
    if form.has_article and not title:
        places = [g for g in groups if g.full[-1:] == (word,) and g.evidence.named_place and word in PLACE_NOUNS]
        things = [g for g in groups if len(g.full) > 1 and g.full[-1] == word and g.forms[0].has_article]
        return _only(places) or _only(things)
    if signs.kind == "place" and not title:
        return None
    people = [g for g in groups if g.evidence.kind != "place" and _may(g, form, signs) and not _apart(g, form, beside)]
    first = [group for group in people if group.full[:1] == (word,)]
    last = [group for group in people if group.full[-1:] == (word,) and group.full[:1] != (word,)]
    alone = [group for group in people if not group.full and group.forms[0].core == (word,) and group.titles]
    if title and title not in FIRST_NAME_TITLES:
        home = _foremost([*last, *alone], ALONE)
        if last or alone:
            return home if home and _sure(home, signs) else None
        called = _foremost(first)
        return called if called and called.mentions >= CALLED * len(form.places) else None
    if title:
        return _foremost(first) or _only(alone)
    if first:
        return _foremost(first)
    return _foremost([*last, *alone], ALONE)


def _only(groups: Sequence[Group]) -> Group | None:
    return groups[0] if len(groups) == 1 else None


def _foremost(groups: Sequence[Group], times: int = SURE) -> Group | None:
    """Return the group that is named so many times as often as all the others together."""
    ranked = sorted(groups, key=lambda group: -group.mentions)
    if ranked and ranked[0].mentions >= times * sum(group.mentions for group in ranked[1:]):
        return ranked[0]
    return None


def _may(group: Group, form: Form, signs: Evidence) -> bool:
    """Say whether nothing in sex and title forbids that a form is of a group."""
    if group.evidence.sex and signs.sex and group.evidence.sex != signs.sex:
        return False
    titles = {*group.titles, form.title}
    if titles & WED_TITLES and titles & UNWED_TITLES:
        return False
    return not (form.title == "Mr" and titles & {"Sir", "Lord"} or form.title in ("Sir", "Lord") and "Mr" in titles)


def _sure(group: Group, signs: Evidence) -> bool:
    """Say whether a group is known to be of the sex that a title tells."""
    lean = group.evidence.his - group.evidence.hers
    known = group.evidence.sex or ("he" if lean > 0 else "she" if lean < 0 else "")
    return not signs.title_sex or known == signs.title_sex


def _apart(group: Group, form: Form, beside: Counter[tuple[int, int]]) -> bool:
    """Say whether a form stands beside another of the group in one sentence too often to be the same person."""
    together = sum(beside[id(form), id(known)] for known in group.forms)
    return together >= max(TOGETHER, 0.04 * len(form.places))


def _side_by_side(forms: Sequence[Form], paragraphs: Sequence[Paragraph]) -> Counter[tuple[int, int]]:
    """Count for each two forms the sentences of narration in which both stand."""
    by_paragraph: dict[int, list[tuple[Form, Place]]] = defaultdict(list)
    for form in forms:
        for place in form.places:
            by_paragraph[place.paragraph].append((form, place))
    together: Counter[tuple[int, int]] = Counter()
    for number, found in by_paragraph.items():
        if len(found) < 2:
            continue
        paragraph = paragraphs[number]
        told = [(form, place) for form, place in found if not paragraph.spoken(place.start)]
        by_sentence: dict[int, set[int]] = defaultdict(set)
        for form, place in told:
            by_sentence[paragraph.sentence_at(place.start)].add(id(form))
        for ids in by_sentence.values():
            for one, other in combinations(sorted(ids), 2):
                together[one, other] += 1
                together[other, one] += 1
    return together


def _family(group: Group, forms: Sequence[Form]) -> bool:
    """Say whether a group is only the plural of a surname: `the Tallacks`, `the Miss Alans`."""
    words = {form.core[-1] for form in group.forms}
    known = {form.core[-1] for form in forms}
    if not all(form.has_article for form in group.forms):
        return False
    return all(len(word) > 3 and known & {word.removesuffix("s"), word.removesuffix("es")} - {word} for word in words)
