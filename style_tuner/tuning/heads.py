"""The heads of safetensors files: what a file holds, without its numbers, and what is wrong with an adapter by them."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PART = re.compile(r"\.lora_(?:embedding_)?([AB])(?=\.weight$|$)")
_PREFIX = "base_model.model."


@dataclass(frozen=True)
class Tensor:
    """One tensor as the head describes it."""

    shape: tuple[int, ...]
    dtype: str


def read_head(file: Path) -> dict[str, Tensor] | None:
    """Return the tensors of a safetensors file by name; None where it is damaged or shorter than its head says."""
    with file.open("rb") as stream:
        return head_of(stream, file.stat().st_size)


def head_of(stream: IO[bytes], size: int) -> dict[str, Tensor] | None:
    """Return the tensors of what is stored in so many bytes: 8 bytes of length, the head, and the numbers."""
    start = stream.read(8)
    if len(start) < 8:
        return None
    length = struct.unpack("<Q", start)[0]
    if length > size:
        return None
    try:
        head = json.loads(stream.read(length))
    except ValueError:
        return None
    entries = {name: entry for name, entry in head.items() if name != "__metadata__"}
    end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    if 8 + length + end != size:
        return None
    return {name: Tensor(tuple(entry["shape"]), entry["dtype"]) for name, entry in entries.items()}


def lone_parts(names: set[str]) -> list[str]:
    """Return the tensors of an adapter whose partner is not there: each change is a product of two, A and B."""
    found = {name: _PART.search(name) for name in names}
    halves = {name: (_PART.sub("", name), part[1]) for name, part in found.items() if part}
    whole = set(halves.values())
    return sorted(name for name, (layer, part) in halves.items() if (layer, "AB".replace(part, "")) not in whole)


def misfit(adapter: dict[str, Tensor], base: dict[str, Tensor]) -> str:
    """Say of the first layer that the adapter cannot be added to why not; empty where all fit or are not known.

    Weights that are stored otherwise than as one number each, as quantised ones are, have no shape to compare with.
    """
    for name, down in sorted(adapter.items()):
        if not name.endswith(".lora_A.weight"):
            continue
        layer = name.removeprefix(_PREFIX).removesuffix(".lora_A.weight")
        up, weight = adapter.get(name.replace(".lora_A.", ".lora_B.")), base.get(f"{layer}.weight")
        if up is None or weight is None or "F" not in weight.dtype or len(weight.shape) != 2:
            continue
        changes = (up.shape[0], down.shape[-1])
        if changes not in (weight.shape, weight.shape[::-1]):  # some models keep inputs before outputs
            return f"{layer} has the shape {weight.shape} in the base model and {changes} in the voice"
    return ""
