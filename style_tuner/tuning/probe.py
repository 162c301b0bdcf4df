"""Try two steps at the longest rows before a long run, so that memory fills up now or never."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from style_tuner.config import TrainingConfig
from style_tuner.errors import ConfigError
from style_tuner.tuning.parallel import all_say, is_sharded, processes
from style_tuner.workspace import read_json, write_json

log = logging.getLogger(__name__)
PROBE_STEPS = 2
"""The first allocates what the optimiser keeps, the second runs beside it."""
CPU_ALLOCATOR = "DefaultCPUAllocator"
"""What PyTorch names in the `RuntimeError` that it raises when main memory is refused."""


@contextmanager
def memory_errors(config: TrainingConfig) -> Iterator[None]:
    """Turn full memory into the guide's remedy: half the batch, twice the accumulation, the same result."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        batch, accumulation = config.per_device_batch_size, config.gradient_accumulation_steps
        remedy = (
            f"set per_device_batch_size to {batch // 2} and gradient_accumulation_steps to {accumulation * 2}"
            if batch > 1
            else "set gradient_checkpointing to true, a lower max_seq_length or a lower lora_r, or choose a smaller "
            "base_model"
        )
        raise ConfigError(f"The GPU's memory is full: {remedy}, then train again.") from error


def is_out_of_memory(error: RuntimeError) -> bool:
    """Say whether memory, of the GPU or of the machine, was refused."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or CPU_ALLOCATOR in str(error)


def is_wanted(config: TrainingConfig) -> bool:
    """Say whether a probe comes before the run; none does where FSDP or DeepSpeed part the model."""
    import torch

    if is_sharded():
        return False
    return torch.cuda.is_available() if config.probe == "auto" else bool(config.probe)


def fits(trainer: Any, config: TrainingConfig) -> bool:
    """Train two steps on the longest rows, undo them, and say whether memory sufficed.

    Goes through the trainer's own loop, so that autocast, recomputed activations and the optimiser's state are those of
    the run. Trained weights and the random state are put back. Of several processes, all answer alike.
    """
    import torch

    trained = {name: weight for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    before = {name: weight.detach().to("cpu", copy=True) for name, weight in trained.items()}
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices), _probing(trainer, config), _by_itself(trainer):
        try:
            trainer.train()
            return not any(all_say(False))
        except _FullElsewhereError:
            return False
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            error.__traceback__ = None  # its frames hold what filled the memory
            all_say(True)
            return False
        finally:
            for name, weight in trained.items():
                weight.data.copy_(before[name])
                weight.grad = None
            trainer.optimizer = trainer.lr_scheduler = None
            trainer.model_wrapped = trainer.model
            trainer._total_train_tokens = 0
            trainer.state.max_steps = 0  # else the base model's validation would count as the run's
            trainer.accelerator.free_memory()
            gc.collect()
            torch.cuda.empty_cache()


class _FullElsewhereError(Exception):
    """Another of the processes that train together has no memory left."""


@contextmanager
def _by_itself(trainer: Any) -> Iterator[None]:
    """Let each process train without waiting for the others, and hear before each batch whether one has run full.

    Otherwise one that has no memory left would leave the others waiting for its gradients.
    """
    if processes() == 1:
        yield
        return
    step, accelerator = trainer.training_step, trainer.accelerator
    alone = {"gather": lambda tensor: tensor, "gather_for_metrics": lambda tensor, *_, **__: tensor}

    def training_step(model: Any, *arguments: Any, **more: Any) -> Any:
        if any(all_say(False)):
            raise _FullElsewhereError
        with model.no_sync():
            return step(model, *arguments, **more)

    try:
        trainer.training_step, trainer.store_flos = training_step, lambda: None
        accelerator.__dict__.update(alone)
        yield
    finally:
        del trainer.training_step, trainer.store_flos
        for name in alone:
            del accelerator.__dict__[name]


@contextmanager
def _probing(trainer: Any, config: TrainingConfig) -> Iterator[None]:
    """Let the trainer run two steps on its longest rows and tell nobody, and take that back afterwards."""
    from torch.utils.data import SequentialSampler

    arguments: Any = trainer.args
    rows = config.per_device_batch_size * config.gradient_accumulation_steps * PROBE_STEPS
    changes = {
        "max_steps": PROBE_STEPS,
        "eval_strategy": "no",
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "logging_strategy": "no",
        "logging_first_step": False,
    }
    kept = {name: getattr(arguments, name) for name in changes}
    dataset, order, callbacks = trainer.train_dataset, trainer.order, trainer.callback_handler.callbacks
    flow = [one for one in callbacks if type(one).__name__ == "DefaultFlowCallback"]
    by_length = sorted(range(len(dataset)), key=lambda number: -len(dataset[number]["input_ids"]))
    together = min(len(by_length), config.per_device_batch_size)
    longest = [by_length[number % together] for number in range(rows)]
    try:
        for name, value in changes.items():
            setattr(arguments, name, value)
        trainer.train_dataset = dataset.select(longest)
        trainer.callback_handler.callbacks = flow
        trainer.order = SequentialSampler(trainer.train_dataset)
        yield
    finally:
        for name, value in kept.items():
            setattr(arguments, name, value)
        trainer.train_dataset, trainer.order, trainer.callback_handler.callbacks = dataset, order, callbacks


def smaller_batch(config: TrainingConfig) -> TrainingConfig | None:
    """Return the settings with half the batch (or the next smaller part of it) and as many rows a step; None at 1."""
    batch = config.per_device_batch_size
    part = next((size for size in range(batch // 2, 0, -1) if batch % size == 0), None)
    if part is None:
        return None
    accumulation = config.gradient_accumulation_steps * (batch // part)
    return config.model_copy(update={"per_device_batch_size": part, "gradient_accumulation_steps": accumulation})


def settled(folder: Path, config: TrainingConfig) -> TrainingConfig:
    """Return the settings with the batch that an earlier probe of this run found to fit."""
    path = folder / "settings.json"
    found: dict[str, Any] = read_json(path).get("batch", {}) if path.is_file() else {}
    return config.model_copy(update=found)


def settle(folder: Path, config: TrainingConfig) -> None:
    """Keep the batch that fits, so that a resumed run takes the same rows in the same order."""
    path = folder / "settings.json"
    names = ("per_device_batch_size", "gradient_accumulation_steps", "keep_activations")
    batch = {name: getattr(config, name) for name in names}
    write_json(path, read_json(path) | {"batch": batch})
