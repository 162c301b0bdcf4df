"""Entries proposed from manuscripts: what each would add to the world, what a second run makes of it; all pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

from rag.extraction.names import Name
from rag.extraction.sheets import LATER, Fact, Sheet, where_told
from rag.lore.lorebook import entry_from
from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.workspace import slug

State = Literal["pending", "accepted", "rejected"]
STATES: tuple[State, ...] = ("pending", "accepted", "rejected")
Row = dict[str, Any]
"""A proposal as it is kept: plain values."""
CHANGES = ("name", "kind", "text", "aliases", "fields", "links", "into")


def proposal(sheet: Sheet, workspace: str, text: str = "", by: str = "rules") -> Row:
    """Return a sheet as a proposal; `text` is what a model wrote instead of the rules' own."""
    name = sheet.name
    return {
        "id": slug(name.name),
        "name": name.name,
        "kind": name.kind,
        "aliases": list(name.aliases),
        "text": text or sheet.text,
        "written_by": by,
        "facts": [_fact(fact) for fact in sheet.facts],
        "disputed": [_fact(fact) for fact in sheet.disputed],
        "links": list(sheet.links),
        "mentions": name.mentions,
        "chapters": [asdict(count) for count in name.chapters],
        "first": asdict(name.first),
        "quotes": [asdict(quote) for quote in name.quotes],
        "workspace": workspace,
    }


def name_row(name: Name) -> Row:
    """Return a name with its counts by chapter as plain values."""
    return {
        "name": name.name,
        "kind": name.kind,
        "aliases": list(name.aliases),
        "mentions": name.mentions,
        "chapters": [asdict(count) for count in name.chapters],
        "first": asdict(name.first),
        "quotes": [asdict(quote) for quote in name.quotes],
    }


def _fact(fact: Fact) -> Row:
    row = {"field": fact.field, "value": fact.value, "quotes": [asdict(quote) for quote in fact.quotes], "left_out": ""}
    if fact.field in LATER:
        since = where_told(fact.quotes[0])
        row["left_out"] = (
            f"It is true from {since} on only: write an entry that holds from there, or take it in if it is no secret."
        )
    return row


def forms(row: Row) -> set[str]:
    """Return every form of a proposal's name as names are compared."""
    return {_plain(name) for name in (row["name"], *row["aliases"])}


def _plain(name: str) -> str:
    return name.casefold().removeprefix("the ").replace(".", "").replace("’", "'").strip()


def known_as(row: Row, entries: Iterable[Entry]) -> Entry | None:
    """Return the entry that a proposal is an addition to: of its name, else of its alias, else with it as an alias."""
    entries = list(entries)
    taken_in = next((entry for entry in entries if entry.id == row.get("into")), None)
    if taken_in is not None:  # the author may have named it otherwise
        return taken_in
    name = _plain(row["name"])
    for wanted, own in ((lambda e: {_plain(e.name)}, {name}), (_names, {name}), (_names, forms(row))):
        found = [entry for entry in entries if wanted(entry) & own]
        if len({_plain(entry.name) for entry in found}) == 1:
            return found[0]
    return None


def _names(entry: Entry) -> set[str]:
    return {_plain(name) for name in (entry.name, *entry.aliases)}


def view(row: Row, state: State, entry: Entry | None) -> Row:
    """Return a proposal as it is shown: with what accepting it as it is would write."""
    shown = {**row, "state": state, "fields": _taken(row), "entry": None}
    if entry is None:
        shown["about"] = f"A new entry: {row['name']}."
        return shown
    fields, aliases, differs = additions(row, entry)
    shown["entry"] = {
        "id": entry.id,
        "name": entry.name,
        "new_fields": fields,
        "new_aliases": aliases,
        "differs": differs,
    }
    new = [_counted(len(fields), "new field"), _counted(len(aliases), "new alias", "new aliases")]
    told = " and ".join(part for part in new if part) or "nothing new"
    shown["about"] = f"An addition to your entry {entry.name}: {told}."
    if differs:
        shown["about"] += f" The manuscripts differ from it in: {', '.join(differs)}."
    return shown


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}" if number else ""


def _taken(row: Row) -> dict[str, str]:
    """Return the fields that accepting takes in unless the author says otherwise."""
    return {fact["field"]: fact["value"] for fact in row["facts"] if not fact["left_out"]}


def additions(row: Row, entry: Entry) -> tuple[dict[str, str], list[str], dict[str, list[str]]]:
    """Return the fields and aliases that an entry lacks, and those where it says another thing than was found."""
    said = {field.casefold(): value for field, value in entry.fields.items()}
    fields = {field: value for field, value in _taken(row).items() if field.casefold() not in said}
    differs = {
        field: [said[field.casefold()], value]
        for field, value in _taken(row).items()
        if field.casefold() in said and said[field.casefold()].casefold() != value.casefold()
    }
    known = _names(entry)
    aliases = [name for name in (row["name"], *row["aliases"]) if _plain(name) not in known]
    return fields, aliases, differs


def tells_something(row: Row, entry: Entry | None) -> bool:
    """Say whether a proposal has anything to offer: an entry that knows it all already needs none."""
    if entry is None:
        return True
    fields, aliases, differs = additions(row, entry)
    return bool(set(fields) - {"first appears"} or aliases or differs)


