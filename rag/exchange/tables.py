"""Entries in tables (CSV, TSV): columns are told by their headings, or guessed; others become fields of the entry."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from rag.exchange.texts import BROKEN_EXPRESSION, broken
from rag.lore.lorebook import KEYS, Found, Notes, Remark, Skipped, entry_from, joined
from style_tuner.errors import WorldError
from style_tuner.records import Entry

DELIMITERS = ",;\t|"
LONGEST_CELL = 10_000_000
LONGEST_HEADINGS = 20_000
"""Characters of a first line; a longer one is text."""
HEADINGS = {
    "id": ("id",),
    "name": ("name", "title", "entry", "displayname", "display name", "titel"),
    "text": ("text", "description", "content", "notes", "details", "body", "beschreibung"),
    "kind": ("kind", "type", "category", "art"),
    "aliases": ("aliases", "alias", "other names", "also known as", "nicknames"),
    "keys": ("keys", "key", "keywords", "triggers"),
    "always_on": ("always_on", "always on", "constant"),
    "priority": ("priority", "order"),
    "book": ("book", "volume"),
    "from_chapter": ("from_chapter", "from chapter"),
    "to_chapter": ("to_chapter", "to chapter"),
    "links": ("links", "related"),
    "foreign": ("foreign",),
}
"""Headings by which the values of an entry are known; any other heading is the name of a field."""
KNOWN = {heading: value for value, headings in HEADINGS.items() for heading in headings}
FIELD = "field: "
"""Stands before the heading of a field whose name is one of the known headings."""
GUESSED = "The table has no headings that are known: the column with the longest texts was taken for the text"
UNMATCHED = "its quotes do not match ({error}): put the cell in quotes and write each one in it twice"
LISTS = ("aliases", "keys", "links")


def delimiter_of(text: str) -> str | None:
    """Return what separates the columns of a text whose first line is a table's headings, else None."""
    line = next((line for line in text.splitlines()[:3] if line.strip() and not line.startswith("sep=")), "")
    if len(line) > LONGEST_HEADINGS:
        return None
    for delimiter in DELIMITERS:
        headings = {_plain(cell) for cell in next(csv.reader([line], delimiter=delimiter), [])}
        known = {KNOWN[heading] for heading in headings if heading in KNOWN}
        if {"name", "text"} <= known:
            return delimiter
    return None


def read(text: str, file: str) -> Notes:
    """Read a table, one entry a row."""
    csv.field_size_limit(LONGEST_CELL)
    numbered, skipped = _rows(text, file)
    numbered = [(number, row) for number, row in numbered if any(cell.strip() for cell in row)]
    if not numbered:
        raise WorldError(f"it is no table that can be read: {skipped[0].reason}" if skipped else "the table is empty")
    rows = [row for _, row in numbered]
    headings = [_plain(cell) for cell in rows[0]]
    remarks: tuple[Remark, ...] = ()
    if {"name", "text"} <= {KNOWN.get(heading) for heading in headings}:
        columns = [KNOWN.get(_plain(cell)) or " ".join(cell.split()).removeprefix(FIELD) for cell in rows[0]]
        known = [_plain(cell) in KNOWN for cell in rows[0]]
        numbered = numbered[1:]
    else:
        columns, known = _guessed(rows), [True] * len(rows[0])
        remarks = (Remark(GUESSED),)
    told = tuple(dict.fromkeys((*(c for c, k in zip(columns, known, strict=True) if k and c), "name", "text")))
    found: list[Found] = []
    faulty: list[str] = []
    for number, row in numbered:
        source = f"{file}, row {number}"
        try:
            if len(row) > len(columns):
                raise WorldError(f"it has {len(row)} columns, the headings are {len(columns)}: put quotes round it")
            values = _values(row, columns, known)
            entry = entry_from(values)
        except WorldError as error:
            skipped.append(Skipped(source, str(error)))
            continue
        found.append(Found(entry, source, tuple(key for key in told if key in KEYS), own_id=bool(values.get("id"))))
        if any(map(broken, entry.keys)):
            faulty.append(entry.name)
    about = Notes(remarks=(Remark(BROKEN_EXPRESSION, tuple(faulty)),) if faulty else ())
    return joined([Notes(tuple(found), tuple(skipped), remarks), about])


