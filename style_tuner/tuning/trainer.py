"""Make TRL's trainer from the settings."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job
from style_tuner.tuning.device import compute_dtype
from style_tuner.tuning.follow import Follower
from style_tuner.tuning.model import adapter_config, load_base_model
from style_tuner.tuning.order import EpochOrder
from style_tuner.tuning.schedule import Schedule
from style_tuner.tuning.speed import hasten, row_trainer

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.sft_config import SFTConfig

USUAL_OPTIMIZERS = ("adamw_torch", "adamw_torch_fused", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd")


def _arguments(config: TrainingConfig, schedule: Schedule, checkpoints: Path) -> SFTConfig:
    import torch
    from trl.trainer.sft_config import SFTConfig

    on_gpu = torch.cuda.is_available()
    dtype = compute_dtype(config)
    arguments = SFTConfig(
        output_dir=str(checkpoints),
        use_cpu=not on_gpu,
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_scheduler_type,
        warmup_steps=schedule.warmup_steps,
        num_train_epochs=config.num_epochs,
        per_device_train_batch_size=config.per_device_batch_size,
        per_device_eval_batch_size=config.per_device_batch_size,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        activation_checkpointing=config.gradient_checkpointing,
        optim=config.optimizer if on_gpu else unpaged(config.optimizer),
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        max_length=config.max_seq_length,
        packing=config.packing,
        dataset_kwargs={"skip_prepare_dataset": True},  # `training_rows` has done it
        eval_strategy="steps",
        eval_steps=schedule.save_steps,
        save_strategy="steps",
        save_steps=schedule.save_steps,
        save_total_limit=config.save_total_limit,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=config.logging_steps,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen, not averaged away
        seed=config.seed,
        report_to="wandb" if "wandb" in config.report_to else "none",  # TensorBoard's is made in `make_trainer`
        run_name=config.run_name,
        disable_tqdm=True,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # one GPU is enough; over several, Trainer would split batches
    return arguments


def callback(kind: type, *arguments: Any) -> Any:
    """Make a follower such as `Follower` and join it to Transformers' class, which its own module must not import."""
    from transformers import TrainerCallback

    return type(f"{kind.__name__}Callback", (kind, TrainerCallback), {})(*arguments)


def _begin_wandb(config: TrainingConfig, folder: Path) -> None:
    """Begin a run of W&B, or go on with it where this run is resumed; its files lie in the run's folder."""
    import wandb

    wandb.init(
        project=os.environ.get("WANDB_PROJECT", "style-tuner"),
        name=config.run_name,
        id=folder.name,
        resume="allow",
        dir=folder,
        config=config.model_dump(mode="json"),
    )


def _tensorboard(checkpoints: Path) -> Any:
    """Return the writer of TensorBoard's files beside the checkpoints; by itself it may choose the working folder."""
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    writer: Any = SummaryWriter(str(checkpoints / "runs"))
    return TensorBoardCallback(writer)  # type: ignore[no-untyped-call]


def check_optimizer(config: TrainingConfig) -> None:
    """Raise a `ConfigError` where Transformers knows no optimiser of this name."""
    from transformers.training_args import OptimizerNames

    known = [optimiser.value for optimiser in OptimizerNames]
    if config.optimizer not in known:
        near = [name for name in difflib.get_close_matches(config.optimizer, known, 3) if name not in USUAL_OPTIMIZERS]
        raise ConfigError(
            f"optimizer {config.optimizer!r} is unknown: choose {', '.join([*near, *USUAL_OPTIMIZERS])}, or another "
            "that Transformers names."
        )


def check_reports(config: TrainingConfig) -> None:
    """Let W&B report where the settings ask for it, though it is off for all of this project; it needs a key for that.

    Raises `ConfigError` without one.
    """
    if "wandb" not in config.report_to:
        return
    import wandb

    if os.environ.get("WANDB_MODE") == "disabled":
        del os.environ["WANDB_MODE"]
    if os.environ.get("WANDB_MODE") != "offline" and not wandb.login(prompt=False):
        raise ConfigError(
            "report_to asks for W&B, but there is no key: run `wandb login` or set WANDB_API_KEY; set "
            "WANDB_MODE=offline to keep its files on this machine; or set report_to to tensorboard."
        )


def unpaged(optimizer: str) -> str:
    """Return the optimiser that really runs on a CPU: the plain form of a paged one where Transformers names it.

    Pages move an optimiser's state between the memory of GPU and CPU; without a GPU, bitsandbytes keeps none and
    computes the same.
    """
    from transformers.training_args import OptimizerNames

    plain = optimizer.removeprefix("paged_")
    return plain if plain in [known.value for known in OptimizerNames] else optimizer


def make_trainer(
    config: TrainingConfig,
    schedule: Schedule,
    checkpoints: Path,
    tokenizer: PreTrainedTokenizerBase,
    training: Dataset,
    validation: Dataset,
    job: Job,
    callbacks: Sequence[Any] = (),
) -> Any:
    """Return a trainer of a new adapter on the base model, or of all of it; rows come from `training_rows`.

    `callbacks` are told of the trainer's events beside `Follower`; `callback` makes them.
    """
    import torch
    from transformers import PrinterCallback

    lengths = None if config.packing else [len(ids) for ids in training["input_ids"]]
    batch = config.per_device_batch_size * config.gradient_accumulation_steps
    order = callback(EpochOrder, len(training), config.seed, lengths, batch)
    ordered = type("OrderedTrainer", (row_trainer(),), {"_get_train_sampler": lambda trainer, *_: trainer.order})
    base = load_base_model(config)
    arguments = _arguments(config, schedule, checkpoints)
    hasten(arguments, config, base)
    if "tensorboard" in config.report_to:
        callbacks = [_tensorboard(checkpoints), *callbacks]
    if "wandb" in config.report_to:
        _begin_wandb(config, job.folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TRL 1.16 still uses names that Transformers renamed
        trainer: Any = ordered(
            model=base,
            args=arguments,
            train_dataset=training,
            eval_dataset=validation,
            processing_class=tokenizer,
            peft_config=adapter_config(config, base) if config.method == "lora" else None,
            callbacks=[order, callback(Follower, job, config.early_stopping), *callbacks],
        )
    trainer.order = order
    trainer.remove_callback(PrinterCallback)
    model: Any = trainer.model
    for parameter in model.parameters():
        if parameter.requires_grad:  # TRL makes it bfloat16, whose 8 bits lose updates below 0.4 % of a weight
            parameter.data = parameter.data.to(torch.float32)
    return trainer


def load_adapter(model: Any, folder: Path) -> None:
    """Put the weights of an earlier voice into the new adapter; a `ConfigError` where the two are not of one shape."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    try:
        found: Any = set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
        faults = [*found.unexpected_keys, *(key for key in found.missing_keys if "lora_" in key)]
    except RuntimeError as error:
        faults = [str(error).splitlines()[0]]
    if faults:
        raise ConfigError(
            f"The voice in {folder} does not fit these settings ({faults[0]}): keep lora_r and lora_target_modules as "
            "they were when it was trained."
        )
