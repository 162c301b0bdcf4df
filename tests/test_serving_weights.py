"""Weights are looked at before an engine is started: pickles, missing and cut-off files are refused with the remedy."""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from style_tuner.config import STARTER_MODEL, ServingConfig
from style_tuner.errors import ServerError
from style_tuner.serving import server
from style_tuner.serving.weights import check_weights
from style_tuner.workspace import Workspace, write_json

WEIGHTS = "model.safetensors"
ADAPTER = "adapter_model.safetensors"


def change(file: Path, tensors: Mapping[str, Sequence[int]]) -> None:
    """Write a safetensors file with zeros of the given shapes."""
    head: dict[str, object] = {}
    end = 0
    for name, shape in tensors.items():
        begin, end = end, end + 4 * math.prod(shape)
        head[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    written = json.dumps(head).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(written).to_bytes(8, "little") + written + bytes(end))


def layer(part: str) -> str:
    return f"base_model.model.model.layers.0.self_attn.q_proj.lora_{part}.weight"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A whole model in a folder whose name has a space and letters that are not ASCII."""
    return shutil.copytree(STARTER_MODEL, tmp_path / "é ß model")


def test_whole_weights_are_fine(model: Path) -> None:
    check_weights(model)


def test_a_cut_off_file_is_refused(model: Path) -> None:
    whole = (model / WEIGHTS).read_bytes()
    for length in (0, 5, 200, len(whole) - 1):
        (model / WEIGHTS).write_bytes(whole[:length])
        with pytest.raises(ServerError, match=f"{WEIGHTS} is damaged or cut short: copy it again"):
            check_weights(model)


def test_a_missing_shard_is_named(model: Path) -> None:
    names = {"a": WEIGHTS, "b": "model-00002-of-00002.safetensors"}
    write_json(model / "model.safetensors.index.json", {"weight_map": names})
    with pytest.raises(ServerError, match="model-00002-of-00002.safetensors is missing"):
        check_weights(model)


def test_an_adapter_that_lacks_one_half_of_a_layer_is_refused(tmp_path: Path) -> None:
    change(tmp_path / ADAPTER, {layer("A"): (4, 256), layer("B"): (256, 4)})
    check_weights(tmp_path)
    for kept in "AB":
        change(tmp_path / ADAPTER, {layer(kept): (4, 4)})
        with pytest.raises(ServerError, match=f"incomplete, .*lora_{kept}.weight is there without its other half"):
            check_weights(tmp_path)


def test_pickles_are_refused_before_anything_starts(model: Path, workspace: Workspace) -> None:
    (model / WEIGHTS).rename(model / "pytorch_model.bin")
    with pytest.raises(ServerError, match="as pytorch_model.bin, a pickle, which can run code"):
        server.start(workspace, ServingConfig(engine="transformers"), str(model), {})
    assert server.state(workspace) is None
    (model / "pytorch_model.bin").unlink()
    with pytest.raises(ServerError, match="holds no .safetensors file"):
        check_weights(model)
