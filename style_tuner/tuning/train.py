"""Train an adapter on an author's passages with TRL, PEFT and bitsandbytes (QLoRA, Dettmers et al. 2023)."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig, resolve_model
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job
from style_tuner.tuning.checkpoints import disk_errors, newest_checkpoint
from style_tuner.tuning.memory import estimate_memory
from style_tuner.tuning.model import load_config
from style_tuner.tuning.quiet import quiet_libraries
from style_tuner.tuning.rows import TokenRows, check_rows, read_rows, show_loss_mask, tokenise, training_rows
from style_tuner.tuning.schedule import Schedule, plan_schedule
from style_tuner.tuning.trainer import make_trainer
from style_tuner.workspace import read_jsonl

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.sft_trainer import SFTTrainer

log = logging.getLogger(__name__)


def train(config: TrainingConfig, dataset: Path, folder: Path, job: Job) -> dict[str, Any]:
    """Train on `dataset`/train.jsonl, keep the adapter with the lowest validation loss in `folder`/adapter.

    Goes on from the newest complete checkpoint in `folder`/`output_dir` where there is one; a stop request ends at the
    next step with the adapter saved. Losses are in nats a reply token.

    Returns `base_validation_loss`, `tuned_validation_loss`, `best_step`, `steps`, `seconds`, `trainable_parameters`,
    `all_parameters`, `adapter` (relative to `folder`), `rows` and `tokens_cut` (a share).

    Raises `ConfigError`, `DatasetError` or `ModelError` before anything is trained where the run cannot work.
    """
    from style_tuner.tokenizer import load_tokenizer

    quiet_libraries()
    began = time.monotonic()
    job.report(0, 0, "reading the dataset")
    tokenizer = load_tokenizer(resolve_model(config.base_model))
    training = _tokens(dataset, "train.jsonl", tokenizer, config)
    validation = _tokens(dataset, "validation.jsonl", tokenizer, config)
    rows = training_rows(training, config.packing)
    schedule = plan_schedule(config, len(rows))
    log.info("%s", schedule.summary())
    job.report(0, schedule.steps, "loading the model", tokens_cut=training.share_cut)
    checkpoints = folder / config.output_dir
    with disk_errors(folder, checkpoints), memory_errors(config):
        packed = training_rows(validation, config.packing)
        trainer = make_trainer(config, schedule, checkpoints, tokenizer, rows, packed, job)
        checkpoint = newest_checkpoint(checkpoints)
        base_loss = _base_loss(trainer, schedule, job)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        job.report(trainer.state.global_step, schedule.steps, "saving the voice")
        _save_adapter(trainer, tokenizer, folder / "adapter")
    model: Any = trainer.model
    trainable, parameters = model.get_nb_trainable_parameters()
    return {
        "base_validation_loss": base_loss,
        "tuned_validation_loss": trainer.state.best_metric,
        "best_step": trainer.state.best_global_step,
        "steps": trainer.state.global_step,
        "seconds": round(time.monotonic() - began, 1),
        "trainable_parameters": trainable,
        "all_parameters": parameters,
        "adapter": "adapter",
        "rows": len(training.rows),
        "tokens_cut": training.share_cut,
    }


def dry_run(config: TrainingConfig, dataset: Path) -> str:
    """Return what a run would do, in plain text: an example with its loss mask, token counts, steps and memory.

    Loads the tokenizer and the model's config, not its weights, and raises what `train` would raise for them.
    """
    import torch

    from style_tuner.tokenizer import load_tokenizer

    quiet_libraries()
    model = resolve_model(config.base_model)
    load_config(config)
    tokenizer = load_tokenizer(model)
    training = _tokens(dataset, "train.jsonl", tokenizer, config)
    validation = _tokens(dataset, "validation.jsonl", tokenizer, config)
    rows = training_rows(training, config.packing)
    packed = f" Packed into {len(rows)} rows of at most {config.max_seq_length}." if config.packing else ""
    return "\n".join(
        [
            "First training row as the model sees it; the loss counts what stands between \u27e6 and \u27e7:",
            "",
            show_loss_mask(training.rows[0], tokenizer),
            "",
            f"Model: {model}",
            f"Training: {training.summary()}{packed}",
            f"Validation: {validation.summary()}",
            f"Steps: {plan_schedule(config, len(rows)).summary()}",
            f"Memory: {estimate_memory(config, on_gpu=torch.cuda.is_available()).summary()}",
        ]
    )


def _tokens(dataset: Path, name: str, tokenizer: PreTrainedTokenizerBase, config: TrainingConfig) -> TokenRows:
    rows = tokenise(read_rows(dataset, name), tokenizer, config.max_seq_length)
    check_rows(rows, tokenizer)
    level = logging.WARNING if rows.rows_cut else logging.INFO
    log.log(level, "%s: %s", name, rows.summary())
    return rows


def _base_loss(trainer: SFTTrainer, schedule: Schedule, job: Job) -> float:
    """Return the validation loss before the first step; a resumed run finds it in its reports."""
    known = [
        row["base_validation_loss"] for row in read_jsonl(job.folder / "metrics.jsonl") if "base_validation_loss" in row
    ]
    if known:
        return float(known[0])
    job.report(0, schedule.steps, "validating the base model")
    loss = float(trainer.evaluate()["eval_loss"])  # an untrained adapter adds nothing: this is the base model's loss
    job.report(0, schedule.steps, "training", validation_loss=loss, base_validation_loss=loss, epoch=0.0)
    return loss


@contextmanager
def memory_errors(config: TrainingConfig) -> Iterator[None]:
    """Turn a full GPU into the guide's remedy: half the batch, twice the accumulation, the same result."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        batch, accumulation = config.per_device_batch_size, config.gradient_accumulation_steps
        remedy = (
            f"set per_device_batch_size to {batch // 2} and gradient_accumulation_steps to {accumulation * 2}"
            if batch > 1
            else "set gradient_checkpointing to true, a lower max_seq_length or a lower lora_r"
        )
        raise ConfigError(f"The GPU's memory is full: {remedy}, then train again.") from error


def _save_adapter(trainer: SFTTrainer, tokenizer: PreTrainedTokenizerBase, adapter: Path) -> None:
    """Write the adapter with its tokenizer and chat template; an earlier one of this run is replaced whole."""
    model: Any = trainer.model
    new = Path(tempfile.mkdtemp(dir=adapter.parent, prefix=".adapter-"))
    try:
        model.save_pretrained(new)
        tokenizer.save_pretrained(new)
        if adapter.exists():
            shutil.rmtree(adapter)
        new.chmod(0o755)
        new.rename(adapter)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
