"""Whether the disk has room for a run, asked before anything long starts."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from style_tuner.config import TrainingConfig, resolve_model
from style_tuner.errors import StorageError
from style_tuner.tuning.memory import GIBIBYTE, model_shape
from style_tuner.tuning.needs import disk, download
from style_tuner.tuning.schedule import plan_schedule


def check_disk(config: TrainingConfig, folder: Path, rows: int) -> None:
    """Raise a `StorageError` where the run's checkpoints and voice, or the download before it, would fill the disk.

    `folder` is the run's, `rows` are as many as it trains on. What an earlier part of the run has written there already
    is not counted again. A model whose config.json does not tell its shape is let pass.
    """
    try:
        shape = model_shape(resolve_model(config.base_model))
    except KeyError:
        return
    checkpoints = folder / Path(config.output_dir).expanduser()
    schedule = plan_schedule(config, rows)
    written = max(0.0, disk(config, shape, math.ceil(schedule.steps / schedule.save_steps)) - _size(checkpoints))
    fetched = download(config, shape)
    place = _existing(checkpoints)
    remedy = "set save_total_limit=1" if config.save_total_limit > 1 else "set a lower lora_r"
    if fetched:
        from huggingface_hub.constants import HF_HUB_CACHE

        cache = _existing(Path(HF_HUB_CACHE))
        if cache.stat().st_dev != place.stat().st_dev:
            _check(cache, fetched, f"The download of {config.base_model}", "set HF_HOME to a folder of another disk")
        else:
            written += fetched
            remedy = "set HF_HOME, where models are downloaded to, to a folder of another disk"
    what = "This run, with the download of its model," if fetched else "This run"
    _check(place, written, what, remedy)


def _check(place: Path, needed: float, what: str, remedy: str) -> None:
    free = shutil.disk_usage(place).free / GIBIBYTE
    if needed > free:
        raise StorageError(
            f"{what} needs about {needed:,.2f} GiB on the disk of {place}, which has {free:,.2f} GiB free: free some "
            f"space, or {remedy}."
        )


def _existing(path: Path) -> Path:
    return next(one for one in (path, *path.resolve().parents) if one.exists())


def _size(folder: Path) -> float:
    """Return the GiB that a folder's files take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / GIBIBYTE
