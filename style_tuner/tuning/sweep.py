"""Try a few learning rates in short runs and say which one to train with: nothing else matters as much."""

from __future__ import annotations

import gc
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from style_tuner.config import TrainingConfig
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job
from style_tuner.tuning.train import train
from style_tuner.workspace import append_jsonl, read_jsonl

log = logging.getLogger(__name__)
USUAL = (1e-4, 2e-4, 5e-4, 1e-3)
"""Peak rates tried around the usual 2e-4; a recipe with another rate has them scaled by as much."""
EPOCHS = 1.0
"""Length of each short run."""
TABLE = "sweep.jsonl"
UNTRIED = "not tried"


@dataclass
class Part(Job):
    """One short run inside the sweep's own: it stops when that is to stop, and reports its steps there too."""

    whole: Job = field(kw_only=True)
    rate: float = field(kw_only=True)
    number: int = field(kw_only=True)
    count: int = field(kw_only=True)

    def report(self, step: int, total: int, what: str, **figures: Any) -> None:
        """Report in the part's folder, and in the sweep's as a share of all parts."""
        super().report(step, total, what, **figures)
        if total:
            words = f"learning rate {self.rate:g} ({self.number + 1} of {self.count}): {what}"
            self.whole.report(self.number * total + step, self.count * total, words)

    def stop_requested(self) -> bool:
        """Say whether the user asked the sweep to stop."""
        return self.whole.stop_requested()


def rates(config: TrainingConfig) -> tuple[float, ...]:
    """Return the rates to try, scaled to what the recipe starts from."""
    return tuple(float(f"{rate * config.learning_rate / 2e-4:.3g}") for rate in USUAL)


def short(config: TrainingConfig, rate: float, epochs: float = EPOCHS) -> TrainingConfig:
    """Return the settings of one short run."""
    return config.model_copy(
        update={
            "learning_rate": rate,
            "num_epochs": min(epochs, config.num_epochs),
            "warmup_steps": "auto",
            "save_steps": "auto",
            "save_total_limit": 1,
            "output_dir": "checkpoints",
            "early_stopping": None,
            "samples": 0,
            "report_to": (),
            "push_to_hub": False,
        }
    )


def sweep(
    config: TrainingConfig,
    dataset: str,
    folder: Path,
    own: Job,
    tried: tuple[float, ...] | None = None,
    epochs: float = EPOCHS,
) -> dict[str, Any]:
    """Train a short run for each rate; return `table` (rate, best validation loss, step), `best_rate` and `advice`.

    Rates that were not tried stand in the table with that note. What was tried is kept in `folder`/sweep.jsonl, so that
    a resumed sweep tries only the rates that are left, and each run in a folder of its own.
    """
    wanted = tried or rates(config)
    for number, rate in enumerate(wanted):
        if any(row["learning_rate"] == rate for row in read_jsonl(folder / TABLE)):
            continue
        place = folder / f"rate-{rate:g}"
        place.mkdir(exist_ok=True)
        part = Part(place, whole=own, rate=rate, number=number, count=len(wanted))
        try:
            found = train(short(config, rate, epochs), dataset, place, part)
            loss, step, fault = found["tuned_validation_loss"], found["best_step"], part.message
        except ConfigError as error:
            if number == 0:  # the settings themselves do not work
                raise
            loss, step, fault = None, None, str(error)
        if own.stop_requested():
            own.stopped = True
            break
        row = {"learning_rate": rate, "best_validation_loss": loss, "step": step, "note": fault}
        append_jsonl(folder / TABLE, row)
        log.info("Learning rate %g: best validation loss %s.", rate, "none" if loss is None else f"{loss:.4f}")
        gc.collect()
    table = sorted(read_jsonl(folder / TABLE), key=lambda row: row["learning_rate"])
    left = [rate for rate in wanted if all(row["learning_rate"] != rate for row in table)]
    found = recommend(table, left)
    untried = [{"learning_rate": rate, "best_validation_loss": None, "step": None, "note": UNTRIED} for rate in left]
    return {"table": sorted([*table, *untried], key=lambda row: row["learning_rate"]), **found}


def recommend(table: list[dict[str, Any]], left: Sequence[float] = ()) -> dict[str, Any]:
    """Return the rate with the lowest validation loss, and advice in a sentence; `left` are rates not tried yet.

    There is no rate where none worked, or where there was only one to look at.
    """
    worked = [row for row in table if row["best_validation_loss"] is not None]
    count = f"{len(table)} of {len(table) + len(left)} rates tried."
    lead = f"{count} " if left else ""
    if len(table) < 2:
        return {"best_rate": None, "advice": f"{count} One alone shows nothing: try others beside it."}
    if not worked:
        return {"best_rate": None, "advice": f"{lead}No rate has worked so far: try lower ones."}
    best = min(worked, key=lambda row: row["best_validation_loss"])
    rate, loss = best["learning_rate"], best["best_validation_loss"]
    if left:
        return {"best_rate": rate, "advice": f"{lead}So far {rate:g} has the lowest validation loss, {loss:.3f}."}
    if len(worked) == 1:
        return {"best_rate": rate, "advice": f"Only learning rate {rate:g} worked: validation loss {loss:.3f}."}
    advice = f"Train with learning rate {rate:g}: its validation loss is the lowest, {loss:.3f}."
    if len(table) > 2 and best is table[-1]:
        advice += f" It is the highest of those tried: {rate * 2:g} may be better still."
    if len(table) > 2 and best is table[0]:
        advice += f" It is the lowest of those tried: {rate / 2:g} may be better still."
    return {"best_rate": rate, "advice": advice}
