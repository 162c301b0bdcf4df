"""Train a voice with TRL, PEFT and bitsandbytes: an adapter (LoRA, QLoRA) or every weight of the model."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig, resolve_model
from style_tuner.dataset.formats import Example, load_splits
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job
from style_tuner.tuning.checkpoints import disk_errors, newest_checkpoint
from style_tuner.tuning.device import compute_dtype
from style_tuner.tuning.hub import Uploader, check_base_model, check_upload, hub_client
from style_tuner.tuning.memory import estimate_memory
from style_tuner.tuning.model import load_config
from style_tuner.tuning.provenance import record
from style_tuner.tuning.quiet import quiet_libraries
from style_tuner.tuning.rows import (
    TokenRows,
    check_rows,
    rows_hash,
    show_loss_mask,
    tokenise,
    training_rows,
    write_plainly,
)
from style_tuner.tuning.schedule import Schedule, plan_schedule
from style_tuner.tuning.trainer import callback, check_reports, make_trainer
from style_tuner.workspace import read_jsonl

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.sft_trainer import SFTTrainer

log = logging.getLogger(__name__)


def train(
    config: TrainingConfig, dataset: Path | str, folder: Path, job: Job, hub: HfApi | None = None
) -> dict[str, Any]:
    """Train on `dataset`, keep the voice with the lowest validation loss in `folder`/adapter.

    `dataset` is a folder, a file of rows, or a dataset of the Hub, as `dataset.formats` reads them. A model whose
    every weight was trained goes to `folder`/merged. Goes on from the newest complete checkpoint in
    `folder`/`output_dir` where there is one; a stop request ends at the next step with the voice saved. Losses are in
    nats a reply token.

    Returns `base_validation_loss`, `tuned_validation_loss`, `best_step`, `steps`, `seconds`, `trainable_parameters`,
    `all_parameters`, `adapter` (relative to `folder`), `rows`, `tokens_cut` (a share), `method` and, where it was
    uploaded, `repository`.

    Raises `ConfigError`, `DatasetError` or `ModelError` before anything is trained where the run cannot work.
    """
    quiet_libraries()
    began = time.monotonic()
    hub = hub or hub_client()
    job.report(0, 0, "reading the dataset")
    repository = preflight(config, hub)
    tokenizer, training, validation, digest = _read(config, dataset)
    checkpoints = folder / Path(config.output_dir).expanduser()
    refuse_foreign_checkpoints(checkpoints, folder)
    record(folder, digest)
    rows = training_rows(training, config.packing)
    schedule = plan_schedule(config, len(rows))
    log.info("%s", schedule.summary())
    job.report(0, schedule.steps, "loading the model", tokens_cut=training.share_cut)
    uploader = callback(Uploader, hub, repository, config) if repository else None
    with disk_errors(folder, checkpoints), memory_errors(config):
        packed = training_rows(validation, config.packing)
        callbacks = [uploader] if uploader else []
        trainer = make_trainer(config, schedule, checkpoints, tokenizer, rows, packed, job, callbacks)
        trainable, parameters = _parameters(trainer.model)
        log.info(
            "%s: %s of %s parameters are trained (%.3g %%).",
            config.technique,
            f"{trainable:,}",
            f"{parameters:,}",
            100 * trainable / parameters,
        )
        checkpoint = newest_checkpoint(checkpoints)
        base_loss = _base_loss(trainer, schedule, job)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        job.report(trainer.state.global_step, schedule.steps, "saving the voice")
        voice = folder / ("adapter" if config.method == "lora" else "merged")
        save_voice(trainer.model, tokenizer, voice)
        if Path(config.output_dir).expanduser().is_absolute():
            shutil.copytree(voice, checkpoints, dirs_exist_ok=True)
    result = {
        "base_validation_loss": base_loss,
        "tuned_validation_loss": trainer.state.best_metric,
        "best_step": trainer.state.best_global_step,
        "steps": trainer.state.global_step,
        "seconds": round(time.monotonic() - began, 1),
        "trainable_parameters": trainable,
        "all_parameters": parameters,
        "adapter": voice.name,
        "rows": len(training.rows),
        "tokens_cut": training.share_cut,
        "method": config.technique,
    }
    if uploader and uploader.upload(voice, "The voice with the lowest validation loss"):
        result["repository"] = repository
    return result


def preflight(config: TrainingConfig, hub: HfApi) -> str | None:
    """Raise what the Hub, W&B or this machine would refuse later on; return the repository to upload to, if any."""
    check_base_model(config, hub)
    load_config(config)
    check_reports(config)
    return check_upload(config, hub)


def refuse_foreign_checkpoints(checkpoints: Path, folder: Path) -> None:
    """Raise a `ConfigError` where checkpoints lie outside the run's folder and are not this run's."""
    inside = checkpoints.resolve().is_relative_to(folder.resolve())
    if not inside and next(checkpoints.glob("checkpoint-*"), None) and not _base_losses(folder):
        raise ConfigError(
            f"output_dir {checkpoints} holds checkpoints of another run: name another folder, or move them away."
        )


def _read(config: TrainingConfig, dataset: Path | str) -> tuple[PreTrainedTokenizerBase, TokenRows, TokenRows, str]:
    """Return the tokenizer, the rows to train and to validate on, and the hash of all of them."""
    from style_tuner.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(resolve_model(config.base_model))
    write_plainly(tokenizer, config.rows.response_template)
    splits = load_splits(str(dataset), config.rows, config.seed)
    parts = {"Training": splits.train, "Validation": splits.validation}
    rows = [_tokens(name, examples, tokenizer, config) for name, examples in parts.items()]
    return tokenizer, rows[0], rows[1], rows_hash(*parts.values())


def dry_run(config: TrainingConfig, dataset: Path | str, hub: HfApi | None = None) -> str:
    """Return what a run would do, in plain text: an example with its loss mask, token counts, steps and memory.

    Loads the tokenizer and the model's config, not its weights, and raises what `train` would raise for them.
    """
    import torch

    quiet_libraries()
    repository = preflight(config, hub or hub_client())
    tokenizer, training, validation, digest = _read(config, dataset)
    rows = training_rows(training, config.packing)
    packed = f" Packed into {len(rows)} rows of at most {config.max_seq_length}." if config.packing else ""
    lines = [
        "First training row as the model sees it; the loss counts what stands between \u27e6 and \u27e7:",
        "",
        show_loss_mask(training.rows[0], tokenizer),
        "",
        f"Model: {resolve_model(config.base_model)}",
        f"Method: {config.technique}, arithmetic in {str(compute_dtype(config)).removeprefix('torch.')}",
        f"Training: {training.summary()}{packed}",
        f"Validation: {validation.summary()}",
        f"Rows: SHA-256 {digest}",
        f"Steps: {plan_schedule(config, len(rows)).summary()}",
        f"Memory: {estimate_memory(config, on_gpu=torch.cuda.is_available()).summary()}",
    ]
    return "\n".join(lines + ([f"Upload: {repository}"] if repository else []))


def _tokens(
    name: str, examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, config: TrainingConfig
) -> TokenRows:
    rows = tokenise(examples, tokenizer, config.max_seq_length)
    check_rows(rows, tokenizer)
    level = logging.WARNING if rows.rows_cut else logging.INFO
    log.log(level, "%s: %s", name, rows.summary())
    return rows


def _parameters(model: Any) -> tuple[int, int]:
    """Return how many parameters are trained, and how many there are, quantised ones counted as what they stand for."""
    if hasattr(model, "get_nb_trainable_parameters"):
        trainable, parameters = model.get_nb_trainable_parameters()
        return int(trainable), int(parameters)
    return model.num_parameters(only_trainable=True), model.num_parameters()


def _base_losses(folder: Path) -> list[float]:
    """Return the base model's validation loss if this run has reported it before."""
    rows = read_jsonl(folder / "metrics.jsonl")
    return [float(row["base_validation_loss"]) for row in rows if "base_validation_loss" in row]


def _base_loss(trainer: SFTTrainer, schedule: Schedule, job: Job) -> float:
    """Return the validation loss before the first step; a resumed run finds it in its reports."""
    known = _base_losses(job.folder)
    if known:
        return known[0]
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


def save_voice(model: Any, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the adapter or the whole model with its tokenizer and chat template; an earlier one is replaced whole."""
    import torch

    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        if folder.name == "merged":  # trained in float32, kept as every whole model here is
            model.to(torch.bfloat16)
        model.save_pretrained(new)
        tokenizer.save_pretrained(new)
        if folder.exists():
            shutil.rmtree(folder)
        new.chmod(0o755)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
