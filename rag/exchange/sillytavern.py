"""SillyTavern's World Info: JSON with `entries` as an object by number, as a list, or as a bare list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rag.exchange.books import Book, Form, read_book
from rag.exchange.rows import Written, write_book
from rag.lore.lorebook import Notes
from style_tuner.records import Entry

FORMAT = "sillytavern"
LABEL = "SillyTavern World Info"
USUAL_ORDER = 100


def _is_off(raw: Mapping[str, Any]) -> bool:
    return bool(raw.get("disable")) or "@@dont_activate" in str(raw.get("content"))[:200]


def _fresh(entry: Entry, number: int) -> dict[str, Any]:
    """Return what SillyTavern writes for a new entry."""
    return {
        "uid": number,
        "key": [],
        "keysecondary": [],
        "comment": "",
        "content": "",
        "constant": False,
        "vectorized": False,
        "selective": True,
        "selectiveLogic": 0,
        "addMemo": True,
        "order": USUAL_ORDER,
        "position": 0,
        "disable": False,
        "excludeRecursion": False,
        "preventRecursion": False,
        "delayUntilRecursion": False,
        "probability": 100,
        "useProbability": True,
        "depth": 4,
        "group": "",
        "groupOverride": False,
        "groupWeight": 100,
        "scanDepth": None,
        "caseSensitive": None,
        "matchWholeWords": None,
        "useGroupScoring": None,
        "automationId": "",
        "role": None,
        "sticky": 0,
        "cooldown": 0,
        "delay": 0,
        "displayIndex": number,
    }


def has_second_keys(raw: Mapping[str, Any]) -> bool:
    """Say whether an entry waits for a second key."""
    return bool(raw.get("keysecondary") or raw.get("secondary_keys")) and raw.get("selective") is not False


def _comes_by_chance(raw: Mapping[str, Any]) -> bool:
    chance = raw.get("probability")
    return isinstance(chance, int | float) and chance < 100 and raw.get("useProbability") is not False


FORM = Form(
    format=FORMAT,
    program="SillyTavern",
    names=("comment",),
    text="content",
    keys="key",
    always_on="constant",
    priority=("order",),
    usual_priority=USUAL_ORDER,
    is_off=_is_off,
    fresh=_fresh,
    without_effect={
        "It waits for a second key in SillyTavern; here one of its first keys is enough": has_second_keys,
        "It comes only by chance in SillyTavern; here it comes whenever it is called up": _comes_by_chance,
        "It is one of a group of which SillyTavern sends one; here each is sent when it is called up": (
            lambda raw: raw.get("group")
        ),
        "It has a time of its own in SillyTavern (sticky, cooldown or delay), which has no effect here": (
            lambda raw: raw.get("sticky") or raw.get("cooldown") or raw.get("delay")
        ),
    },
)


def is_one(value: Any) -> bool:
    """Say whether JSON is a World Info file: its entries have `content` with `key`."""
    rows = value.get("entries") if isinstance(value, Mapping) else value
    if not isinstance(rows, list | Mapping):
        return False
    entries = [row for row in (rows.values() if isinstance(rows, Mapping) else rows) if isinstance(row, Mapping)]
    if not entries:
        return isinstance(rows, Mapping) and not rows
    return any("content" in row and ("key" in row or "keysecondary" in row) for row in entries) or (
        isinstance(rows, Mapping) and any("content" in row for row in entries)
    )


def read(value: Any, file: str) -> Notes:
    """Read a World Info file."""
    if isinstance(value, list):
        rows, values, shape = _numbered(value), {}, "bare list"
    else:
        values = {key: inner for key, inner in value.items() if key != "entries"}
        entries = value["entries"]
        shape = "list" if isinstance(entries, list) else "object"
        rows = _numbered(entries) if isinstance(entries, list) else list(entries.items())
    return read_book(FORM, Book(file, shape, values, rows))


def _numbered(entries: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(str(number), entry) for number, entry in enumerate(entries)]


def write(entries: Sequence[Entry]) -> tuple[Any, Written]:
    """Return the JSON of a World Info file with these entries, and what to know about it."""
    book = write_book(FORM, entries)
    rows = [row for _, row in book.rows]
    _number_anew(rows)
    if book.shape == "bare list" and not book.values:
        return rows, book
    if book.shape == "list":
        return {**book.values, "entries": rows}, book
    places: dict[str, Any] = {}
    for at, row in book.rows:
        number = len(places)
        while at in places:
            at, number = str(number), number + 1
        places[at] = row
    return {"entries": places, **book.values}, book


def _number_anew(rows: Sequence[Any]) -> None:
    """Give each row that shares its number with an earlier one, or is new, a number of its own."""
    taken: set[Any] = set()
    for row in rows:
        if isinstance(row, dict) and type(row.get("uid")) is int:
            if row["uid"] in taken:
                row["uid"] = max(taken) + 1
            taken.add(row["uid"])
