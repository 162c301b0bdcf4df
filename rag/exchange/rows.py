"""Lorebooks written back: what came from the same program as it was, with what changed here, and what is new."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.exchange.books import Form
from rag.exchange.kept import Place, give_back, note_of
from rag.exchange.texts import DECORATORS
from rag.lore.lorebook import Remark
from style_tuner.records import Entry


@dataclass(frozen=True)
class Written:
    """A lorebook to write: its own values and shape, its rows in order with their places, and what to know about it."""

    shape: str
    values: Mapping[str, Any]
    rows: tuple[tuple[str, dict[str, Any]], ...]
    remarks: tuple[Remark, ...]


def write_book(form: Form, entries: Sequence[Entry], known: Mapping[str, dict[str, Any]] | None = None) -> Written:
    """Return the rows of all entries: those that came from this program as they were, with what changed here.

    `known` is what belongs to files as a whole where that lies elsewhere than with their entries.
    """
    rows: list[tuple[tuple[str, int, str], str, dict[str, Any]]] = []
    books: dict[str, dict[str, Any]] = dict(known or {})
    fresh: list[Entry] = []
    for entry in entries:
        kept = entry.foreign.get(form.format)
        note = note_of(kept)
        if not isinstance(kept, Mapping) or "at" not in note:
            fresh.append(entry)
            continue
        file, at = str(note.get("file", "")), str(note["at"])
        raw = give_back(kept, _with_decorators(form, kept, form.says(entry)), (form.keys,))
        rows.append((_order(file, at), at, raw))
        if isinstance(note.get("book"), dict):
            books[file] = note["book"]
    for file, book in books.items():
        rows += [(_order(file, str(at)), str(at), raw) for at, raw in book.get("aside", [])]
    rows.sort(key=lambda row: row[0])
    ordered = [(at, raw) for _, at, raw in rows]
    for entry in fresh:
        number = len(ordered)
        ordered.append((str(number), _new_row(form, entry, number)))
    files = dict.fromkeys(order[0] for order, _, _ in rows)
    shape = next((str(book.get("shape", "")) for book in books.values()), "")
    return Written(shape, _values(books), tuple(ordered), _left_out(form, entries, files, books))


def _with_decorators(form: Form, kept: Mapping[str, Any], says: dict[Place, Any]) -> dict[Place, Any]:
    """Put the commands that stood before a text before the text that replaces it."""
    written, said = kept.get(form.text), note_of(kept).get("said", {})
    before = DECORATORS.match(written) if isinstance(written, str) else None
    if before and said.get(form.text) != says[(form.text,)]:
        says[(form.text,)] = f"{before.group().strip()}\n\n{says[(form.text,)]}"
    return says


def _new_row(form: Form, entry: Entry, number: int) -> dict[str, Any]:
    """Return a row for an entry that was written here, with values that somebody gave it by hand."""
    by_hand = entry.foreign.get(form.format)
    row = form.fresh(entry, number)
    if isinstance(by_hand, Mapping) and not note_of(by_hand):
        row |= by_hand
    says = form.says(entry)
    says[form.priority] = entry.priority or form.usual_priority
    return give_back(row, says, None)


def _order(file: str, at: str) -> tuple[str, int, str]:
    return (file, int(at), "") if at.isdecimal() and len(at) < 19 else (file, 10**19, at)


def _values(books: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the values of the first file, and what later ones have beside them."""
    values: dict[str, Any] = {}
    for book in books.values():
        values = {**book.get("values", {}), **values}
    return values


def _left_out(
    form: Form, entries: Sequence[Entry], files: Mapping[str, None], books: Mapping[str, dict[str, Any]]
) -> tuple[Remark, ...]:
    """Say what the other program has no place for, in sentences about the entries that have it."""
    losses: dict[str, Callable[[Entry], Any]] = {
        f"Its chapters are left out, and {form.program} would send it at any point of the story": (
            lambda entry: entry.from_chapter or entry.to_chapter
        ),
        f"Its book is left out, for {form.program} has no place for it": lambda entry: entry.book,
        f"Its links are left out, for {form.program} has no place for them": lambda entry: entry.links,
        f"Its kind is left out, for {form.program} has no place for it": (
            lambda entry: entry.kind != "note" and not note_of(entry.foreign.get(form.format)).get("kind")
        ),
        "Its fields were written into the text": lambda entry: entry.fields,
    }
    remarks = [Remark(text, tuple(e.name for e in entries if has(e))) for text, has in losses.items()]
    remarks = [remark for remark in remarks if remark.names]
    for file in files:
        if file not in books:
            text = (
                f"What belonged to {file} as a whole (its settings, what was switched off in it) lay with an entry "
                "that is no longer in the world: bring that entry back, or import the file anew"
            )
            remarks.append(Remark(text))
    if len(books) > 1:
        remarks.append(Remark(f"Several files became one, with the settings of the first: {', '.join(books)}"))
    return tuple(remarks)
