"""Faults of rows as people read them: values cut short, and what many rows have in common said once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from style_tuner.dataset.chat_jsonl import Fault

LONGEST_VALUE = 60
LINES_NAMED = 3


def shown(value: Any) -> str:
    """Return a value as its file has it, JSON's `null` and not Python's None, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):  # a table's own types, such as dates
        text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def folded(faults: Iterable[Fault], name: str) -> tuple[str, ...]:
    """Return the faults as sentences, those of one kind as one: its first lines, how many more, the first's words."""
    kinds: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        words = re.sub(r"\d+", "#", fault.sentence.split(" but ")[0])
        kinds.setdefault((fault.unit, words), []).append(fault)
    return tuple(f"{_place(alike, name)}: {alike[0].sentence}" for alike in kinds.values())


def _place(alike: list[Fault], name: str) -> str:
    if len(alike) == 1:
        return alike[0].place(name)
    numbers = [f"{fault.line:,}" for fault in alike[:LINES_NAMED]]
    more = len(alike) - len(numbers)
    listed = f"{', '.join(numbers)} and {more:,} more" if more else f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    return f"{name}, {alike[0].unit}s {listed}"
