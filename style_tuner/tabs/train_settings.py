"""The settings of a training run as the page offers them, and what of them a command has to be told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import yaml

from style_tuner.config import TrainingConfig, load_training_config
from style_tuner.errors import ConfigError
from style_tuner.tabs import recipes
from style_tuner.tuning.needs import METHODS
from style_tuner.tuning.settings import TARGET_SETS

PROBES = {"on a GPU": "auto", "always": True, "never": False}
LAYERS = [("every linear layer", "full"), ("attention alone", "lite")]
NEVER = 0
"""Validations without gain after which a run ends, where it never does."""


def settings_title(config: TrainingConfig) -> str:
    """Return the settings that matter most in a line."""
    return f"Settings: {epochs(config.num_epochs)}, learning rate {config.learning_rate:g}, rank {config.lora_r}"


def epochs(number: float) -> str:
    """Return a number of epochs with its noun."""
    return f"{number:g} epoch" if number == 1 else f"{number:g} epochs"


def recipe_path(recipe: str) -> Path:
    """Return the file of a recipe of the project, or of one that was copied from a run."""
    return Path(recipe) if Path(recipe).is_absolute() else recipes.path_of(recipe)


def method_of(config: TrainingConfig) -> str:
    """Return the method by its name on the page."""
    return next(
        name for name, values in METHODS.items() if all(getattr(config, key) == value for key, value in values.items())
    )


def layers_of(config: TrainingConfig) -> str:
    """Return the layers that learn: the name of a usual set, or their own names."""
    sets = (name for name, layers in TARGET_SETS.items() if set(layers) == set(config.lora_target_modules))
    return next(sets, ", ".join(config.lora_target_modules))


@dataclass(frozen=True)
class Setting:
    """One control: what it is called, what it shows of the settings, and the `key=value` that a change of it makes."""

    label: str
    shown: Callable[[TrainingConfig], Any]
    changes: Callable[[Any], list[str]]


def _plain(label: str, key: str) -> Setting:
    return Setting(label, lambda config: getattr(config, key), lambda value: [f"{key}={written(value)}"])


def written(value: Any) -> str:
    """Return a value as YAML takes it on one line."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and re.fullmatch(r"[\w/~.][\w/~. -]*", value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _method(name: str) -> list[str]:
    return [f"{key}={written(value)}" for key, value in METHODS[name].items()]


def _layers(names: str) -> list[str]:
    layers = [part.strip() for part in names.split(",") if part.strip()]
    joined = ", ".join(layers)
    return [f"lora_target_modules={joined if joined in TARGET_SETS else f'[{joined}]'}"]


def _upload(repository: str) -> list[str]:
    return ["push_to_hub=true", f"hub_model_id={written(repository)}"] if repository else ["push_to_hub=false"]


SETTINGS = {
    "base_model": Setting(
        "Base model", lambda config: config.base_model, lambda name: [f"base_model={written(name)}", "model_type=auto"]
    ),
    "num_epochs": _plain("Epochs (passes over the passages)", "num_epochs"),
    "learning_rate": _plain("Learning rate", "learning_rate"),
    "lora_r": Setting(
        "Rank (how much can be learned)",
        lambda config: config.lora_r,
        lambda rank: [f"lora_r={int(rank)}", f"lora_alpha={2 * int(rank)}"],
    ),
    "method": Setting("Method", method_of, _method),
    "layers": Setting("Layers that learn", layers_of, _layers),
    "batch": _plain("Rows at a time", "per_device_batch_size"),
    "accumulation": _plain("Batches a step", "gradient_accumulation_steps"),
    "length": _plain("Tokens a row", "max_seq_length"),
    "patience": Setting(
        f"End early after so many validations without gain ({NEVER}: never)",
        lambda config: config.early_stopping or NEVER,
        lambda count: [f"early_stopping={int(count) or 'null'}"],
    ),
    "probe": Setting(
        "Try two steps at the longest rows first",
        lambda config: next(name for name, value in PROBES.items() if value == config.probe),
        lambda name: [f"probe={written(PROBES[name])}"],
    ),
    "packing": _plain("Fill rows with several examples (packing)", "packing"),
    "wandb": Setting(
        "Report to Weights & Biases (figures leave this machine)",
        lambda config: "wandb" in config.report_to,
        lambda wanted: [f"report_to={'[tensorboard, wandb]' if wanted else 'tensorboard'}"],
    ),
    "upload": Setting(
        "Upload the voice to this repository of the Hub (it leaves this machine)",
        lambda config: (config.hub_model_id or config.run_name or "") if config.push_to_hub else "",
        _upload,
    ),
    "more": Setting("Any other setting, one key=value a line", lambda _: "", lambda lines: lines.splitlines()),
}
"""Every control by name, in the order in which the callbacks are given their values."""


