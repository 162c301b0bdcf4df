"""Rows that were not made of manuscripts: checked, turned into examples, and parted for training and validation."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from style_tuner.config import RowsConfig
from style_tuner.dataset.chat_jsonl import Fault, chat_example, row_faults
from style_tuner.dataset.faults import shown
from style_tuner.dataset.schemas import SCHEMAS, column_faults, detect, mixture, schema_of
from style_tuner.dataset.sources import Record, Table, as_list, parts_of
from style_tuner.errors import DatasetError
from style_tuner.records import ChatExample, Message

log = logging.getLogger(__name__)

PROMPT_TEMPLATE = """### Instruction:
Generate a high-quality video prompt.

### Style:
{style_name}

### Response:
{prompt_text}

### Negative:
{negative_prompt}

### Tags:
{tags}"""
RESPONSE_MARK = "### Response:\n"
LEAKED = (
    "stand in the training rows, too: the validation loss then shows what is learned by heart. Take them out of one."
)
"""What is said of validation rows after their number."""
DEFAULT_VALIDATION = 0.1
"""Share of the rows to validate on where a dataset has no part for it."""


@dataclass(frozen=True)
class TextExample:
    """One training row of plain text: the loss counts the completion alone."""

    prompt: str
    completion: str

    def row(self) -> dict[str, Any]:
        """Return the JSONL row."""
        return {"prompt": self.prompt, "completion": self.completion}


Example = ChatExample | TextExample


@dataclass(frozen=True)
class Reading:
    """What became of a table: its format, its examples with their numbers, faults, and rows that repeat others.

    `numbers` are those of the rows that the examples were made of.
    """

    format: str
    examples: tuple[Example, ...]
    faults: tuple[Fault, ...]
    repeats: tuple[Fault, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Splits:
    """The examples to train and to validate on, and those (None if there are none) that neither ever sees."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...] | None = None


def load_splits(source: str, rows: RowsConfig, seed: int, with_test: bool = False) -> Splits:
    """Return the examples of a file, folder or dataset of the Hub, parted for training and validation.

    Raises `DatasetError` naming the first faulty row; rows that repeat others are left out and said.
    """
    parts = parts_of(source)
    train = _examples(parts["train"](), rows)
    test = _examples(parts["test"](), rows) if with_test and "test" in parts else None
    if "validation" in parts:
        validation = _examples(parts["validation"](), rows)
        validation = validation[: _count(rows.validation_size, len(validation))]
        if leaked := len(in_training(validation, train)):
            log.warning("%d of %d validation rows %s", leaked, len(validation), LEAKED)
        return Splits(train, validation, test)
    return Splits(*_parted(source, train, rows.validation_size, seed), test)


def _count(size: float | None, rows: int) -> int:
    if size is None:
        return rows
    return min(rows, size) if isinstance(size, int) else max(1, round(size * rows))


