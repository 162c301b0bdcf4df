import errno
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tuning_rows import write_rows

from style_tuner.config import PROJECT_ROOT, STARTER_MODEL, TrainingConfig
from style_tuner.errors import ConfigError, DatasetError, ModelError, StorageError
from style_tuner.jobs import Job
from style_tuner.tabs import estimate
from style_tuner.tuning.checkpoints import disk_errors, is_complete, newest_checkpoint
from style_tuner.tuning.follow import checked_loss
from style_tuner.tuning.train import dry_run, memory_errors, train
from style_tuner.tuning.trainer import unpaged
from style_tuner.workspace import Workspace, read_jsonl


def settings(**changes):
    values = {
        "base_model": str(STARTER_MODEL),
        "lora_r": 8,
        "lora_alpha": 16,
        "learning_rate": 3e-3,
        "num_epochs": 2,
        "per_device_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "max_seq_length": 256,
        "save_steps": 2,
        "logging_steps": 1,
        "gradient_checkpointing": False,
        "samples": 0,
    }
    return TrainingConfig(**(values | changes))


def start(folder: Path) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    return Job(folder)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_rows(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    """A whole run of eight steps: its folder and its result."""
    folder = tmp_path_factory.mktemp("run")
    return folder, train(settings(), dataset, folder, start(folder))


def test_training_on_after_a_validation_goes_on_learning(trained):
    """On CPUs with AVX512-BF16 the first validation would swap in a kernel without gradients: the loss then rises."""
    losses = [row["validation_loss"] for row in read_jsonl(trained[0] / "metrics.jsonl") if "validation_loss" in row]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.9


def test_a_validation_leaves_the_gradients_of_every_layer_as_they_were(dataset):
    """The quantised weights must stay in the form whose kernel has gradients, also after a pass without them."""
    import torch
    from peft import get_peft_model

    from style_tuner.tuning.model import adapter_config, load_base_model

    config = settings(lora_dropout=0)
    base = load_base_model(config)
    model = get_peft_model(base, adapter_config(config, base))
    ids = torch.arange(6, 70)[None]

    def gradients():
        model.train().zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        return {name: weight.grad.clone() for name, weight in model.named_parameters() if "lora_B" in name}

    before = gradients()
    with torch.no_grad():
        model.eval()(input_ids=ids)
    after = gradients()
    assert len(before) == 6 * 7
    for name, gradient in before.items():
        torch.testing.assert_close(after[name], gradient, msg=name)


def test_a_run_reports_what_it_did(trained):
    folder, result = trained
    rows = read_jsonl(folder / "metrics.jsonl")
    losses = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert result["base_validation_loss"] == losses[0]
    assert result["tuned_validation_loss"] == min(losses)
    assert (result["steps"], result["best_step"], result["rows"], result["tokens_cut"]) == (8, 8, 16, 0)
    assert result["adapter"] == "adapter"
    assert 0 < result["trainable_parameters"] < result["all_parameters"]
    assert json.loads(json.dumps(result)) == result
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == list(range(1, 9))
    assert {row["total"] for row in steps} == {8}
    keys = {"loss", "learning_rate", "grad_norm", "epoch", "tokens_per_second"}
    assert all(keys <= set(row) and row["tokens_per_second"] > 0 for row in steps)


def test_the_adapter_folder_is_whole_and_holds_the_best_voice(trained, dataset):
    import torch
    from peft import PeftModel

    from style_tuner.config import RowsConfig
    from style_tuner.dataset.formats import load_splits
    from style_tuner.tokenizer import load_tokenizer
    from style_tuner.tuning.model import load_base_model
    from style_tuner.tuning.rows import tokenise

    folder, result = trained
    adapter = folder / "adapter"
    assert {path.name for path in adapter.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == str(STARTER_MODEL)
    model = PeftModel.from_pretrained(load_base_model(settings()), str(adapter)).eval()
    rows = tokenise(load_splits(str(dataset), RowsConfig(), 1).validation, load_tokenizer(str(adapter)), 256).rows
    total, count = 0.0, 0
    with torch.inference_mode():
        for row in rows:
            ids, labels = torch.tensor([row.input_ids]), torch.tensor([row.labels])
            logits = model(input_ids=ids).logits[0, :-1]
            total += float(torch.nn.functional.cross_entropy(logits, labels[0, 1:], reduction="sum"))
            count += int((labels[0, 1:] != -100).sum())
    assert total / count == pytest.approx(result["tuned_validation_loss"], abs=0.01)


def test_a_stopped_run_has_a_voice_and_goes_on_later(dataset, tmp_path):
    job = start(tmp_path / "run")
    (job.folder / "STOP").write_text("")
    result = train(settings(), dataset, job.folder, job)
    assert (job.stopped, result["steps"]) == (True, 1)
    assert (job.folder / "adapter" / "adapter_model.safetensors").is_file()
    (job.folder / "STOP").unlink()
    again = start(job.folder)
    resumed = train(settings(), dataset, job.folder, again)
    assert (again.stopped, resumed["steps"]) == (False, 8)
    assert resumed["base_validation_loss"] == result["base_validation_loss"]
    assert resumed["tuned_validation_loss"] < result["tuned_validation_loss"]
    steps = [row["step"] for row in read_jsonl(job.folder / "metrics.jsonl") if "loss" in row]
    assert steps == list(range(1, 9))


def test_a_killed_run_loses_no_more_than_the_steps_since_its_last_checkpoint(dataset, tmp_path):
    folder = tmp_path / "run"
    start(folder)
    config = settings(num_epochs=50)
    code = (
        "import sys; from pathlib import Path; from style_tuner.config import TrainingConfig; "
        "from style_tuner.jobs import Job; from style_tuner.tuning.train import train; "
        "train(TrainingConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), "
        "Job(Path(sys.argv[3])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, config.model_dump_json(), str(dataset), str(folder)],
        cwd=PROJECT_ROOT,
        env=os.environ | {"HF_HUB_DISABLE_TELEMETRY": "1"},
        start_new_session=True,
    )
    try:
        while last_step(folder) < 5:
            assert process.poll() is None, "the run ended before it was killed"
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = last_step(folder)
    checkpoint = newest_checkpoint(folder / "checkpoints")
    assert checkpoint is not None
    kept = int(checkpoint.name.removeprefix("checkpoint-"))
    torn = folder / "checkpoints" / "checkpoint-90"  # as a kill in the middle of writing leaves one
    shutil.copytree(checkpoint, torn)
    torn_weights = (torn / "adapter_model.safetensors").read_bytes()
    (torn / "adapter_model.safetensors").write_bytes(torn_weights[: len(torn_weights) // 2])
    before = read_jsonl(folder / "metrics.jsonl")
    job = start(folder)
    (folder / "STOP").write_text("")
    train(config, dataset, folder, job)
    first = next(row for row in read_jsonl(folder / "metrics.jsonl")[len(before) :] if "loss" in row)
    assert first["step"] == kept + 1
    done_before = [row["loss"] for row in before if "loss" in row and row["step"] == kept + 1]
    assert done_before in ([], [pytest.approx(first["loss"], abs=1e-4)])  # the same rows, and the same dropout
    assert reached - kept <= config.save_steps
    assert not torn.exists()


def last_step(folder: Path) -> int:
    return max((row["step"] for row in read_jsonl(folder / "metrics.jsonl") if "loss" in row), default=0)


@pytest.mark.parametrize("missing", ["trainer_state.json", "optimizer.pt", "adapter_model.safetensors"])
def test_a_checkpoint_cut_short_is_not_complete(trained, tmp_path, missing):
    whole = newest_checkpoint(trained[0] / "checkpoints")
    assert whole is not None
    assert whole.name == "checkpoint-8"
    copy = Path(shutil.copytree(whole, tmp_path / "checkpoint-8"))
    assert is_complete(copy)
    data = (copy / missing).read_bytes()
    (copy / missing).write_bytes(data[: len(data) // 2])
    assert not is_complete(copy)
    (copy / missing).unlink()
    assert not is_complete(copy)


def test_a_packed_run_counts_its_steps_after_packing(dataset, tmp_path):
    job = start(tmp_path / "run")
    (job.folder / "STOP").write_text("")
    config = settings(packing=True, per_device_batch_size=1, load_in_4bit=False, optimizer="adamw_torch", save_steps=1)
    result = train(config, dataset, job.folder, job)
    totals = {row["total"] for row in read_jsonl(job.folder / "metrics.jsonl") if "loss" in row}
    (total,) = totals
    assert total < 16 * 2  # several rows in one
    assert result["steps"] == 1
    assert math.isfinite(result["tuned_validation_loss"])


def test_a_dry_run_shows_the_example_and_trains_nothing(dataset, tmp_path):
    model = Path(shutil.copytree(STARTER_MODEL, tmp_path / "model"))
    (model / "model.safetensors").unlink()
    text = dry_run(settings(base_model=str(model)), dataset)
    assert "⟦Rain had come in the night. Beyond the harbour the road went down to the water." in text
    assert "<|eot_id|>⟧" in text
    assert "Steps: 8 steps (4 an epoch), 1 of them warm-up; validated and saved every 2 steps." in text
    assert "Training: 16 rows of" in text
    assert "Memory: About" in text
    with pytest.raises(ConfigError, match=r"8 steps .* warmup_steps 100"):
        dry_run(settings(base_model=str(model), warmup_steps=100), dataset)
    with pytest.raises(ConfigError, match="model_type is Qwen3ForCausalLM, but .* is LlamaForCausalLM"):
        dry_run(settings(base_model=str(model), model_type="Qwen3ForCausalLM"), dataset)
    with pytest.raises(ConfigError, match="optimizer 'foo' is unknown: choose adamw_torch, .* paged_adamw_8bit"):
        dry_run(settings(base_model=str(model), optimizer="foo"), dataset)
    with pytest.raises(ConfigError, match="optimizer 'lomoo' is unknown: choose lomo, .*adamw_torch,"):
        dry_run(settings(base_model=str(model), optimizer="lomoo"), dataset)
    with pytest.raises(ConfigError, match="names nope, .* choose from down_proj, gate_proj"):
        dry_run(settings(base_model=str(model), lora_target_modules=["nope"]), dataset)


def test_the_pace_of_an_earlier_run_tells_how_long_this_one_takes(dataset):
    text = dry_run(settings(num_epochs=2), dataset, pace=2.0)
    tokens = int(text.split(" in all.")[0].split("), ")[-1].replace(",", ""))
    assert f"; about {tokens * 2 / 2 / 60:.0f} min at the pace of the last run." in text


def test_a_dry_run_names_the_memory_that_the_page_shows(dataset):
    page = str(estimate.render(Workspace(Path("/tmp"), "none"), settings(), None, ""))
    shown = re.search(r"([\d.]+) GB", page.replace("<b>", "").replace("</b>", ""))
    assert shown and f"Memory: About {shown[1]} GiB at the peak" in dry_run(settings(), dataset)


def test_the_log_tells_how_far_a_run_is(dataset, tmp_path, caplog):
    job = start(tmp_path / "run")
    with caplog.at_level("INFO"):
        train(settings(num_epochs=1), dataset, job.folder, job)
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Step ")]
    assert told[0].startswith("Step 1 of 4, epoch 0.25: loss ") and told[0].endswith(" tokens a second.")
    assert [line.split(",")[0] for line in told[1:]] == ["Step 2 of 4", "Step 4 of 4"]
    assert all("loss on unseen passages" in line for line in told[1:])


def test_a_run_that_would_fill_the_disk_is_refused_before_it_loads_anything(dataset, tmp_path):
    config = settings(lora_r=1024, num_epochs=10**6, save_steps=1, save_total_limit=10**8)
    words = r"needs about [\d,.]+ GiB on the disk of .*, which has [\d,.]+ GiB free: free some space, or set save_total"
    job = start(tmp_path / "run")
    with pytest.raises(StorageError, match=words):
        train(config, dataset, job.folder, job)
    assert not {"loading the model"} & {row["what"] for row in read_jsonl(job.folder / "metrics.jsonl")}
    with pytest.raises(StorageError, match=words):
        dry_run(config, dataset, folder=tmp_path)
    dry_run(settings(save_total_limit=10**8), dataset, folder=tmp_path)  # a short run never keeps so many


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"lora_target_modules": ("q_proj", "query")}, ConfigError, "names query, .* choose from down_proj, gate_proj"),
        ({"model_type": "Qwen3ForCausalLM"}, ConfigError, "model_type is Qwen3ForCausalLM, but .* is LlamaForCausalLM"),
        ({"optimizer": "adam8"}, ConfigError, "optimizer 'adam8' is unknown"),
        ({"save_steps": 100}, ConfigError, r"8 steps .* save_steps 100 .* auto \(here 4\), or to 8 at most"),
        ({"max_seq_length": 64}, DatasetError, "max_seq_length"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_training(dataset, tmp_path, changes, error, sentence):
    job = start(tmp_path / "run")
    with pytest.raises(error, match=sentence):
        train(settings(**changes), dataset, job.folder, job)
    assert not (job.folder / "adapter").exists()


def test_a_base_model_cut_short_is_refused(dataset, tmp_path):
    model = Path(shutil.copytree(STARTER_MODEL, tmp_path / "model"))
    weights = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    job = start(tmp_path / "run")
    with pytest.raises(ModelError, match=r"model cannot be read .* Copy or download it again"):
        train(settings(base_model=str(model)), dataset, job.folder, job)
    (model / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model cannot be read .* Copy or download it again"):
        train(settings(base_model=str(model)), dataset, job.folder, job)


def test_a_loss_that_is_no_number_ends_the_run_with_the_remedy(dataset, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    with pytest.raises(ConfigError, match=r"At step 7 .* learning_rate 0.003 is too high .* with 0.0003"):
        checked_loss(math.nan, 7, 3e-3)
    model = Path(shutil.copytree(STARTER_MODEL, tmp_path / "model"))
    tensors = load_file(model / "model.safetensors")
    tensors["model.norm.weight"][0] = torch.nan
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    job = start(tmp_path / "run")
    with pytest.raises(ModelError, match="base model's own loss is no number"):
        train(settings(base_model=str(model)), dataset, job.folder, job)


def test_a_full_disk_is_said_as_such(tmp_path):
    from safetensors import SafetensorError

    with pytest.raises(StorageError, match="disk that holds .* is full"), disk_errors(tmp_path):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    with pytest.raises(StorageError, match="disk that holds .* is full"), disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(RuntimeError, match="shapes"), disk_errors(tmp_path):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("No space left")])
def test_a_full_disk_names_a_checkpoint_only_where_there_is_one(trained, tmp_path, error):
    with pytest.raises(StorageError, match="no checkpoint had been written"), disk_errors(tmp_path, tmp_path / "none"):
        raise error
    written = trained[0] / "checkpoints"
    with pytest.raises(StorageError, match="last checkpoint, step 8"), disk_errors(tmp_path, written):
        raise error


def test_the_log_holds_no_warnings_of_libraries_on_what_is_done_on_purpose(dataset, tmp_path):
    job = start(tmp_path / "run")
    (job.folder / "STOP").write_text("")
    code = (
        "import sys; from pathlib import Path; from style_tuner.config import TrainingConfig; "
        "from style_tuner.jobs import Job; from style_tuner.tuning.train import train; "
        "train(TrainingConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), "
        "Job(Path(sys.argv[3])))"
    )
    config = settings(gradient_checkpointing=True, samples=1, sample_tokens=8).model_dump_json()
    command = [sys.executable, "-c", code, config, str(dataset), str(job.folder)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    said = done.stdout + done.stderr
    assert not [line for line in said.splitlines() if "Warning" in line or "deprecated" in line or "gemm" in line]


def test_on_a_cpu_the_plain_form_of_a_paged_optimiser_runs():
    assert unpaged("paged_adamw_8bit") == "adamw_8bit"
    assert unpaged("paged_adamw_32bit") == "paged_adamw_32bit"  # Transformers names no plain form of it
    assert unpaged("adamw_torch") == "adamw_torch"


def test_full_gpu_memory_names_the_guides_remedy():
    import torch

    remedy = "per_device_batch_size to 2 and gradient_accumulation_steps to 2"
    with pytest.raises(ConfigError, match=remedy), memory_errors(settings()):
        raise torch.OutOfMemoryError("CUDA out of memory")
