"""Names of people, places and things in manuscripts, found by rules: how often, since when, and of what kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.extraction.evidence import Kind, weigh
from rag.extraction.forms import Form, Place, find_forms
from rag.extraction.joining import Group, join
from rag.extraction.text import Paragraph, Quote, is_english

QUOTES = 3
LONGEST_QUOTE = 400
"""Characters of a quote; a longer sentence is cut around the name."""


@dataclass(frozen=True)
class Count:
    """How often a name stands in one chapter; chapters count from 1."""

    manuscript: str
    chapter: int
    mentions: int


@dataclass(frozen=True)
class Name:
    """A name of the story in all its forms; `places` are where it stands, for whoever reads on from there."""

    name: str
    kind: Kind
    aliases: tuple[str, ...]
    mentions: int
    sex: str
    title: str
    chapters: tuple[Count, ...]
    quotes: tuple[Quote, ...]
    places: tuple[Place, ...]

    @property
    def first(self) -> Quote:
        """Its first mention."""
        return self.quotes[0]


def find_names(paragraphs: Sequence[Paragraph], least: int = 1) -> list[Name]:
    """Return the names that stand at least so often in the paragraphs, most frequent first."""
    english = is_english(paragraphs)
    forms = find_forms(paragraphs)
    groups = join(forms, [weigh(form, paragraphs, english) for form in forms], paragraphs)
    names = [_name(group, paragraphs) for group in groups if group.mentions >= least]
    return sorted(names, key=lambda name: (-name.mentions, name.name))


def _name(group: Group, paragraphs: Sequence[Paragraph]) -> Name:
    places = sorted(
        (place for form in group.forms for place in form.places), key=lambda place: (place.paragraph, place.start)
    )
    written = _written(group)
    counts = Counter((paragraphs[place.paragraph].manuscript, paragraphs[place.paragraph].chapter) for place in places)
    return Name(
        name=written[0],
        kind=group.evidence.kind,
        aliases=tuple(written[1:]),
        mentions=len(places),
        sex=group.evidence.sex if group.evidence.kind == "character" else "",
        title=group.titles.most_common(1)[0][0] if group.titles else "",
        chapters=tuple(Count(*chapter, mentions) for chapter, mentions in counts.items()),
        quotes=_quotes(places, paragraphs),
        places=tuple(places),
    )


def _written(group: Group) -> list[str]:
    """Return the forms as they are shown, the fullest that is not rare first, and none twice."""
    shown: Counter[str] = Counter()
    full: set[str] = set()
    for form in group.forms:
        text = f"The {form.text}" if form.has_article else form.text
        shown[text] += len(form.places)
        if len(form.core) > 1 and not form.title:
            full.add(text)
    untitled = {" ".join(form.core) for form in group.forms if len(form.core) > 1}
    best = max(untitled & full or set(shown), key=lambda text: (shown[text], len(text)))
    if group.full and not full:
        best = _titled_best(group.forms)
    return [best, *(text for text, count in shown.most_common() if text != best and (count > 1 or text in full))]


def _titled_best(forms: Sequence[Form]) -> str:
    """Return the full form with the title it is mostly given, `Sir Harry Otway`."""
    full = [form for form in forms if len(form.core) > 1]
    return max(full, key=lambda form: len(form.places)).text


def _quotes(places: Sequence[Place], paragraphs: Sequence[Paragraph]) -> tuple[Quote, ...]:
    """Return the sentence of the first mention, and those of the first mentions in later chapters."""
    quotes: list[Quote] = []
    seen = set()
    for place in places:
        paragraph = paragraphs[place.paragraph]
        if (paragraph.manuscript, paragraph.chapter) in seen:
            continue
        seen.add((paragraph.manuscript, paragraph.chapter))
        quotes.append(sentence_quote(paragraph, place.start))
        if len(quotes) == QUOTES:
            break
    return tuple(quotes)


def sentence_quote(paragraph: Paragraph, place: int) -> Quote:
    """Return the sentence around a place as it stands; one that is very long is cut at words around the place."""
    start, end = paragraph.sentences[paragraph.sentence_at(place)]
    if end - start > LONGEST_QUOTE:
        low = max(start, place - LONGEST_QUOTE // 2)
        high = min(end, low + LONGEST_QUOTE)
        start = low if low == start else paragraph.text.find(" ", low) + 1
        end = high if high == end else paragraph.text.rfind(" ", start, high)
    return paragraph.quote(start, end)
