"""Check a model folder before a server or a user relies on it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import ModelError, StyleTunerError
from style_tuner.tuning.quiet import quiet_libraries

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


@dataclass(frozen=True)
class ModelCheck:
    """What was found: faults first if there are any, then what is well; sizes of the stored tensors."""

    ok: bool
    findings: tuple[str, ...]
    parameters: int
    bytes: int


@dataclass(frozen=True)
class _Stored:
    """Tensors of one safetensors file: shape by name, and how many bytes all and those in float32 take."""

    file: str
    shapes: dict[str, tuple[int, ...]]
    bytes: int
    single: int


def check_model(path: Path, plain: bool = False) -> ModelCheck:
    """Return whether a folder is a whole model that loads anywhere without running code from it.

    Reads every tensor once; the model itself is built without memory (on PyTorch's meta device) to learn which
    tensors it needs. A `plain` model, whose base has no chat template, needs none. Raises `ModelError` if there is no
    such folder.
    """
    if not path.is_dir():
        raise ModelError(f"{path} is not a folder: name the folder of a model.")
    if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        said = f"{path} is an adapter, not a whole model: merge it, then check the merged folder."
        return ModelCheck(False, (said,), 0, 0)
    quiet_libraries()
    faults: list[str] = []
    model = _empty_model(path, faults)
    stored = [_read(file, faults) for file in sorted(path.glob("*.safetensors"))]
    shapes = {name: shape for part in stored for name, shape in part.shapes.items()}
    parameters = sum(math.prod(shape) for part in stored for shape in part.shapes.values())
    size = sum(part.bytes for part in stored)
    if not stored:
        faults.append(f"{path} holds no .safetensors file: merge again, or copy the weights.")
    faults.extend(_index_faults(path, stored))
    if model is not None and stored:
        faults.extend(_tensor_faults(model, shapes))
    faults.extend(_tokenizer_faults(path, model, plain))
    faults.extend(
        f"{file.name} is a pickle, which can run code when it is opened: keep the .safetensors files and delete it."
        for file in sorted(path.iterdir())
        if file.suffix in PICKLES
    )
    if faults:
        return ModelCheck(False, tuple(faults), parameters, size)
    kind = type(model).__name__
    well = (
        f"{kind} with {parameters:,} parameters in {len(shapes)} tensors, {size / 1e9:.3f} GB, in "
        f"{len(stored)} safetensors file{'s' if len(stored) > 1 else ''}; every tensor can be read.",
        f"{'Config and tokenizer' if plain else 'Config, tokenizer and chat template'} are there and fit the weights.",
    )
    return ModelCheck(True, (*well, *_single_precision(stored)), parameters, size)


def _empty_model(path: Path, faults: list[str]) -> PreTrainedModel | None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    if not (path / "config.json").is_file():
        faults.append(f"{path} holds no config.json: copy it from the base model.")
        return None
    try:
        with torch.device("meta"):
            model: PreTrainedModel = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
                AutoConfig.from_pretrained(path)
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        faults.append(f"config.json describes no model that can be built ({error}): copy it from the base model.")
        return None
    return model


def _read(file: Path, faults: list[str]) -> _Stored:
    """Read every tensor of a file; a damaged file or a tensor with values that are no numbers is a fault."""
    import torch
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    size = single = 0
    broken = []
    try:
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (a file, not a dict)
                tensor = tensors.get_tensor(name)
                shapes[name] = tuple(tensor.shape)
                size += tensor.nbytes
                single += tensor.nbytes if tensor.dtype is torch.float32 else 0
                if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                    broken.append(name)
    except (OSError, SafetensorError) as error:
        faults.append(f"{file.name} is damaged or cut short ({error}): merge again, or copy it again.")
    faults.extend(f"{file.name}: {name} holds values that are no numbers: merge again." for name in broken)
    return _Stored(file.name, shapes, size, single)


def _single_precision(stored: list[_Stored]) -> Iterator[str]:
    """Note weights of four bytes each, which is no fault: a few small tensors are kept so in many models."""
    single, size = sum(part.single for part in stored), sum(part.bytes for part in stored)
    if single > size / 2:
        yield (
            f"The weights are in float32, {size / 1e9:.3f} GB: in bfloat16, as merging writes them, they would take "
            f"{(size - single / 2) / 1e9:.3f} GB."
        )


def _index_faults(path: Path, stored: list[_Stored]) -> Iterator[str]:
    """Compare `model.safetensors.index.json` with the files; without an index there must be one file."""
    index = path / "model.safetensors.index.json"
    yield from _twice(stored)
    if not index.is_file():
        if len(stored) > 1:
            yield f"{path} holds {len(stored)} weight files but no {index.name}: copy it from where they came from."
        return
    try:
        wanted: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError):
        yield f"{index.name} cannot be read: copy it again."
        return
    named, files = set(wanted.values()), {part.file for part in stored}
    for name in sorted(named - files):
        yield f"{name} is missing, though {index.name} names it: merge again, or copy it."
    for name in sorted(files - named):
        yield f"{name} is a weight file that {index.name} does not name: move it out of the folder, or copy the index."
    found = {name for part in stored if part.file in named for name in part.shapes}
    if named <= files and set(wanted) != found:
        different = sorted(set(wanted) ^ found)
        yield f"{index.name} and the files disagree on {len(different)} tensors, such as {different[0]}: merge again."


def _twice(stored: list[_Stored]) -> Iterator[str]:
    """Name what two files hold: which of the two a program takes is chance."""
    for one, other in combinations(stored, 2):
        if both := sorted(one.shapes.keys() & other.shapes.keys()):
            yield (
                f"{one.file} and {other.file} both hold {len(both)} tensors, such as {both[0]}: keep the file that "
                "belongs to the model and move the other out of the folder."
            )


def _tensor_faults(model: PreTrainedModel, shapes: dict[str, tuple[int, ...]]) -> Iterator[str]:
    """Compare the stored tensors with those that the model needs."""
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    tied = set(model.all_tied_weights_keys)
    if any(".lora_" in name for name in shapes):
        yield "The weights hold an adapter beside the layers: this folder is not merged; merge again."
        return
    if getattr(model.config, "quantization_config", None):
        yield "The weights are quantised, so they were not merged into a bfloat16 copy: merge again."
        return
    missing = sorted(set(wanted) - set(shapes) - tied)
    if missing:
        yield f"{len(missing)} tensors are missing, such as {missing[0]}: merge again, or copy every weight file."
    for name in sorted(set(wanted) & set(shapes)):
        if wanted[name] != shapes[name]:
            yield f"{name} has the shape {shapes[name]}, but config.json asks for {wanted[name]}: they do not belong."
            break
    # Left by older versions, or parts that this kind of model is known to leave out: no program minds them.
    harmless = {r"rotary_emb\.inv_freq", *(model._keys_to_ignore_on_load_unexpected or ())}
    foreign = [name for name in sorted(set(shapes) - set(wanted)) if not any(re.search(one, name) for one in harmless)]
    if foreign:
        yield (
            f"{len(foreign)} tensors are not of this model, such as {foreign[0]}: layers are there twice, or those of "
            "another model; merge again, or copy config.json and the weights from the same place."
        )


def _tokenizer_faults(path: Path, model: PreTrainedModel | None, plain: bool) -> Iterator[str]:
    from style_tuner.tokenizer import load_tokenizer

    try:
        tokenizer = load_tokenizer(str(path))
    except StyleTunerError as error:
        yield str(error)
        return
    if not tokenizer.chat_template and not plain:
        yield (
            "There is no chat template: copy chat_template.jinja or tokenizer_config.json from the base "
            "model; a model of plain text needs none (--plain)."
        )
    known = model.config.get_text_config().vocab_size if model is not None else len(tokenizer)
    if len(tokenizer) > known:
        yield (
            f"The tokenizer has {len(tokenizer):,} tokens and the model {known:,}: they do not belong together; "
            "copy the tokenizer of the base model."
        )
