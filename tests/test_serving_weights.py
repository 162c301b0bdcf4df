"""Weights are looked at before an engine is started: pickles, missing and cut-off files are refused with the remedy."""

import json
import math
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from test_serving_server import free_port

from style_tuner import jobs
from style_tuner.config import STARTER_MODEL, SamplingConfig, ServingConfig
from style_tuner.drafting import draft
from style_tuner.errors import ServerError
from style_tuner.processes import process_start
from style_tuner.serving import server
from style_tuner.serving.newcomers import Newcomers
from style_tuner.serving.state import ServerState, save
from style_tuner.serving.weights import check_weights
from style_tuner.workspace import Workspace, write_json

WEIGHTS = "model.safetensors"
ADAPTER = "adapter_model.safetensors"


def safetensors(file: Path, tensors: Mapping[str, Sequence[int]]) -> None:
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
    safetensors(tmp_path / ADAPTER, {layer("A"): (4, 256), layer("B"): (256, 4)})
    check_weights(tmp_path)
    for kept in "AB":
        safetensors(tmp_path / ADAPTER, {layer(kept): (4, 4)})
        with pytest.raises(ServerError, match=f"incomplete, .*lora_{kept}.weight is there without its other half"):
            check_weights(tmp_path)


def trained(workspace: Workspace, width: int = 256, cut: int = 0) -> str:
    """Leave a training run's adapter of the starter model, as wide as given, the last bytes cut off."""
    with jobs.job(workspace, "train") as run:
        folder = run.folder / "adapter"
        safetensors(folder / ADAPTER, {layer("A"): (4, width), layer("B"): (width, 4)})
        write_json(folder / "adapter_config.json", {"r": 4, "base_model_name_or_path": str(STARTER_MODEL)})
        (folder / ADAPTER).write_bytes((folder / ADAPTER).read_bytes()[: -cut or None])
    return run.folder.name


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServingConfig:
    (tmp_path / "python").touch()
    monkeypatch.setenv("VLLM_PYTHON", str(tmp_path / "python"))
    return ServingConfig(engine="vllm")


def test_voices_that_are_damaged_or_do_not_fit_are_named_before_the_start(
    workspace: Workspace, vllm: ServingConfig
) -> None:
    good, short, wide = trained(workspace), trained(workspace, cut=500), trained(workspace, width=512)
    for host, engine in (("127.0.0.1", "vllm"), ("0.0.0.0", "vllm"), ("127.0.0.1", "transformers")):
        config = vllm.model_copy(update={"host": host, "engine": engine, "port": free_port()})
        plan, state = server._planned(workspace, config, str(STARTER_MODEL), None)
        assert list(plan.models) == (["base", good] if engine == "vllm" else ["base"])
        assert state.refused.keys() == {short, wide}
        assert f"{ADAPTER} is damaged or cut short: copy it again" in state.refused[short]
        assert re.search(
            r"does not fit .*starter_model, model\.layers\.0\.self_attn\.q_proj has the shape \(256, 256\) in the base "
            r"model and \(512, 512\) in the voice: serve it with the base model",
            state.refused[wide],
        )
        assert short not in state.message and wide not in state.message
        assert Newcomers(workspace, plan, state.base_model, state.refused).refused == state.refused


def test_a_voice_that_was_asked_for_and_does_not_fit_is_refused_by_name(
    workspace: Workspace, vllm: ServingConfig
) -> None:
    folder = workspace.runs / trained(workspace, width=512)
    with pytest.raises(ServerError, match=r"The voice 'elena' cannot be served: .* does not fit .*starter_model"):
        server.start(workspace, vllm, str(STARTER_MODEL), {"elena": folder})
    assert server.state(workspace) is None


def test_who_writes_with_a_refused_voice_is_told_why(workspace: Workspace) -> None:
    url, pid = f"http://127.0.0.1:{free_port()}/v1", os.getpid()
    known = {"base": "folder"}
    save(
        workspace,
        ServerState(
            url, "vllm", health="up", pid=pid, process_start=process_start(pid), models=known, refused={"me": "Cut."}
        ),
    )
    with pytest.raises(ServerError, match=r"The voice 'me' is not served: Cut\."):
        draft(workspace, "A storm.", "me", SamplingConfig(), 1, None)


def test_pickles_are_refused_before_anything_starts(model: Path, workspace: Workspace) -> None:
    (model / WEIGHTS).rename(model / "pytorch_model.bin")
    with pytest.raises(ServerError, match="as pytorch_model.bin, a pickle, which can run code"):
        server.start(workspace, ServingConfig(engine="transformers"), str(model), {})
    assert server.state(workspace) is None
    (model / "pytorch_model.bin").unlink()
    with pytest.raises(ServerError, match="holds no .safetensors file"):
        check_weights(model)
