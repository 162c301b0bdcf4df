"""What a training run needs, before it is started; from the shape of the model, without loading any of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from markupsafe import Markup

from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.dataset.formats import load_splits
from style_tuner.dataset.sources import is_hub_dataset
from style_tuner.errors import DatasetError, StyleTunerError
from style_tuner.hardware import hardware
from style_tuner.tabs import needs_view, views
from style_tuner.tabs.needs_view import Measured
from style_tuner.training import last_pace
from style_tuner.tuning import memory
from style_tuner.tuning.hub import missing_from_cache
from style_tuner.tuning.memory import GIBIBYTE, LLAMA_8B, ModelShape, estimate_memory
from style_tuner.tuning.needs import GPUS, MODELS, Gpu, disk, download, tokens_per_second
from style_tuner.tuning.schedule import plan_schedule
from style_tuner.workspace import Workspace, read_json, read_jsonl

CHAT_FORMAT = 40
"""Tokens that the chat format adds to a row (Llama-3's, with its date lines)."""
LLAMA, QWEN = "the known shape of Llama-3.2", "the known shape of Qwen3"
SHAPES = {
    "Llama-3.1-8B": LLAMA_8B,
    "Llama-3.2-3B": ModelShape(3072, 28, 8192, 24, 8, 128, 128256, True, LLAMA),
    "Qwen3-0.6B": ModelShape(1024, 28, 3072, 16, 8, 128, 151936, True, QWEN),
    "Qwen3-4B": ModelShape(2560, 36, 9728, 32, 8, 128, 151936, True, QWEN),
    "Qwen3-8B": ModelShape(4096, 36, 12288, 32, 8, 128, 151936, False, QWEN),
    **{f"Qwen2.5-{size}": MODELS[size] for size in ("7B", "14B", "32B")},
}
"""Shapes of models that recipes name, so that there is an estimate before anything is downloaded."""
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
        return next((shape for name, shape in SHAPES.items() if name in model.replace("-Coder", "")), None)
    return memory.shape_of(read_json(Path(path)))


def _memory(config: TrainingConfig, shape: ModelShape) -> Markup:
    found = hardware()
    gpu = found.gpus[0] if found.gpus else None
    total = estimate_memory(config, shape, gpu is not None).peak
    have = (gpu.memory_total if gpu else found.memory_total) / GIBIBYTE
    where = f"on the {gpu.name}" if gpu else "of main memory here"
    fits = total < have
    said = views.facts([("of memory at the peak", f"{total:.1f} GB"), (where, f"{have:.0f} GB")])
    if not fits:
        remedy = "Take fewer rows at a time, fewer tokens a row or 4 bits in the settings, or a smaller base model."
        said += views.sentence(f"This will not fit: {total:.1f} GB are needed. {remedy}", "bad")
    elif gpu is None and shape.linear_parameters > LARGE:
        text = (
            "This machine has no GPU: a model of this size would take days here. Choose the starter recipe, or a GPU."
        )
        said += views.sentence(text, "bad")
    return said


def _disk(config: TrainingConfig, shape: ModelShape, folder: Path) -> Markup:
    checkpoints, fetched = disk(config, shape), download(config, shape)
    free = shutil.disk_usage(folder).free / GIBIBYTE
    pairs = [("on disk while training", views.size(checkpoints * GIBIBYTE))]
    if fetched:
        pairs.append(("to download", f"about {views.size(fetched * GIBIBYTE)}"))
    said = views.facts([*pairs, ("free", f"{free:.0f} GB")])
    if checkpoints + fetched > free:
        text = "The disk is too full for that: free some space, or set save_total_limit=1 in the settings."
        said += views.sentence(text, "bad")
    return said


def _length(workspace: Workspace, config: TrainingConfig, source: str) -> Markup:
    """Return rows, steps and time, and what of the rows is lost."""
    lengths, found = _row_lengths(config, source)
    rows = _packed(lengths, config.max_seq_length) if config.packing else len(lengths)
    schedule = plan_schedule(config, rows)
    pairs: list[tuple[str, Any]] = [("rows to learn from", f"{len(lengths):,}"), ("steps", f"{schedule.steps:,}")]
    pace, whose = _pace(workspace, config)
    if pace:
        pairs.append((whose, f"about {views.duration(sum(lengths) * config.num_epochs / pace)}"))
    said = views.facts(pairs)
    if not pace:
        said += views.sentence("How long it takes is known after the first steps.", "caption")
    if found and found.rows_cut:
        text = (
            f"{found.rows_cut:,} of {len(lengths):,} rows are longer than {config.max_seq_length} tokens: their ends, "
            f"{found.cut:.1%} of the text, are cut off and not learned. Raise the tokens a row in the settings, or "
            "prepare shorter passages."
        )
        said += views.sentence(text, "bad")
    if config.method == "full":
        said += views.sentence("Every weight is trained: rank and layers make no difference.", "caption")
    return said + _other_model(config, source)


def _other_model(config: TrainingConfig, source: str) -> Markup:
    facts = Path(source) / "dataset.json"
    if not facts.is_file() or _same_model(read_json(facts)["model"], resolve_model(config.base_model)):
        return Markup("")
    text = "The passages were measured for another model. Prepare them again for this recipe on the tab Manuscripts."
    return views.sentence(text, "bad")


def _same_model(measured: str, wanted: str) -> bool:
    """Say whether two resolved models are one, though its folder may have been moved."""
    folders = not is_hub_name(measured) and not is_hub_name(wanted)
    return measured == wanted or (folders and Path(measured).name == Path(wanted).name)


def _row_lengths(config: TrainingConfig, source: str) -> tuple[list[int], Measured | None]:
    """Return the tokens of each training row: counted where the model's tokenizer is here, else about as many.

    Without it rows of another format are taken to be as long as a row may be.
    """
    if has_tokenizer(config):
        found = needs_view.measured(config, source)
        return list(found.lengths), found
    facts = Path(source) / "dataset.json"
    if facts.is_file():
        tokens = read_json(facts)["passage_tokens"]
        return _row_tokens(Path(source), tokens, config.max_seq_length), None
    rows = len(load_splits(source, config.rows, config.seed).train)
    return [config.max_seq_length] * rows, None


def has_tokenizer(config: TrainingConfig) -> bool:
    """Say whether the base model's tokenizer can be loaded without the Hub."""
    model = resolve_model(config.base_model)
    return not is_hub_name(model) or not {"config.json", "tokenizer_config.json"} & set(missing_from_cache(model))


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


def _pace(workspace: Workspace, config: TrainingConfig) -> tuple[float | None, str]:
    """Return tokens a second and whose pace that is: of the newest run with this model, else of this kind of GPU."""
    if pace := last_pace(workspace, config):
        return pace, "at the pace of the last run"
    gpus, shape = hardware().gpus, local_shape(resolve_model(config.base_model))
    kind = known_gpu(gpus[0].name) if gpus else None
    if kind is None or shape is None:
        return None, ""
    return tokens_per_second(config, shape, kind), f"at the pace expected of a {kind.name}, without validation"


def known_gpu(name: str) -> Gpu | None:
    """Return the GPU that a driver's name such as `NVIDIA GeForce RTX 5090` means, where its speed is known."""
    words = set(re.split(r"[ -]", name))
    return next((gpu for gpu in GPUS if set(gpu.name.removesuffix(" 80 GB").split()) <= words), None)


def render(workspace: Workspace, config: TrainingConfig, source: str | None, missing: str) -> Markup:
    """Return memory, disk and time; what stands in the way is said in red, with the remedy.

    `missing` is what to say where there are no rows.
    """
    shape = local_shape(resolve_model(config.base_model))
    parts = []
    if shape is None:
        parts.append(views.sentence("How much memory it needs is known once the model is on this disk."))
    else:
        home = next(path for path in (workspace.home, *workspace.home.parents) if path.is_dir())
        parts += [_memory(config, shape), _disk(config, shape, home)]
    if source is None:
        parts.append(views.sentence(missing, "bad"))
    elif is_hub_dataset(source):
        parts.append(views.sentence("Steps and time are known once the rows are downloaded.", "caption"))
    else:
        try:
            parts.append(_length(workspace, config, source))
        except StyleTunerError as error:
            said = str(error) if trainable(config, source) else "There is something to mend in these rows: see above."
            parts.append(views.sentence(said, "bad"))
    return Markup("").join([*parts, _more_gpus()])


def trainable(config: TrainingConfig, source: str) -> bool:
    """Say whether rows can be trained on, some of them left out if need be."""
    try:
        load_splits(source, config.rows, config.seed)
    except DatasetError:
        return False
    return True


def _more_gpus() -> Markup:
    count = len(hardware().gpus)
    if count < 2:
        return Markup("")
    text = f"The page trains on one of the {count} GPUs here; docs/multi_gpu.md has the commands that use all of them."
    return views.sentence(text, "caption")


def folds(config: TrainingConfig, source: str | None) -> Markup:
    """Return what may be opened below the estimate: an example, advice, and other models and methods."""
    made = []
    if source is not None and not is_hub_dataset(source):
        try:
            lengths, found = _row_lengths(config, source)
        except StyleTunerError:  # the estimate says so
            lengths, found = [], None
        if found:
            made.append(needs_view.fold("What it learns from: an example", needs_view.example(found)))
        if lengths:
            made.append(needs_view.fold(f"Advice for {len(lengths):,} rows", needs_view.advised(len(lengths))))
    made.append(needs_view.fold("Other models and methods: memory, disk and time", needs_view.sizes(config)))
    made.append(needs_view.fold("What the guides say of memory", needs_view.claims(config)))
    return Markup("").join(made)
