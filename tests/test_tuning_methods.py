"""The method, its arithmetic and its attention: chosen by the settings and by what the machine has, and said aloud."""

import json
import logging
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from tuning_rows import row, write_rows

from style_tuner.config import STARTER_CONFIG, STARTER_MODEL, TrainingConfig, load_training_config
from style_tuner.errors import ConfigError, DatasetError
from style_tuner.jobs import Job
from style_tuner.tuning.device import attention_kernel, compute_dtype, say_dtype
from style_tuner.tuning.model import load_base_model
from style_tuner.tuning.schedule import plan_schedule
from style_tuner.tuning.train import train
from style_tuner.tuning.trainer import check_reports
from style_tuner.workspace import write_jsonl


def settings(**changes) -> TrainingConfig:
    return TrainingConfig(**({"base_model": str(STARTER_MODEL)} | changes))


@pytest.mark.parametrize(
    ("changes", "technique"),
    [
        ([], "QLoRA (4-bit nf4)"),
        (["load_in_8bit=true"], "8-bit LoRA"),
        (["load_in_4bit=false"], "LoRA"),
        (["method=full"], "full fine-tuning"),
    ],
)
def test_4_bits_are_taken_for_granted_only_where_nothing_else_is_asked_for(changes, technique) -> None:
    config = load_training_config(STARTER_CONFIG, changes)
    assert config.technique == technique
    again = TrainingConfig.model_validate(json.loads(config.model_dump_json()))  # as a resumed run reads it
    assert again == config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["load_in_4bit=true", "load_in_8bit=true"], "load_in_4bit and load_in_8bit are both true: set one"),
        (["method=full", "load_in_4bit=true"], "quantised weights cannot be trained: set load_in_4bit to false"),
        (["bf16=true", "fp16=true"], "ask for bfloat16 and float16 at once"),
        (["fp16=true", "bnb_4bit_compute_dtype=bfloat16"], "ask for bfloat16 and float16 at once"),
        (["warmup_ratio=0.1", "warmup_steps=3"], "warmup_ratio and warmup_steps are both set"),
        (["push_to_hub=true"], "has no name: set hub_model_id, or run_name"),
        (["report_to=mail"], "report_to"),
        (["rows.validation_size=1.5"], "a share between 0 and 1"),
    ],
)
def test_settings_that_contradict_one_another_are_refused_in_a_sentence(changes, sentence) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_training_config(STARTER_CONFIG, changes)


def test_the_names_of_other_guides_set_the_same_keys(tmp_path) -> None:
    path = tmp_path / "sft.yaml"
    path.write_text(
        "base_model: data/starter_model\ntarget_modules: lite\nper_device_train_batch_size: 2\nreport_to: wandb\n"
    )
    config = load_training_config(path, ["batch_size=8", "num_train_epochs=2", "optim=adamw_torch"])
    assert config.lora_target_modules == ("q_proj", "k_proj", "v_proj", "o_proj")
    assert (config.per_device_batch_size, config.num_epochs, config.optimizer) == (8, 2, "adamw_torch")
    assert config.report_to == ("wandb",)
    path.write_text("base_model: data/starter_model\nbatch_size: 2\nper_device_batch_size: 4\n")
    with pytest.raises(ConfigError, match="per_device_batch_size is set twice"):
        load_training_config(path)


@pytest.mark.parametrize(
    ("gpu", "has_bf16", "changes", "wanted"),
    [
        (False, False, {}, torch.float32),
        (False, False, {"fp16": True}, torch.float32),
        (False, False, {"bf16": True}, torch.bfloat16),
        (True, True, {}, torch.bfloat16),
        (True, False, {}, torch.float16),
        (True, False, {"bnb_4bit_compute_dtype": "bfloat16"}, torch.float16),
        (True, True, {"fp16": True}, torch.float16),
        (True, True, {"bnb_4bit_compute_dtype": "float32"}, torch.float32),
    ],
)
def test_the_arithmetic_is_the_best_that_the_machine_has(gpu, has_bf16, changes, wanted, monkeypatch, caplog) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    config = settings(**changes)
    assert compute_dtype(config) == wanted
    caplog.set_level(logging.INFO)
    say_dtype(config)
    asked = config.wanted_dtype
    aloud = asked != "auto" and str(wanted) != f"torch.{asked}"
    assert [record.levelname for record in caplog.records] == ["WARNING" if aloud else "INFO"]


