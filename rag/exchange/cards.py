"""Character cards V1, V2 and V3: the card becomes a character, its book further entries; books of cards alone, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rag.exchange.books import Book, Form, carrying, check_depth, read_book, read_rows
from rag.exchange.kept import NOTHING, Place, give_back, keep, note_of, same_at, value_at
from rag.exchange.rows import Written, write_book
from rag.exchange.sillytavern import has_second_keys
from rag.exchange.texts import cleaned
from rag.lore.lorebook import Found, Notes, Remark, Skipped, entry_from, joined
from style_tuner.errors import WorldError
from style_tuner.records import Entry

FORMAT = "card"
USUAL_ORDER = 100
FACTS = ("personality", "scenario")
"""Values of a card that are facts by name; its description is the text."""
SPOKEN = "What describes the character came in; greetings, examples and instructions are kept for the export"
TOLD = ("name", "text", "kind", "aliases", "foreign")


def _fresh(entry: Entry, number: int) -> dict[str, Any]:
    return {
        "keys": [],
        "content": "",
        "extensions": {},
        "enabled": True,
        "insertion_order": USUAL_ORDER,
        "case_sensitive": False,
        "name": "",
        "id": number,
        "comment": "",
        "selective": False,
        "secondary_keys": [],
        "constant": False,
        "position": "before_char",
    }


FORM = Form(
    format=FORMAT,
    program="a character card",
    names=("name", "comment"),
    text="content",
    keys="keys",
    always_on="constant",
    priority=("insertion_order",),
    usual_priority=USUAL_ORDER,
    is_off=lambda raw: raw.get("enabled") is False or "@@dont_activate" in str(raw.get("content"))[:200],
    fresh=_fresh,
    without_effect={
        "It waits for a second key in its card; here one of its first keys is enough": has_second_keys,
    },
)


def is_one(value: Any) -> bool:
    """Say whether JSON is a character card, or the book of one."""
    if not isinstance(value, Mapping):
        return False
    if str(value.get("spec", "")).startswith(("chara_card", "lorebook_v")):
        return True
    if isinstance(value.get("name"), str) and {"first_mes", "mes_example", "personality"} & set(value):
        return True
    return is_book(value)


def is_book(value: Mapping[str, Any]) -> bool:
    """Say whether JSON is the book of a card: its entries have `content` with `keys`."""
    rows = value.get("entries")
    return isinstance(rows, list) and any(isinstance(row, Mapping) and {"content", "keys"} <= set(row) for row in rows)


def label(value: Mapping[str, Any]) -> str:
    """Return what the file is, with its version."""
    spec = str(value.get("spec", ""))
    if spec.startswith("lorebook") or (not spec and is_book(value)):
        return "lorebook of a character card"
    version = {"chara_card_v2": "V2", "chara_card_v3": "V3"}.get(spec, spec or "V1")
    return f"character card {version}"


def read(value: Mapping[str, Any], file: str) -> Notes:
    """Read a card with its book, or such a book alone."""
    spec = str(value.get("spec", ""))
    if spec.startswith("lorebook"):
        around = {key: one for key, one in value.items() if key != "data"}
        return read_book(FORM, _book(value.get("data"), file, "lorebook", around))
    if not spec and is_book(value):
        return read_book(FORM, _book(value, file, "book", {}))
    data = value.get("data") if spec else value
    if not isinstance(data, Mapping):
        raise WorldError("its `data` is no object: save the card anew in the program that made it")
    check_depth({key: one for key, one in value.items() if key not in ("data", "character_book")})
    check_depth({key: one for key, one in data.items() if key != "character_book"})
    name = data.get("nickname") or data.get("name")
    character = " ".join(name.split()) if isinstance(name, str) else ""
    around = {key: one for key, one in value.items() if key != "data"} if spec else {}
    mirrored = [key for key in data if key in around and same_at(data, (key,), around[key])]
    envelope: dict[str, Any] = {
        "shape": "card" if spec else "card v1",
        "values": {key: one for key, one in around.items() if key not in mirrored},
        "mirrored": mirrored,
        "aside": [],
    }
    book = data.get("character_book")
    try:
        card, remarks = _character(data, file, character)
    except WorldError as error:
        frame = _book(book, file, "lorebook", around, character) if book is not None else None
        told = {key: one for key, one in data.items() if key != "character_book"}
        rest = read_book(FORM, replace(frame, values={**frame.values, "data": told})) if frame else Notes()
        return joined([Notes(skipped=(Skipped(f"{file}, the card itself", str(error)),)), rest])
    rest = Notes()
    if book is not None:
        bound = _book(book, file, "card", {}, character)
        rest, envelope["aside"] = read_rows(FORM, bound)
        envelope["book"] = bound.values["book"]
    return joined([Notes((carrying(card, FORMAT, envelope),), remarks=remarks), rest])


def _book(value: Any, file: str, shape: str, around: Mapping[str, Any], character: str = "") -> Book:
    if not isinstance(value, Mapping) or not isinstance(value.get("entries"), list):
        raise WorldError("its book has no list of `entries`: save it anew in the program that made it")
    inner = {key: one for key, one in value.items() if key != "entries"}
    rows = [(str(number), row) for number, row in enumerate(value["entries"])]
    return Book(file, shape, {"around": around, "book": inner}, rows, character)


def _character(data: Mapping[str, Any], file: str, character: str) -> tuple[Found, tuple[Remark, ...]]:
    for key in ("name", "description", *FACTS, "nickname"):
        if not isinstance(data.get(key, ""), str | None):
            raise WorldError(f"its `{key}` must be words, but is {type(data[key]).__name__}")
    if not character:
        raise WorldError("it has no name")
    parts = {key: cleaned(data.get(key) or "", character) for key in ("description", *FACTS)}
    told = [key for key in parts if parts[key].text]
    if not told:
        raise WorldError("it describes no one: its description, personality and scenario are empty")
    name, nickname = str(data.get("name") or character), str(data.get("nickname") or "")
    entry = entry_from(
        {
            "name": name,
            "kind": "character",
            "text": parts[told[0]].text,
            "aliases": [nickname] if nickname.strip() else [],
            "fields": {key: parts[key].text for key in FACTS if parts[key].text and key != told[0]},
        }
    )
    raw = {key: value for key, value in data.items() if key != "character_book" or value is None}
    kept = keep(raw, _says(entry), None, {"file": file, "card": True})
    remarks = dict.fromkeys((*(text for part in parts.values() for text in part.remarks), SPOKEN))
    found = Found(replace(entry, foreign={FORMAT: kept}), f"{file}, the card itself", TOLD, labelled=True)
    return found, tuple(Remark(text, (entry.name,)) for text in remarks)


def _says(entry: Entry) -> dict[Place, Any]:
    """Return what a character gives back for the values of a card; other fields are written into the description."""
    others = [f"{name}: {value}." for name, value in entry.fields.items() if name not in FACTS]
    return {
        ("name",): entry.name,
        ("description",): "\n".join((entry.text, *others)),
        **{(key,): entry.fields.get(key, "") for key in FACTS},
    }


def cards_in(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that came from cards."""
    return [entry for entry in entries if note_of(entry.foreign.get(FORMAT)).get("card")]


