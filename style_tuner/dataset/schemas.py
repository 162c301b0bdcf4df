"""The columns of each format of rows: told apart, and checked for what is missing or of the wrong type."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from style_tuner.config import RowsConfig
from style_tuner.dataset.faults import shown
from style_tuner.dataset.sources import Table, as_list
from style_tuner.errors import DatasetError


@dataclass(frozen=True)
class Schema:
    """Columns of one format: with text, with text that may be empty, that may be absent, and lists of texts."""

    text: tuple[str, ...]
    maybe_empty: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Every column that a row must have."""
        return self.text + self.maybe_empty + self.lists


SCHEMAS = {
    "instruction": Schema(("instruction", "output"), optional=("input", "system")),
    "prompts": Schema(("style_name", "prompt_text"), ("negative_prompt",), lists=("tags", "compatible_models")),
    "completion": Schema(("prompt", "completion")),
    "text": Schema(("text",)),
}
"""Every format but the chats, whose rows have one column, `messages`."""


def detect(columns: Sequence[str], template: str | None = None) -> str | None:
    """Return the format whose columns these are most like, None where none of them is there."""
    if template:
        return "text"
    if "messages" in columns:
        return "chat"
    scores = {name: sum(column in columns for column in schema.required) for name, schema in SCHEMAS.items()}
    best = max(scores, key=lambda name: (scores[name] / len(SCHEMAS[name].required), scores[name]))
    return best if scores[best] else None


def mixture(table: Table) -> str | None:
    """Say which formats stand in one file where its rows are whole rows of several; None where they are not."""
    first: dict[str, list[int]] = {}
    for record in table.records:
        there = {name for name, value in record.values.items() if value is not None}
        for name in ("chat", *SCHEMAS):
            if there.issuperset(SCHEMAS[name].required if name in SCHEMAS else ("messages",)):
                first.setdefault(name, []).append(record.number)
                break
    if len(first) < 2:
        return None
    parts = [f"{len(lines):,} of {name} (the first is {table.unit} {lines[0]:,})" for name, lines in first.items()]
    return f"holds rows of several formats: {'; '.join(parts)}. Write each to a file of its own."


def schema_of(kind: str, rows: RowsConfig) -> Schema:
    """Return the columns that rows of this kind must have; a template of one's own needs those that it names."""
    if not rows.template or kind not in ("text", "prompts"):
        return SCHEMAS[kind]
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(rows.template) if name is not None]
    except ValueError as error:
        raise DatasetError(f"rows.template cannot be read ({error}): write a brace itself as {{{{ or }}}}.") from None
    odd = [name for name in names if not name.isidentifier()]
    if odd or not names:
        raise DatasetError(f"rows.template must name columns in braces, such as {{text}}; found {odd or 'none'}.")
    return Schema((), tuple(dict.fromkeys(names))) if kind == "text" else SCHEMAS[kind]


def column_faults(values: dict[str, Any], schema: Schema, typed: bool) -> list[str]:
    """Return what is wrong with the columns of one row; cells without types are text that may hold a list."""
    faults = []
    for name in (*schema.required, *schema.optional):
        value = values.get(name)
        if name not in values or value is None:
            if name not in schema.optional:
                how, remedy = (f"has null as {name!r}", "fill it") if name in values else (f"has no {name!r}", "add it")
                faults.append(f"{how}: {remedy} or remove the row.")
        elif name in schema.lists:
            if as_list(value, typed) is None:
                how = "" if typed else " in JSON (json.dumps), not as Python prints it"
                said = f'column {name!r} is not a list of texts but {shown(value)}: write it as ["a", "b"]{how}.'
                faults.append(said)
        elif not isinstance(value, str) and not (name in schema.maybe_empty and as_list(value, typed) is not None):
            faults.append(f"column {name!r} is not text but {shown(value)}: put it in quotation marks.")
        elif name in schema.text and not value.strip():
            faults.append(f"column {name!r} is empty: fill it or remove the row.")
    return faults