def test_without_a_gpu_attention_is_pytorchs_own_and_that_is_said(caplog) -> None:
    caplog.set_level(logging.INFO)
    assert attention_kernel(settings(), torch.float32) == "sdpa"
    assert "SDPA), since flash attention needs a GPU" in caplog.text
    assert attention_kernel(settings(), torch.float32, supports_sdpa=False) == "eager"
    caplog.clear()
    assert attention_kernel(settings(attn_implementation="flash_attention_2"), torch.float32) == "sdpa"
    assert caplog.records[0].levelname == "WARNING"
    assert attention_kernel(settings(attn_implementation="eager"), torch.float32) == "eager"
    model = load_base_model(settings(attn_implementation="eager", load_in_4bit=False))
    assert model.config._attn_implementation == "eager"


def test_flash_attention_is_tried_and_its_own_reason_is_said_where_it_fails(monkeypatch, caplog) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("FlashAttention only supports Ampere GPUs or newer.")

    package = ModuleType("flash_attn")
    package.flash_attn_func = broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flash_attn", package)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch, "zeros", lambda *_, **__: None)
    caplog.set_level(logging.INFO)
    assert attention_kernel(settings(), torch.bfloat16) == "sdpa"
    assert "does not run on this GPU (FlashAttention only supports Ampere" in caplog.text
    package.flash_attn_func = lambda *_, **__: None  # type: ignore[attr-defined]
    assert attention_kernel(settings(), torch.bfloat16) == "flash_attention_2"
    assert attention_kernel(settings(), torch.float32) == "sdpa"


def test_gradients_of_an_8_bit_base_point_where_those_of_the_whole_one_do() -> None:
    from peft import get_peft_model

    from style_tuner.tuning.model import adapter_config

    ids = torch.arange(6, 70)[None]
    found = []
    for changes in ({"load_in_8bit": True}, {"load_in_4bit": False}):
        config = settings(lora_dropout=0, **changes)
        torch.manual_seed(1)
        base = load_base_model(config)
        model = get_peft_model(base, adapter_config(config, base)).train()
        model(input_ids=ids, labels=ids).loss.backward()
        weights = {name: weight for name, weight in model.named_parameters() if "lora_B" in name}
        found.append(torch.cat([weights[name].grad.flatten() for name in sorted(weights)]))
    assert torch.nn.functional.cosine_similarity(*found, dim=0) > 0.98


def test_a_share_of_the_steps_warms_up() -> None:
    assert plan_schedule(settings(warmup_ratio=0.03), 752).warmup_steps == 5
    assert plan_schedule(settings(warmup_ratio=0), 752).warmup_steps == 0


def test_wandb_without_a_key_is_refused_before_the_training(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="there is no key: run `wandb login` or set WANDB_API_KEY"):
        check_reports(settings(report_to="wandb"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_reports(settings(report_to="wandb"))


SHORT = {"lora_r": 4, "num_epochs": 1, "max_seq_length": 256, "gradient_checkpointing": False, "report_to": "none"}


def test_a_run_keeps_what_it_was_made_with_and_goes_on_with_the_same_rows_alone(tmp_path) -> None:
    rows = write_rows(tmp_path, 8)
    job = Job(tmp_path / "run")
    job.folder.mkdir()
    (job.folder / "STOP").write_text("")
    train(settings(**SHORT, gradient_accumulation_steps=1, save_steps=1), rows, job.folder, job)
    kept = json.loads((job.folder / "settings.json").read_text())
    assert len(kept["rows_hash"]) == 64
    assert kept["packages"]["trl"] == "1.16.0" and kept["hardware"]["cores"] >= 1
    write_jsonl(rows / "train.jsonl", [row(number) for number in range(7)])
    with pytest.raises(DatasetError, match="has changed since this run began"):
        train(settings(**SHORT), rows, job.folder, Job(job.folder))


def test_an_output_dir_of_ones_own_gets_the_voice_and_no_other_runs_checkpoints(tmp_path) -> None:
    rows = write_rows(tmp_path, 4)
    own = tmp_path / "hafs-coder-v1"
    for name in ("one", "two"):
        job = Job(tmp_path / name)
        job.folder.mkdir()
        if name == "two":
            with pytest.raises(ConfigError, match="holds checkpoints of another run"):
                train(settings(**SHORT, output_dir=str(own)), rows, job.folder, job)
        else:
            train(settings(**SHORT, output_dir=str(own)), rows, job.folder, job)
    assert (own / "adapter_model.safetensors").read_bytes() == (
        tmp_path / "one" / "adapter" / "adapter_model.safetensors"
    ).read_bytes()
    assert Path(next(own.glob("checkpoint-*"))).is_dir()
