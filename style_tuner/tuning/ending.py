"""What comes after the last step: the signs of what went wrong, and the best state where the loss was lost."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from style_tuner.config import TrainingConfig
from style_tuner.jobs import Job
from style_tuner.tuning.checkpoints import best_checkpoint, use_checkpoint
from style_tuner.tuning.follow import LossError
from style_tuner.tuning.reading import RunData
from style_tuner.tuning.samples import read_samples
from style_tuner.tuning.signs import frequent_words, read_signs
from style_tuner.workspace import read_jsonl

log = logging.getLogger(__name__)


def last_good(error: LossError, folder: Path, checkpoints: Path, job: Job, base_loss: float) -> dict[str, Any]:
    """Keep the best state from before the loss was lost as the voice; raise the error where there is none."""
    best = best_checkpoint(checkpoints)
    if best is None:
        raise error
    step, checkpoint = best
    use_checkpoint(folder, checkpoints, step)
    job.stopped = True
    job.message = f"{error} The state of step {step}, the best before that, is kept."
    log.error("%s", job.message)
    losses = {
        row["step"]: row["validation_loss"] for row in read_jsonl(folder / "metrics.jsonl") if "validation_loss" in row
    }
    return {
        "base_validation_loss": base_loss,
        "tuned_validation_loss": losses[step],
        "best_step": step,
        "steps": max(losses),
        "adapter": "adapter" if (checkpoint / "adapter_config.json").is_file() else "merged",
        "fault": str(error),
    }


def say_signs(config: TrainingConfig, folder: Path, data: RunData) -> list[str]:
    """Log what went wrong as far as it can be told, with the remedies, and return it."""
    samples = read_samples(folder)
    newest = [sample.text for sample in samples if sample.step == samples[-1].step and sample.step]
    common = frequent_words(data.replies())
    signs = read_signs(read_jsonl(folder / "metrics.jsonl"), newest, config, len(data.training.rows), common)
    for sign in signs:
        log.warning("%s", sign)
    return [str(sign) for sign in signs]
