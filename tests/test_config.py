from pathlib import Path

import pytest
import yaml

from style_tuner.config import CONFIGS, STARTER_CONFIG, load_training_config, resolve_model
from style_tuner.errors import ConfigError

GUIDE = """
base_model: meta-llama/Llama-3.1-8B-Instruct
model_type: LlamaForCausalLM
load_in_4bit: true
bnb_4bit_quant_type: nf4
bnb_4bit_compute_dtype: bfloat16
lora_r: 64
lora_alpha: 128
lora_dropout: 0.05
lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]
learning_rate: 2e-4
num_epochs: 3
per_device_batch_size: 4
gradient_accumulation_steps: 4
warmup_steps: 100
max_seq_length: 2048
optimizer: paged_adamw_8bit
lr_scheduler_type: cosine
weight_decay: 0.01
gradient_checkpointing: true
output_dir: checkpoints/qlora-style-run-1
save_steps: 100
logging_steps: 10
"""


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_config_of_the_project_loads(path: Path) -> None:
    load_training_config(path)


def test_the_guides_recipe_has_exactly_the_guides_keys_and_values() -> None:
    ours = yaml.safe_load((CONFIGS / "qlora_style_transfer.yaml").read_text())
    assert ours == yaml.safe_load(GUIDE)
    assert load_training_config(CONFIGS / "qlora_style_transfer.yaml").learning_rate == 2e-4


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("lorar=3", ["lorar", "did you mean 'lora_r'"]),
        ("nosuch=1", ["nosuch", "known keys: ", "num_epochs"]),
        ("lora_r=many", ["lora_r", "many", "integer"]),
        ("dataset.min_tokes=3", ["min_tokes", "did you mean 'dataset.min_tokens'"]),
        ("lora_target_modules=q_proj", ["lora_target_modules", "a list such as"]),
        ("save_steps=0", ["save_steps 0", "1 or more"]),
        ("lora_r.x=1", ["lora_r", "no keys inside"]),
        ("dataset.max_tokens=100", ["max_tokens 100", "twice"]),
        ("learning_rate=0", ["learning_rate", "greater than 0"]),
        ("lora_r", ["lora_r", "key=value"]),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_and_the_remedy(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        load_training_config(STARTER_CONFIG, [override])
    for word in ["--set" if "=" in override else "", *words]:
        assert word in str(error.value)


def test_a_faulty_file_is_named_rather_than_a_right_override(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base_model: data/starter_model\nlora_r: many\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml.*lora_r"):
        load_training_config(path, ["seed=2"])


def test_a_config_without_base_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("lora_r: 8\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml.*'base_model' is missing"):
        load_training_config(path)


def test_a_config_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"starter_cpu\.yaml"):
        load_training_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1\n", "just words"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"odd\.yaml"):
        load_training_config(path)


def test_a_base_model_is_a_folder_or_a_hub_name() -> None:
    assert Path(resolve_model("data/starter_model")).is_absolute()
    for name in ("meta-llama/Llama-3.1-8B-Instruct", "gpt2", "distilgpt2", "bert-base_v1.5"):
        assert resolve_model(name) == name


@pytest.mark.parametrize(
    "wrong",
    [
        *("./no/where", "a/b/c", "~/model", "../model", ".model", "/model", "model/", "models\\mine", "my model", ""),
        *("data/starter_modle", "README.md", "gpt--2", "gpt2.", "-gpt2", "x" * 97),
    ],
)
def test_a_mistyped_folder_is_not_taken_for_a_hub_name(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        resolve_model(wrong)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        resolve_model(str(tmp_path))
