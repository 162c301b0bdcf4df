"""What an entry is: made from plain values, each checked; what could not be read is named and left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.workspace import slug

KEYS = tuple(item.name for item in fields(Entry))
LONGEST_NAME = 200
"""Characters; names travel in a header of the answer."""


@dataclass(frozen=True)
class Skipped:
    """Something that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Remark:
    """Something that the author should know about what was read or written, and the entries that it is true of."""

    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """An entry as a file tells it.

    `told` names the values that the file speaks of: the others keep what the world says. `own_id` is true where the
    file names the id itself. `labelled` is true where a name is only a label, so that several entries may have it.
    """

    entry: Entry
    source: str
    told: tuple[str, ...] = KEYS
    own_id: bool = False
    labelled: bool = False


@dataclass(frozen=True)
class Notes:
    """What was read: the entries, what was left out, what to know about it, and the format of each file."""

    found: tuple[Found, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    remarks: tuple[Remark, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries alone."""
        return tuple(one.entry for one in self.found)


def joined(parts: Sequence[Notes]) -> Notes:
    """Return several files' notes as one; equal remarks become one about all of their entries."""
    about: dict[str, list[str]] = {}
    formats: dict[str, str] = {}
    for part in parts:
        formats.update(part.formats)
        for remark in part.remarks:
            about.setdefault(remark.text, []).extend(remark.names)
    return Notes(
        tuple(one for part in parts for one in part.found),
        tuple(one for part in parts for one in part.skipped),
        tuple(Remark(text, tuple(dict.fromkeys(names))) for text, names in about.items()),
        formats,
    )


def without_doubles(named: Sequence[tuple[str, Entry]]) -> tuple[tuple[Entry, ...], tuple[Skipped, ...]]:
    """Keep the first entry of each id; `named` pairs an entry with the name of where it came from."""
    first: dict[str, tuple[str, Entry]] = {}
    skipped = []
    for source, entry in named:
        if entry.id in first:
            reason = f"it has the same name as {first[entry.id][0]}: join the two, or give one another name"
            skipped.append(Skipped(source, reason))
        else:
            first[entry.id] = (source, entry)
    return tuple(entry for _, entry in first.values()), tuple(skipped)


def entry_from(values: dict[str, Any]) -> Entry:
    """Return an entry from plain values, or raise a `WorldError` that says which value is wrong."""
    name = values.get("name")
    if not isinstance(name, str | int | float) or isinstance(name, bool) or not one_line(name):
        raise WorldError(f"`name` must be text, but is {name!r}")
    name = one_line(name)
    if len(name) > LONGEST_NAME:
        raise WorldError(f"its name has {len(name)} characters, more than {LONGEST_NAME}: shorten it")
    text = values.get("text")
    if not isinstance(text, str) or not (text := lines(text)):
        raise WorldError("it has no text")
    always_on = values.get("always_on", False)
    if not isinstance(always_on, bool):
        raise WorldError(f"`always_on` must be true or false, but is {always_on!r}")
    kind, book = values.get("kind") or "note", values.get("book") or ""
    for key, value in (("kind", kind), ("book", book)):
        if not isinstance(value, str):
            raise WorldError(f"`{key}` must be text, but is {value!r}")
    first, last = _chapter(values, "from_chapter"), _chapter(values, "to_chapter")
    if first is not None and last is not None and last < first:
        raise WorldError(f"it holds from chapter {first} to chapter {last}: the second must not be the smaller one")
    entry = Entry(
        id=slug(str(values.get("id") or slug(name))),
        name=name,
        text=text,
        kind=one_line(kind) or "note",
        aliases=_names(values, "aliases"),
        keys=_keys(values.get("keys")),
        always_on=always_on,
        priority=_whole(values, "priority") or 0,
        book=one_line(book),
        from_chapter=first,
        to_chapter=last,
        fields=_facts(values),
        links=_names(values, "links"),
        foreign=_mapping(values, "foreign"),
    )
    lists = (*entry.aliases, *entry.keys, *entry.links, *entry.fields, *entry.fields.values())
    try:
        "".join((name, text, kind, book, *lists)).encode()
        if entry.foreign:
            json.dumps(entry.foreign, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise WorldError("it holds half of a character that takes two: write that character anew") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise WorldError(f"`foreign` must hold plain values, as in JSON, but {error}") from None
    return entry


def one_line(value: Any) -> str:
    """Return a name or another short value without line breaks and what no file of text may hold."""
    return " ".join(str(value).replace("\0", "").split())


def lines(text: str) -> str:
    """Return a text with one kind of line end, and without what no file of text may hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()


def _whole(values: Mapping[str, Any], key: str) -> int | None:
    value = values.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise WorldError(f"`{key}` must be a whole number, but is {value!r}")
    return value


def _chapter(values: Mapping[str, Any], key: str) -> int | None:
    number = _whole(values, key)
    if number is not None and number < 1:
        raise WorldError(f"`{key}` must be 1 or more, but is {number}")
    return number


def _mapping(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = values.get(key) or {}
    if not isinstance(value, dict):
        raise WorldError(f"`{key}` must hold names with values, but is {value!r}")
    return value


def _facts(values: Mapping[str, Any]) -> dict[str, str]:
    facts = _mapping(values, "fields")
    for name, fact in facts.items():
        if isinstance(fact, dict | list):
            raise WorldError(f"the field {name!r} must be one line of text, but is {fact!r}")
    told = {one_line(name): lines(str(fact)) for name, fact in facts.items() if fact is not None}
    return {name: fact for name, fact in told.items() if name and fact}


def _names(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = values.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple) or not all(isinstance(name, str | int | float) for name in value):
        raise WorldError(f"`{key}` must be a list of names, but is {value!r}")
    return tuple(dict.fromkeys(name for one in value if (name := one_line(one))))


def _keys(value: Any) -> tuple[str, ...]:
    """Return the keys as they are: a regular expression may hold commas and blanks."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(key, str | int | float) for key in value):
        raise WorldError(f"`keys` must be a list of words or /regular expressions/, but is {value!r}")
    return tuple(dict.fromkeys(key for one in value if (key := lines(str(one)))))
