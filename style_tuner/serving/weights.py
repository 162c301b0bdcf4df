"""Look at weights before an engine does: all there, whole, and safetensors; only the heads of files are read."""

from __future__ import annotations

from pathlib import Path

from style_tuner.errors import ServerError
from style_tuner.tuning.heads import lone_parts, read_head
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
