"""Read lore from Markdown notes with YAML front matter; a note that cannot be read is named and left out."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.workspace import slug

KEYS = tuple(item.name for item in fields(Entry) if item.name != "text")
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"\A\s*#{1,6}[ \t]+(.+?)[ \t#]*(?:\n|\Z)")
LARGEST_NOTE = 2_000_000
"""Bytes; a larger file is a manuscript rather than a note about one thing."""
LONGEST_NAME = 200
"""Characters; names travel in a header of the answer."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Skipped:
    """A note that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Notes:
    """The entries of a folder of notes, and the notes that were left out."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...] = ()


def read_notes(folder: Path) -> Notes:
    """Read every `.md` file in a folder and in the folders below it, or one such file."""
    if not folder.exists():
        raise WorldError(f"The folder {folder} does not exist: name a folder that holds Markdown notes.")
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.md"))
    paths = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not paths:
        raise WorldError(f"The folder {folder} holds no Markdown notes: put one `.md` file for each entry there.")
    read: list[tuple[str, Entry]] = []
    skipped: list[Skipped] = []
    for path in paths:
        name = path.name if path == folder else str(path.relative_to(folder))
        try:
            read.append((name, parse_note(_text(path), path.stem, name)))
        except WorldError as error:
            skipped.append(Skipped(name, str(error)))
    entries, doubles = without_doubles(read)
    return Notes(entries, (*skipped, *doubles))


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


def parse_note(text: str, fallback_name: str, source: str = "") -> Entry:
    """Return the entry that a note describes; the name comes from the front matter, the first heading or the file.

    Raises `WorldError` with the reason where the note cannot be read.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    matter = FRONT_MATTER.match(text)
    if matter is None and re.match(r"---[ \t]*\n", text):
        raise WorldError("its front matter has no closing `---` line")
    values = _front_matter(matter.group(1)) if matter else {}
    body = text[matter.end() :] if matter else text
    heading = HEADING.match(body)
    if heading and values.get("name") in (None, heading.group(1)):
        body = body[heading.end() :]
    values.setdefault("name", heading.group(1) if heading else fallback_name.replace("_", " ").replace("-", " "))
    unused = sorted(set(values) - set(KEYS))
    if unused:
        log.info("%s: the keys %s are not used.", source or values["name"], ", ".join(unused))
    return entry_from({**{key: values[key] for key in KEYS if key in values}, "text": body})


def entry_from(values: dict[str, Any]) -> Entry:
    """Return an entry from plain values, or raise a `WorldError` that says which value is wrong."""
    name = values.get("name")
    if not isinstance(name, str | int | float) or isinstance(name, bool) or not str(name).strip():
        raise WorldError(f"`name` must be text, but is {name!r}")
    name = " ".join(str(name).split())
    if len(name) > LONGEST_NAME:
        raise WorldError(f"its name has {len(name)} characters, more than {LONGEST_NAME}: shorten it")
    text = values.get("text")
    if not isinstance(text, str) or not text.strip():
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
    return Entry(
        id=slug(str(values.get("id") or slug(name))),
        name=name,
        text=text.strip(),
        kind=kind,
        aliases=_names(values, "aliases"),
        keys=_keys(values.get("keys")),
        always_on=always_on,
        priority=_whole(values, "priority") or 0,
        book=book.strip(),
        from_chapter=first,
        to_chapter=last,
        fields=_facts(values),
        links=_names(values, "links"),
        foreign=_mapping(values, "foreign"),
    )


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
    return {" ".join(str(name).split()): str(fact).strip() for name, fact in facts.items() if fact is not None}


def _names(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = values.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple) or not all(isinstance(name, str | int | float) for name in value):
        raise WorldError(f"`{key}` must be a list of names, but is {value!r}")
    return tuple(dict.fromkeys(name for one in value if (name := " ".join(str(one).split()))))


def _keys(value: Any) -> tuple[str, ...]:
    """Return the keys as they are: a regular expression may hold commas and blanks."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(key, str | int | float) for key in value):
        raise WorldError(f"`keys` must be a list of words or /regular expressions/, but is {value!r}")
    return tuple(dict.fromkeys(key for one in value if (key := str(one).strip())))


def _front_matter(text: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        raise WorldError(f"its front matter is not YAML{where}: {getattr(error, 'problem', error)}") from None
    if not isinstance(values, dict):
        raise WorldError("its front matter must hold `key: value` lines")
    return values


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_NOTE:
            raise WorldError(
                f"it is larger than {LARGEST_NOTE // 1_000_000} MB: split it into notes about one thing each"
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorldError(f"it is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise WorldError(f"it cannot be read: {error.strerror}") from None
    if "\0" in text:
        raise WorldError("it is not text")
    return text