def write(entries: Sequence[Entry], character: str = "") -> tuple[Any, Written]:
    """Return the JSON of a card of one character with all other entries as its book, and what to know about it."""
    chosen = _chosen(entries, character)
    other_cards = {_file(entry) for entry in cards_in(entries) if chosen is None or _file(entry) != _file(chosen)}
    others = [entry for entry in entries if entry is not chosen and _file(entry) not in other_cards]
    left = [entry.name for entry in entries if entry is not chosen and _file(entry) in other_cards]
    if chosen is None:
        book = write_book(FORM, others)
        inner = {**book.values.get("book", {}), "entries": [row for _, row in book.rows]}
        if "data" in book.values:  # the card says nothing of the character, or nothing that can be read
            inner = {**book.values["data"], "character_book": inner}
        return {**book.values.get("around", {}), "data": inner} if book.shape == "lorebook" else inner, book
    kept = chosen.foreign.get(FORMAT)
    note = note_of(kept)
    envelope = note["book"] if isinstance(note.get("book"), dict) else {}
    book = write_book(FORM, others, {str(note["file"]): envelope} if "file" in note else None)
    rows = [row for _, row in book.rows]
    if note.get("card") and isinstance(kept, Mapping):
        data = give_back(kept, _says(chosen), None)
    else:
        data = {**_empty_card(), **give_back({}, _says(chosen), None)}
    if rows or "book" in envelope:
        data["character_book"] = {**envelope.get("book", {"extensions": {}}), "entries": rows}
    remarks = _remarks(chosen, left, book)
    if envelope.get("shape") == "card v1":
        return data, replace(book, remarks=remarks)
    around = envelope.get("values") or {"spec": "chara_card_v2", "spec_version": "2.0"}
    mirrored = {key: data[key] for key in envelope.get("mirrored", []) if key in data}
    return {**around, **mirrored, "data": data}, replace(book, remarks=remarks)


def _chosen(entries: Sequence[Entry], character: str) -> Entry | None:
    """Return the entry whose card is written; None where the world holds the book of a card and no character for it."""
    if character:
        found = [entry for entry in entries if character.casefold() in (entry.name.casefold(), entry.id)]
        if not found:
            raise WorldError(f"The world has no entry named {character!r}: name the character whose card to write.")
        return found[0]
    cards = cards_in(entries)
    people = cards or [entry for entry in entries if entry.kind == "character"]
    if len(people) == 1:
        return people[0]
    if not people and any(note_of(entry.foreign.get(FORMAT)) for entry in entries):
        return None
    names = [entry.name for entry in people]
    named = ", ".join((names if len(set(names)) == len(names) else [entry.id for entry in people])[:10])
    raise WorldError(
        f"A card is about one character, and the world has {len(people)}{f': {named}' if named else ''}. "
        "Say which one with --character NAME (over HTTP: character=NAME)."
    )


def _file(entry: Entry) -> Any:
    return note_of(entry.foreign.get(FORMAT)).get("file")


def _remarks(chosen: Entry, left: Sequence[str], book: Written) -> tuple[Remark, ...]:
    more = []
    if left:
        text = f"Left out, for they belong to other cards than that of {chosen.name}: write theirs with --character"
        more.append(Remark(text, tuple(left)))
    if chosen.from_chapter or chosen.to_chapter or chosen.book or chosen.links:
        more.append(Remark("Its chapters, book and links are left out: a card has no place for them", (chosen.name,)))
    if chosen.keys or len(chosen.aliases) > (1 if value_at(chosen.foreign, (FORMAT, "nickname")) is not NOTHING else 0):
        more.append(Remark("Its other names and keys are left out: a card has no place for them", (chosen.name,)))
    return (*more, *book.remarks)


def _empty_card() -> dict[str, Any]:
    return {
        "name": "",
        "description": "",
        "personality": "",
        "scenario": "",
        "first_mes": "",
        "mes_example": "",
        "creator_notes": "",
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": [],
        "tags": [],
        "creator": "",
        "character_version": "",
        "extensions": {},
    }
