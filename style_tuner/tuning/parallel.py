"""Several processes that train one voice together, as `accelerate launch` starts them.

The first keeps the run: its folder, its reports, the voice. The others get settings and rows from it, work in a
folder of their own that is thrown away, and share nothing but its checkpoints.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from style_tuner.config import TrainingConfig
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job

KEPT = ("settings.json", "metrics.jsonl")
"""Files of the run that decide how a resumed one goes on."""


def processes() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_helper() -> bool:
    """Say whether another process keeps the run that this one works for."""
    return int(os.environ.get("RANK", "0")) > 0


def is_sharded() -> bool:
    """Say whether each process holds only a part of the model."""
    return any(os.environ.get(name) == "true" for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"))


def prepare_together(trainer: Any) -> None:
    """Prepare the model for training by several processes, so that it can be asked before.

    The trainer's own evaluation would prepare it for answers alone, and accelerate 1.15 prepares no model twice: each
    process would train by itself. Under FSDP it refuses a model without an optimiser; the one made here is thrown away.
    """
    if processes() == 1 or trainer.is_deepspeed_enabled:
        return
    from torch.distributed.fsdp import register_fsdp_forward_method

    trainer.create_optimizer()
    trainer.model_wrapped, _ = trainer.accelerator.prepare(trainer.model, trainer.optimizer)
    trainer.optimizer = None
    if trainer.is_fsdp_enabled:
        trainer.model = trainer.model_wrapped
        register_fsdp_forward_method(trainer.model, "generate")


def prepare_anew(trainer: Any) -> None:
    """Let DeepSpeed prepare the model for training: asked before, it has prepared it for answers, with no optimiser."""
    if trainer.is_deepspeed_enabled:
        trainer.accelerator.free_memory()
        trainer.model_wrapped, trainer.deepspeed = trainer.model, None


def part_again(model: Any) -> None:
    """Give back what FSDP has fetched from the other processes to write a sample, and keeps for a backward pass."""
    from torch.distributed.fsdp import FSDPModule

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def device_map() -> dict[str, int | str] | None:
    """Return where this process keeps the model; None where DeepSpeed or FSDP place its parts."""
    import torch

    if processes() > 1 and is_sharded():
        return None
    return {"": int(os.environ.get("LOCAL_RANK", "0")) if torch.cuda.is_available() else "cpu"}


def share_of(config: TrainingConfig) -> TrainingConfig:
    """Return the settings of one process: with less accumulation, so that a step has the rows of the recipe.

    Raises `ConfigError` where the rows of a step cannot be shared out evenly.
    """
    count = processes()
    batch, accumulation = config.per_device_batch_size, config.gradient_accumulation_steps
    if accumulation % count == 0:
        return config.model_copy(update={"gradient_accumulation_steps": accumulation // count})
    if (batch * accumulation) % count == 0:
        rows = batch * accumulation // count
        batch = next(size for size in range(min(batch, rows), 0, -1) if rows % size == 0)
        return config.model_copy(update={"per_device_batch_size": batch, "gradient_accumulation_steps": rows // batch})
    raise ConfigError(
        f"A step has {batch} times {accumulation} rows, which {count} processes cannot share evenly: set "
        f"gradient_accumulation_steps to {count} or a multiple of it, or start another number of processes."
    )


def _from_first(value: Any) -> Any:
    """Return what the first process gives; every process must ask."""
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=not torch.cuda.is_available())
    values = [value]
    broadcast_object_list(values)
    return values[0]


def all_say(value: Any) -> list[Any]:
    """Return what each process gives; every process must ask."""
    if processes() == 1:
        return [value]
    import torch
    from accelerate import PartialState
    from accelerate.utils import gather_object

    PartialState(cpu=not torch.cuda.is_available())
    return list(gather_object([value]))


class JointJob(Job):
    """A job of several processes: all of them stop at the same step, and only the first reports."""

    def __init__(self, own: Job) -> None:
        self.__dict__ = own.__dict__  # what training notes here, such as that it was stopped, the job itself knows

    def stop_requested(self) -> bool:
        """Say whether the first process found a request to stop; every process must ask."""
        return bool(_from_first(super().stop_requested()))

    def report(self, step: int, total: int, what: str, **figures: Any) -> None:
        """Add a line to the run's reports, or nothing for a helper."""
        if not is_helper():
            super().report(step, total, what, **figures)

    def update(self, **changes: Any) -> None:
        """Change the run's state, or nothing for a helper."""
        if not is_helper():
            super().update(**changes)


def join(config: TrainingConfig, dataset: Path | str, folder: Path, job: Job) -> Job:
    """Tell the helpers, where there are any, what is trained, and return the job that they do together."""
    if processes() == 1:
        return job
    if not is_helper():
        kept = {name: (folder / name).read_text() for name in KEPT if (folder / name).is_file()}
        _from_first((config, str(dataset), str(folder), kept))
    return JointJob(job)


def help_train() -> None:
    """Train along with the first process, which waits for its turn and says what to do."""
    from style_tuner.tuning.train import train

    config, dataset, shared, kept = _from_first(None)
    own = Path(tempfile.mkdtemp(prefix="style-tuner-helper-"))
    try:
        for name, text in kept.items():
            (own / name).write_text(text)
        output = Path(config.output_dir)
        if not output.expanduser().is_absolute():
            (Path(shared) / output).mkdir(parents=True, exist_ok=True)
            (own / output).parent.mkdir(parents=True, exist_ok=True)
            (own / output).symlink_to(Path(shared) / output)
        quiet = {"push_to_hub": False, "report_to": ()}
        train(config.model_copy(update=quiet), dataset, own, Job(own))
    finally:
        shutil.rmtree(own)
