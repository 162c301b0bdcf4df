"""Settle how many steps a run takes and when it warms up and saves, before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from style_tuner.config import TrainingConfig
from style_tuner.errors import ConfigError


@dataclass(frozen=True)
class Schedule:
    """Optimiser steps: of one epoch, of the whole run, until the peak rate, and between checkpoints."""

    epoch_steps: int
    steps: int
    warmup_steps: int
    save_steps: int

    def summary(self) -> str:
        """Return the numbers as a sentence."""
        return (
            f"{self.steps} steps ({self.epoch_steps} an epoch), {self.warmup_steps} of them warm-up; "
            f"validated and saved every {self.save_steps} steps."
        )


def plan_schedule(config: TrainingConfig, rows: int) -> Schedule:
    """Return the schedule for `rows` training rows (after packing), resolving `auto`.

    Raises `ConfigError` where the peak rate would never be reached or no checkpoint saved before the end, with the
    values that would work. Steps are counted as `transformers.Trainer` counts them.
    """
    batches = math.ceil(rows / config.per_device_batch_size)
    epoch_steps = math.ceil(batches / config.gradient_accumulation_steps)
    steps = math.ceil(config.num_epochs * epoch_steps)
    usual_warmup = min(max(1, round(0.05 * steps)), steps - 1)
    usual_save = min(max(10, math.ceil(epoch_steps / 4)), epoch_steps, steps)
    if config.warmup_ratio is not None:
        usual_warmup = min(math.ceil(config.warmup_ratio * steps), steps - 1)
    warmup = usual_warmup if config.warmup_steps == "auto" else config.warmup_steps
    save = usual_save if config.save_steps == "auto" else config.save_steps
    run = f"This run has {steps} steps ({rows} rows, {config.num_epochs:g} epochs)"
    if warmup >= steps and warmup > 0:
        raise ConfigError(
            f"{run}, so with warmup_steps {warmup} the learning rate would never reach its peak: set warmup_steps to "
            f"auto (here {usual_warmup}), or to {max(0, steps // 2)} at most."
        )
    if save > steps:
        raise ConfigError(
            f"{run}, so with save_steps {save} nothing would be saved or validated on the way: set save_steps to "
            f"auto (here {usual_save}), or to {steps} at most."
        )
    return Schedule(epoch_steps, steps, warmup, save)