def _rows(text: str, file: str) -> tuple[list[tuple[int, list[str]]], list[Skipped]]:
    """Return the rows of a table by their numbers, and those whose quotes do not match."""
    number = 1
    delimiter = delimiter_of(text)
    if text.startswith("sep=") and "\n" in text:
        line, _, text = text.partition("\n")
        delimiter, number = delimiter or line[4:].strip("\r") or ",", 2
    if delimiter is None:
        sample = "\n".join(text.splitlines()[:20])
        delimiter = max(DELIMITERS, key=sample.count)
    lines = list(io.StringIO(text, newline=""))
    rows: list[tuple[int, list[str]]] = []
    skipped: list[Skipped] = []
    at = 0
    while at < len(lines):
        reader = csv.reader(map(lines.__getitem__, range(at, len(lines))), delimiter=delimiter, strict=True)
        read = 0
        try:
            for row in reader:
                rows.append((number, row))
                number, read = number + 1, reader.line_num
            break
        except csv.Error as error:
            skipped.append(Skipped(f"{file}, row {number}", UNMATCHED.format(error=error)))
            number, at = number + 1, at + read + 1
    return rows, skipped


def _plain(cell: str) -> str:
    return " ".join(cell.split()).casefold()


def _guessed(rows: Sequence[Sequence[str]]) -> list[str]:
    """Name the columns of a table without known headings: the longest cells are texts, the first others are names."""
    width = len(rows[0])
    if width < 2:
        raise WorldError("it has one column only: name its columns in the first row, at least `name` and `text`")
    lengths = [sum(len(row[at]) for row in rows if at < len(row)) for at in range(width)]
    text = lengths.index(max(lengths))
    name = 0 if text else 1
    return ["text" if at == text else "name" if at == name else "" for at in range(width)]


def _values(row: Sequence[str], columns: Sequence[str], known: Sequence[bool]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    fields: dict[str, str] = {}
    for cell, column, is_value in zip(row, columns, known, strict=False):
        if not cell.strip() or not column:
            continue
        if is_value:
            values[column] = _value(column, cell)
        else:
            fields[column] = cell
    return {**values, "fields": fields}


def _value(column: str, cell: str) -> Any:
    cell = cell.strip()
    if column in LISTS:
        return _list(cell)
    if column == "always_on":
        return cell.casefold() in ("true", "yes", "1", "x", "ja", "wahr", "on")
    if column in ("priority", "from_chapter", "to_chapter"):
        try:
            return int(cell) if cell.lstrip("+-").isdecimal() else int(float(cell))
        except (ValueError, OverflowError):
            raise WorldError(f"`{column}` must be a whole number, but is {cell!r}") from None
    if column == "foreign":
        try:
            return json.loads(cell)
        except ValueError:
            raise WorldError("`foreign` must be what an export wrote there") from None
    return cell


def _list(cell: str) -> list[Any]:
    if cell.startswith("["):
        try:
            return list(json.loads(cell))
        except ValueError:
            pass  # an alias may begin with a bracket
    if cell.startswith("/"):
        return [cell]
    return cell.split(";") if ";" in cell else cell.split(",")


def write(entries: Sequence[Entry]) -> str:
    """Return a table of all that entries hold, which reads back as the same entries."""
    names = list(dict.fromkeys(name for entry in entries for name in entry.fields))
    values = [key for key in KEYS if key not in ("fields", "foreign", "text")]
    some_foreign = any(entry.foreign for entry in entries)
    headings = [FIELD + name if _plain(name) in KNOWN or name.startswith(FIELD) else name for name in names]
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow([*values, *headings, *(["foreign"] if some_foreign else []), "text"])
    for entry in entries:
        row = [_cell(getattr(entry, key)) for key in values] + [entry.fields.get(name, "") for name in names]
        if some_foreign:
            row.append(json.dumps(entry.foreign, ensure_ascii=False) if entry.foreign else "")
        table.writerow([*row, entry.text])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None or value == "" or value == ():
        return ""
    if isinstance(value, tuple):
        plain = not any(set(one) & set(';,"[/') for one in value)
        return "; ".join(value) if plain else json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
