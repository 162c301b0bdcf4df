"""Every recipe in `configs/` runs from its rows to a voice, on a small model of its own architecture."""

import json
from pathlib import Path

import pytest
import wandb
from hub_fake import FakeHub
from stand_ins import stand_in
from tuning_rows import write_rows

from style_tuner.config import CONFIGS, TrainingConfig, load_training_config
from style_tuner.jobs import Job
from style_tuner.training import named
from style_tuner.tuning.train import train
from style_tuner.workspace import write_jsonl

PLACES = ("harbour", "chapel", "orchard", "mill", "quarry", "ferry", "market", "tower")
# recipe: family of the stand-in, changes that make it short (a few rows make a few steps)
RECIPES = {
    "qlora_style_transfer": ("llama-3.1", ["warmup_steps=1", "save_steps=2"]),
    "lora_style_transfer_32gb": ("llama-3.1", []),
    "qwen3_4b_prompts": ("qwen3-2507", ["save_steps=2"]),
    "qwen3_8b_prompts": ("qwen3", ["save_steps=2"]),
    "llama32_3b_reference": ("llama-3.2-base", ["rows.validation_size=2"]),
    "qwen25_coder_14b_instructions": ("qwen2.5", []),
    "qwen3_06b_cpu": ("qwen3", []),
    "starter_cpu": (None, ["max_seq_length=256"]),
}


def chats(folder: Path) -> Path:
    return write_rows(folder, 8)


def instructions(folder: Path) -> Path:
    rows = [
        {"instruction": f"Write a routine for the {place}.", "input": "" if place == "mill" else "In the engine.",
         "output": f"LDA #{number}\nSTA {place}\nRTS"}
        for number, place in enumerate(PLACES)
    ]  # fmt: skip
    write_jsonl(folder / "train.jsonl", rows)
    return folder / "train.jsonl"


def prompts(folder: Path) -> Path:
    from datasets import Dataset

    rows = [
        {"style_name": "Cinematic", "prompt_text": f"A slow pan over the {place} at dusk --ar 16:9",
         "negative_prompt": "blur", "tags": ["slow", place], "compatible_models": ["LTX"]}
        for place in PLACES
    ]  # fmt: skip
    Dataset.from_list(rows).to_parquet(folder / "train.parquet")
    return folder / "train.parquet"


def prices(folder: Path) -> Path:
    for name, places in (("train", PLACES[:5]), ("val", PLACES[5:])):
        lines = [
            f'"What does the {place} lamp cost to the nearest dollar?\n\nPrice is $",{len(place)}.00'
            for place in places
        ]
        (folder / f"{name}.csv").write_text("prompt,completion\n" + "\n".join(lines) + "\n")
    return folder


ROWS = {
    "qwen3_4b_prompts": prompts,
    "qwen3_8b_prompts": prompts,
    "llama32_3b_reference": prices,
    "qwen25_coder_14b_instructions": instructions,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made: dict[str, Path] = {}

    def model(family: str) -> Path:
        if family not in made:
            made[family] = stand_in(family, folder / family)
        return made[family]

    return model


def run(recipe: str, models, folder: Path, *changes: str) -> tuple[TrainingConfig, dict, FakeHub]:
    family, short = RECIPES[recipe]
    base = [f"base_model={models(family)}"] if family else []
    few = ["num_epochs=2", "gradient_accumulation_steps=1", "logging_steps=1"]
    config = named(load_training_config(CONFIGS / f"{recipe}.yaml", [*base, *few, *short, *changes]))
    rows = folder / "rows"
    rows.mkdir()
    own = folder / f"run-{recipe}"
    own.mkdir()
    owner = str(config.hub_model_id).partition("/")[0]
    hub = FakeHub(orgs={owner: "write"})  # an author names an organisation of their own
    return config, train(config, ROWS.get(recipe, chats)(rows), own, Job(own), hub), hub


def linear_kinds(config: TrainingConfig) -> set[str]:
    from style_tuner.tuning.model import load_base_model

    layer = load_base_model(config).model.layers[0]
    return {type(layer.mlp.up_proj).__name__, type(layer.self_attn.q_proj).__name__}


def test_every_recipe_is_tested() -> None:
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(RECIPES)


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_a_recipe_makes_a_voice(recipe, models, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    wandb.teardown()  # one process has one run of W&B, and it keeps the mode in which it was first asked
    config, result, hub = run(recipe, models, tmp_path)
    wandb.finish()
    folder = tmp_path / f"run-{recipe}"
    adapter = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert set(adapter["target_modules"]) == set(config.lora_target_modules)
    assert (adapter["r"], adapter["lora_alpha"]) == (config.lora_r, config.lora_alpha)
    assert result["steps"] >= 4
    assert result["tuned_validation_loss"] < result["base_validation_loss"]
    assert linear_kinds(config) == {"Linear4bit" if config.load_in_4bit else "Linear"}
    assert list((folder / config.output_dir).rglob("events.out.tfevents.*"))
    assert bool(list((folder / "wandb").glob("offline-run-*"))) == ("wandb" in config.report_to)
    if config.push_to_hub:
        repository = config.hub_model_id or f"author/{config.run_name}"
        assert result["repository"] == repository and hub.made == {repository: True}
        steps = [message for _, message, _ in hub.uploads]
        assert steps[0].startswith("Step 2 of") and steps[-1].startswith("The voice")
        assert all("adapter_model.safetensors" in names for _, _, names in hub.uploads)
        assert not {"optimizer.pt", "trainer_state.json", "training_args.bin"} & {
            n for up in hub.uploads for n in up[2]
        }
    else:
        assert not hub.made


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        (["load_in_4bit=false", "load_in_8bit=true", "lora_target_modules=full"], {"Linear8bitLt"}),
        (["load_in_4bit=false"], {"Linear"}),
    ],
)
def test_the_reference_also_runs_in_8_bits_and_with_all_layers(changes, kinds, models, tmp_path) -> None:
    config, result, _ = run("llama32_3b_reference", models, tmp_path, "push_to_hub=false", "save_steps=2", *changes)
    assert result["tuned_validation_loss"] < result["base_validation_loss"]
    assert linear_kinds(config) == kinds


def test_every_weight_can_be_trained(models, tmp_path) -> None:
    from safetensors.torch import load_file

    config, result, _ = run("qwen3_06b_cpu", models, tmp_path, "method=full", "learning_rate=1e-3")
    assert result["trainable_parameters"] == result["all_parameters"]
    assert result["tuned_validation_loss"] < result["base_validation_loss"]
    before = load_file(Path(config.base_model) / "model.safetensors")
    after = load_file(tmp_path / "run-qwen3_06b_cpu" / "merged" / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(not before[name].equal(after[name]) for name in before if name.endswith("proj.weight"))
    assert not (tmp_path / "run-qwen3_06b_cpu" / "adapter").exists()
