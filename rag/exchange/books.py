"""What lorebooks of all programs have in common: entries with keys, read one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.exchange.kept import NOTE, Place, keep, value_at
from rag.exchange.texts import BROKEN_EXPRESSION, broken, cleaned, sort_keys
from rag.lore.lorebook import Found, Notes, Remark, Skipped, entry_from, joined
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
        name = first_plain(written)
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


def first_plain(keys: Sequence[str]) -> str:
    """Return the first key that is no regular expression, by which an entry without a name is called."""
    return next((key for key in keys if key.strip() and not key.strip().startswith("/")), "")


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
