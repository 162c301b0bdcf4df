"""Find the checkpoint to go on from, one cut short while it was written left out; say so when a disk is full."""

from __future__ import annotations

import errno
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from style_tuner.errors import StorageError
from style_tuner.workspace import storage_errors

LEAST_FREE = 1024**2
"""Bytes free below which a failed write of PyTorch, which names no reason, is taken for a full disk."""


@contextmanager
def disk_errors(folder: Path, checkpoints: Path | None = None) -> Iterator[None]:
    """Turn a full or read-only disk into a `StorageError`, also where a library hides the system's error.

    Where `checkpoints` are written, the sentence says whether there is one to go on from.
    """
    from safetensors import SafetensorError

    try:
        with storage_errors(folder):
            yield
    except (SafetensorError, RuntimeError, StorageError) as error:
        if not _is_full(error, folder):
            raise
        raise StorageError(
            f"The disk that holds {folder} is full. Free some space and {_remedy(checkpoints)}; nothing was "
            "overwritten."
        ) from error


def _is_full(error: Exception, folder: Path) -> bool:
    if isinstance(error, StorageError):
        return isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.ENOSPC, errno.EDQUOT)
    return "No space left" in str(error) or shutil.disk_usage(folder).free < LEAST_FREE


def _remedy(checkpoints: Path | None) -> str:
    if checkpoints is None:
        return "do this again"
    newest = newest_checkpoint(checkpoints)
    if newest is None:
        return "train again: no checkpoint had been written yet"
    return f"resume this run, which goes on from its last checkpoint, step {newest.name.removeprefix('checkpoint-')}"


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the complete checkpoint of the highest step; incomplete ones, which nothing can use, are removed."""
    complete = {}
    for path in folder.glob("checkpoint-*"):
        step = path.name.removeprefix("checkpoint-")
        if not step.isdigit():
            continue
        if is_complete(path):
            complete[int(step)] = path
        else:
            shutil.rmtree(path)
    return complete[max(complete)] if complete else None


def is_complete(checkpoint: Path) -> bool:
    """Say whether every part can be read; the trainer writes `trainer_state.json` last."""
    from safetensors import SafetensorError, safe_open

    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        weights = _weights(checkpoint)
        for file in weights:
            with safe_open(file, framework="pt") as tensors:
                tensors.keys()
    except (OSError, ValueError, SafetensorError):
        return False
    return bool(weights) and all(zipfile.is_zipfile(checkpoint / name) for name in ("optimizer.pt", "scheduler.pt"))


def _weights(checkpoint: Path) -> list[Path]:
    """Return the files that the weights of an adapter or a whole model must be in."""
    index = checkpoint / "model.safetensors.index.json"
    if index.is_file():
        return [checkpoint / name for name in set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())]
    return list(checkpoint.glob("*.safetensors"))
