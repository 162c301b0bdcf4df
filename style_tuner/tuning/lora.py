"""LoRA and QLoRA on any PyTorch model: a thin layer over PEFT and bitsandbytes (Hu et al. 2021, Dettmers et al. 2023).

apply_lora(model, target_modules=["q_proj", "v_proj"])
optimizer = torch.optim.AdamW(get_lora_parameters(model), lr=1e-4)
...
save_lora(model, Path("lora.safetensors"))
merge_lora(model)
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import ModelError
from style_tuner.tuning.lora_checks import check_block, check_numbers, check_shared, check_tensor, targets_of

if TYPE_CHECKING:
    import torch
    from bitsandbytes.functional import QuantState

RANK, ALPHA, DROPOUT, BLOCK = 8, 16.0, 0.0, 64
NF4_BOUND = 0.152
"""Largest error of a weight in NF4, as a share of its block's largest: half the widest gap between its 16 levels."""


def apply_lora(
    model: torch.nn.Module,
    rank: int = RANK,
    alpha: float = ALPHA,
    dropout: float = DROPOUT,
    target_modules: Sequence[str] | None = None,
) -> torch.nn.Module:
    """Put adapters beside the named linear layers, freeze everything else, and return the same model.

    A name stands for every layer whose path ends with it. Raises `ModelError` where a named layer is not there.
    """
    check_numbers(rank, alpha, dropout)
    return _adapt(model, rank, alpha, dropout, targets_of(model, target_modules))


def _adapt(model: torch.nn.Module, rank: int, alpha: float, dropout: float, targets: list[str]) -> torch.nn.Module:
    from peft import LoraConfig, inject_adapter_in_model

    model.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=targets)  # type: ignore[arg-type]
    inject_adapter_in_model(config, model)
    return model


def apply_qlora(
    model: torch.nn.Module,
    rank: int = RANK,
    alpha: float = ALPHA,
    dropout: float = DROPOUT,
    target_modules: Sequence[str] | None = None,
    block_size: int = BLOCK,
) -> torch.nn.Module:
    """Keep the named layers' weights in 4 bits (NF4, double quantisation) and put adapters beside them.

    The weights are quantised where they are; other layers keep theirs. Computes in the type that the weights had.
    """
    import torch
    from bitsandbytes.nn import modules

    from style_tuner.tuning.model import keep_gradients

    bits: Any = modules
    check_numbers(rank, alpha, dropout)
    check_block(block_size)
    targets = targets_of(model, target_modules)
    for path, layer in list(model.named_modules()):
        if not (isinstance(layer, torch.nn.Linear) and path.rsplit(".", 1)[-1] in targets):
            continue
        weight = layer.weight
        small = bits.Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            compute_dtype=weight.dtype,
            quant_type="nf4",
            device="meta",
        )
        small.weight = bits.Params4bit(
            weight.data, requires_grad=False, quant_type="nf4", blocksize=block_size, compress_statistics=True
        ).to(weight.device)
        small.bias = layer.bias
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, small)
    keep_gradients(model)
    flagged: Any = model
    flagged.is_loaded_in_4bit = True  # only then does PEFT take its own layer for 4 bits, which alone can be merged
    try:
        return _adapt(model, rank, alpha, dropout, targets)
    finally:
        del flagged.is_loaded_in_4bit


def _adapted(model: torch.nn.Module) -> Iterator[Any]:
    """Yield the adapted layers; a `ModelError` where there are none."""
    from peft.tuners.lora import LoraLayer

    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
    if not layers:
        raise ModelError("This model has no adapters: call apply_lora or apply_qlora first.")
    yield from layers


def merge_lora(model: torch.nn.Module) -> None:
    """Add every adapter to the weights beside it, so that using the model costs no more than before.

    Weights in 4 bits are quantised anew: merging them, and taking that back, is true to NF4's error alone. Raises
    `ModelError` where a weight is another layer's, too.
    """
    layers = [layer for layer in _adapted(model) if not layer.merged]
    check_shared(model)
    with _requantising():
        for layer in layers:
            layer.merge()


def unmerge_lora(model: torch.nn.Module) -> None:
    """Take merged adapters out of the weights again."""
    with _requantising():
        for layer in _adapted(model):
            if layer.merged:
                layer.unmerge()


