"""What a training run needs, before it is started; from the shape of the model, without loading any of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from markupsafe import Markup

from style_tuner import jobs
from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.errors import ConfigError, StyleTunerError
from style_tuner.hardware import hardware
from style_tuner.tabs import needs_view, views
from style_tuner.tuning import memory
from style_tuner.tuning.memory import GIBIBYTE, LLAMA_8B, MemoryEstimate, ModelShape, estimate_memory
from style_tuner.tuning.needs import GPU_CONTEXT, disk
from style_tuner.tuning.schedule import plan_schedule
from style_tuner.workspace import Workspace, read_json, read_jsonl

CHAT_FORMAT = 40
"""Tokens that the chat format adds to a row (Llama-3's, with its date lines)."""
LARGE = 500_000_000
"""Weights from which training on a CPU takes days."""


def local_shape(model: str) -> ModelShape | None:
    """Return a model's shape from its config.json on this disk; None for a Hub model that is not here yet."""
    if not is_hub_name(model):
        path: Path | str | object = Path(model) / "config.json"
    else:
        from huggingface_hub import try_to_load_from_cache

        path = try_to_load_from_cache(model, "config.json")
    if not isinstance(path, Path | str):
        return LLAMA_8B if "Llama-3.1-8B" in model else None
    return memory.shape_of(read_json(Path(path)))


def _memory(config: TrainingConfig, shape: ModelShape) -> Markup:
    found = hardware()
    gpu = found.gpus[0] if found.gpus else None
    needed: MemoryEstimate = estimate_memory(config, shape, gpu is not None)
    total = needed.total + (GPU_CONTEXT if gpu else 0)
    have = (gpu.memory_total if gpu else found.memory_total) / GIBIBYTE
    where = f"on the {gpu.name}" if gpu else "of main memory here"
    fits = total < have
    said = views.facts([("of memory at the peak", f"{total:.1f} GB"), (where, f"{have:.0f} GB")])
    if not fits:
        remedy = "Lower per_device_batch_size or max_seq_length in the recipe, or choose a smaller base model."
        said += views.sentence(f"This will not fit: {total:.1f} GB are needed. {remedy}", "bad")
    elif gpu is None and shape.linear_parameters > LARGE:
        text = (
            "This machine has no GPU: a model of this size would take days here. Choose the starter recipe, or a GPU."
        )
        said += views.sentence(text, "bad")
    return said


def _disk(config: TrainingConfig, shape: ModelShape, folder: Path) -> Markup:
    checkpoints = disk(config, shape)
    free = shutil.disk_usage(folder).free / GIBIBYTE
    said = views.facts([("on disk while training", views.size(checkpoints * GIBIBYTE)), ("free", f"{free:.0f} GB")])
    if checkpoints > free:
        text = "The disk is too full for the checkpoints: free some space, or lower save_total_limit in the recipe."
        said += views.sentence(text, "bad")
    return said


def _length(workspace: Workspace, config: TrainingConfig, dataset: Path) -> Markup:
    facts = read_json(dataset / "dataset.json")
    lengths = _row_tokens(dataset, facts["passage_tokens"], config.max_seq_length)
    rows = _packed(lengths, config.max_seq_length) if config.packing else len(lengths)
    schedule = plan_schedule(config, rows)
    speed = _speed(workspace, config)
    pairs: list[tuple[str, Any]] = [("passages", len(lengths)), ("steps", f"about {schedule.steps}")]
    if speed:
        seconds = sum(lengths) * config.num_epochs / speed
        pairs.append(("at the pace of the last run", f"about {views.duration(seconds)}"))
    said = views.facts(pairs)
    if not speed:
        said += views.sentence("How long it takes is known after the first steps.", "caption")
    if facts["model"] != resolve_model(config.base_model):
        text = "The dataset was measured for another model. Prepare it again for this recipe on the tab Manuscripts."
        said += views.sentence(text, "bad")
    return said


def _row_tokens(dataset: Path, passages: list[int], most: int) -> list[int]:
    """Return about how many tokens each training row has; the first of the measured passages are those of training.

    System prompt and request are not measured: their words are taken to be as long as those of the passage.
    """
    rows = [[len(m["content"].split()) for m in row["messages"]] for row in read_jsonl(dataset / "train.jsonl")]
    whole = (tokens * sum(row) / max(1, row[-1]) for tokens, row in zip(passages, rows, strict=False))
    return [min(most, round(tokens) + CHAT_FORMAT) for tokens in whole]


def _packed(lengths: list[int], most: int) -> int:
    """Return how many rows are left when several share one, the longest placed first where it fits best."""
    room: list[int] = []
    for length in sorted(lengths, reverse=True):
        fits = [left for left in room if left >= length]
        if fits:
            room.remove(min(fits))
        room.append((min(fits) if fits else most) - length)
    return len(room)


def _speed(workspace: Workspace, config: TrainingConfig) -> float | None:
    """Return tokens a second of the newest run with this base model that has some, else None."""
    for run in jobs.runs(workspace, "train"):
        settings = workspace.runs / run.id / "settings.json"
        if settings.is_file() and read_json(settings)["config"]["base_model"] == config.base_model:
            speeds = [
                row["tokens_per_second"] for row in jobs.metrics(workspace, run.id) if row.get("tokens_per_second")
            ]
            if speeds:
                return float(sum(speeds) / len(speeds))
    return None


def render(workspace: Workspace, config: TrainingConfig, dataset: Path | None) -> Markup:
    """Return the whole estimate; what stands in the way is said in red, with the remedy."""
    model = resolve_model(config.base_model)
    shape = local_shape(model)
    parts = []
    if shape is None:
        parts.append(views.sentence("How much memory it needs is known once the model is on this disk."))
    else:
        home = next(path for path in (workspace.home, *workspace.home.parents) if path.is_dir())
        parts += [_memory(config, shape), _disk(config, shape, home)]
    if dataset is None:
        parts.append(views.sentence("There is no dataset yet: press Prepare dataset on the tab Manuscripts.", "bad"))
    else:
        try:
            parts.append(_length(workspace, config, dataset))
        except ConfigError as error:
            parts.append(views.sentence(str(error), "bad"))
        parts += _folds(config, dataset)
    parts.append(needs_view.fold("Other models and methods", needs_view.sizes(config)))
    parts.append(needs_view.fold("What the guides say of memory", needs_view.claims(config)))
    return Markup("").join(parts)


def _folds(config: TrainingConfig, dataset: Path) -> list[Markup]:
    """Return what can be said of the dataset; a row that cannot be read is said aloud."""
    rows = len(read_jsonl(dataset / "train.jsonl"))
    folds = [needs_view.fold("Advice for so many passages", needs_view.advised(rows))]
    if local_shape(resolve_model(config.base_model)) is None:
        return folds
    try:
        folds.append(needs_view.fold("What it learns from: an example", needs_view.example(config, dataset)))
    except StyleTunerError as error:
        folds.append(views.sentence(str(error), "bad"))
    return folds
