"""Whether a model fits the memory: an estimate from its files and shape, before anything is started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from style_tuner.config import ServingConfig, is_hub_name
from style_tuner.errors import ServerError
from style_tuner.hardware import hardware
from style_tuner.serving.plan import Plan
from style_tuner.serving.vllm_engine import GPU_SLOTS, LATER_RANK
from style_tuner.tuning.memory import GIBIBYTE, ModelShape, shape_of
from style_tuner.tuning.needs import GPU_CONTEXT
from style_tuner.workspace import read_json

CPU_CONTEXT = {"vllm": 2.4, "transformers": 0.4}
"""GiB of main memory that an engine holds beside the weights, as measured; of vLLM with its 1 GiB for text."""
STRETCHED = ("llama3", "longrope", "su")
"""Ways of stretching positions whose length is in `max_position_embeddings` already, as vLLM has it."""


@dataclass(frozen=True)
class Needs:
    """What serving takes, in GiB.

    `text` is the longest that is asked for (0: as long as there is room), `voices` the room for them beside the base
    model, `engine` what it takes itself, `have` the memory that it may take of `where`.
    """

    weights: float
    text: float
    voices: float
    engine: float
    have: float
    where: str

    @property
    def total(self) -> float:
        """All of it."""
        return self.weights + self.text + self.voices + self.engine

    def fault(self) -> str:
        """Return what does not fit, and the remedy; empty where all does."""
        room = f"{self.where} has {self.have:.1f} GB for it"
        least = self.total - self.text
        if least > self.have:
            return (
                f"The model is too large: it takes about {least:.1f} GB, and {room}. Choose a smaller "
                "base model, give the server a larger share of the GPU's memory, or serve it on a larger machine."
            )
        if self.total > self.have:
            return (
                f"So long a text does not fit: with the model it takes about {self.total:.1f} GB, and {room}. Give a "
                "smaller --max-model-len, or none, which takes the longest that fits."
            )
        return ""


def needs(config: ServingConfig, engine: str, models: list[str], shape: ModelShape | None) -> Needs | None:
    """Return what serving the models takes, the first being the base; None where its size is not known.

    vLLM holds the base alone and room for voices; transformers holds each whole model that was asked for, two of
    them from the start. `shape` is that of the base, which counts where its files are not on this disk.
    """
    sizes = [size for size in (_weights(models[0]), _of(shape) if shape else 0) if size]
    base = min(sizes, default=0)  # files may hold 4 bytes a weight, which are loaded as 2, or be quantised
    if not base:
        return None
    held = [base] if engine == "vllm" else [base, *(_weights(model) for model in models[1:2])]
    asked = config.max_model_len if engine == "vllm" else None
    text = asked * bytes_per_token(shape) if asked and shape else 0
    found = hardware()
    if found.gpus:
        share = config.gpu_memory if engine == "vllm" else 1
        have, where, own = found.gpus[0].memory_total * share, f"the {found.gpus[0].name}", GPU_CONTEXT
    else:
        have, where, own = found.memory_total, "this machine", CPU_CONTEXT[engine]
    voices = GPU_SLOTS * bytes_per_voice(shape, LATER_RANK) if engine == "vllm" and found.gpus and shape else 0
    return Needs(sum(held) / GIBIBYTE, text / GIBIBYTE, voices / GIBIBYTE, own, have / GIBIBYTE, where)


def check_fits(plan: Plan, config: ServingConfig, base_model: str) -> None:
    """Raise a `ServerError` with the remedy where what is to be served cannot fit the memory."""
    found = needs(config, plan.engine, list(plan.models.values()), local_shape(base_model))
    if found is not None and (fault := found.fault()):
        raise ServerError(fault)


def check_length(plan: Plan, config: ServingConfig) -> None:
    """Raise a `ServerError` where longer texts are asked for than the model in front was made for."""
    model = next(iter(plan.models.values()))
    own = longest(model)
    if plan.engine == "vllm" and os.environ.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "0") in ("1", "true"):
        return
    if own and config.max_model_len and config.max_model_len > own:
        raise ServerError(
            f"--max-model-len is {config.max_model_len}, but {model} reads at most {own} tokens (config.json): give "
            f"--max-model-len {own} or less, or none, which takes the longest that there is."
        )


def longest(model: str) -> int | None:
    """Return the most tokens that a model's config.json can be read to allow; None where it does not say.

    Some ways of stretching positions count the stretched length in `max_position_embeddings`, some do not; what does
    not say so plainly is multiplied, for the engine knows better than this estimate.
    """
    path = Path(model) / "config.json"
    if is_hub_name(model) or not path.is_file():
        return None
    values = read_json(path)
    values |= values.get("text_config") or {}
    own = values.get("max_position_embeddings")
    if not own:
        return None
    given = values.get("rope_parameters") or values.get("rope_scaling") or {}
    ways = [given, *(way for way in given.values() if isinstance(way, dict))]  # one for each kind of layer
    stretched = [way for way in ways if way.get("rope_type", way.get("type")) not in STRETCHED]
    factor = max((way.get("factor") or 1 for way in stretched), default=1)
    return max(int(own * max(factor, 1)), values.get("model_max_length") or 0)


def local_shape(model: str) -> ModelShape | None:
    """Return the shape in the config.json of a model's folder; None for Hub models and kinds that are not known."""
    path = Path(model) / "config.json"
    if is_hub_name(model) or not path.is_file():
        return None
    try:
        return shape_of(read_json(path))
    except KeyError:
        return None


def bytes_per_token(shape: ModelShape) -> int:
    """Return what one token of text takes: a key and a value of two bytes in every layer."""
    return 2 * shape.layers * shape.key_value_heads * shape.head_size * 2


def bytes_per_voice(shape: ModelShape, rank: int) -> int:
    """Return what room for a voice of that rank takes, of two bytes a weight, in every linear map of every layer."""
    return 2 * rank * shape.layers * sum(sum(sizes) for sizes in shape.linear.values())


def _of(shape: ModelShape) -> int:
    return 2 * (shape.linear_parameters + shape.other_parameters)


def _weights(model: str) -> int:
    """Return the bytes of a model's weights on this disk."""
    return 0 if is_hub_name(model) else sum(file.stat().st_size for file in Path(model).glob("*.safetensors"))
