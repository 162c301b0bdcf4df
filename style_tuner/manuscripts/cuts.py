"""What reading takes out of a text: each piece leaves a mark where it stood, until the paragraphs are laid out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

SOFT_END = "\ue002"
"""A line end of Markdown's source: a blank in prose, the end of a line in verse, which only the paragraph can tell."""
_MARK = re.compile(r"\x00(\d+)\x00")  # no document and no tidied text holds this character


@dataclass(frozen=True)
class Cut:
    """A piece that was taken out, why, and where it stood: in a block (after `offset` characters) or on its own."""

    text: str
    reason: str
    place: Literal["before", "inside", "after"] = "before"
    offset: int = 0


def plural(reason: str) -> str:
    """Return the name of several pieces: `footnotes`, `link addresses`."""
    return f"{reason}es" if reason.endswith("s") else f"{reason}s"


def unmarked(text: str) -> str:
    """Return a text without its marks."""
    return _MARK.sub("", text)


def marks_in(text: str) -> str:
    """Return the marks of a text without its words."""
    return "".join(mark[0] for mark in _MARK.finditer(text))


class Marks:
    """Hands out a mark for each piece that is taken out, and tells of each mark where it stands."""

    def __init__(self) -> None:
        self._taken: list[tuple[str, str]] = []

    def take(self, reason: str, text: str) -> str:
        """Return the mark of a piece, after which stand the marks that were in the piece itself."""
        self._taken.append((unmarked(text).replace(SOFT_END, " ").strip() or reason, reason))
        return f"\x00{len(self._taken) - 1}\x00" + marks_in(text)

    def cuts(self, text: str, laid_out: Callable[[str], str]) -> tuple[Cut, ...]:
        """Return what was taken out of a text; `laid_out` is what becomes of the text itself."""
        found = []
        whole = laid_out(unmarked(text))
        for mark in _MARK.finditer(text):
            before = unmarked(text[: mark.start()])
            offset = len(laid_out(before))
            offset += before[-1:].isspace() and whole[offset : offset + 1].isspace()
            found.append(Cut(*self._taken[int(mark[1])], place="inside", offset=offset))
        return tuple(found)
