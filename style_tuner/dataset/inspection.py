"""Say of any rows whether they can be trained on: their format, faults and repeats, and how long they are in tokens."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from style_tuner.config import RowsConfig
from style_tuner.dataset.faults import LINES_NAMED, folded
from style_tuner.dataset.formats import LEAKED, Example, Reading, Splits, in_training, read_examples
from style_tuner.dataset.sources import parts_of
from style_tuner.errors import DatasetError
from style_tuner.workspace import write_json, write_jsonl

Measure = Callable[[Example], tuple[int, int]]
"""Returns how many tokens a row has before its reply, and in all."""


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


@dataclass(frozen=True)
class Lengths:
    """Tokens of the rows, and what a limit would cut off."""

    shortest: int
    median: float
    longest: int
    total: int
    limit: int
    rows_cut: int
    share_cut: float
    rows_without_reply: int

    def sentence(self) -> str:
        """Return the lengths, and what to do about a cut."""
        said = f"{self.shortest} to {self.longest} tokens a row (median {self.median:g}), {self.total:,} in all."
        if self.rows_cut:
            said += (
                f" max_seq_length {self.limit} would cut {_rows(self.rows_cut)}, {self.share_cut:.1%} of all tokens: "
                "raise it, or shorten the rows."
            )
        if self.rows_without_reply:
            said += f" In {_rows(self.rows_without_reply)} nothing of the reply would be left."
        return said


@dataclass(frozen=True)
class PartReport:
    """One file or split: its format, its good rows, what is wrong with the others, and its lengths if measured.

    `told` says of the faults what there is to read: those of one kind once.
    """

    name: str
    part: str
    format: str
    rows: int
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    told: tuple[str, ...] = ()
    lengths: Lengths | None = None


def inspect(source: str, rows: RowsConfig, measure: Measure | None = None, limit: int = 0) -> list[PartReport]:
    """Return a report on every part of a file, folder or dataset of the Hub."""
    reports: list[PartReport] = []
    train: Reading | None = None
    for part, read in parts_of(source).items():
        table = read()
        reading = read_examples(table, rows)
        train = train or reading
        found = [*reading.faults, *reading.repeats]
        reports.append(
            PartReport(
                table.name,
                part,
                reading.format,
                len(reading.examples),
                tuple(f"{fault.place(table.name)}: {fault.sentence}" for fault in found),
                (
                    *_unused(reading.format, table.columns),
                    *(_leaked(reading, train, table.unit) if part == "validation" else ()),
                ),
                folded(found, table.name),
                _lengths(reading.examples, measure, limit) if measure and reading.examples else None,
            )
        )
    return reports


def _leaked(validation: Reading, train: Reading, unit: str) -> tuple[str, ...]:
    """Say how many validation rows were seen in training, and which come first."""
    places = in_training(validation.examples, train.examples)
    if not places:
        return ()
    numbers = ", ".join(f"{validation.numbers[place]:,}" for place in places[:LINES_NAMED])
    more = " and more" if len(places) > LINES_NAMED else ""
    return (f"{len(places):,} of {_rows(len(validation.examples))} ({unit} {numbers}{more}) {LEAKED}",)


def _unused(kind: str, columns: Sequence[str]) -> tuple[str, ...]:
    used = {"instruction": {"instruction", "input", "output", "system"}, "completion": {"prompt", "completion"}}
    extra = sorted(set(columns) - used[kind]) if kind in used else []
    return (f"the columns {', '.join(extra)} are not used.",) if extra else ()


def _lengths(examples: Sequence[Example], measure: Measure, limit: int) -> Lengths:
    sizes = [measure(example) for example in examples]
    whole = [size for _, size in sizes]
    beyond = [max(0, size - limit) for size in whole]
    return Lengths(
        min(whole),
        statistics.median(whole),
        max(whole),
        sum(whole),
        limit,
        sum(size > 0 for size in beyond),
        sum(beyond) / sum(whole),
        sum(prompt >= limit for prompt, _ in sizes),
    )


def write_splits(splits: Splits, output: Path, source: str) -> dict[str, int]:
    """Write the rows as this project's own files: a folder, or a training file with the others beside it.

    The part that neither training nor validation sees, if there is one, becomes `heldout.jsonl`.
    """
    folder, name = (output.parent, output.name) if output.suffix == ".jsonl" else (output, "train.jsonl")
    parts = {name: splits.train, "validation.jsonl": splits.validation}
    if splits.test is not None:
        parts["heldout.jsonl"] = splits.test
    existing = [folder / file for file in parts if (folder / file).exists()]
    if existing:
        raise DatasetError(f"{existing[0]} exists and is not overwritten: name another --output, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    for file, examples in parts.items():
        write_jsonl(folder / file, (example.row() for example in examples))
    counts = {"train": len(splits.train), "validation": len(splits.validation), "held_out": len(splits.test or ())}
    write_json(folder / "rows.json", {"source": source, "counts": counts})
    return counts
