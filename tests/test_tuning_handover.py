"""What another trainer is given: keys that its release knows, and rows of which it learns what this one would.

`schemas/` lists the keys of axolotl 0.19.0 (its pydantic models) and llamafactory 0.9.5 (its dataclasses).
"""

import json
from pathlib import Path

import pytest
import yaml
from stand_ins import stand_in
from tuning_rows import write_rows

from style_tuner import jobs, stages
from style_tuner.config import CONFIGS, STARTER_CONFIG, load_training_config
from style_tuner.errors import JobError, StorageError
from style_tuner.tuning.handover import axolotl_values, factory_values, hand_over
from style_tuner.tuning.schedule import plan_schedule
from style_tuner.workspace import read_jsonl, write_json, write_jsonl

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.json")}
METHODS = [[], ["packing=true"], ["load_in_4bit=false", "load_in_8bit=true"], ["load_in_4bit=false", "method=full"]]


@pytest.mark.parametrize("changes", METHODS, ids=" ".join)
@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_key_is_one_that_the_other_trainer_knows(path, changes) -> None:
    config = load_training_config(path, ["save_steps=auto", "warmup_ratio=null", "warmup_steps=auto", *changes])
    schedule = plan_schedule(config, 700)
    for name, values in (("axolotl", axolotl_values), ("llama-factory", factory_values)):
        found = values(config, schedule, True)
        assert set(found) <= set(SCHEMAS[name]["config"]), name
        assert found["learning_rate"] == config.learning_rate and found["warmup_steps"] == schedule.warmup_steps
    for part in ("datasets", "test_datasets"):
        (part_values,) = axolotl_values(config, schedule, True)[part]
        assert set(part_values) <= set(SCHEMAS["axolotl"]["dataset"])


@pytest.mark.parametrize(
    ("changes", "axolotl", "factory"),
    [
        ([], {"adapter": "qlora", "load_in_4bit": True}, {"quantization_bit": 4, "quantization_type": "nf4"}),
        (METHODS[2], {"adapter": "lora", "load_in_8bit": True}, {"quantization_bit": 8, "finetuning_type": "lora"}),
        (METHODS[3], {"adapter": None, "lora_r": None}, {"quantization_bit": None, "finetuning_type": "full"}),
    ],
)
def test_each_method_has_its_own_keys(changes, axolotl, factory) -> None:
    config = load_training_config(STARTER_CONFIG, changes)
    schedule = plan_schedule(config, 100)
    values = axolotl_values(config, schedule, True)
    assert {key: values.get(key) for key in axolotl} == axolotl
    values = factory_values(config, schedule, True)
    assert {key: values.get(key) for key in factory} == factory


def test_a_run_is_handed_over_with_its_rows(workspace, tmp_path) -> None:
    rows = write_rows(tmp_path)
    config = load_training_config(STARTER_CONFIG)
    with jobs.job(workspace, "train") as own:
        write_json(own.folder / "settings.json", {"config": config.model_dump(mode="json"), "dataset": str(rows)})
    run = own.folder.name
    written = stages.export_run(workspace, run, "axolotl", tmp_path / "axolotl")
    values = yaml.safe_load(written.read_text())
    assert values["datasets"][0]["path"] == "train.jsonl" and values["lora_r"] == 32
    messages = read_jsonl(written.parent / "train.jsonl")[0]["messages"]
    assert [(message["role"], message["train"]) for message in messages] == [
        ("system", False),
        ("user", False),
        ("assistant", True),
    ]
    written = stages.export_run(workspace, run, "llama-factory", tmp_path / "factory")
    info = json.loads((written.parent / "dataset_info.json").read_text())
    assert (
        set(info)
        == {"train", "validation"}
        == {yaml.safe_load(written.read_text())[k] for k in ("dataset", "eval_dataset")}
    )
    assert set(info["train"]) <= set(SCHEMAS["llama-factory"]["dataset"])
    assert len(read_jsonl(written.parent / info["validation"]["file_name"])) == 4
    with pytest.raises(StorageError, match="exists and is not overwritten"):
        stages.export_run(workspace, run, "axolotl", tmp_path / "axolotl")
    with pytest.raises(JobError, match="There is no run 'none'"):
        stages.export_run(workspace, "none", "axolotl", tmp_path / "other")


def test_plain_text_is_learned_after_its_prompt_alone_and_ends(tmp_path) -> None:
    rows = tmp_path / "rows.jsonl"
    write_jsonl(rows, [{"prompt": f"Lamp {number} costs $", "completion": str(number)} for number in range(4)])
    model = stand_in("llama-3.2-base", tmp_path / "model")
    config = load_training_config(STARTER_CONFIG, [f"base_model={model}", "rows.validation_size=1"])
    folder = hand_over(config, str(rows), "axolotl", tmp_path / "axolotl").parent
    row = read_jsonl(folder / "validation.jsonl")[0]["segments"]
    assert [segment["label"] for segment in row] == [False, True]
    assert row[0]["text"].startswith("Lamp ") and row[1]["text"].endswith("<|end_of_text|>")
    written = hand_over(config, str(rows), "llama-factory", tmp_path / "factory")
    assert yaml.safe_load(written.read_text())["template"] == "empty"
    assert read_jsonl(written.parent / "train.jsonl")[0]["completion"].endswith("<|end_of_text|>")
