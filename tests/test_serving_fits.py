"""What serving takes of the memory, before anything is started; the GPU is a driver's answer written by hand."""

import os
from pathlib import Path

import pytest

from style_tuner.config import STARTER_MODEL, ServingConfig
from style_tuner.errors import ServerError
from style_tuner.serving import fits, server
from style_tuner.tuning.memory import LLAMA_8B, ModelShape
from style_tuner.workspace import Workspace, write_json

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


@pytest.fixture
def rtx_5090(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 5090, 3174, 32607'\n", encoding="utf-8")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return driver


def asked(shape: ModelShape | None, **settings: float) -> fits.Needs:
    found = fits.needs(ServingConfig.model_validate(settings), "vllm", [LLAMA], shape)
    assert found is not None
    return found


def test_the_guides_model_and_length_fit_its_gpu(rtx_5090: Path) -> None:
    """16 GB of weights, 128 KiB a token, and four voices of rank 64."""
    found = asked(LLAMA_8B, max_model_len=64000)
    assert found.fault() == ""
    parts = (round(found.weights, 1), round(found.text, 1), round(found.voices, 2), round(found.have, 1))
    assert parts == (15.0, 7.8, 1.25, 28.7)


def test_a_text_that_does_not_fit_is_told_from_a_model_that_does_not(rtx_5090: Path) -> None:
    assert "So long a text does not fit" in asked(LLAMA_8B, max_model_len=131072).fault()
    assert asked(LLAMA_8B).fault() == ""  # vLLM takes the longest that fits
    assert "The model is too large: it takes about 16.7 GB, and the NVIDIA GeForce RTX 5090 has 15.9 GB" in (
        asked(LLAMA_8B, gpu_memory=0.5).fault()
    )


def test_a_model_of_unknown_size_is_left_to_the_engine(rtx_5090: Path) -> None:
    assert fits.needs(ServingConfig(), "vllm", [LLAMA], None) is None


def test_transformers_holds_base_and_voice_as_whole_models(tmp_path: Path) -> None:
    one, two = (
        fits.needs(ServingConfig(), "transformers", [str(STARTER_MODEL)] * count, fits.local_shape(str(STARTER_MODEL)))
        for count in (1, 2)
    )
    assert one is not None and two is not None
    assert two.weights == pytest.approx(2 * one.weights, rel=0.01)
    assert one.voices == two.voices == 0


def test_what_cannot_fit_is_refused_before_anything_starts(workspace: Workspace, tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    huge.mkdir()
    for file in STARTER_MODEL.iterdir():
        if file.suffix == ".json":
            (huge / file.name).write_bytes(file.read_bytes())
    (huge / "config.json").write_text("{}")
    head = b'{"a":{"dtype":"BF16","shape":[4398046511104],"data_offsets":[0,8796093022208]}}'
    with (huge / "model.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + 8796093022208)
    with pytest.raises(ServerError, match=r"too large: it takes about 8192\.4 GB.* Choose a smaller base model"):
        server.start(workspace, ServingConfig(engine="transformers"), str(huge), {})
    assert server.state(workspace) is None


@pytest.mark.parametrize(
    ("rope", "most"),
    [
        ({}, 1024),
        ({"rope_type": "default"}, 1024),
        ({"rope_type": "llama3", "factor": 8.0}, 1024),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}, 4096),
        ({"type": "linear", "factor": 2.0}, 2048),
        (
            {"full_attention": {"rope_type": "linear", "factor": 8.0}, "sliding_attention": {"rope_type": "default"}},
            8192,
        ),
    ],
)
def test_the_longest_text_is_that_of_the_config(tmp_path: Path, rope: dict[str, object], most: int) -> None:
    for scaling in ({"rope_parameters": rope}, {"rope_scaling": rope or None}):
        write_json(tmp_path / "config.json", {"max_position_embeddings": 1024, **scaling})
        assert fits.longest(str(tmp_path)) == most
    write_json(tmp_path / "config.json", {"text_config": {"max_position_embeddings": 77}})
    assert fits.longest(str(tmp_path)) == 77
    write_json(tmp_path / "config.json", {})
    assert fits.longest(str(tmp_path)) is None


@pytest.mark.parametrize("engine", ["vllm", "transformers"])
def test_a_longer_text_than_the_model_reads_is_refused_with_the_value_to_use(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    (tmp_path / "python").touch()
    monkeypatch.setenv("VLLM_PYTHON", str(tmp_path / "python"))
    config = ServingConfig.model_validate({"engine": engine, "max_model_len": 64000})
    with pytest.raises(ServerError, match=r"is 64000, but .*starter_model reads at most 1024 .*--max-model-len 1024"):
        server.start(workspace, config, str(STARTER_MODEL), {})
    assert server.state(workspace) is None
