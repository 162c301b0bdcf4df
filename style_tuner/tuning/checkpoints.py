"""Checkpoints and the voice made of one: find those that are whole, write the voice, say so when a disk is full."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import JobError, StorageError
from style_tuner.tuning.parallel import is_helper, is_sharded
from style_tuner.workspace import new_folder, read_json, storage_errors, time_stamp, write_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LEAST_FREE = 1024**2
"""Bytes free below which a failed write of PyTorch, which names no reason, is taken for a full disk."""
NOT_OF_A_VOICE = ("optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state*.pth", "trainer_state.json", "*.bin")
"""Files of a checkpoint that training alone needs."""
OPTIMISERS = ("optimizer.pt", "optimizer.bin", "latest")
"""Where a checkpoint keeps the optimiser: by itself, under FSDP, and DeepSpeed's note of the folder that it makes."""


@contextmanager
def disk_errors(folder: Path, checkpoints: Path | None = None) -> Iterator[None]:
    """Turn a full or read-only disk into a `StorageError`, also where a library hides the system's error.

    Where `checkpoints` are written, the sentence says whether there is one to go on from.
    """
    from safetensors import SafetensorError

    try:
        with storage_errors(folder):
            yield
    except (SafetensorError, RuntimeError, StorageError) as error:
        if not _is_full(error, folder):
            raise
        raise StorageError(
            f"The disk that holds {folder} is full. Free some space and {_remedy(checkpoints)}; nothing was "
            "overwritten."
        ) from error


def _is_full(error: Exception, folder: Path) -> bool:
    if isinstance(error, StorageError):
        return isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.ENOSPC, errno.EDQUOT)
    return "No space left" in str(error) or shutil.disk_usage(folder).free < LEAST_FREE


def _remedy(checkpoints: Path | None) -> str:
    if checkpoints is None:
        return "do this again"
    newest = newest_checkpoint(checkpoints)
    if newest is None:
        return "train again: no checkpoint had been written yet"
    return f"resume this run, which goes on from its last checkpoint, step {newest.name.removeprefix('checkpoint-')}"


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the complete checkpoint of the highest step; incomplete ones, which nothing can use, are removed."""
    complete = whole_checkpoints(folder)
    for path in folder.glob("checkpoint-*"):
        if path.name.removeprefix("checkpoint-").isdigit() and path not in complete.values():
            shutil.rmtree(path)
    return complete[max(complete)] if complete else None


def whole_checkpoints(folder: Path) -> dict[int, Path]:
    """Return the complete checkpoints by step."""
    found = {path.name.removeprefix("checkpoint-"): path for path in folder.glob("checkpoint-*")}
    return {int(step): path for step, path in sorted(found.items()) if step.isdigit() and is_complete(path)}


def at_home(checkpoint: Path) -> Path:
    """Let a checkpoint name its best one where it lies now: the run's folder may have been moved."""
    path = checkpoint / "trainer_state.json"
    state = read_json(path)
    if state["best_model_checkpoint"]:
        best = checkpoint.parent / Path(state["best_model_checkpoint"]).name
        write_json(path, state | {"best_model_checkpoint": str(best)})
    return checkpoint


def best_checkpoint(folder: Path) -> tuple[int, Path] | None:
    """Return the complete checkpoint with the lowest validation loss, with its step."""
    complete = whole_checkpoints(folder)
    losses: dict[int, float] = {}
    for path in complete.values():
        state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        losses |= {row["step"]: row["eval_loss"] for row in state["log_history"] if "eval_loss" in row}
    judged = [step for step in complete if step in losses]
    if not judged:
        return None
    step = min(judged, key=lambda one: losses[one])
    return step, complete[step]


