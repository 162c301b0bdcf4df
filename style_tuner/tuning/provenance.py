"""What a run was made with, so that it can be made again: rows, package versions, hardware."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from style_tuner.errors import DatasetError
from style_tuner.hardware import hardware
from style_tuner.workspace import read_json, write_json

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "tokenizers")
"""The packages on whose versions the numbers of a run depend."""


def record(folder: Path, rows: str) -> None:
    """Add to the run's `settings.json` the hash of its rows, package versions and hardware.

    Raises `DatasetError` where the run was begun with other rows: going on would mix two datasets.
    """
    path = folder / "settings.json"
    kept: dict[str, Any] = read_json(path) if path.is_file() else {}
    before = kept.get("rows_hash", rows)
    if before != rows:
        raise DatasetError(
            f"The dataset has changed since this run began (its rows had the hash {before[:12]}, now {rows[:12]}): put "
            "the old rows back, or start a new run."
        )
    write_json(
        path,
        kept
        | {
            "rows_hash": rows,
            "packages": {name: metadata.version(name) for name in PACKAGES},
            "python": platform.python_version(),
            "hardware": _machine(),
        },
    )


def _machine() -> dict[str, Any]:
    found = asdict(hardware())
    gpus = [{"name": gpu["name"], "memory": gpu["memory_total"]} for gpu in found["gpus"]]
    system = {"system": platform.platform(), "processor": platform.processor() or platform.machine()}
    return {"gpus": gpus, "cores": found["cores"], "memory": found["memory_total"], **system}
