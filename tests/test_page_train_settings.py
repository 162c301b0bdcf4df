"""What the tab Train asks for: every setting reaches the command, rows are checked, the estimate is true."""

import re
from pathlib import Path

import pytest
from hub_fake import FakeHub, refusal
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError

from style_tuner import jobs
from style_tuner.config import CONFIGS, STARTER_CONFIG, load_training_config
from style_tuner.errors import ConfigError, DatasetError
from style_tuner.tabs import estimate, hub_view, recipes, train, train_settings, train_source
from style_tuner.tabs.train_settings import SETTINGS, overrides, shown
from style_tuner.tabs.train_source import PASSAGES, ROWS, wanted
from style_tuner.tuning.needs import METHODS
from style_tuner.workspace import Workspace, write_json, write_jsonl

RECIPE = recipes.label(STARTER_CONFIG)
STARTER = load_training_config(STARTER_CONFIG)


def instruction_rows(count: int) -> list[dict[str, str]]:
    return [{"instruction": f"Say {n}.", "input": "", "output": f"It is {n}, said the boatman."} for n in range(count)]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "rows.jsonl", instruction_rows(24))


def settings(**changed):
    """The values of all controls as they stand, with some changed."""
    return list((dict(zip(SETTINGS, shown(STARTER), strict=True)) | changed).values())


def source(place: object = "", **changed):
    """The values of the controls of the source for rows of one's own."""
    read = {"format": "auto", "size": 0, "system": "", "template": "", "mark": ""} | changed
    return [ROWS, str(place), *read.values()]


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_recipe_left_as_it_is_changes_nothing(path: Path) -> None:
    recipe, config = recipes.label(path), load_training_config(path)
    values = train.show_recipe(recipe)
    assert overrides(recipe, *values[: len(SETTINGS)]) == []
    asked = wanted(recipe, *values)
    assert asked.arguments() == ["--config", recipe]
    assert asked.config() == config


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_chosen(method: str) -> None:
    config = load_training_config(STARTER_CONFIG, overrides(RECIPE, *settings(method=method)))
    assert train_settings.method_of(config) == method
    assert {key: getattr(config, key) for key in METHODS[method]} == METHODS[method]


def test_every_setting_reaches_the_command_and_the_run_has_it() -> None:
    changed = settings(
        base_model="Qwen/Qwen3-0.6B", num_epochs=3, learning_rate=1e-4, lora_r=8, layers="q_proj, v_proj", batch=2,
        accumulation=8, length=256, patience=0, probe="always", packing=True, wandb=True, upload="me/voice",
        more="seed=7\nlora_dropout=0.1",
    )  # fmt: skip
    config = wanted(RECIPE, *changed).config()
    assert (config.base_model, config.model_type) == ("Qwen/Qwen3-0.6B", "auto")
    assert (config.num_epochs, config.learning_rate, config.lora_r, config.lora_alpha) == (3, 1e-4, 8, 16)
    assert config.lora_target_modules == ("q_proj", "v_proj")
    assert (config.per_device_batch_size, config.gradient_accumulation_steps, config.max_seq_length) == (2, 8, 256)
    assert (config.early_stopping, config.probe, config.packing) == (None, True, True)
    assert config.report_to == ("tensorboard", "wandb")
    assert (config.push_to_hub, config.hub_model_id) == (True, "me/voice")
    assert (config.seed, config.lora_dropout) == (7, 0.1)


def test_a_setting_that_cannot_be_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="Learning rate is empty"):
        overrides(RECIPE, *settings(learning_rate=None))
    with pytest.raises(ConfigError, match="did you mean 'lora_dropout'"):
        wanted(RECIPE, *settings(more="lora_dropot=0.1")).config()


