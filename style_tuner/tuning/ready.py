"""What comes before the first step: a trainer that fits into memory, the voice to start from, the base model's loss."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from style_tuner.config import TrainingConfig
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job
from style_tuner.tuning.abilities import ability_loss
from style_tuner.tuning.follow import perplexity
from style_tuner.tuning.parallel import prepare_anew, prepare_together
from style_tuner.tuning.probe import fits, is_wanted, settle, smaller_batch
from style_tuner.tuning.reading import RunData
from style_tuner.tuning.rows import training_rows
from style_tuner.tuning.schedule import Schedule, plan_schedule
from style_tuner.tuning.trainer import load_adapter, make_trainer
from style_tuner.workspace import read_jsonl

log = logging.getLogger(__name__)


def start_adapter(config: TrainingConfig, folder: Path) -> Path | None:
    """Return the folder of the voice that the run starts from: that of a run beside this one, or the one named."""
    if config.start_from is None:
        return None
    for place in (folder.parent / config.start_from / "adapter", Path(config.start_from).expanduser()):
        if (place / "adapter_model.safetensors").is_file():
            return place
    raise ConfigError(
        f"start_from is {config.start_from}, where there is no voice: name a training run of this workspace that has "
        "one, or a folder with adapter_model.safetensors."
    )


def ready(
    config: TrainingConfig, data: RunData, checkpoints: Path, job: Job, followers: list[Any], probe: bool
) -> tuple[Any, TrainingConfig, Schedule]:
    """Return a trainer that fits into memory, with the settings and the schedule that it has then."""
    rows = training_rows(data.training, config.packing)
    validation = training_rows(data.validation, config.packing)
    while True:
        schedule = plan_schedule(config, len(rows))
        log.info("%s", schedule.summary())
        job.report(0, schedule.steps, "loading the model", tokens_cut=data.training.share_cut)
        trainer = make_trainer(config, schedule, checkpoints, data.tokenizer, rows, validation, job, followers)
        if not probe or not is_wanted(config):
            return trainer, config, schedule
        job.report(0, schedule.steps, "trying the longest rows")
        if fits(trainer, config):
            log.info("Two steps at the longest rows fit into memory.")
            settle(job.folder, config)
            return trainer, config, schedule
        if config.gradient_checkpointing and not trainer.args.activation_checkpointing:
            log.warning("Memory is too small to keep activations: they are computed twice.")
            config = config.model_copy(update={"keep_activations": False})
            del trainer
            continue
        smaller = smaller_batch(config)
        if smaller is None:
            longest = max(len(row.input_ids) for row in data.training.rows)
            raise ConfigError(
                f"One row of {longest} tokens does not fit into memory: lower max_seq_length (and prepare with a "
                "lower dataset.max_tokens), set gradient_checkpointing to true, lower lora_r, or "
                "choose a smaller base_model."
            )
        del trainer
        log.warning(
            "Memory is full with %d rows at a time: going on with %d, and %d batches for each step instead of %d. The "
            "result is the same, a little later.",
            config.per_device_batch_size,
            smaller.per_device_batch_size,
            smaller.gradient_accumulation_steps,
            config.gradient_accumulation_steps,
        )
        config = smaller


def before(trainer: Any, schedule: Schedule, job: Job, start: Path | None, sampler: Any, data: RunData) -> float:
    """Measure and sample before the first step; return the base model's validation loss.

    A resumed run finds it in its reports. A run that goes on from an earlier voice starts at that voice's own loss.
    """
    known = base_losses(job.folder)
    if start is not None:
        load_adapter(trainer.model, start)
        log.info("Goes on from the voice in %s; seed %d, rows in the order of a new run.", start, trainer.args.seed)
    if known:
        return known[0]
    job.report(0, schedule.steps, "validating the base model")
    prepare_together(trainer)
    with trainer.model.disable_adapter() if start is not None else nullcontext():
        base = float(trainer.evaluate()["eval_loss"])  # an untrained adapter adds nothing: this is the base model
        able = ability_loss(trainer.model, data.tokenizer)
    loss = base if start is None else float(trainer.evaluate()["eval_loss"])
    job.report(
        0,
        schedule.steps,
        "training",
        validation_loss=loss,
        base_validation_loss=base,
        perplexity=perplexity(loss),
        ability_loss=able,
        epoch=0.0,
    )
    sampler.write(trainer.model, 0.0, 0, loss, 0)
    prepare_anew(trainer)
    return base


def base_losses(folder: Path) -> list[float]:
    """Return the base model's validation loss if this run has reported it before."""
    return [
        float(row["base_validation_loss"])
        for row in read_jsonl(folder / "metrics.jsonl")
        if "base_validation_loss" in row
    ]
