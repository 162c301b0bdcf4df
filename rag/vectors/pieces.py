"""Texts cut into pieces that an embedding model takes in whole, and what an index is told of a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

WINDOW = 150
"""Words embedded at once: what the embedding model takes in (256 word pieces) with room for the entry's name."""
WINDOW_LETTERS = 200
"""Letters beyond ASCII embedded at once: the packaged model's word pieces are mostly single letters there."""


def windows(text: str) -> list[str]:
    """Return a text in consecutive pieces that the embedding model takes in whole, so that no word goes unseen.

    A piece has `WINDOW` words, fewer where their letters are not ASCII; scripts without spaces are cut inside a line.
    """
    found: list[str] = []
    piece: list[str] = []
    words = letters = 0
    for word in text.split():
        for start in range(0, len(word), WINDOW_LETTERS):
            part = word[start : start + WINDOW_LETTERS]
            other = 0 if part.isascii() else sum(not letter.isascii() for letter in part)
            if piece and (words == WINDOW or letters + other > WINDOW_LETTERS):
                found.append(" ".join(piece))
                piece, words, letters = [], 0, 0
            piece.append(part)
            words, letters = words + 1, letters + other
    return [*found, " ".join(piece)]


@dataclass(frozen=True)
class Changed:
    """One thing of an index as it is now: its texts (None: it is gone), and whether it was there before.

    `number` grows with each change, so that an index knows how far it has come.
    """

    number: int
    id: str
    texts: tuple[str, ...] | None
    earlier: bool


class Source(Protocol):
    """What one collection of an index is made of, and made anew from."""

    @property
    def key(self) -> str:
        """What the collection is known by."""

    def revision(self) -> int:
        """Return the number of the last change, 0 where there was none."""

    def mark(self, revision: int) -> float:
        """Return when that change was written, 0 if there is none: it tells copies of a store apart."""

    def changed(self, since: int, limit: int) -> list[Changed]:
        """Return what changed after revision `since`, by number."""

    def pending(self, since: int) -> int:
        """Return how many things changed after revision `since`."""