def shown(config: TrainingConfig) -> list[Any]:
    """Return what the controls show of these settings."""
    return [setting.shown(config) for setting in SETTINGS.values()]


def overrides(recipe: str, *values: Any) -> list[str]:
    """Return `key=value` for what differs from the recipe; controls without a value are those at the end."""
    config = load_training_config(recipe_path(recipe))
    found = []
    for setting, given in zip(SETTINGS.values(), values, strict=False):
        value = given.strip() if isinstance(given, str) else given
        before = setting.shown(config)
        if value is None or (value == "" and before != "" and setting is not SETTINGS["upload"]):
            raise ConfigError(f"{setting.label} is empty: fill it in, or choose the recipe again.")
        if value != before:
            found += _new(setting.changes(value), config)
    return found


def _new(changes: list[str], config: TrainingConfig) -> list[str]:
    """Leave out what the settings say anyway."""
    same = {f"{key}={written(value)}" for key, value in config if isinstance(value, str | int | float)}
    return [line.strip() for line in changes if line.strip() and line.strip() not in same]


def show_recipe(recipe: str) -> tuple[Any, ...]:
    """Return the settings that a recipe brings."""
    config = load_training_config(recipe_path(recipe))
    return tuple(shown(config))


def build(config: TrainingConfig) -> tuple[Any, list[Any]]:
    """Lay out the settings; return their fold, and the controls in order."""
    names = {name: setting.label for name, setting in SETTINGS.items()}
    at = dict(zip(SETTINGS, shown(config), strict=True))

    def number(name: str, **options: Any) -> Any:
        return gr.Number(at[name], label=names[name], **options)

    made: dict[str, Any] = {"base_model": gr.Textbox(at["base_model"], label=names["base_model"], max_lines=1)}
    with gr.Accordion(settings_title(config), open=False) as fold:
        made["num_epochs"] = number("num_epochs", minimum=0.1)
        made["learning_rate"] = number("learning_rate", step=0.00001, minimum=0)
        made["lora_r"] = number("lora_r", precision=0, minimum=1)
        made["method"] = gr.Dropdown(list(METHODS), value=at["method"], label=names["method"])
        made["layers"] = gr.Dropdown(
            LAYERS, value=at["layers"], label=names["layers"], allow_custom_value=True,
            info="Or their names with commas between: q_proj, v_proj",
        )  # fmt: skip
        with gr.Row():
            made["batch"] = number("batch", precision=0, minimum=1, min_width=120)
            made["accumulation"] = number("accumulation", precision=0, minimum=1, min_width=120)
            made["length"] = number("length", precision=0, minimum=64, min_width=120)
        made["patience"] = number("patience", precision=0, minimum=0)
        made["probe"] = gr.Dropdown(list(PROBES), value=at["probe"], label=names["probe"])
        made["packing"] = gr.Checkbox(at["packing"], label=names["packing"])
        made["wandb"] = gr.Checkbox(at["wandb"], label=names["wandb"])
        made["upload"] = gr.Textbox(at["upload"], label=names["upload"], placeholder="you/name", max_lines=1)
        made["more"] = gr.Textbox(
            at["more"], label=names["more"], lines=2, max_lines=8, placeholder="lora_dropout=0.1\nseed=7",
            info="Any key that a recipe can hold; an unknown one is answered with those that there are.",
        )  # fmt: skip
    return fold, [made[name] for name in SETTINGS]
