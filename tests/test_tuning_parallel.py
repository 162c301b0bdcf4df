"""Several processes train the voice that one process trains."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from stand_ins import stand_in
from tuning_rows import write_rows

from style_tuner.config import CONFIGS, TrainingConfig
from style_tuner.errors import ConfigError
from style_tuner.jobs import Job
from style_tuner.tuning.checkpoints import whole_checkpoints
from style_tuner.tuning.parallel import share_of
from style_tuner.tuning.train import train
from style_tuner.workspace import PROJECT_ROOT

SETTINGS = {
    "load_in_4bit": False,
    "lora_dropout": 0,
    "per_device_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "num_epochs": 1,
    "max_seq_length": 256,
    "optimizer": "adamw_torch",
    "learning_rate": 1e-3,
    "save_steps": 2,
    "logging_steps": 1,
    "samples": 0,
    "report_to": "none",
}


LAUNCH = ["-m", "accelerate.commands.launch", "--config_file", str(CONFIGS / "accelerate" / "cpu.yaml")]
LAUNCH += ["--main_process_port", "0"]
LAUNCHED = str(Path(__file__).with_name("launched.py"))


def command(home: Path, model: Path, dataset: Path, *start: str, **changes: object) -> Path:
    """Train through the command line and return the run's folder."""
    sets = [part for key, value in (SETTINGS | changes).items() for part in ("--set", f"{key}={value}")]
    home.mkdir(parents=True)
    recipe = home.parent / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"base_model": str(model)}))
    arguments = ["train", "--config", str(recipe), "--dataset", str(dataset), *sets]
    done = subprocess.run(
        [sys.executable, *start, *arguments],
        cwd=PROJECT_ROOT,
        env=os.environ | {"STYLE_TUNER_HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    runs = sorted(path for path in home.rglob("run.json"))
    assert len(runs) == 1, runs
    return runs[0].parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_in("llama-3.1", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def alone(model: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    train(TrainingConfig(base_model=str(model), **SETTINGS), dataset, folder, Job(folder))
    return folder


def require_same_voice(alone: Path, together: Path) -> None:
    from safetensors.torch import load_file

    one, two = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (alone, together))
    assert one.keys() == two.keys()
    moved = max(float(weight.abs().max()) for name, weight in one.items() if "lora_B" in name)
    apart = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert moved > 1e-3
    assert apart < moved / 50, (apart, moved)


def require_one_report_a_step(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4]  # the second process reports nothing
    assert json.loads((run / "run.json").read_text())["status"] == "done"


def test_two_processes_train_the_same_voice_as_one_though_one_of_them_runs_out_of_memory(
    alone: Path, model: Path, dataset: Path, tmp_path: Path
) -> None:
    """The second has no room for two rows, so that both take one at a time."""
    together = command(tmp_path / "home", model, dataset, *LAUNCH, LAUNCHED, "full", "150", probe=True)
    require_same_voice(alone, together)
    require_one_report_a_step(together)
    kept = json.loads((together / "settings.json").read_text())["batch"]
    assert (kept["per_device_batch_size"], kept["gradient_accumulation_steps"]) == (1, 4)


def test_a_model_that_is_parted_gives_the_whole_voice_and_can_go_on_from_its_checkpoints(
    alone: Path, model: Path, dataset: Path, tmp_path: Path
) -> None:
    """FSDP as `fsdp_qlora.yaml` asks for it, but on two CPUs."""
    wanted = yaml.safe_load((CONFIGS / "accelerate" / "fsdp_qlora.yaml").read_text())
    path = tmp_path / "fsdp.yaml"
    path.write_text(yaml.safe_dump(wanted | {"use_cpu": True, "mixed_precision": "no"}))
    launch = [str(path) if part.endswith("cpu.yaml") else part for part in LAUNCH]
    together = command(tmp_path / "home", model, dataset, *launch, LAUNCHED, "fsdp", "", samples=1, sample_tokens=8)
    require_same_voice(alone, together)
    require_one_report_a_step(together)
    assert list(whole_checkpoints(together / "checkpoints")) == [2, 4]
    assert len((together / "samples.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("batch", "accumulation", "processes", "expected"),
    [(4, 4, 2, (4, 2)), (4, 4, 8, (2, 1)), (4, 1, 2, (2, 1)), (6, 1, 2, (3, 1)), (1, 16, 4, (1, 4)), (4, 3, 2, (3, 2))],
)
def test_the_rows_of_a_step_are_shared_out(monkeypatch, batch, accumulation, processes, expected) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    config = TrainingConfig(base_model="x", per_device_batch_size=batch, gradient_accumulation_steps=accumulation)
    shared = share_of(config)
    assert (shared.per_device_batch_size, shared.gradient_accumulation_steps) == expected
    assert shared.per_device_batch_size * shared.gradient_accumulation_steps * processes == batch * accumulation


def test_rows_that_cannot_be_shared_out_are_refused_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match="4 times 4 rows, which 3 processes .* set gradient_accumulation_steps to 3"):
        share_of(TrainingConfig(base_model="x"))


@pytest.mark.parametrize("path", sorted((CONFIGS / "accelerate").glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_reads_every_configuration(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    found = load_config_from_file(str(path))
    assert found.num_processes >= 2
