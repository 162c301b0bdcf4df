"""Find what is written like a name: words with a capital where no sentence begins, in runs, each with its places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.extraction.lexicon import (
    ABBREVIATED,
    CONNECTORS,
    EPITHETS,
    FOREIGN_CONNECTORS,
    GERMAN_ARTICLES,
    KEPT_EPITHETS,
    NO_NAMES,
    OF_HEADS,
    TITLES,
)
from rag.extraction.text import Paragraph

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
ENDING = re.compile(r"['’](?:s|d|ll|ve|re|m|t)?$|(?<=n)['’]t$")
NOUNS_WITH_CAPITALS = 0.25
"""Share of the words with a capital that stand behind a German article, from which on all nouns have one."""


@dataclass(frozen=True)
class Place:
    """Where a name stands: the paragraph's number in the whole, and the characters in it."""

    paragraph: int
    start: int
    end: int


@dataclass
class Form:
    """One way of writing a name, without its title, and everywhere it stands."""

    title: str
    core: tuple[str, ...]
    places: list[Place] = field(default_factory=list)
    with_article: int = 0

    @property
    def text(self) -> str:
        """The form as it is written, with its title."""
        title = f"{self.title}." if self.title in ABBREVIATED else self.title
        return " ".join(filter(None, (title, *self.core)))

    @property
    def has_article(self) -> bool:
        """Say whether it mostly stands behind `the`."""
        return self.with_article >= 0.6 * len(self.places)


@dataclass(frozen=True)
class _Token:
    word: str
    start: int
    end: int
    initial: bool
    possessive: bool


@dataclass(frozen=True)
class _Counts:
    """How often words stand with a capital inside sentences, at their beginning, and in lower case."""

    inside: Counter[str]
    initial: Counter[str]
    lower: Counter[str]
    pairs: Counter[tuple[str, str]]
    bare: Counter[str]
    german: bool

    def strong(self, word: str) -> bool:
        """Say whether a word is a name by itself, wherever it stands."""
        inside = self.inside[word]
        if self.german:
            return inside >= 2 and self.bare[word] >= 0.75 * inside and not self.lower[word.lower()]
        return inside >= 1 and inside >= 2 * self.lower[word.lower()] and not common(word)


def common(word: str) -> bool:
    """Say whether a word written with a capital names nothing of a story by itself."""
    return word.lower() in NO_NAMES or word.replace("’", "'").lower() in NO_NAMES


def find_forms(paragraphs: Sequence[Paragraph]) -> list[Form]:
    """Return every form of a name that the paragraphs hold, most frequent first."""
    tokens = [[] if _headline(paragraph.text) else _tokens(paragraph.text) for paragraph in paragraphs]
    counts = _count(tokens, paragraphs)
    forms: dict[tuple[str, tuple[str, ...]], Form] = {}
    for number, (paragraph, row) in enumerate(zip(paragraphs, tokens, strict=True)):
        for run in _runs(row, paragraph.text, counts):
            title, core = _parted(run, counts)
            if not core:
                continue
            form = forms.setdefault((title, core), Form(title, core))
            form.places.append(Place(number, run[0].start, run[-1].end))
            before = paragraph.text[max(0, run[0].start - 4) : run[0].start]
            form.with_article += before.lower() == "the "
    kept = [form for form in forms.values() if _is_name(form, counts)]
    return sorted(kept, key=lambda form: -len(form.places))


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in WORD.finditer(text):
        written = match.group()
        bare = ENDING.split(written)[0] or written
        possessive = len(bare) < len(written) or text[match.end() : match.end() + 2] in ("' ", "’ ")
        found.append(_Token(bare, match.start(), match.start() + len(bare), _begins(text, match.start()), possessive))
    return found


def _headline(text: str) -> bool:
    """Say whether a paragraph is a heading, in which every word of weight has a capital; only a long one has a stop."""
    long = [word for word in WORD.findall(text) if len(word) > 3]
    return len(long) >= (4 if text[-1].isalnum() else 12) and sum(word[0].isupper() for word in long) >= 0.8 * len(long)


def _begins(text: str, start: int) -> bool:
    """Say whether a sentence, or something said aloud, begins here."""
    before = text[max(0, start - 14) : start]
    bare = before.rstrip()
    if not bare:
        return True
    if before[-1] in "\"'“‘„«([_*¿¡":
        return True
    closed = bare.rstrip("\"'”’»)")
    if not closed or closed[-1] not in ".!?…:":
        return not closed
    word = re.search(r"([^\W\d_]+)\.$", closed)
    return not (word and (word[1] in ABBREVIATED or (len(word[1]) == 1 and word[1] != "I")))


def _capital(word: str) -> bool:
    return word[0].isupper() and (not word.isupper() or len(word) == 1)


