"""Books that are named and not known: most are misspelt, so the nearest that is known is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from rag.worlds import Worlds
from style_tuner.records import Entry

NEAR = 0.6
"""Likeness (0 to 1) from which on one name is taken for another one misspelt."""
MOST_NAMED = 8


def about_book(worlds: Worlds, world: str, book: str) -> list[str]:
    """Say that a request's book is none that its world knows, and which is the nearest."""
    known = _known(worlds, world, set()) if book else []
    if not known or _same(book, known):
        return []
    near = _nearest(book, known)
    meant = f"Did you mean {near!r}?" if near else f"There are: {', '.join(known[:MOST_NAMED])}."
    return [f"No entry and no manuscript of this world belongs to a book {book!r}. {meant}"]


def about_new_books(worlds: Worlds, world: str, entries: Sequence[Entry]) -> list[str]:
    """Say which entries hold in a book that nothing else names, where its name is nearly that of another one."""
    if not any(entry.book for entry in entries):
        return []
    others = _known(worlds, world, {entry.id for entry in entries})
    named: dict[str, list[str]] = {}
    for entry in entries:
        if entry.book:
            named.setdefault(entry.book, []).append(entry.name)
    said = []
    for book, names in named.items():
        known = sorted({*others, *named} - {book})
        near = "" if _same(book, others) else _nearest(book, known)
        if near:
            some = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED))
            said.append(f"{some}: the book {book!r} is new to this world. Did you mean {near!r}?")
    return said


def _known(worlds: Worlds, world: str, without: set[str]) -> list[str]:
    """Return the books of a world: those that its other entries hold in, and its manuscripts."""
    if world not in worlds.names():
        return []
    linked = [one.title for one in worlds.passages.linked(world)]
    held = [entry.book for entry in worlds.entries(world).values() if entry.id not in without]
    return sorted({*held, *linked} - {""})


def _same(book: str, known: Sequence[str]) -> bool:
    return book.casefold() in {one.casefold() for one in known}


def _nearest(book: str, known: Sequence[str]) -> str:
    by_name = {one.casefold(): one for one in known if _unnumbered(one) != _unnumbered(book)}
    return next((by_name[one] for one in get_close_matches(book.casefold(), by_name, 1, NEAR)), "")


def _unnumbered(book: str) -> str:
    """Return the name of a book without its number: the next volume of a series is no misspelling."""
    return re.sub(r"\b(?:\d+|[ivxlc]+)\b", "", book.casefold())