def test_rows_of_ones_own_are_named_in_the_command(rows: Path) -> None:
    how = {"format": "instruction", "size": 0.25, "system": "You are a boatman: short.", "template": "", "mark": "A:\n"}
    asked = wanted(RECIPE, *settings(), *source(rows, **how))
    assert asked.arguments()[-2:] == ["--dataset", str(rows)]
    read = asked.config().rows
    assert (read.format, read.validation_size) == ("instruction", 0.25)
    assert (read.system_prompt, read.response_template) == ("You are a boatman: short.", "A:\n")


def test_rows_that_are_still_to_be_named_are_asked_for(workspace: Workspace) -> None:
    values = train.show_recipe(recipes.label(CONFIGS / "qwen25_coder_14b_instructions.yaml"))
    needs = train.show_estimate(workspace, RECIPE, *values)[0]
    assert "Name the rows to learn from" in needs
    assert "of memory at the peak" in needs
    with pytest.raises(DatasetError, match="Name the rows"):
        train.start(workspace, RECIPE, *values)


def test_a_recipe_with_rows_of_its_own_needs_no_passages(workspace: Workspace) -> None:
    recipe = recipes.label(CONFIGS / "qwen3_4b_prompts.yaml")
    values = list(train.show_recipe(recipe))
    assert values[len(SETTINGS)] == ROWS
    assert wanted(recipe, *values).rows(workspace) == "Limbicnation/Video-Diffusion-Prompt-Style"
    values[len(SETTINGS)] = PASSAGES
    assert wanted(recipe, *values).rows(workspace) is None
    assert "rows.source=null" in wanted(recipe, *values).changes


def test_rows_are_checked_before_anything_starts(workspace: Workspace, tmp_path: Path) -> None:
    good = instruction_rows(12)
    faulty = [*good, {"instruction": "<b>What</b>?", "output": ""}, {"instruction": "No reply."}, good[0]]
    bad = write_jsonl(tmp_path / "bad.jsonl", faulty)
    told = train_source.show_rows(workspace, RECIPE, *settings(), *source(bad))
    for part in ("instruction", "line 13: column &#39;output&#39; is empty", "line 14: has no", "To be mended"):
        assert part in told
    with pytest.raises(DatasetError, match="line 13"):
        train.start(workspace, RECIPE, *settings(), *source(bad))
    assert jobs.runs(workspace) == []
    assert "to mend" in train.show_estimate(workspace, RECIPE, *settings(), *source(bad))[0]
    assert "does not exist" in train_source.show_rows(workspace, RECIPE, *settings(), *source(tmp_path / "no.csv"))
    repeated = write_jsonl(tmp_path / "repeated.jsonl", [*good, good[0]])
    told = train_source.show_rows(workspace, RECIPE, *settings(), *source(repeated))
    assert "Left out" in told and "To be mended" not in told


def test_a_hub_dataset_is_not_asked_for_while_it_is_typed(workspace: Workspace) -> None:
    values = (*settings(), *source("owner/prompts"))
    assert "Check these rows" in train_source.show_rows(workspace, RECIPE, *values)
    needs, hub, button, _, _ = train.show_estimate(workspace, RECIPE, *values)
    assert "once the rows are downloaded" in needs
    assert "The rows of owner/prompts come from the Hub." in hub and button.visible


def test_uploaded_rows_are_kept_in_the_workspace(workspace: Workspace, tmp_path: Path, rows: Path) -> None:
    assert Path(train_source.upload(workspace, [str(rows)])).is_relative_to(workspace.rows)
    assert not rows.exists()
    parts = [str(write_jsonl(tmp_path / f"{name}.jsonl", instruction_rows(6))) for name in ("train", "validation")]
    folder = train_source.upload(workspace, parts)
    told = train_source.show_rows(workspace, RECIPE, *settings(), *source(folder))
    assert "train" in told and "validation" in told