def _count(rows: Sequence[Sequence[_Token]], paragraphs: Sequence[Paragraph]) -> _Counts:
    inside: Counter[str] = Counter()
    initial: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    bare: Counter[str] = Counter()
    articles = 0
    for row in rows:
        before: _Token | None = None
        for token in row:
            if token.word[0].islower():
                lower[token.word] += 1
            elif _capital(token.word):
                (initial if token.initial else inside)[token.word] += 1
                if not token.initial:
                    known = before.word.lower() if before else ""
                    articles += known in GERMAN_ARTICLES
                    bare[token.word] += known not in GERMAN_ARTICLES and not re.search(r"e[nmrs]?$", known)
                    if before and _capital(before.word) and not before.initial and not before.possessive:
                        pairs[before.word, token.word] += 1
            before = token
    german = articles > NOUNS_WITH_CAPITALS * max(1, inside.total())
    return _Counts(inside, initial, lower, pairs, bare, german)


def _runs(row: Sequence[_Token], text: str, counts: _Counts) -> list[list[_Token]]:
    """Return the runs of words with a capital that belong together, such as `Mr. Edmund Pask` or `Torre del Gallo`."""
    runs: list[list[_Token]] = []
    run: list[_Token] = []
    for at, token in enumerate(row):
        following = row[at + 1] if at + 1 < len(row) else None
        if run and not _touch(run[-1], token, text):
            runs.append(run)
            run = []
        joint = bool(run) and token.word in CONNECTORS and _goes_on(run, token, following, text)
        if joint or (_capital(token.word) and _may_stand(token, following, bool(run), text, counts)):
            run.append(token)
        elif run:
            runs.append(run)
            run = []
        if run and token.possessive:
            runs.append(run)
            run = []
    return [*runs, run] if run else runs


def _touch(left: _Token, right: _Token, text: str) -> bool:
    gap = text[left.end : right.start]
    return gap == " " or (gap in (". ", ".") and (left.word in ABBREVIATED or len(left.word) == 1))


def _goes_on(run: Sequence[_Token], joint: _Token, after: _Token | None, text: str) -> bool:
    """Say whether a small word joins two parts of one name: `Duchess of Meldrum`, but not `Lucy of Florence`."""
    if (
        after is None
        or not _touch(joint, after, text)
        or not _capital(after.word)
        or common(after.word)
        or joint.possessive
    ):
        return False
    if joint.word in FOREIGN_CONNECTORS:
        return True
    return joint.word == "of" and run[-1].word in OF_HEADS


def _may_stand(token: _Token, after: _Token | None, going: bool, text: str, counts: _Counts) -> bool:
    """Say whether a word with a capital belongs to a name, given whether a name goes on before it."""
    word = token.word
    if word in TITLES:
        return going or not token.initial or bool(after and _capital(after.word) and _touch(token, after, text))
    if len(word) == 1:
        return word not in "IOA" and (going or not token.initial)
    if word in EPITHETS:
        return after is not None and word in KEPT_EPITHETS and counts.pairs[word, after.word] > 1
    if counts.german:
        return counts.strong(word)
    if common(word):  # `Summer Street`, but not `English Lucy`
        return after is not None and _touch(token, after, text) and counts.pairs[word, after.word] >= 3
    if not token.initial or going:
        return True
    pair = after is not None and _touch(token, after, text) and counts.pairs[word, after.word] > 0
    return counts.strong(word) or pair or (not counts.lower[word.lower()] and counts.initial[word] >= 2)


def _parted(run: Sequence[_Token], counts: _Counts) -> tuple[str, tuple[str, ...]]:
    """Return the title of a run (the last of several) and the words behind it."""
    words = [token.word for token in run]
    title = ""
    while len(words) > 1 and words[0] in TITLES and words[1] != "of":  # the Earl of Elton is not the Countess
        title = words.pop(0)
    while words and (words[-1] in CONNECTORS or words[-1] in TITLES):
        words.pop()
    if len(words) > 1 and len(set(words)) == 1:  # a signature under a signature
        words = words[:1]
    return title, tuple(words)


def _is_name(form: Form, counts: _Counts) -> bool:
    """Leave out what is written with a capital for another reason; a title before it is proof enough."""
    if form.title:
        return True
    if len(form.core) > 1:
        return len(form.places) >= 2 or all(map(counts.strong, form.core)) or counts.strong(form.core[-1])
    word = form.core[0]
    if len(word) < 2 or word in TITLES and not form.has_article:
        return False
    if form.has_article or counts.german:
        return counts.inside[word] >= 2 and counts.inside[word] >= 0.15 * counts.lower[word.lower()]
    if counts.inside[word]:
        return counts.strong(word)
    return counts.initial[word] >= 3 and not counts.lower[word.lower()]
