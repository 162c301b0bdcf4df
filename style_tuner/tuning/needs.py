"""What a training run needs before it starts: memory, disk and time on a GPU, and the settings for so much data."""

from __future__ import annotations

from dataclasses import dataclass

from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.tuning.memory import GIBIBYTE, LLAMA_8B, ModelShape, estimate_memory
from style_tuner.tuning.memory import GPU_CONTEXT as GPU_CONTEXT


@dataclass(frozen=True)
class Gpu:
    """A GPU's memory in GiB and its dense bfloat16 (T4: float16) speed in operations a second, by its maker."""

    name: str
    memory: float
    flops: float


GPUS = (
    Gpu("T4", 15, 65e12),
    Gpu("RTX 4070 Ti SUPER", 16, 88e12),
    Gpu("RTX 4090", 24, 165e12),
    Gpu("RTX 5090", 32, 209e12),
    Gpu("A100 80 GB", 80, 312e12),
    Gpu("H100 80 GB", 80, 989e12),
)
SHORTEST = 10.0
"""Seconds below which a reckoned time says nothing."""
QWEN = "the known shape of Qwen2.5"
MODELS = {
    "7B": ModelShape(3584, 28, 18944, 28, 4, 128, 152064, False, QWEN),
    "8B": LLAMA_8B,
    "14B": ModelShape(5120, 48, 13824, 40, 8, 128, 152064, False, QWEN),
    "32B": ModelShape(5120, 64, 27648, 40, 8, 128, 152064, False, QWEN),
}
METHODS: dict[str, dict[str, object]] = {
    "every weight": {"method": "full", "load_in_4bit": False, "load_in_8bit": False},
    "LoRA, 16 bits": {"method": "lora", "load_in_4bit": False, "load_in_8bit": False},
    "LoRA, 8 bits": {"method": "lora", "load_in_4bit": False, "load_in_8bit": True},
    "QLoRA, 4 bits": {"method": "lora", "load_in_4bit": True, "load_in_8bit": False},
}
FLOP_USE = {"16": 0.56, "4": 0.44}
"""Share of a GPU's speed that useful arithmetic gets with 16-bit and with 4-bit weights.

From torchtune's 3,083 and 2,413 tokens a second of Llama-3.1-8B on an RTX 4090, packed and compiled.
"""


@dataclass(frozen=True)
class Need:
    """What one model trained by one method needs; sizes in GiB, `tokens_per_second` None where nobody measured it."""

    model: str
    method: str
    memory: float
    disk: float
    tokens_per_second: float | None

    def fits(self, gpu: Gpu) -> bool:
        """Say whether the GPU has room for it."""
        return self.memory <= gpu.memory


def need(config: TrainingConfig, shape: ModelShape, gpu: Gpu, model: str = "", method: str = "") -> Need:
    """Return what this run needs on a GPU."""
    memory = estimate_memory(config, shape).peak
    return Need(model, method or config.technique, memory, disk(config, shape), tokens_per_second(config, shape, gpu))


def needs(config: TrainingConfig, gpu: Gpu) -> list[Need]:
    """Return what each usual size needs by each method, with the rank, batch and length of these settings."""
    return [
        need(config.model_copy(update=changes), shape, gpu, model, method)
        for model, shape in MODELS.items()
        for method, changes in METHODS.items()
    ]


def disk(config: TrainingConfig, shape: ModelShape, saves: int | None = None) -> float:
    """Return the GiB that a run writes: its checkpoints (weights and optimiser) and the voice.

    A run that saves fewer than `save_total_limit` times is so much smaller.
    """
    found = estimate_memory(config, shape)
    kept = config.save_total_limit if saves is None else min(saves, config.save_total_limit)
    if config.method == "full":
        voice = (shape.linear_parameters + shape.other_parameters) * 2 / GIBIBYTE
        return kept * (found.weights + found.optimizer) + voice
    weights = found.adapter / 2  # the estimate counts gradients too
    return kept * (weights + found.optimizer) + weights


def download(config: TrainingConfig, shape: ModelShape) -> float:
    """Return about how many GiB of 16-bit weights are fetched from the Hub before a run."""
    from style_tuner.tuning.hub import missing_from_cache

    model = resolve_model(config.base_model)
    if not is_hub_name(model) or not missing_from_cache(model):
        return 0.0
    return 2 * (shape.linear_parameters + shape.other_parameters) / GIBIBYTE


def tokens_per_second(config: TrainingConfig, shape: ModelShape, gpu: Gpu) -> float | None:
    """Return about how many tokens a GPU trains in a second; None for 8-bit weights, of which no measurement is known.

    A token takes 4 operations a frozen weight (forward, and the gradient of its input), 6 a trained one.
    """
    if config.load_in_8bit:
        return None
    weights = shape.linear_parameters + shape.vocabulary * shape.hidden
    use = FLOP_USE["4" if config.load_in_4bit else "16"]
    return use * gpu.flops / (weights * (6 if config.method == "full" else 4))


