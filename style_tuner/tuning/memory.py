"""Estimate the memory that a training run needs, from the shape of the model alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.errors import ModelError

GIBIBYTE = 1024**3
QUANTISED_BITS = {True: 4.127, False: 4.5}
"""Bits a weight with and without double quantisation (Dettmers et al. 2023, section 3)."""
GPU_CONTEXT = 0.5
"""GiB that a GPU's own context takes beside the training."""
CPU_CONTEXT = 0.9
"""GiB that Python and its libraries hold of main memory beside the training, as measured."""
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")


@dataclass(frozen=True)
class ModelShape:
    """The sizes that memory follows from; `source` says where they are from."""

    hidden: int
    layers: int
    feed_forward: int
    heads: int
    key_value_heads: int
    head_size: int
    vocabulary: int
    tied: bool
    source: str

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of each linear map of one layer."""
        queries, keys = self.heads * self.head_size, self.key_value_heads * self.head_size
        return {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
            "gate_proj": (self.hidden, self.feed_forward),
            "up_proj": (self.hidden, self.feed_forward),
            "down_proj": (self.feed_forward, self.hidden),
        }

    @property
    def linear_parameters(self) -> int:
        """Weights of the linear maps of all layers: those that are quantised."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear.values())

    @property
    def other_parameters(self) -> int:
        """Embeddings, output head (unless it is tied) and norms: never quantised."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2) + (2 * self.layers + 1) * self.hidden


LLAMA_8B = ModelShape(4096, 32, 14336, 32, 8, 128, 128256, False, "the known shape of Llama-3.1-8B")


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory at the peak of training, in GiB; `basis` says what the estimate was made from.

    `adapter` is what is trained with its gradients; where every weight is trained, the gradients alone.
    """

    weights: float
    adapter: float
    optimizer: float
    activations: float
    basis: str
    on_gpu: bool = True

    @property
    def total(self) -> float:
        """The sum of what the training itself holds."""
        return self.weights + self.adapter + self.optimizer + self.activations

    @property
    def peak(self) -> float:
        """The sum with what the GPU's context, or Python and its libraries, take beside it."""
        return self.total + (GPU_CONTEXT if self.on_gpu else CPU_CONTEXT)

    def summary(self) -> str:
        """Return the parts and their sum in a sentence."""
        beside = "the GPU's own context" if self.on_gpu else "Python and its libraries"
        return (
            f"About {self.peak:.1f} GiB at the peak: weights {self.weights:.2f}, adapter and its gradients "
            f"{self.adapter:.2f}, optimiser {self.optimizer:.2f}, activations {self.activations:.2f} (from "
            f"{self.basis}), and {self.peak - self.total:.1f} for {beside}."
        )


def shape_of(values: dict[str, Any]) -> ModelShape:
    """Return the shape that a model's config.json holds."""
    heads = values["num_attention_heads"]
    return ModelShape(
        hidden=values["hidden_size"],
        layers=values["num_hidden_layers"],
        feed_forward=values["intermediate_size"],
        heads=heads,
        key_value_heads=values.get("num_key_value_heads") or heads,
        head_size=values.get("head_dim") or values["hidden_size"] // heads,
        vocabulary=values["vocab_size"],
        tied=bool(values.get("tie_word_embeddings", False)),
        source="its config.json",
    )


def model_shape(model: str) -> ModelShape:
    """Return the shape from the model's config.json; that of Llama-3.1-8B where the Hub cannot be reached for it.

    Raises `ModelError` for any other model whose config cannot be read.
    """
    from transformers import AutoConfig

    from style_tuner.tuning.model import model_errors

    try:
        with model_errors(model):
            return shape_of(AutoConfig.from_pretrained(model).get_text_config().to_dict())
    except ModelError:
        if is_hub_name(model) and "Llama-3.1-8B" in model:
            return LLAMA_8B
        raise


