"""Look at weights before an engine does: all there, whole, and safetensors; only the heads of files are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from style_tuner.config import is_hub_name
from style_tuner.errors import ServerError
from style_tuner.serving.voices import Voice
from style_tuner.tuning.heads import Tensor, lone_parts, misfit, read_head
from style_tuner.workspace import read_json

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def check_weights(folder: Path) -> None:
    """Raise a `ServerError` with the remedy where a model's or an adapter's weights cannot be served."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = [file.name for file in sorted(folder.iterdir()) if file.suffix in PICKLES]
        if pickles:
            raise ServerError(
                f"{folder} holds its weights as {pickles[0]}, a pickle, which can run code when it is opened: get them "
                "as .safetensors, which is all that is served."
            )
        raise ServerError(f"{folder} holds no .safetensors file: copy the weights there, or merge or train again.")
    index = folder / "model.safetensors.index.json"
    wanted = set(read_json(index)["weight_map"].values()) if index.is_file() else set()
    if missing := sorted(wanted - {file.name for file in files}):
        raise ServerError(
            f"{missing[0]} is missing in {folder}, though {index.name} names it: copy it, or merge again."
        )
    for file in files:
        head = read_head(file)
        if head is None:
            raise ServerError(f"{file} is damaged or cut short: copy it again, or merge or train again.")
        if lone := lone_parts(set(head)):
            raise ServerError(
                f"{file} is incomplete, {lone[0]} is there without its other half: copy it again, or train again."
            )


def check_voice(folder: Path, base_model: str) -> None:
    """Raise a `ServerError` where a voice's weights cannot be served, or have no place in those of the base model."""
    check_weights(folder)
    if not (folder / "adapter_config.json").is_file() or is_hub_name(base_model):
        return
    if said := misfit(_heads(folder), _heads(Path(base_model))):
        raise ServerError(
            f"{folder} does not fit {base_model}, {said}: serve it with the base model that it was trained on."
        )


def _heads(folder: Path) -> dict[str, Tensor]:
    heads = [read_head(file) or {} for file in sorted(folder.glob("*.safetensors"))]
    return {name: tensor for head in heads for name, tensor in head.items()}


def refusals(voices: Sequence[Voice], engine: str, base_model: str) -> dict[str, str]:
    """Say of the base model's voices whose weights are damaged or do not fit, by name, why they are not served."""
    found = {}
    for voice in voices:
        folder = voice.adapter if engine == "vllm" else voice.merged or voice.adapter
        if folder is None or voice.base_model() not in (None, base_model):
            continue
        try:
            check_voice(folder, base_model)
        except ServerError as error:
            found[voice.name] = str(error)
    return found