@contextmanager
def _requantising() -> Iterator[None]:
    """Hide PEFT's warning of a rounding that `merge_lora` describes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(Merge|Unmerge) lora module to 4-bit")
        yield


def enable_lora(model: torch.nn.Module) -> None:
    """Let the adapters count again, and be trained."""
    for layer in _adapted(model):
        layer.enable_adapters(True)


def disable_lora(model: torch.nn.Module) -> None:
    """Leave the adapters out for now: the model answers as its base does."""
    unmerge_lora(model)
    for layer in _adapted(model):
        layer.enable_adapters(False)


def get_lora_parameters(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Return the adapters' weights, those that an optimiser is to train."""
    return list(_weights(model).values())


def get_qlora_parameters(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Return the adapters' weights; those beside 4-bit layers are adapters like any other."""
    return get_lora_parameters(model)


def _weights(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    found = {name: weight for name, weight in model.named_parameters() if ".lora_" in f".{name}"}
    if not found:
        raise ModelError("This model has no adapters: call apply_lora or apply_qlora first.")
    return found


def save_lora(model: torch.nn.Module, path: Path) -> None:
    """Write the adapters' weights, and nothing else, as safetensors."""
    from safetensors.torch import save_file

    save_file({name: weight.detach().contiguous() for name, weight in _weights(model).items()}, path)


def load_lora(model: torch.nn.Module, path: Path) -> None:
    """Read adapters' weights into a model that `apply_lora` or `apply_qlora` has prepared in the same way."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read as adapter weights ({error}): save or copy it again.") from error
    weights = _weights(model)
    unlike = [name for name, weight in weights.items() if name not in stored or stored[name].shape != weight.shape]
    if unlike or len(stored) != len(weights):
        raise ModelError(
            f"{path} does not fit this model ({(unlike or sorted(set(stored) - set(weights)))[0]} differs): apply "
            "adapters of the same rank to the same layers first."
        )
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(stored[name])


def quantize_nf4(tensor: torch.Tensor, block_size: int = BLOCK) -> tuple[torch.Tensor, QuantState]:
    """Return the tensor in NF4: two 4-bit indices a byte, and the scales of its blocks with what else undoes it."""
    from bitsandbytes.functional import quantize_4bit

    check_block(block_size)
    check_tensor(tensor)
    packed, scales = quantize_4bit(tensor.contiguous(), blocksize=block_size, quant_type="nf4")
    return packed, scales


def dequantize_nf4(indices: torch.Tensor, scales: QuantState) -> torch.Tensor:
    """Return the tensor that NF4 indices and scales stand for, in its old shape and type."""
    from bitsandbytes.functional import dequantize_4bit

    found: torch.Tensor = dequantize_4bit(indices, scales)
    return found.reshape(scales.shape)  # bitsandbytes takes a single row for a transposed one


@dataclass(frozen=True)
class MethodMemory:
    """Bytes of one method's parts; activations are not among them."""

    method: str
    weights: float
    trained: int
    gradients: float
    optimizer: float

    @property
    def total(self) -> float:
        """The sum, in bytes."""
        return self.weights + self.gradients + self.optimizer


def compare_memory(
    parameters: int, quantised: int, adapter: int, weight_bytes: int = 2, moment_bytes: int = 4
) -> tuple[MethodMemory, ...]:
    """Return what full fine-tuning, LoRA and QLoRA hold of a model, in bytes.

    `parameters` are all weights, `quantised` those in the linear layers that QLoRA keeps in NF4, `adapter` those of
    the adapters (float32, as their gradients). Gradients of full fine-tuning have the type of the weights; the
    optimiser keeps two moments for each trained weight.
    """
    from style_tuner.tuning.memory import QUANTISED_BITS

    adapted = adapter * 4.0
    small = quantised * QUANTISED_BITS[True] / 8 + (parameters - quantised) * weight_bytes
    moments = 2.0 * moment_bytes
    return (
        MethodMemory("full", parameters * weight_bytes, parameters, parameters * weight_bytes, parameters * moments),
        MethodMemory("LoRA", parameters * weight_bytes + adapted, adapter, adapted, adapter * moments),
        MethodMemory("QLoRA", small + adapted, adapter, adapted, adapter * moments),
    )
