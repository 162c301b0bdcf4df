"""What goes wrong in the middle of a run, and that a run can be made again: on the starter model, in a few steps."""

import hashlib
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tuning_rows import write_rows

from style_tuner.config import STARTER_MODEL, TrainingConfig
from style_tuner.errors import ConfigError, DatasetError
from style_tuner.jobs import Job
from style_tuner.tuning.checkpoints import new_voice, put_back
from style_tuner.tuning.samples import best_and_worst, read_samples
from style_tuner.tuning.train import train
from style_tuner.workspace import PROJECT_ROOT, read_jsonl


def settings(**changes) -> TrainingConfig:
    values = {
        "base_model": str(STARTER_MODEL),
        "load_in_4bit": False,
        "optimizer": "adamw_torch",
        "lora_r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.1,
        "learning_rate": 3e-3,
        "num_epochs": 2,
        "per_device_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "max_seq_length": 256,
        "save_steps": 1,
        "save_total_limit": 10,
        "logging_steps": 1,
        "gradient_checkpointing": False,
        "report_to": "none",
        "samples": 0,
    }
    return TrainingConfig(**(values | changes))


def start(folder: Path) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    return Job(folder)


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "adapter" / "adapter_model.safetensors").read_bytes()).hexdigest()


def curve(folder: Path, key: str = "loss") -> dict[int, float]:
    return {row["step"]: row[key] for row in read_jsonl(folder / "metrics.jsonl") if key in row}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("dataset"), 12)


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run of six steps in two epochs, with samples: its folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(settings(samples=2, sample_tokens=12), dataset, folder, start(folder))
    return folder


def test_the_same_run_twice_gives_the_same_voice(whole: Path, dataset: Path, tmp_path: Path) -> None:
    train(settings(), dataset, tmp_path / "run", start(tmp_path / "run"))
    assert curve(tmp_path / "run") == curve(whole)  # samples, which draw at random, change nothing either
    assert digest(tmp_path / "run") == digest(whole)


@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_run_that_died_goes_on_with_the_losses_and_the_voice_of_one_that_did_not(
    whole: Path, dataset: Path, tmp_path: Path, step: int
) -> None:
    """In the first epoch, between the two, and in the second: rows come in the order they would have come in."""
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    shutil.rmtree(folder / "adapter")
    for number in range(step + 1, 7):
        shutil.rmtree(folder / "checkpoints" / f"checkpoint-{number}")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines if json.loads(line)["step"] <= step))
    train(settings(), dataset, folder, start(folder))
    assert curve(folder) == pytest.approx(curve(whole), abs=1e-6)
    assert curve(folder, "validation_loss") == pytest.approx(curve(whole, "validation_loss"), abs=1e-6)
    assert digest(folder) == digest(whole)


def test_samples_of_every_epoch_answer_the_same_requests(whole: Path) -> None:
    samples = read_samples(whole)
    assert [sample.epoch for sample in samples] == [0, 0, 1, 1, 2, 2]
    assert len({sample.prompt for sample in samples}) == 2
    assert all(sample.text and sample.validation_loss for sample in samples)
    losses = curve(whole, "validation_loss")
    assert all(sample.loss_step == sample.step for sample in samples)
    assert [sample.validation_loss for sample in samples][::2] == [losses[0], losses[3], losses[6]]
    found = best_and_worst(samples)
    assert found is not None
    assert (found[0].step, found[1].step) == (6, 3) and found[0].prompt == found[1].prompt


def test_a_run_tells_what_it_costs_and_how_sure_it_is(whole: Path) -> None:
    rows = [row for row in read_jsonl(whole / "metrics.jsonl") if "perplexity" in row]
    assert len(rows) == 7
    assert all(row["perplexity"] == pytest.approx(math.exp(row["validation_loss"]), abs=0.01) for row in rows)
    assert all(0 < memory < 50 for memory in curve(whole, "memory_gib").values())
    assert set(curve(whole, "ability_loss")) == {0, 6}


def test_a_run_that_gains_nothing_more_ends_early_and_keeps_its_best(dataset: Path, tmp_path: Path) -> None:
    job = start(tmp_path / "run")
    config = settings(num_epochs=20, learning_rate=0.05, lr_scheduler_type="constant", early_stopping=2, warmup_steps=0)
    result = train(config, dataset, job.folder, job)
    assert result["steps"] < 60
    assert f"Ended at step {result['steps']} of 60" in job.message
    losses = curve(job.folder, "validation_loss")
    losses.pop(0)
    assert result["best_step"] == min(losses, key=losses.__getitem__) == result["steps"] - 2


