"""What vLLM's CPU build multiplies adapters with: the sums that it asks for, and nothing where there is no adapter."""

import importlib.util
from importlib.metadata import distributions
from pathlib import Path

import pytest
import torch

from style_tuner.config import STARTER_MODEL, ServingConfig
from style_tuner.serving import engines, vllm_engine

FOLDER = vllm_engine.PLUGINS


@pytest.fixture(scope="module")
def plugin():
    spec = importlib.util.spec_from_file_location("lora_on_cpu", FOLDER / "style_tuner_lora_on_cpu.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("indices", [[0], [-1], [1, 1, 1], [-1, -1], [0, -1, 2, 0, 1]])
def test_every_row_gets_its_own_adapter_and_a_row_without_one_gets_nothing(plugin, indices):
    torch.manual_seed(1)
    rows, which = len(indices), torch.tensor(indices)
    inputs = torch.randn(rows, 32)
    down, up = torch.randn(3, 1, 4, 32), torch.randn(3, 1, 24, 4)
    found, out = torch.full((rows, 4), 9.0), torch.randn(rows, 40)
    before = out.clone()
    plugin.bgmv_shrink(inputs, down, found, which, 0.5)
    plugin.bgmv_expand_slice(found, up, out, which, 8, 24)
    wanted = before.clone()
    for row, one in enumerate(indices):
        if one >= 0:
            wanted[row, 8:32] += up[one, 0] @ (0.5 * (down[one, 0] @ inputs[row]))
    torch.testing.assert_close(out, wanted, rtol=1e-4, atol=1e-4)
    plugin.bgmv_expand(found, up, out, which, add_inputs=False)
    torch.testing.assert_close(out[:, :24], wanted[:, 8:32] - before[:, 8:32], rtol=1e-4, atol=1e-4)


def test_vllm_on_a_cpu_is_shown_the_plugin_and_the_plugin_is_one(tmp_path: Path, monkeypatch):
    python = tmp_path / "python"
    python.touch()
    monkeypatch.setenv("VLLM_PYTHON", str(python))
    monkeypatch.setattr(vllm_engine, "gpus", lambda: [])
    config = ServingConfig(engine="vllm")
    plan = engines.make_plan(config, str(STARTER_MODEL), [], tmp_path, follow=True)
    assert plan.environment["PYTHONPATH"] == str(FOLDER)
    (entry,) = [entry for one in distributions(path=[plan.environment["PYTHONPATH"]]) for entry in one.entry_points]
    assert (entry.group, entry.value) == ("vllm.general_plugins", "style_tuner_lora_on_cpu:register")
    assert (FOLDER / f"{entry.module}.py").is_file()
