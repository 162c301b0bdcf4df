"""Look at weights before an engine does: all there, whole, and safetensors; only the heads of files are read."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from style_tuner.errors import ServerError
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
        if not is_whole(file):
            raise ServerError(f"{file} is damaged or cut short: copy it again, or merge or train again.")


def is_whole(file: Path) -> bool:
    """Say whether a safetensors file is as long as its head says: 8 bytes of length, the head, and the numbers."""
    with file.open("rb") as stream:
        start = stream.read(8)
        if len(start) < 8:
            return False
        length = struct.unpack("<Q", start)[0]
        if length > file.stat().st_size:
            return False
        try:
            head = json.loads(stream.read(length))
        except ValueError:
            return False
    ends = [entry["data_offsets"][1] for name, entry in head.items() if name != "__metadata__"]
    return bool(8 + length + max(ends, default=0) == file.stat().st_size)