def say(config: TrainingConfig, shape: ModelShape, tokens: int, pace: float | None = None) -> str:
    """Return in a sentence what the run writes, and how long `tokens` an epoch take.

    That is at the `pace` (tokens a second) of an earlier run, or else on the GPUs that have room.
    """
    if pace:
        span = _span(tokens * config.num_epochs / pace)
        return f"{disk(config, shape):.2f} GiB on disk; {span} at the pace of the last run."
    possible = {gpu.name: need(config, shape, gpu) for gpu in GPUS}
    seconds = {
        name: tokens * config.num_epochs / one.tokens_per_second
        for name, one in possible.items()
        if one.tokens_per_second and one.fits(next(gpu for gpu in GPUS if gpu.name == name))
    }
    # A very small model waits for everything but the arithmetic, of which alone these figures know.
    long = max(seconds.values(), default=0.0) >= SHORTEST
    paces = [f"{_span(span)} on one {name}" for name, span in seconds.items() if long]
    time = f"; {', '.join(paces)}, without validation" if paces else ""
    return f"{disk(config, shape):.2f} GiB on disk{time or '; the time is known after the first steps'}."


def _span(seconds: float) -> str:
    """Return about how long so many seconds are, in seconds below a minute and a half."""
    if seconds >= 5400:
        return f"about {seconds / 3600:.1f} h"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


@dataclass(frozen=True)
class Advice:
    """Rank, epochs and learning rate for so many rows, as the source guides give them, and what speaks for each."""

    rank: tuple[int, int]
    epochs: tuple[int, int]
    learning_rate: tuple[float, float]
    sentences: tuple[str, ...]


def advice(rows: int) -> Advice:
    """Return the settings to begin with for `rows` training rows.

    The instruction guide grades rank and epochs by the number of rows; the style guide gives rank 64, three epochs and
    2e-4 for hundreds of passages, and warns of fewer than 300 and of five epochs or more. Where they differ, both are
    said.
    """
    if rows < 1000:
        rank, epochs = (8, 16), (5, 10)
    elif rows < 10_000:
        rank, epochs = (32, 64), (3, 5)
    else:
        rank, epochs = (128, 256), (1, 3)
    said = [
        f"For {rows:,} rows the instruction guide advises rank {rank[0]} to {rank[1]} and {epochs[0]} to {epochs[1]} "
        "epochs.",
    ]
    if rows < 1000:
        said.append(
            "The style guide takes rank 64 and 3 epochs for hundreds of passages, and expects passages to be learned "
            "by heart from 5 epochs on: begin with 3, and let the validation loss say whether more help."
        )
    if rows < 300:
        said.append("It also wants at least 300 passages: with fewer, a style is often not captured.")
    said.append(
        "Both begin with a learning rate of 2e-4; 1e-4 is cautious, and 5e-4 learns by heart more easily. Of all "
        "settings it matters most."
    )
    return Advice(rank, epochs, (1e-4, 5e-4), tuple(said))


@dataclass(frozen=True)
class Claim:
    """Memory that a source document gives, in GB, and what is wrong with it (empty where nothing is)."""

    source: str
    model: str
    method: str
    said: str
    rank: int
    batch: int
    fault: str

    def estimate(self, config: TrainingConfig) -> float:
        """Return this project's estimate of the same, in GiB."""
        own = {"lora_r": self.rank, "lora_alpha": 2 * self.rank, "per_device_batch_size": self.batch}
        changes = {**METHODS[self.method], **own, "max_seq_length": 2048, "gradient_checkpointing": True}
        return estimate_memory(config.model_copy(update=changes), MODELS[self.model]).peak


STYLE, INSTRUCTION, PLAIN = "style guide", "instruction guide", "plain-model API"
ALONE = "its own weights alone take more"
CLAIMS = (
    Claim(STYLE, "8B", "QLoRA, 4 bits", "10 to 14", 64, 4, ""),
    Claim(STYLE, "8B", "LoRA, 16 bits", "18 to 24", 64, 4, ""),
    Claim(STYLE, "8B", "every weight", "40 or more", 64, 4, "twice that: weights and gradients in 32 bits"),
    Claim(STYLE, "14B", "QLoRA, 4 bits", "18 to 22", 64, 4, ""),
    Claim(STYLE, "14B", "LoRA, 16 bits", "28 to 32", 64, 4, "the weights alone are 28 GB; the rest needs 8 more"),
    Claim(INSTRUCTION, "7B", "LoRA, 16 bits", "8", 32, 4, ALONE),
    Claim(INSTRUCTION, "7B", "LoRA, 16 bits", "10", 64, 4, ALONE),
    Claim(INSTRUCTION, "14B", "LoRA, 16 bits", "12", 32, 2, ALONE),
    Claim(INSTRUCTION, "14B", "LoRA, 16 bits", "16", 64, 2, f"{ALONE}: on 16 GB it takes 4 bits and one row at a time"),
    Claim(PLAIN, "7B", "every weight", "28", 8, 1, "is weights and gradients in 16 bits, without optimiser"),
    Claim(PLAIN, "7B", "LoRA, 16 bits", "14", 8, 1, "is the weights alone, without activations"),
    Claim(PLAIN, "7B", "QLoRA, 4 bits", "4", 8, 1, "embeddings stay in 16 bits, activations come on top"),
)
