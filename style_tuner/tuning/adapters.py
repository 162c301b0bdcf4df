"""An adapter's folder: whole or not, of which base model, and laid over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from style_tuner.config import resolve_model
from style_tuner.errors import ConfigError, ModelError
from style_tuner.tuning.heads import lone_parts

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

REMEDY = "name the `adapter` folder of a training run, or train again"


def check_adapter(base_model: str, adapter: Path) -> None:
    """Raise a `ModelError` if `adapter` is no whole adapter or was trained on another base model."""
    from safetensors import SafetensorError, safe_open

    trained_on = recorded_base(adapter)
    try:
        with safe_open(adapter / "adapter_model.safetensors", framework="pt") as tensors:
            names = list(tensors.keys())
            for name in names:
                tensors.get_tensor(name)
    except FileNotFoundError as error:
        raise ModelError(f"{adapter} is no adapter, adapter_model.safetensors is missing: {REMEDY}.") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The adapter {adapter} is damaged or cut short ({error}): {REMEDY}.") from error
    if lone := lone_parts(set(names)):
        raise ModelError(
            f"The adapter {adapter} is incomplete, {lone[0]} is there without its other half: copy it again, or "
            f"{REMEDY}."
        )
    if trained_on != base_model and Path(trained_on).name != Path(base_model).name:
        raise ModelError(
            f"The adapter {adapter} was trained on {trained_on}, not on {base_model}: name that base model. If it is "
            "the same model under another name, write that name into base_model_name_or_path in adapter_config.json."
        )


def recorded_base(adapter: Path) -> str:
    """Return the base model that an adapter's own settings name, as it is written there."""
    try:
        settings = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
        return str(settings["base_model_name_or_path"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{adapter} is no adapter, adapter_config.json is missing: {REMEDY}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The adapter {adapter} is damaged or cut short ({error}): {REMEDY}.") from error


def base_of(adapter: Path) -> str:
    """Return the base model that an adapter's own settings name: a folder that is there, or a name of the Hub."""
    named = recorded_base(adapter)
    try:
        return resolve_model(named)
    except ConfigError as error:
        raise ModelError(
            f"The adapter {adapter} was trained on {named}, which is not there any more: name the folder that holds "
            "that base model now with --base-model."
        ) from error


def with_adapter(base: PreTrainedModel, adapter: Path) -> PeftModel:
    """Return a loaded base model with the adapter over it; a `ModelError` where it does not fit."""
    from peft import PeftModel

    try:
        model: PeftModel = PeftModel.from_pretrained(base, str(adapter))
    except (RuntimeError, ValueError) as error:  # shapes differ, or layers that the adapter names are not there
        raise ModelError(
            f"The adapter {adapter} does not fit {base.name_or_path}: {str(error).splitlines()[0]} Name the base model "
            "that it was trained on."
        ) from error
    return model