def estimate_memory(config: TrainingConfig, shape: ModelShape | None = None, on_gpu: bool = True) -> MemoryEstimate:
    """Return the memory at the peak of training with rows of full length.

    Weights: 4.127 bits for each linear weight under NF4 with double quantisation (Dettmers et al. 2023), 1 byte in 8
    bits, else 2 bytes (4 on CPU); 4 where every weight is trained, and 4 more for its gradient; embeddings, head and
    norms are never quantised. Adapter: rank times inputs plus outputs of every target, weights and gradients in
    float32. Optimiser: two moments for each adapter weight, one byte each in the 8-bit optimisers (Dettmers et al.
    2022), else four. Activations: what the backward pass keeps for each token, by counting the inputs of every
    operation of a layer as Korthikanti et al. 2022 do, without attention scores (fused kernels keep none); all layers
    at once, or with gradient checkpointing one layer and the input of each. The largest weight is once more there
    unquantised while it is used. The output head is computed in chunks and left out.

    With Llama-3.1-8B, rank 8, two rows of 2,048 tokens and checkpointing this gives 7.6 GiB, and 17.1 GiB with
    weights of 2 bytes; torchtune's README reports 7.4 and 16.2 GiB measured for that on an RTX 4090.
    """
    shape = shape or model_shape(resolve_model(config.base_model))
    width = 2 if on_gpu and config.wanted_dtype != "float32" else 4
    if config.method == "full":
        return _full_estimate(config, shape, width, on_gpu)
    linear_bytes = QUANTISED_BITS[config.bnb_4bit_use_double_quant] / 8 if config.load_in_4bit else width
    if config.load_in_8bit:
        linear_bytes = 1
    weights = shape.linear_parameters * linear_bytes + shape.other_parameters * width
    targets = {name: sizes for name, sizes in shape.linear.items() if name in config.lora_target_modules}
    adapter = shape.layers * config.lora_r * sum(sum(sizes) for sizes in targets.values())
    return MemoryEstimate(
        weights=weights / GIBIBYTE,
        adapter=adapter * 8 / GIBIBYTE,
        optimizer=adapter * 2 * _moment(config) / GIBIBYTE,
        activations=_activations(config, shape, targets) * width / GIBIBYTE,
        basis=shape.source,
        on_gpu=on_gpu,
    )


def _full_estimate(config: TrainingConfig, shape: ModelShape, width: int, on_gpu: bool) -> MemoryEstimate:
    """Return the memory of training every weight: held in float32, with a gradient and two moments each."""
    parameters = shape.linear_parameters + shape.other_parameters
    return MemoryEstimate(
        weights=parameters * 4 / GIBIBYTE,
        adapter=parameters * 4 / GIBIBYTE,
        optimizer=parameters * 2 * _moment(config) / GIBIBYTE,
        activations=_activations(config, shape, {}) * width / GIBIBYTE,
        basis=shape.source,
        on_gpu=on_gpu,
    )


def _moment(config: TrainingConfig) -> int:
    """Return the bytes of one of the optimiser's two moments for one weight."""
    return 1 if "8bit" in config.optimizer else 4


def _activations(config: TrainingConfig, shape: ModelShape, targets: dict[str, tuple[int, int]]) -> float:
    """Return how many numbers are kept for the backward pass, and the largest weight while it is unquantised."""
    tokens = config.per_device_batch_size * config.max_seq_length
    queries, keys = shape.heads * shape.head_size, shape.key_value_heads * shape.head_size
    kept = (
        4 * shape.hidden + 2 * queries + 2 * keys + 4 * shape.feed_forward
    )  # norms, attention, gate, up, their product
    kept += sum(inputs for inputs, _ in targets.values()) if config.lora_dropout else 0  # dropped-out copies
    kept += len(targets) * config.lora_r
    layers = 1 if config.gradient_checkpointing else shape.layers
    inputs = shape.layers * shape.hidden if config.gradient_checkpointing else 0
    largest = max(wide * high for wide, high in shape.linear.values()) if config.load_in_4bit else 0
    return tokens * (layers * kept + inputs) + largest