def use_checkpoint(run: Path, checkpoints: Path, step: int) -> Path | None:
    """Make the state of `step` the run's voice; return where the voice before it is kept, if there was one.

    A run that trains every weight keeps its voice as a whole model, one that trains an adapter as that alone.
    """
    complete = whole_checkpoints(checkpoints)
    if step not in complete:
        there = ", ".join(str(one) for one in sorted(complete)) or "none"
        raise JobError(f"The run {run.name} keeps no state of step {step}. There are: {there}.")
    whole = not (complete[step] / "adapter_config.json").is_file()
    voice = run / ("merged" if whole else "adapter")
    with disk_errors(run):
        with new_voice(voice, keep_old=True) as new:
            if whole:
                _copy_as_bfloat16(complete[step], new)
            else:
                shutil.copytree(complete[step], new, ignore=shutil.ignore_patterns(*NOT_OF_A_VOICE), dirs_exist_ok=True)
        return put_back(voice)


def _copy_as_bfloat16(checkpoint: Path, folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    from style_tuner.tuning.model import load_weights

    load_weights(str(checkpoint), torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(folder)


@contextmanager
def new_voice(voice: Path, keep_old: bool = False) -> Iterator[Path]:
    """Give a folder to write to, which takes the place of `voice` once it is whole.

    At no moment is there neither of the two: the old one is renamed before the new one is, and removed, unless it is to
    be kept for `put_back`, after it.
    """
    put_back(voice)
    new = Path(tempfile.mkdtemp(dir=voice.parent, prefix=f".{voice.name}-"))
    try:
        yield new
        new.chmod(0o755)
        if voice.exists():
            voice.rename(_aside(voice))
        new.rename(voice)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        put_back(voice)
        raise
    if not keep_old and _aside(voice).exists():
        shutil.rmtree(_aside(voice))


def put_back(voice: Path) -> Path | None:
    """Rename a voice back that a power cut left aside.

    Where another has taken its place, it is kept in the run's folder `earlier` instead; returns where.
    """
    aside = _aside(voice)
    if not aside.exists():
        return None
    if not voice.exists():
        aside.rename(voice)
        return None
    kept = new_folder(voice.parent / "earlier", f"{time_stamp()}-{voice.name}")
    kept.rmdir()
    return aside.rename(kept)


def _aside(voice: Path) -> Path:
    return voice.with_name(f".{voice.name}.before")


def save_voice(trainer: Any, tokenizer: PreTrainedTokenizerBase, voice: Path) -> None:
    """Write the adapter or the whole model with its tokenizer and chat template; an earlier one is replaced whole.

    Every process must call it: where each holds a part of the model, the parts are brought together. The first writes.
    """
    import torch

    model = trainer.accelerator.unwrap_model(trainer.model_wrapped)
    if voice.name == "merged":  # trained in float32, kept as every whole model here is
        model.to(torch.bfloat16)
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped) if is_sharded() else None
    if is_helper():
        return
    if weights is not None and getattr(model.config, "tie_word_embeddings", False):
        weights = {name: weight for name, weight in weights.items() if name not in model.all_tied_weights_keys}
    with new_voice(voice) as new:
        model.save_pretrained(new, state_dict=weights)
        tokenizer.save_pretrained(new)


def is_complete(checkpoint: Path) -> bool:
    """Say whether every part can be read; the trainer writes `trainer_state.json` last."""
    from safetensors import SafetensorError, safe_open

    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        weights = _weights(checkpoint)
        for file in weights:
            with safe_open(file, framework="numpy") as tensors:
                tensors.keys()
    except (OSError, ValueError, SafetensorError):
        return False
    optimisers = [checkpoint / name for name in OPTIMISERS if (checkpoint / name).is_file()]
    kept = [path for path in (*optimisers, checkpoint / "scheduler.pt") if path.name != "latest"]
    return bool(weights and optimisers) and all(zipfile.is_zipfile(path) for path in kept)


def _weights(checkpoint: Path) -> list[Path]:
    """Return the files that the weights of an adapter or a whole model must be in."""
    index = checkpoint / "model.safetensors.index.json"
    if index.is_file():
        return [checkpoint / name for name in set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())]
    return list(checkpoint.glob("*.safetensors"))
