"""The author's whole text by chapters, and which of its paragraphs a voice may be learned from.

Passages leave out what no model should be trained on: paragraphs that are too long, fragments, bare dialogue. A voice
is heard in all of it, and a copy may come from any of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from style_tuner.dataset.split import REPEATED, shingles
from style_tuner.records import Manuscript, Passage


@dataclass(frozen=True)
class WholeChapter:
    """One chapter as the author knows it: what it is called, its text, and the numbers of the paragraphs to unlearn.

    `unlearned` are paragraphs (from 0, parted by blank lines) that are held out, share text with what is, or repeat
    an earlier chapter.
    """

    name: str
    text: str
    unlearned: tuple[int, ...] = ()

    @property
    def learned(self) -> str:
        """The text without the paragraphs that are not to be learned from."""
        left_out = set(self.unlearned)
        kept = (paragraph for number, paragraph in enumerate(self.text.split("\n\n")) if number not in left_out)
        return "\n\n".join(kept)


def whole_chapters(manuscripts: Sequence[Manuscript], held_out: Sequence[Passage]) -> list[WholeChapter]:
    """Return every chapter of the manuscripts, told which paragraphs stand in the held-out passages or came before."""
    unseen = {shingle for passage in held_out for shingle in shingles(passage.text)}
    known: set[int] = set()
    found = []
    for manuscript in manuscripts:
        for number, chapter in enumerate(manuscript.chapters, 1):
            called = f", “{chapter.title}”" if chapter.title else ""
            name = f"‘{manuscript.title}’, chapter {number}{called}"
            found.append(WholeChapter(name, chapter.text, _unlearned(chapter.text.split("\n\n"), unseen, known)))
    return found


def _unlearned(paragraphs: Sequence[str], unseen: set[int], known: set[int]) -> tuple[int, ...]:
    """Return the numbers of the paragraphs to leave out; `known` learns the rest.

    A paragraph of fewer than eight words cannot be told by its own words: it is kept where both of its neighbours are.
    """
    kept: list[bool | None] = []
    for paragraph in paragraphs:
        own = shingles(paragraph)
        kept.append(max(len(own & unseen), len(own & known)) < REPEATED * len(own) if own else None)
        if kept[-1]:
            known |= own
    before, after = _filled(kept), _filled(kept[::-1])[::-1]
    return tuple(place for place in range(len(paragraphs)) if not (before[place] and after[place]))


def _filled(kept: Sequence[bool | None]) -> list[bool]:
    """Return each value, or the last one before it that is known."""
    found, last = [], True
    for value in kept:
        last = last if value is None else value
        found.append(last)
    return found