def _parted(
    source: str, examples: tuple[Example, ...], size: float | None, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Set rows aside for validation, at random; the same seed always chooses the same ones."""
    wanted = size if isinstance(size, int) else _count(size or DEFAULT_VALIDATION, len(examples))
    if len(examples) < 2 or wanted >= len(examples):
        raise DatasetError(
            f"{source} has {len(examples)} rows and {wanted} of them are wanted for validation: add rows, name a "
            "dataset with a part for validation, or lower rows.validation_size."
        )
    chosen = set(random.Random(seed).sample(range(len(examples)), wanted))
    log.info("%s has no part for validation: %d of its %d rows are set aside for it.", source, wanted, len(examples))
    train = tuple(example for number, example in enumerate(examples) if number not in chosen)
    return train, tuple(examples[number] for number in sorted(chosen))


def _examples(table: Table, rows: RowsConfig) -> tuple[Example, ...]:
    reading = read_examples(table, rows)
    if reading.faults:
        first, more = reading.faults[0], len(reading.faults) - 1
        rest = f" ({more} more faults; `python -m style_tuner validate` lists them.)" if more else ""
        raise DatasetError(f"{first.place(table.name)}: {first.sentence}{rest}")
    if reading.repeats:
        log.warning("%s: %d rows repeat others and are left out.", table.name, len(reading.repeats))
    return reading.examples


def read_examples(table: Table, rows: RowsConfig) -> Reading:
    """Turn the rows of a table into examples, and say what is wrong with those that cannot be."""
    if not table.records:
        empty = Fault(0, "the file holds no rows: name another file.")
        return Reading(rows.format, (), table.faults or (empty,), ())
    if rows.format == "auto" and not rows.template and (mixed := mixture(table)):
        return Reading("mixed", (), (Fault(0, mixed),), ())
    kind = rows.format if rows.format != "auto" else detect(table.columns, rows.template)
    if kind is None:
        formats = "; ".join(f"{name}: {', '.join(schema.required)}" for name, schema in SCHEMAS.items())
        known = f"its columns are {', '.join(table.columns)}. The formats and their columns are chat: messages; "
        said = f"the format cannot be told: {known}{formats}. Rename the columns, or set rows.template."
        return Reading("unknown", (), (Fault(0, said),), ())
    if kind == "chat":
        return _reading(kind, table if table.typed else _with_messages(table), _chat_faults, _chat)
    schema = schema_of(kind, rows)
    missing = [name for name in schema.required if name not in table.columns]
    if missing:
        columns = f"the columns are {', '.join(table.columns)}"
        said = f"the format {kind} needs the column {missing[0]!r}, but {columns}: rename or add it."
        return Reading(kind, (), (*table.faults, Fault(0, said)), ())
    return _reading(
        kind,
        table,
        lambda record: column_faults(record.values, schema, table.typed),
        lambda record: _convert(kind, record.values, rows, table.typed),
    )


def _reading(
    kind: str,
    table: Table,
    faults_of: Callable[[Record], list[str]],
    convert: Callable[[Record], Example | str],
) -> Reading:
    faults, repeats, examples = list(table.faults), [], []
    seen: dict[str, int] = {}
    for record in table.records:
        found = faults_of(record)
        example = found[0] if found else convert(record)
        if isinstance(example, str):
            faults += [Fault(record.number, sentence, table.unit) for sentence in found or [example]]
            continue
        key = content(example)
        if key in seen:
            said = f"repeats {table.unit} {seen[key]}: remove one of them."
            repeats.append(Fault(record.number, said, table.unit))
            continue
        seen[key] = record.number
        examples.append(example)
    ordered = tuple(sorted(faults, key=lambda fault: fault.line))
    return Reading(kind, tuple(examples), ordered, tuple(repeats), tuple(seen.values()))


def content(example: Example) -> str:
    """Return what two rows have in common that teach the same."""
    return json.dumps(replace(example, kind="").row() if isinstance(example, ChatExample) else example.row())


def in_training(validation: Sequence[Example], train: Sequence[Example]) -> list[int]:
    """Return the places (from 0) of the validation rows that stand in training, too."""
    learned = {content(example) for example in train}
    return [place for place, example in enumerate(validation) if content(example) in learned]


def _with_messages(table: Table) -> Table:
    """Return a table of text cells with the messages read from their JSON, where they are any."""
    return replace(table, records=tuple(Record(one.number, _parsed(one.values)) for one in table.records))


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    cell = values["messages"]
    try:
        return values | {"messages": json.loads(cell)}
    except (ValueError, RecursionError):
        return values


def _chat_faults(record: Record) -> list[str]:
    values = record.values
    cell = values.get("messages")
    if isinstance(cell, str) and cell.startswith("["):  # of a table without types
        return [
            f'has "messages" that is not JSON but {shown(cell)}: write the list with json.dumps, not as '
            "Python prints it."
        ]
    if isinstance(cell, list):  # columns that a table adds for other rows are no faults
        values = {key: value for key, value in values.items() if value is not None}
    return row_faults(values)


def _chat(record: Record) -> Example:
    return chat_example({key: value for key, value in record.values.items() if value is not None})


def _convert(kind: str, values: dict[str, Any], rows: RowsConfig, typed: bool) -> Example | str:
    """Return the example that a faultless row makes, or what keeps it from making one."""
    if kind == "completion":
        return TextExample(values["prompt"], values["completion"])
    if kind == "instruction":
        given = str(values.get("input") or "")
        request = f"{values['instruction']}\n\n{given}" if given.strip() else values["instruction"]
        system = values.get("system") or rows.system_prompt
        opening = (Message("system", system),) if system else ()
        return ChatExample(
            (*opening, Message("user", request), Message("assistant", values["output"])), kind="instruction"
        )
    template = rows.template or (PROMPT_TEMPLATE if kind == "prompts" else "{text}")
    mark = rows.response_template or (RESPONSE_MARK if kind == "prompts" and not rows.template else "")
    lists = SCHEMAS[kind].lists if kind == "prompts" else ()
    cells = {
        name: value if isinstance(value, str) and name not in lists else ", ".join(as_list(value, typed) or ())
        for name, value in values.items()
    }
    text = template.format_map(cells)
    prompt, found, completion = text.partition(mark) if mark else ("", "", text)
    if mark and not found:
        return f"does not hold the response template {mark!r}: mend the row, or rows.response_template."
    if not completion.strip():
        return "has nothing to learn after the response template: fill it or remove the row."
    return TextExample(prompt + found, completion)
