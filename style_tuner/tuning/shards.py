"""Merge an adapter into a model one weight file at a time, so that memory holds a part of the model, never all of it.

PEFT merges a model that is loaded whole: 16 GB for one of eight billion weights. Here each weight file of the base is
read, the adapter's share is added to the layers that it changes, and the file is written again; files that an
interrupted merge has finished are not made twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.config import is_hub_name
from style_tuner.errors import ModelError
from style_tuner.tuning.heads import read_head
from style_tuner.tuning.model import model_errors
from style_tuner.workspace import read_json, write_json

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig

log = logging.getLogger(__name__)
INDEX = "model.safetensors.index.json"
ALONE = "model.safetensors"
MARK = "merging.json"
"""Says in an unfinished folder what is being merged; taken out when all of it is checked."""
_A, _B, _PREFIX = ".lora_A.weight", ".lora_B.weight", "base_model.model."


def merge_shards(base_model: str, adapter: Path, folder: Path, tell: Callable[[int, int], None]) -> bool:
    """Write the merged weights in bfloat16 to `folder`, file by file; return False where PEFT has to do it.

    That is so for adapters that are more than a product of two matrices, and for models whose files name their layers
    otherwise than their code does. `tell` is given the number of files done and of all.
    """
    from peft import LoraConfig
    from safetensors.torch import load_file

    settings = LoraConfig.from_pretrained(str(adapter))
    tensors = load_file(adapter / "adapter_model.safetensors")
    if not _is_plain(settings) or not all(name.endswith((_A, _B)) for name in tensors):
        return False
    base = _local(base_model)
    files = _weight_files(base)
    changed = {name.removeprefix(_PREFIX).removesuffix(_A) for name in tensors if name.endswith(_A)}
    named = {name for names in files.values() for name in names}
    if not files or not {f"{layer}.weight" for layer in changed} <= named:
        return False
    _begin(folder, base, adapter)
    for done, file in enumerate(files):
        tell(done, len(files))
        if not (folder / file).is_file():
            _merge_file(base / file, folder / file, changed, tensors, settings)
    if (base / INDEX).is_file():
        size = sum((folder / file).stat().st_size for file in files)
        write_json(folder / INDEX, read_json(base / INDEX) | {"metadata": {"total_size": size}})
    _describe(base, folder)
    return True


def begun(folder: Path) -> int:
    """Return how many weight files an interrupted merge has finished in its folder."""
    done = [file for file in folder.glob("*.safetensors") if not file.name.startswith(".")]
    return len(done) if (folder / MARK).is_file() else 0


def merged_size(base_model: str) -> int:
    """Return the bytes that a base model takes in bfloat16; 0 where its files are not on this disk yet."""
    if is_hub_name(base_model):
        return 0
    heads = [read_head(file) or {} for file in Path(base_model).glob("*.safetensors")]
    return sum(2 * math.prod(tensor.shape) for head in heads for tensor in head.values())


def _is_plain(settings: LoraConfig) -> bool:
    """Say whether the adapter adds a product of two matrices to each layer, and nothing else."""
    more = (settings.use_dora, settings.modules_to_save, settings.lora_bias, settings.fan_in_fan_out)
    rarer = (settings.layer_replication, settings.trainable_token_indices, settings.target_parameters)
    return not any((*more, *rarer)) and settings.bias == "none" and isinstance(settings.init_lora_weights, bool)


def _local(base_model: str) -> Path:
    if not is_hub_name(base_model):
        return Path(base_model)
    from huggingface_hub import snapshot_download

    with model_errors(base_model):
        return Path(snapshot_download(base_model, allow_patterns=["*.safetensors", "*.json"]))


def _weight_files(base: Path) -> dict[str, list[str]]:
    """Return the weight files with the names of the tensors in each."""
    from safetensors import safe_open

    if (base / INDEX).is_file():
        names = sorted(set(read_json(base / INDEX)["weight_map"].values()))
    else:
        names = [ALONE] if (base / ALONE).is_file() else []
    found = {}
    for name in names:
        with model_errors(str(base)), safe_open(base / name, framework="pt") as tensors:
            found[name] = list(tensors.keys())
    return found


def _begin(folder: Path, base: Path, adapter: Path) -> None:
    """Keep what an earlier merge of the very same has finished, and begin anew otherwise."""
    digest = hashlib.sha256((adapter / "adapter_model.safetensors").read_bytes())
    digest.update((adapter / "adapter_config.json").read_bytes())
    sizes = {file.name: file.stat().st_size for file in base.glob("*.safetensors")}
    wanted = {"base": str(base), "files": sizes, "adapter": digest.hexdigest()}
    if not (folder / MARK).is_file() or read_json(folder / MARK) != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_json(folder / MARK, wanted)
    elif done := begun(folder):
        log.info("Going on with the interrupted merge in %s: %d of its weight files are done.", folder, done)


def _merge_file(
    source: Path, target: Path, changed: set[str], tensors: dict[str, torch.Tensor], settings: LoraConfig
) -> None:
    """Write one weight file with the adapter's share added, whole or not at all."""
    import torch
    from safetensors.torch import save_file

    merged = {}
    for name, weight in _tensors(source):
        layer = name.removesuffix(".weight")
        if layer in changed:
            up, down = (tensors[f"{_PREFIX}{layer}{part}"].float() for part in (_B, _A))
            share = _scaling(settings, layer, down.shape[0]) * (up @ down)
            if share.shape != weight.shape:
                raise ModelError(
                    f"The adapter does not fit {source.parent}: {layer} has the shape {tuple(weight.shape)} there and "
                    f"{tuple(share.shape)} in the adapter. Name the base model that it was trained on."
                )
            weight = weight.float() + share
            if not torch.isfinite(weight).all():
                raise ModelError(f"The adapter makes values of {layer} that are no numbers: train it again.")
        merged[name] = weight.to(torch.bfloat16) if weight.is_floating_point() else weight
    new = target.with_name(f".{target.name}")
    save_file(merged, new, metadata={"format": "pt"})
    new.rename(target)


def _tensors(file: Path) -> Iterator[tuple[str, torch.Tensor]]:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as stored:
        for name in stored.keys():  # noqa: SIM118 (a file, not a dict)
            yield name, stored.get_tensor(name)


def _scaling(settings: LoraConfig, layer: str, rank: int) -> float:
    """Return what the product of the two matrices is multiplied with, as PEFT reckons it for this layer."""
    from peft.utils.other import get_pattern_key

    patterns = settings.alpha_pattern or {}
    alpha = float(patterns.get(get_pattern_key(list(patterns), layer), settings.lora_alpha))
    return alpha / math.sqrt(rank) if settings.use_rslora else alpha / rank


def _describe(base: Path, folder: Path) -> None:
    """Write the base model's config, in bfloat16 now, and how it generates."""
    from transformers import AutoConfig

    config: Any = AutoConfig.from_pretrained(base)
    config.dtype = "bfloat16"
    config.save_pretrained(folder)
    if (base / "generation_config.json").is_file():
        values = json.loads((base / "generation_config.json").read_text(encoding="utf-8"))
        write_json(folder / "generation_config.json", values)