def again(old: Row, state: State, new: Row, entry: Entry | None) -> Row | None:
    """Return what a further run makes of a proposal that is there already: a new row that is pending, or nothing.

    What the author rejected comes back only with evidence of another kind, what was accepted only with what was not
    offered before.
    """
    new = {**new, "id": old["id"]}
    decided = {tuple(pair) for pair in old.get("decided", [])}
    if state == "pending":
        new = _without(new, decided) | {key: old[key] for key in ("news", "decided", "into") if key in old}
        return new if new != old else None
    offered = decided | _pairs(old)
    if state == "rejected" or entry is None:
        news = {fact["field"] for fact in new["facts"]} - {field for field, _ in offered} - {"first appears"}
        return {**new, "news": f"New since you decided: {', '.join(sorted(news))}."} if news else None
    fresh = _without(new, offered)
    news = _pairs(fresh) - offered
    if not (news and tells_something(fresh, entry)):
        return None
    return {**fresh, "news": "New since you accepted it.", "decided": sorted(offered), "into": entry.id}


def _pairs(row: Row) -> set[tuple[str, str]]:
    """Return all that a proposal offers as fields with their values, its aliases among them."""
    facts = {(fact["field"], fact["value"]) for fact in (*row["facts"], *row["disputed"])}
    return facts | {("alias", alias) for alias in (row["name"], *row["aliases"])}


def _without(row: Row, decided: set[tuple[str, str]]) -> Row:
    """Return a proposal without what was decided on before."""
    first = {("first appears", fact["value"]) for fact in row["facts"] if decided}
    left = {
        part: [fact for fact in row[part] if (fact["field"], fact["value"]) not in decided | first]
        for part in ("facts", "disputed")
    }
    return {**row, **left, "aliases": [alias for alias in row["aliases"] if ("alias", alias) not in decided]}


def same_name(row: Row, others: Iterable[Row]) -> Row | None:
    """Return the proposal that an earlier run made of the same name."""
    others = list(others)
    exact = next((other for other in others if _plain(other["name"]) == _plain(row["name"])), None)
    near = (other for other in others if _plain(other["name"]) in forms(row) or _plain(row["name"]) in forms(other))
    return exact or next(near, None)


def accepted(row: Row, changes: Mapping[str, Any], entries: Mapping[str, Entry]) -> Entry:
    """Return the entry that accepting makes: a new one, or the one that it adds to, with the author's changes.

    `changes` may hold `name`, `kind`, `text`, `aliases`, `links`, `fields` (an empty value leaves a field out), and
    `into`: the id of the entry to add it to, empty for none.
    """
    unknown = sorted(set(changes) - set(CHANGES))
    if unknown:
        raise WorldError(f"A proposal has no {unknown[0]!r} to change: there are {', '.join(CHANGES)}.")
    entry = _target(row, changes, entries)
    edited = {str(field): str(value or "").strip() for field, value in (changes.get("fields") or {}).items()}
    if entry is not None:
        return _added(row, changes, edited, entry)
    fields = {**_taken(row), **edited}
    name = str(changes.get("name") or row["name"])
    kind = changes.get("kind") or row["kind"]
    return entry_from(
        {
            "id": _free_id(slug(name), entries),
            "name": name,
            "kind": "note" if kind == "unknown" else kind,
            "text": changes.get("text") or row["text"],
            "aliases": changes.get("aliases", row["aliases"]),
            "links": changes.get("links", row["links"]),
            "fields": {field: value for field, value in fields.items() if value},
        }
    )


def _target(row: Row, changes: Mapping[str, Any], entries: Mapping[str, Entry]) -> Entry | None:
    if "into" not in changes:
        named = {**row, "name": changes.get("name") or row["name"]}
        return known_as(named, entries.values())
    if not changes["into"]:
        return None
    if changes["into"] not in entries:
        raise WorldError(f"There is no entry {changes['into']!r} to add {row['name']} to: look up its id.")
    return entries[changes["into"]]


def _added(row: Row, changes: Mapping[str, Any], edited: Mapping[str, str], entry: Entry) -> Entry:
    fields, aliases, _ = additions(row, entry)
    own = {field.casefold(): field for field in entry.fields}
    merged = {**entry.fields, **fields}
    for field, value in edited.items():
        merged[own.get(field.casefold(), field)] = value
    links = [link for link in changes.get("links", row["links"]) if link not in entry.links]
    grown = replace(
        entry,
        kind=str(changes.get("kind") or entry.kind),
        text=str(changes.get("text") or entry.text),
        aliases=tuple(dict.fromkeys((*entry.aliases, *changes.get("aliases", aliases)))),
        fields={field: value for field, value in merged.items() if value},
        links=(*entry.links, *links),
    )
    return entry_from(asdict(grown))


def _free_id(wanted: str, entries: Mapping[str, Entry]) -> str:
    number, free = 1, wanted
    while free in entries:
        number += 1
        free = f"{wanted[:50]}-{number}"
    return free


def order(rows: Sequence[Row]) -> list[Row]:
    """Return proposals in the order in which they are looked through: people first, the most mentioned first."""
    kinds = {"character": 0, "place": 1, "thing": 2}
    return sorted(rows, key=lambda row: (kinds.get(row["kind"], 3), -row["mentions"], row["name"]))