def test_the_estimate_counts_rows_and_shows_what_is_learned_and_what_is_cut(workspace: Workspace, rows: Path) -> None:
    values = (*settings(num_epochs=2), *source(rows))
    needs, hub, _, folds, title = train.show_estimate(workspace, RECIPE, *values)
    assert "<b>22</b> rows to learn from" in needs and "<b>12</b> steps" in needs and hub == ""
    assert title.label == "Settings: 2 epochs, learning rate 0.002, rank 32"
    learned = folds.split("<mark")[1].split("</mark>")[0]
    assert "said the boatman." in learned and "Say" not in learned
    assert "tokens in the shortest row" in folds and "Advice for 22 rows" in folds
    for size in ("7B", "8B", "14B", "32B", "instruction guide"):
        assert size in folds
    long = write_jsonl(
        rows.with_name("long.jsonl"), [*instruction_rows(9), {"instruction": "Say.", "output": "So. " * 90}]
    )
    needs = train.show_estimate(workspace, RECIPE, *settings(length=64), *source(long))[0]
    assert "longer than 64 tokens" in needs and "cut off and not learned" in needs


@pytest.fixture
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded, and nobody is logged in but as the client says."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.mark.usefixtures("no_hub")
def test_the_hub_login_is_told_where_the_hub_is_needed() -> None:
    config = load_training_config(CONFIGS / "llama32_3b_reference.yaml")
    told = hub_view.state(config, config.rows.source, FakeHub(token=None))
    for part in (
        "meta-llama/Llama-3.2-3B is not on this disk",
        "come from the Hub",
        "price-and the time",
        "a private repository",
    ):
        assert part in told
    assert "No access token is set" in told and "huggingface.co/settings/tokens" in told
    told = hub_view.state(config, None, FakeHub(token="hf_secret"))
    assert "An access token is set" in told and "hf_secret" not in told
    assert hub_view.state(STARTER, None, FakeHub()) == ""


@pytest.mark.usefixtures("no_hub")
def test_the_hub_is_asked_before_anything_long_starts() -> None:
    config = load_training_config(CONFIGS / "llama32_3b_reference.yaml")
    gated = FakeHub(token=None, refuse=refusal(GatedRepoError, 401))
    assert "accept the licence on" in hub_view.ask(config, None, gated)
    assert "may only read" in hub_view.ask(config, None, FakeHub(role="read"))
    assert re.search(r"will go to author/price-2\d{7}-\d{6}\.", hub_view.ask(config, config.rows.source, FakeHub()))


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_has_an_estimate_before_its_model_is_here(path: Path, workspace: Workspace) -> None:
    needs = train.show_estimate(workspace, *(recipes.label(path), *train.show_recipe(recipes.label(path))))[0]
    assert "of memory at the peak" in needs and "on disk while training" in needs
    assert ("to download" in needs) is (path != STARTER_CONFIG)


@pytest.mark.parametrize(
    ("driver", "known"),
    [
        ("NVIDIA GeForce RTX 5090", "RTX 5090"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "RTX 4070 Ti SUPER"),
        ("NVIDIA A100-SXM4-80GB", "A100 80 GB"),
        ("NVIDIA H100 80GB HBM3", "H100 80 GB"),
        ("Tesla T4", "T4"),
        ("NVIDIA GeForce RTX 3060", None),
    ],
)
def test_a_gpu_is_known_by_the_name_of_its_driver(driver: str, known: str | None) -> None:
    found = estimate.known_gpu(driver)
    assert (found and found.name) == known


def test_passages_measured_for_another_model_are_said(workspace: Workspace, tmp_path: Path) -> None:
    folder = workspace.datasets / "one"
    turns = [(f"Say {n}.", f"It is {n}.") for n in range(9)]
    rows = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
        for asked, said in turns
    ]
    for name in ("train", "validation"):
        write_jsonl(folder / f"{name}.jsonl", rows)
    for model, said in (("/elsewhere/starter_model", False), ("Qwen/Qwen3-0.6B", True)):
        write_json(folder / "dataset.json", {"model": model})
        needs = train.show_estimate(workspace, RECIPE, *settings(), PASSAGES, "", "auto", 0, "", "", "")[0]
        assert "<b>9</b> rows" in needs
        assert ("measured for another model" in needs) is said
