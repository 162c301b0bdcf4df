"""Find names in a text in one pass over it, however many names there are; kept in step with the entries."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "HANGUL")
"""Scripts that write no spaces, or endings right behind a name: there a name may touch other letters."""
ARTICLES = ("the ", "a ", "an ")
WITHIN_A_WORD = re.compile(r"(?<=[a-z0-9])[a-z0-9]+")
"""Plain letters that continue a word: no name begins there."""
HEAD = 4
"""Letters by which it is decided where a name may begin."""
QUOTES = str.maketrans("’‘", "''")
SENTENCE_ENDS = ".!?…:;\n"
OPENINGS = " \t\"'“”«»—–-(["
AT_SENTENCE_START = 0.5
"""How much an ordinary word counts as a name where it has its capital from the sentence."""


@dataclass(frozen=True)
class Mention:
    """A name found in a text: whose, what was written there, where, and how surely it is meant (0 to 1)."""

    entry: str
    written: str
    start: int
    end: int
    certainty: float = 1.0


def fold(text: str) -> str:
    """Return a text as names are compared: without case, width and kinds of quotation marks."""
    return unicodedata.normalize("NFC", _composed(text).casefold())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text.translate(QUOTES)))


def _folded_with_places(text: str) -> tuple[str, list[int] | range]:
    """Return the folded text and for each of its characters the place in the text that it comes from."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded, range(len(text) + 1)
    pieces = [character.casefold() for character in text]
    places = [at for at, piece in enumerate(pieces) for _ in piece]
    return "".join(pieces), [*places, len(text)]


class NameIndex:
    """Names of entries, looked up where a word of a text begins."""

    def __init__(self) -> None:
        self._owners: dict[str, dict[str, str]] = {}
        self._lengths: dict[str, Counter[int]] = defaultdict(Counter)

    def add(self, entry: str, name: str) -> None:
        """Let a name stand for an entry."""
        for variant in _variants(name):
            owners = self._owners.setdefault(variant, {})
            if not owners:
                self._lengths[variant[:HEAD]][len(variant)] += 1
            owners.setdefault(entry, name)

    def drop(self, entry: str, name: str) -> None:
        """Let a name no longer stand for an entry."""
        for variant in _variants(name):
            owners = self._owners.get(variant, {})
            if owners.pop(entry, None) is not None and not owners:
                del self._owners[variant]
                self._lengths[variant[:HEAD]] -= Counter({len(variant): 1})

    def owners(self, name: str) -> list[str]:
        """Return the entries that have a name."""
        return list(self._owners.get(fold(name).strip(), ()))

    def find(
        self, text: str, counts: Callable[[str], bool], ordinary: Callable[[str], bool] = lambda word: False
    ) -> list[Mention]:
        """Return who is named in a text, in its order; where names overlap, the longest of an entry that counts.

        A name that is one `ordinary` word counts only with its capital letter, and less where a sentence begins.
        """
        if not text or not self._owners:
            return []
        composed = _composed(text)
        folded, places = _folded_with_places(composed)
        found: list[Mention] = []
        for start, end in self._matches(folded):
            written = composed[places[start] : places[end]]
            for entry, name in self._owners[folded[start:end]].items():
                if not counts(entry):
                    continue
                certainty = _certainty(name, written, composed, places[start], ordinary)
                if certainty:
                    found.append(Mention(entry, written, places[start], places[end], certainty))
        return _longest(found)

    def _matches(self, folded: str) -> Iterator[tuple[int, int]]:
        for start in _beginnings(folded):
            for head in range(1, HEAD + 1):
                if start + head > len(folded):
                    break
                for length in self._lengths.get(folded[start : start + head], ()):
                    end = start + length
                    inside = (head == HEAD or length == head) and end <= len(folded)
                    known = inside and folded[start:end] in self._owners
                    if known and not _joined(folded[end : end + 1], folded[end - 1]):
                        yield start, end


def _variants(name: str) -> list[str]:
    """Return the forms that a name is looked up by: as it is, and without its article."""
    folded = fold(name).strip()
    bare = next((folded.removeprefix(article) for article in ARTICLES if folded.startswith(article)), "")
    return [form for form in (folded, bare.strip()) if form]


def _certainty(name: str, written: str, text: str, start: int, ordinary: Callable[[str], bool]) -> float:
    """Say how surely a piece of text is meant as a name."""
    own = fold(name).strip()
    without_article = fold(written) != own
    if " " in own and not without_article:
        return 1.0
    capital = written[:1].isupper() or written[:1].lower() == written[:1].upper()
    core = next((name[len(article) :] for article in ARTICLES if name.casefold().startswith(article)), name).strip()
    named_by_capital = core[:1].isupper()
    if without_article:
        return 1.0 if capital and named_by_capital and not _begins_sentence(text, start) else 0.0
    if not named_by_capital or not ordinary(own):
        return 1.0
    if not capital:
        return 0.0
    return AT_SENTENCE_START if _begins_sentence(text, start) else 1.0


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(OPENINGS)
    return not before or before[-1] in SENTENCE_ENDS


def _longest(found: list[Mention]) -> list[Mention]:
    kept: list[Mention] = []
    for mention in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or mention.end > kept[-1].end or (mention.start, mention.end) == (kept[-1].start, kept[-1].end):
            kept.append(mention)
    return kept


def _beginnings(folded: str) -> Iterator[int]:
    """Yield where in a folded text a name may begin."""
    at = 0
    for inside in (*WITHIN_A_WORD.finditer(folded), None):
        until = inside.start() if inside else len(folded)
        yield from (one for one in range(at, until) if not one or not _joined(folded[one - 1], folded[one]))
        at = inside.end() if inside else until


def _joined(neighbour: str, edge: str) -> bool:
    """Say whether a character continues the word that the edge of a name belongs to."""
    if not neighbour or not _is_letter(neighbour) or not _is_letter(edge):
        return False
    if neighbour.isascii() and edge.isascii():
        return True
    return not any(unicodedata.name(character, "").startswith(UNSPACED) for character in (neighbour, edge))


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"
