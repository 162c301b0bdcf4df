"""Find the checkpoint to go on from; one that was cut short while it was written does not count."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path


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
        with safe_open(checkpoint / "adapter_model.safetensors", framework="pt") as tensors:
            named = bool(tensors.keys())
    except (OSError, ValueError, SafetensorError):
        return False
    return named and all(zipfile.is_zipfile(checkpoint / name) for name in ("optimizer.pt", "scheduler.pt"))
