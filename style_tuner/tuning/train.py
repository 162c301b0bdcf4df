"""Train a voice with TRL, PEFT and bitsandbytes: an adapter (LoRA, QLoRA) or every weight of the model."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig, resolve_model
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job
from style_tuner.tuning.abilities import ability_loss
from style_tuner.tuning.authors import several_authors
from style_tuner.tuning.checkpoints import at_home, disk_errors, newest_checkpoint, put_back, save_voice
from style_tuner.tuning.device import compute_dtype
from style_tuner.tuning.ending import last_good, say_signs
from style_tuner.tuning.follow import LossError
from style_tuner.tuning.hub import Uploader, check_base_model, check_upload, hub_client
from style_tuner.tuning.memory import estimate_memory, model_shape
from style_tuner.tuning.model import check_targets, load_config
from style_tuner.tuning.needs import say
from style_tuner.tuning.parallel import is_helper, join
from style_tuner.tuning.probe import memory_errors, settled
from style_tuner.tuning.provenance import record
from style_tuner.tuning.quiet import quiet_libraries
from style_tuner.tuning.reading import RunData, read_data
from style_tuner.tuning.ready import base_losses, before, ready, start_adapter
from style_tuner.tuning.room import check_disk
from style_tuner.tuning.rows import show_loss_mask, training_rows
from style_tuner.tuning.samples import Sampler, fixed_requests
from style_tuner.tuning.schedule import plan_schedule
from style_tuner.tuning.trainer import callback, check_optimizer, check_reports

if TYPE_CHECKING:
    from huggingface_hub import HfApi

log = logging.getLogger(__name__)


def train(
    config: TrainingConfig, dataset: Path | str, folder: Path, job: Job, hub: HfApi | None = None
) -> dict[str, Any]:
    """Train on `dataset`, keep the voice with the lowest validation loss in `folder`/adapter.

    `dataset` is a folder, a file of rows, or a dataset of the Hub, as `dataset.formats` reads them. A model whose
    every weight was trained goes to `folder`/merged. Goes on from the newest complete checkpoint in
    `folder`/`output_dir` where there is one; a stop request ends at the next step with the voice saved, and so does a
    loss that is no longer a number, with the best state before it. Losses are in nats a reply token.

    Returns `base_validation_loss`, `tuned_validation_loss`, `best_step`, `steps`, `seconds`, `trainable_parameters`,
    `all_parameters`, `adapter` (relative to `folder`), `rows`, `tokens_cut` (a share), `method`, `signs` (sentences)
    and, where it was uploaded, `repository`.

    Raises `ConfigError`, `DatasetError` or `ModelError` before anything is trained where the run cannot work.
    """
    quiet_libraries()
    from transformers import set_seed

    began = time.monotonic()
    if (start := start_adapter(config, folder)) is not None:
        config = config.model_copy(update={"start_from": str(start)})  # helpers work in another folder
    job = join(config, dataset, folder, job)
    hub = hub or hub_client()
    job.report(0, 0, "reading the dataset")
    repository = preflight(config, hub)
    data = read_data(config, dataset)
    check_disk(config, folder, len(data.training.rows))
    checkpoints = folder / Path(config.output_dir).expanduser()
    voice = folder / ("adapter" if config.method == "lora" else "merged")
    put_back(voice)
    refuse_foreign_checkpoints(checkpoints, folder)
    record(folder, data.digest)
    config = settled(folder, config)
    mixed = _say_if_mixed(data, job)
    uploader = callback(Uploader, hub, repository, config) if repository else None
    with disk_errors(folder, checkpoints), memory_errors(config):
        requests = fixed_requests(data.examples.validation, data.tokenizer, config)
        sampler = callback(Sampler, job, data.tokenizer, requests, config)
        followers = [sampler, *([uploader] if uploader else [])]
        checkpoint = newest_checkpoint(checkpoints)
        trainer, config, schedule = ready(config, data, checkpoints, job, followers, probe=checkpoint is None)
        trainable, parameters = _parameters(trainer.model, config)
        base_loss = before(trainer, schedule, job, start, sampler, data)
        set_seed(config.seed)  # what came before drew from the random state, and a resumed run does less of it
        try:
            trainer.train(resume_from_checkpoint=str(at_home(checkpoint)) if checkpoint else None)
        except LossError as error:
            return last_good(error, folder, checkpoints, job, base_loss)
        step = trainer.state.global_step
        job.report(step, schedule.steps, "saving the voice", ability_loss=ability_loss(trainer.model, data.tokenizer))
        save_voice(trainer, data.tokenizer, voice)
        if Path(config.output_dir).expanduser().is_absolute() and not is_helper():
            shutil.copytree(voice, checkpoints, dirs_exist_ok=True)
    result = {
        "base_validation_loss": base_loss,
        "tuned_validation_loss": trainer.state.best_metric,
        "best_step": trainer.state.best_global_step,
        "steps": step,
        "seconds": round(time.monotonic() - began, 1),
        "trainable_parameters": trainable,
        "all_parameters": parameters,
        "adapter": voice.name,
        "rows": len(data.training.rows),
        "tokens_cut": data.training.share_cut,
        "method": config.technique,
        "signs": [*mixed, *say_signs(config, folder, data)],
    }
    if uploader and uploader.upload(voice, "The voice with the lowest validation loss"):
        result["repository"] = repository
    return result


def _say_if_mixed(data: RunData, job: Job) -> list[str]:
    """Log whether the works read as if by several authors, before the training rather than after it."""
    if is_helper():
        return []
    job.report(0, 0, "comparing the works")
    sign = several_authors(data.examples.train)
    if sign is None:
        return []
    log.warning("%s", sign)
    return [str(sign)]


def preflight(config: TrainingConfig, hub: HfApi) -> str | None:
    """Raise what the Hub, W&B or this machine would refuse later on; return the repository to upload to, if any."""
    check_optimizer(config)
    check_base_model(config, hub)
    check_targets(config, load_config(config))
    check_reports(config)
    return check_upload(config, hub)


def refuse_foreign_checkpoints(checkpoints: Path, folder: Path) -> None:
    """Raise a `ConfigError` where checkpoints lie outside the run's folder and are not this run's."""
    inside = checkpoints.resolve().is_relative_to(folder.resolve())
    if not inside and next(checkpoints.glob("checkpoint-*"), None) and not base_losses(folder):
        raise ConfigError(
            f"output_dir {checkpoints} holds checkpoints of another run: name another folder, or move them away."
        )


def dry_run(
    config: TrainingConfig,
    dataset: Path | str,
    hub: HfApi | None = None,
    folder: Path | None = None,
    pace: float | None = None,
) -> str:
    """Return what a run would do, in plain text: an example with its loss mask, token counts, steps and memory.

    Loads the tokenizer and the model's config, not its weights, and raises what `train` would raise for them; whether
    the disk has room is asked of `folder`, where the run's is to be. `pace` is the tokens a second of an earlier run.
    """
    import torch

    quiet_libraries()
    repository = preflight(config, hub or hub_client())
    data = read_data(config, dataset, say=False)
    if folder is not None:
        check_disk(config, folder, len(data.training.rows))
    rows = training_rows(data.training, config.packing)
    shape = model_shape(resolve_model(config.base_model))
    packed = f" Packed into {len(rows)} rows of at most {config.max_seq_length}." if config.packing else ""
    lines = [
        "First training row as the model sees it; the loss counts what stands between \u27e6 and \u27e7:",
        "",
        show_loss_mask(data.training.rows[0], data.tokenizer),
        "",
        f"Model: {resolve_model(config.base_model)}",
        f"Method: {config.technique}, arithmetic in {str(compute_dtype(config)).removeprefix('torch.')}",
        f"Training: {data.training.summary()}{packed}",
        f"Validation: {data.validation.summary()}",
        f"Rows: SHA-256 {data.digest}",
        f"Steps: {plan_schedule(config, len(rows)).summary()}",
        f"Memory: {estimate_memory(config, shape, torch.cuda.is_available()).summary()}",
        f"Needs: {say(config, shape, sum(len(row.input_ids) for row in data.training.rows), pace)}",
    ]
    return "\n".join(lines + ([f"Upload: {repository}"] if repository else []))


def _parameters(model: Any, config: TrainingConfig) -> tuple[int, int]:
    """Return how many parameters are trained and how many there are, quantised ones as what they stand for; log it."""
    if hasattr(model, "get_nb_trainable_parameters"):
        trainable, parameters = map(int, model.get_nb_trainable_parameters())
    else:
        trainable, parameters = model.num_parameters(only_trainable=True), model.num_parameters()
    share = 100 * trainable / parameters
    said = f"{trainable:,} of {parameters:,}"
    log.info("%s: %s parameters are trained (%.3g %%).", config.technique, said, share)
    return trainable, parameters