def test_a_loss_that_becomes_no_number_keeps_the_best_state_before_it(
    whole: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from trl.trainer.sft_trainer import SFTTrainer

    step = SFTTrainer.training_step

    def breaking(self, *arguments, **more):
        if self.state.global_step == 4:
            for parameter in self.model.parameters():
                if parameter.requires_grad:
                    parameter.data[:] = torch.nan
        return step(self, *arguments, **more)

    monkeypatch.setattr(SFTTrainer, "training_step", breaking)
    job = start(tmp_path / "run")
    result = train(settings(), dataset, job.folder, job)
    assert job.stopped
    assert "learning_rate 0.003 is too high" in job.message and "state of step 4, the best before that" in job.message
    losses = curve(whole, "validation_loss")
    assert (result["best_step"], result["tuned_validation_loss"]) == (4, pytest.approx(losses[4], abs=1e-6))
    kept = (job.folder / "adapter" / "adapter_model.safetensors").read_bytes()
    assert kept == (whole / "checkpoints" / "checkpoint-4" / "adapter_model.safetensors").read_bytes()
    assert not (job.folder / "adapter" / "optimizer.pt").exists()


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch):
    """Refuse memory, as PyTorch's allocator does, for more than a number of tokens at a time in training."""
    import torch

    embedding = torch.nn.functional.embedding

    def limit(most: int) -> None:
        def refusing(ids, *arguments, **more):
            if ids.ndim == 2 and ids.numel() > most and torch.is_grad_enabled():
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return embedding(ids, *arguments, **more)

        monkeypatch.setattr(torch.nn.functional, "embedding", refusing)

    return limit


def test_a_batch_that_does_not_fit_is_halved_before_the_run_and_said_aloud(
    whole: Path, dataset: Path, tmp_path: Path, small_memory, caplog: pytest.LogCaptureFixture
) -> None:
    small_memory(250)  # two rows of about 80 tokens, and not four
    job = start(tmp_path / "run")
    result = train(settings(probe=True), dataset, job.folder, job)
    assert result["steps"] == 6
    assert "Memory is full with 4 rows at a time: going on with 2, and 2 batches for each step" in caplog.text
    kept = json.loads((job.folder / "settings.json").read_text())["batch"]
    assert kept == {"per_device_batch_size": 2, "gradient_accumulation_steps": 2, "keep_activations": True}
    assert curve(job.folder)[1] == pytest.approx(curve(whole)[1], rel=0.05)  # the same rows, other dropout


def test_a_probe_leaves_no_trace_in_the_run(whole: Path, dataset: Path, tmp_path: Path) -> None:
    train(settings(probe=True), dataset, tmp_path / "run", start(tmp_path / "run"))
    assert curve(tmp_path / "run") == curve(whole)
    validated = [row for row in read_jsonl(tmp_path / "run" / "metrics.jsonl") if "validation_loss" in row]
    assert [row["step"] for row in validated] == [0, 1, 2, 3, 4, 5, 6]
    assert digest(tmp_path / "run") == digest(whole)


def test_a_single_row_that_does_not_fit_is_refused_with_the_remedy(dataset: Path, tmp_path: Path, small_memory) -> None:
    small_memory(0)
    job = start(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"One row of \d+ tokens does not fit into memory: lower max_seq_length"):
        train(settings(probe=True), dataset, job.folder, job)
    assert not curve(job.folder)


CUT = """
import os, sys
from pathlib import Path
from style_tuner.tuning.checkpoints import new_voice

voice = Path(sys.argv[1])
rename = Path.rename
left = int(sys.argv[2])

def cut(self, to):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return rename(self, to)

Path.rename = cut
with new_voice(voice) as new:
    (new / "weights").write_text("new")
os._exit(9)
"""


@pytest.mark.parametrize(("renamed", "left"), [(0, "old"), (1, "old"), (2, "new")])
def test_a_power_cut_while_a_voice_is_replaced_leaves_the_old_one_or_the_new(
    tmp_path: Path, renamed: int, left: str
) -> None:
    voice = tmp_path / "adapter"
    voice.mkdir()
    (voice / "weights").write_text("old")
    done = subprocess.run([sys.executable, "-c", CUT, str(voice), str(renamed)], cwd=PROJECT_ROOT)
    assert done.returncode == 9
    put_back(voice)
    assert (voice / "weights").read_text() == left
    with new_voice(voice) as new:
        (new / "weights").write_text("newer")
    assert (voice / "weights").read_text() == "newer"


def test_a_run_that_goes_on_begins_by_putting_back_the_voice_that_a_power_cut_left_aside(
    whole: Path, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    (folder / "adapter").rename(folder / ".adapter.before")
    with pytest.raises(DatasetError, match="has changed since this run began"):
        train(settings(), write_rows(tmp_path / "other", 8), folder, start(folder))
    assert digest(folder) == digest(whole)


def test_a_run_can_start_from_the_voice_of_another(whole: Path, dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "first")
    job = start(tmp_path / "second")
    result = train(settings(start_from="first", num_epochs=1), dataset, job.folder, job)
    losses, before = curve(job.folder, "validation_loss"), curve(whole, "validation_loss")
    assert losses[0] == pytest.approx(before[6], abs=1e-4)
    assert result["base_validation_loss"] == pytest.approx(before[0], abs=1e-4)
    assert result["tuned_validation_loss"] < before[6]
    with pytest.raises(ConfigError, match="keep lora_r"):
        train(settings(start_from="first", lora_r=8), dataset, tmp_path / "third", start(tmp_path / "third"))
    with pytest.raises(ConfigError, match="nowhere, where there is no voice"):
        train(settings(start_from="nowhere"), dataset, tmp_path / "fourth", start(tmp_path / "fourth"))
