"""What `lora` refuses before it changes a model: numbers out of range, layers that are not there, shared weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from style_tuner.errors import ModelError

if TYPE_CHECKING:
    import torch

TARGETS = ("qkv_proj", "out_proj", "q_proj", "k_proj", "v_proj", "o_proj")
"""Attention's projections by their usual names; of these, the ones that a model has get an adapter."""
BLOCKS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Sizes of a block that bitsandbytes knows."""


def check_numbers(rank: int, alpha: float, dropout: float) -> None:
    """Raise a `ModelError` where an adapter cannot have these numbers."""
    if rank < 1:
        raise ModelError(f"rank is {rank}: an adapter needs at least 1; 8 to 64 are usual.")
    if alpha <= 0:
        raise ModelError(f"alpha is {alpha:g}: it must be above 0; once or twice the rank is usual.")
    if not 0 <= dropout < 1:
        raise ModelError(f"dropout is {dropout:g}: it must be at least 0 and below 1; 0 to 0.1 are usual.")


def check_block(size: int) -> None:
    """Raise a `ModelError` where NF4 knows no blocks of this size."""
    if size not in BLOCKS:
        raise ModelError(f"block_size is {size}: choose one of {', '.join(map(str, BLOCKS))}.")


def check_tensor(tensor: torch.Tensor) -> None:
    """Raise a `ModelError` where a tensor has no form in NF4."""
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise ModelError(f"The tensor holds {kind}: NF4 is for floating-point weights; convert it with .float() first.")
    if not tensor.isfinite().all():
        raise ModelError(
            "The tensor holds values that are no finite numbers (inf or nan), which would spoil their whole blocks: "
            "load the weights again, or replace them first (torch.nan_to_num)."
        )


def targets_of(model: torch.nn.Module, wanted: Sequence[str] | None) -> list[str]:
    """Return the names of the layers to adapt; a `ModelError` where one is not there or has an adapter already."""
    import torch
    from peft.tuners.lora import LoraLayer

    if any(isinstance(layer, LoraLayer) for layer in model.modules()):
        raise ModelError(
            "This model has adapters already: go on with those, or begin with a new copy of the base model."
        )
    linear = {
        path.rsplit(".", 1)[-1] for path, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and path
    }
    found = [name for name in TARGETS if name in linear] if wanted is None else list(wanted)
    unknown = [name for name in found if name not in linear]
    if unknown or not found:
        raise ModelError(
            f"target_modules names {', '.join(unknown) or 'nothing'}, which this model does not have as a linear "
            f"layer: choose from {', '.join(sorted(linear)) or 'none at all'}."
        )
    return found


def check_shared(model: torch.nn.Module) -> None:
    """Raise a `ModelError` where an adapted layer's weight is another layer's, too, which a merge would change."""
    from peft.tuners.lora import LoraLayer

    bases = {id(layer.get_base_layer()): path for path, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    owners: dict[int, dict[int, str]] = {}
    for path, layer in model.named_modules():
        for weight in layer.parameters(recurse=False):
            owners.setdefault(id(weight), {})[id(layer)] = bases.get(id(layer), path)
    for shared in owners.values():
        adapted = [path for layer, path in shared.items() if layer in bases]
        if adapted and len(shared) > 1:
            other = next(path for path in shared.values() if path != adapted[0])
            raise ModelError(
                f"{adapted[0]} and {other} share one weight: merging an adapter into it would change both. Give "
                f"{adapted[0]} a weight of its own before apply_lora (weight = torch.nn.Parameter(weight.clone())), or "
                "leave the adapter beside it."
            )
