"""What lorebooks of all programs have in common: entries with keys, read one by one and written back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.exchange.kept import NOTE, Place, give_back, keep, note_of, value_at
from rag.exchange.texts import BROKEN_EXPRESSION, DECORATORS, broken, cleaned, sort_keys
from rag.lorebook import Found, Notes, Remark, Skipped, entry_from, joined
from style_tuner.errors import WorldError
from style_tuner.records import Entry

DEEPEST = 40
"""Levels of lists and objects in one entry; more than any program writes."""
FIRST_WORDS = 6
"""Words of the text that name an entry without a name."""
SWITCHED_OFF = "Switched off in the file: kept for the export and out of the world, so that it is never sent"
NAMED_BY_TEXT = "It has neither name nor keys: named after the first words of its text"
TOLD = ("name", "text", "aliases", "keys", "always_on", "priority", "foreign")


@dataclass(frozen=True)
class Form:
    """How one program writes an entry of a lorebook: where its values lie, and what a new one looks like."""

    format: str
    program: str
    names: tuple[str, ...]
    text: str
    keys: str
    always_on: str
    priority: Place
    usual_priority: int
    is_off: Callable[[Mapping[str, Any]], bool]
    fresh: Callable[[Entry, int], dict[str, Any]]
    without_effect: Mapping[str, Callable[[Mapping[str, Any]], Any]]
    """What is kept but does nothing here, as a sentence, and how to see that an entry has it."""

    def says(self, entry: Entry) -> dict[Place, Any]:
        """Return what an entry gives back for the values that this program has a place for."""
        facts = [f"{name}: {value}." for name, value in entry.fields.items()]
        return {
            (self.names[0],): entry.name,
            (self.text,): "\n".join((entry.text, *facts)),
            (self.keys,): [*entry.aliases, *entry.keys],
            (self.always_on,): entry.always_on,
            self.priority: entry.priority,
        }


@dataclass(frozen=True)
class Book:
    """One lorebook file: its name, its own values and shape, and its rows, each with its place in the file."""

    file: str
    shape: str
    values: Mapping[str, Any]
    rows: Sequence[tuple[str, Any]]
    character: str = ""


def read_book(form: Form, book: Book, kind_of: Callable[[Mapping[str, Any]], str | None] = lambda raw: None) -> Notes:
    """Read every entry of a lorebook; what is switched off or cannot be read is kept with the first one that can."""
    notes, aside = read_rows(form, book, kind_of)
    if not notes.found:
        return notes
    whole_file = {"shape": book.shape, "values": dict(book.values), "aside": aside}
    return replace(notes, found=(carrying(notes.found[0], form.format, whole_file), *notes.found[1:]))


def read_rows(
    form: Form, book: Book, kind_of: Callable[[Mapping[str, Any]], str | None] = lambda raw: None
) -> tuple[Notes, list[list[Any]]]:
    """Read every entry of a lorebook, and return beside them the rows that are switched off or cannot be read."""
    found: list[Found] = []
    aside: list[list[Any]] = []
    skipped: list[Skipped] = []
    about: list[Notes] = []
    for at, raw in book.rows:
        try:
            if not isinstance(raw, Mapping):
                raise WorldError(f"it must be an object with values, but is {_short(raw)}")
            check_depth(raw)
            entry, remarks = _entry(form, book, at, raw, kind_of(raw))
        except WorldError as error:
            skipped.append(Skipped(f"{book.file}, entry {at}{_called(form, raw)}", str(error)))
            aside.append([at, raw])
            continue
        if form.is_off(raw):
            aside.append([at, raw])
            about.append(Notes(remarks=(Remark(SWITCHED_OFF, (entry.name,)),)))
            continue
        told = (*TOLD, "kind") if kind_of(raw) else TOLD
        found.append(Found(entry, f"{book.file}, entry {at}", told, labelled=True))
        about.append(Notes(remarks=tuple(Remark(text, (entry.name,)) for text in remarks)))
    aside = [[at, raw] for at, raw in aside if _can_be_kept(raw)]
    return joined([Notes(tuple(found), tuple(skipped)), *about]), aside


def carrying(first: Found, format: str, book: Mapping[str, Any]) -> Found:
    """Return an entry with what belongs to its whole file."""
    kept = first.entry.foreign[format]
    kept = {**kept, NOTE: {**kept[NOTE], "book": book}}
    return replace(first, entry=replace(first.entry, foreign={**first.entry.foreign, format: kept}))


def _entry(form: Form, book: Book, at: str, raw: Mapping[str, Any], kind: str | None) -> tuple[Entry, tuple[str, ...]]:
    text = raw.get(form.text)
    if not isinstance(text, str):
        raise WorldError("it has no text" if text is None else f"its text must be words, but is {_short(text)}")
    clean = cleaned(text, book.character)
    remarks = list(clean.remarks)
    written = _written_keys(raw.get(form.keys))
    name = next((value for key in form.names if (value := _label(raw.get(key), book.character))), "")
    if not name:
        name = next((key for key in written if key.strip() and not key.strip().startswith("/")), "")
    if not name:
        name = " ".join(clean.text.split()[:FIRST_WORDS]).strip(".,:;[](){}")
        remarks.append(NAMED_BY_TEXT)
    flags = None
    if raw.get("use_regex") is True:
        flags = "" if raw.get("case_sensitive") is True else "i"
    keys = sort_keys(" ".join(name.split()), written, book.character, flags)
    if any(map(broken, keys.keys)):
        remarks.append(BROKEN_EXPRESSION)
    remarks += [sentence for sentence, has in form.without_effect.items() if has(raw)]
    entry = entry_from(
        {
            "name": name,
            "text": clean.text,
            "kind": kind,
            "aliases": keys.aliases,
            "keys": keys.keys,
            "always_on": truth(raw.get(form.always_on), form.always_on),
            "priority": whole(value_at(raw, form.priority), form.priority[-1]),
        }
    )
    note = {"file": book.file, "at": at, **({"kind": True} if kind else {})}
    kept = keep(raw, form.says(entry), ((form.keys,), keys), note)
    return replace(entry, foreign={form.format: kept}), tuple(remarks)


def truth(value: Any, key: str) -> bool:
    """Return a value that programs write as true, false or nothing."""
    if value in (None, 0, 1):
        return bool(value)
    raise WorldError(f"`{key}` must be true or false, but is {_short(value)}")


def whole(value: Any, key: str) -> int:
    """Return a number that programs write with or without a fraction, 0 where there is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value)
    if value is None or not isinstance(value, str | bool | list | dict):
        return 0
    raise WorldError(f"`{key}` must be a number, but is {_short(value)}")


def _written_keys(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value] if value.startswith("/") else value.split(",")
    if not isinstance(value, list) or not all(isinstance(key, str | int | float) for key in value):
        raise WorldError(f"its keys must be a list of words, but are {_short(value)}")
    return [str(key) for key in value]


def _label(value: Any, character: str) -> str:
    return cleaned(value, character).text if isinstance(value, str) else ""


def _called(form: Form, raw: Any) -> str:
    names = [raw.get(key) for key in form.names] if isinstance(raw, Mapping) else []
    return next((f" ({name[:60]!r})" for name in names if isinstance(name, str) and name.strip()), "")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True) if not isinstance(value, dict | list) else type(value).__name__
    return {"dict": "an object", "list": "a list"}.get(text, text if len(text) <= 60 else text[:60] + "…")


def check_depth(value: Any) -> None:
    """Refuse an entry whose values lie in one another without end."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inside(one)]
        if not level:
            return
    raise WorldError(f"its values lie more than {DEEPEST} levels deep in one another")


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _can_be_kept(raw: Any) -> bool:
    try:
        check_depth(raw)
    except WorldError:
        return False
    return True


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
