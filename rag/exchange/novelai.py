"""NovelAI's lorebooks (`.lorebook`, versions 1 to 6), alone or inside a scenario or story file."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rag.exchange.books import Book, Form, read_book
from rag.exchange.rows import Written, write_book
from rag.exchange.texts import JOINED_KEYS
from rag.lore.lorebook import Notes, Remark, joined
from style_tuner.errors import WorldError
from style_tuner.records import Entry

FORMAT = "novelai"
LABEL = "NovelAI lorebook"
VERSION = 6
USUAL_PRIORITY = 400
KINDS = {
    "character": ("character", "characters", "people", "person", "persons", "npc", "npcs"),
    "place": ("place", "places", "location", "locations"),
    "thing": ("thing", "things", "item", "items", "object", "objects"),
    "rule": ("rule", "rules", "concept", "concepts", "magic", "systems"),
    "event": ("event", "events", "history"),
}
INSIDE = "Only the lorebook of the file came in; what else is in it (story, settings) stays in the file"


def _fresh(entry: Entry, number: int) -> dict[str, Any]:
    """Return what NovelAI writes for a new entry; its id is made from ours, so that it stays the same."""
    return {
        "text": "",
        "contextConfig": {
            "prefix": "",
            "suffix": "\n",
            "tokenBudget": 1,
            "reservedTokens": 0,
            "budgetPriority": USUAL_PRIORITY,
            "trimDirection": "trimBottom",
            "insertionType": "newline",
            "maximumTrimType": "sentence",
            "insertionPosition": -1,
        },
        "lastUpdatedAt": int(time.time() * 1000),
        "displayName": "",
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, entry.id)),
        "keys": [],
        "searchRange": 1000,
        "enabled": True,
        "forceActivation": False,
        "keyRelative": False,
        "nonStoryActivatable": False,
        "category": "",
        "loreBiasGroups": [],
    }


FORM = Form(
    format=FORMAT,
    program="NovelAI",
    names=("displayName",),
    text="text",
    keys="keys",
    always_on="forceActivation",
    priority=("contextConfig", "budgetPriority"),
    usual_priority=USUAL_PRIORITY,
    is_off=lambda raw: raw.get("enabled") is False,
    fresh=_fresh,
    without_effect={
        JOINED_KEYS: lambda raw: any("&" in key for key in raw.get("keys") or [] if isinstance(key, str)),
        "It has conditions of its own in NovelAI, which have no effect here": lambda raw: raw.get("advancedConditions"),
    },
)


def is_one(value: Any) -> bool:
    """Say whether JSON is a lorebook of NovelAI, or holds one."""
    if not isinstance(value, Mapping):
        return False
    if "lorebookVersion" in value or _inner(value) is not None:
        return True
    rows = value.get("entries")
    return isinstance(rows, list) and any(isinstance(row, Mapping) and {"text", "keys"} <= set(row) for row in rows)


def _inner(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the lorebook inside a scenario, or inside a story, where it lies one level deeper."""
    for holder in (value, value.get("content")):
        inner = holder.get("lorebook") if isinstance(holder, Mapping) else None
        if isinstance(inner, Mapping) and "entries" in inner:
            return inner
    return None


def read(value: Mapping[str, Any], file: str) -> Notes:
    """Read a lorebook; an entry's kind comes from its category where that is a common one."""
    lorebook = value if "entries" in value else _inner(value)
    entries = lorebook["entries"] if lorebook is not None else None
    if lorebook is None or not isinstance(entries, list):
        raise WorldError("its `entries` are no list: export the lorebook from NovelAI anew")
    categories = lorebook.get("categories")
    resting = {}
    kinds = {}
    for category in categories if isinstance(categories, list) else []:
        if isinstance(category, Mapping) and isinstance(category.get("id"), str):
            resting[category["id"]] = category.get("enabled") is False
            kinds[category["id"]] = _kind(category.get("name"))
    values = {key: inner for key, inner in lorebook.items() if key != "entries"}
    rows = [(str(number), entry) for number, entry in enumerate(entries)]
    book = Book(file, "lorebook", values, rows)
    form = _with_categories(resting)
    notes = read_book(form, book, lambda raw: kinds.get(str(raw.get("category"))))
    return notes if lorebook is value else joined([notes, Notes(remarks=(Remark(INSIDE),))])


def _with_categories(resting: Mapping[str, bool]) -> Form:
    """Return the form in which an entry is switched off with its category, too."""

    def is_off(raw: Mapping[str, Any]) -> bool:
        return raw.get("enabled") is False or resting.get(str(raw.get("category")), False)

    return replace(FORM, is_off=is_off)


def _kind(name: Any) -> str | None:
    folded = name.strip().casefold() if isinstance(name, str) else ""
    return next((kind for kind, names in KINDS.items() if folded in names), None)


def write(entries: Sequence[Entry]) -> tuple[Any, Written]:
    """Return the JSON of a lorebook with these entries, and what to know about it."""
    book = write_book(FORM, entries)
    usual = {"lorebookVersion": VERSION, "settings": {"orderByKeyLocations": False}, "categories": []}
    values = dict(book.values) if book.shape else usual
    return {**values, "entries": [row for _, row in book.rows]}, book
