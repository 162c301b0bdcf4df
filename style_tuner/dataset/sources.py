"""Read rows from wherever they are: JSONL, CSV or Parquet files, folders of them, and datasets of the Hub."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from style_tuner.dataset.chat_jsonl import Fault, parse_lines
from style_tuner.errors import DatasetError

SUFFIXES = (".jsonl", ".csv", ".parquet")
PARTS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "heldout"),
}
"""The parts of a dataset and the names that files and splits have for them."""


@dataclass(frozen=True)
class Record:
    """One row as it was read, and its number as people count: the line in a JSONL file, else the row from 1."""

    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """All rows of one file or split; `typed` tells whether its values have types or are all text, as in CSV."""

    name: str
    records: tuple[Record, ...]
    faults: tuple[Fault, ...] = ()
    unit: str = "row"
    typed: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order in which they first appear."""
        return tuple(dict.fromkeys(name for record in self.records for name in record.values))


def is_dataset_file(path: Path) -> bool:
    """Say whether a path names a file of rows by its suffix."""
    return path.suffix.lower() in SUFFIXES


def is_hub_dataset(source: str) -> bool:
    """Say whether a source can only be a dataset of the Hub: `owner/name`, and no path here."""
    path = Path(source).expanduser()
    plain = source.count("/") == 1 and not source.startswith((".", "/", "~")) and not source.endswith("/")
    return plain and not path.exists() and not path.parent.is_dir() and not is_dataset_file(path)


def is_rows(source: str) -> bool:
    """Say whether a source holds rows rather than manuscripts."""
    path = Path(source).expanduser()
    return is_dataset_file(path) or is_hub_dataset(source) or (path.is_dir() and "train" in _files_of(path))


def parts_of(source: str) -> dict[str, Callable[[], Table]]:
    """Return how to read each part that a source has; raises `DatasetError` where there is none for training."""
    if is_hub_dataset(source):
        return _hub_parts(source)
    path = Path(source).expanduser()
    if path.is_dir():
        files = _files_of(path)
        if "train" not in files:
            raise DatasetError(
                f"The folder {path} holds no rows to train on: it needs train.jsonl (or .csv, .parquet), best with "
                "validation.jsonl beside it."
            )
    elif not path.is_file():
        raise DatasetError(
            f"{path} does not exist: name a dataset folder as `python -m style_tuner prepare` makes it, a file "
            f"({', '.join(SUFFIXES)}), or a dataset of the Hub (owner/name)."
        )
    else:
        named_train = path.stem.lower() in PARTS["train"]
        files = {"train": path} | ({} if not named_train else _beside(path))
    return {part: partial(read_table, file) for part, file in files.items()}


def _files_of(folder: Path) -> dict[str, Path]:
    named = {(path.stem.lower(), path.suffix.lower()): path for path in sorted(folder.iterdir()) if path.is_file()}
    found = {}
    for part, names in PARTS.items():
        files = [named[name, suffix] for suffix in SUFFIXES for name in names if (name, suffix) in named]
        if files:
            found[part] = files[0]
    return found


def _beside(train: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for part in ("validation", "test"):
        files = [train.with_name(f"{name}{train.suffix}") for name in PARTS[part]]
        if there := [file for file in files if file.is_file()]:
            found[part] = there[0]
    return found


def read_table(path: Path) -> Table:
    """Return the rows of one file; faults of single lines are kept in the table."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _csv(path)
    if suffix == ".parquet":
        return _parquet(path)
    lines, faults = parse_lines(path)
    return Table(str(path), tuple(Record(number, row) for number, row in lines), tuple(faults), unit="line")


def _csv(path: Path) -> Table:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 (byte {error.start}): save it as CSV in UTF-8.") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    records, faults = [], []
    try:
        for number, row in enumerate(reader, 1):
            if None in row or None in row.values():
                said = "has another number of cells than the header: mend its commas and quotes."
                faults.append(Fault(number, said, "row"))
            else:
                records.append(Record(number, dict(row)))
    except csv.Error as error:
        faults.append(Fault(reader.line_num, f"cannot be read as CSV ({error}): mend its quotes."))
    return Table(str(path), tuple(records), tuple(faults), typed=False)


def _parquet(path: Path) -> Table:
    import pyarrow
    from datasets import Dataset

    try:
        rows = Dataset.from_parquet(str(path), keep_in_memory=True)
    except (pyarrow.ArrowInvalid, OSError, ValueError) as error:
        raise DatasetError(
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}): write or copy it again."
        ) from error
    return Table(str(path), tuple(Record(number, dict(row)) for number, row in enumerate(rows, 1)))


def _hub_parts(name: str) -> dict[str, Callable[[], Table]]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError, DatasetsError

    from style_tuner.tuning.hub import check_access, hub_client

    reached = check_access(name, "dataset", hub_client())
    try:
        splits = load_dataset(name)
    except (DatasetNotFoundError, ConnectionError) as error:
        if reached:
            raise DatasetError(f"The dataset {name} cannot be read from the Hub ({error}): check its page.") from error
        raise DatasetError(
            f"The dataset {name} is not on this disk and the Hub cannot be reached: connect to the network (and unset "
            "HF_HUB_OFFLINE), or name a file or folder."
        ) from error
    except (DatasetsError, ValueError) as error:
        raise DatasetError(f"The dataset {name} cannot be read ({str(error).splitlines()[0]}).") from error
    found: dict[str, Callable[[], Table]] = {}
    for part, names in PARTS.items():
        for split in (split for split in names if split in splits):
            found.setdefault(part, partial(_split, name, split, splits[split]))
    if "train" not in found:
        raise DatasetError(f"The dataset {name} has no split for training; its splits are {', '.join(splits)}.")
    return found


def _split(name: str, split: str, rows: Iterable[dict[str, Any]]) -> Table:
    return Table(f"{name} ({split})", tuple(Record(number, dict(row)) for number, row in enumerate(rows, 1)))


def as_list(value: Any, typed: bool) -> list[str] | None:
    """Return a cell as a list of texts, None where it is none; without types, a JSON list or words between commas."""
    if not typed and isinstance(value, str):
        try:
            value = json.loads(value) if value.lstrip().startswith("[") else value.split(",")
        except (ValueError, RecursionError):
            return None
        value = [part.strip() if isinstance(part, str) else part for part in value]
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return [part for part in value if part]
    return None
