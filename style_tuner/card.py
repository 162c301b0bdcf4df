"""The card of an exported voice: what it was made from and how well it does, and no word of the author's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from style_tuner import jobs
from style_tuner.config import TrainingConfig
from style_tuner.scores import newest_of
from style_tuner.training import kept_settings
from style_tuner.workspace import Workspace, read_json

SHOWN = (
    "num_epochs",
    "learning_rate",
    "per_device_batch_size",
    "gradient_accumulation_steps",
    "max_seq_length",
    "seed",
)
OF_LORA = ("lora_r", "lora_alpha", "lora_dropout")


def model_card(workspace: Workspace, run_id: str) -> str:
    """Return a run's card as Markdown, with the front matter that the Hub reads.

    Titles and text of manuscripts are left out, the measured system prompt is in it.
    """
    config, source = kept_settings(workspace, run_id)
    dataset = _described(source)
    figures = jobs.load(workspace, run_id).result
    lora = config.method != "full"
    front: dict[str, Any] = {
        "base_model": public_name(config),
        "library_name": "peft" if lora else "transformers",
        "language": "en",
    }
    front |= {"pipeline_tag": "text-generation", "tags": ["style-tuner", *(["lora"] if lora else [])]}
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n# {run_id}",
        f"One author's voice, trained with Style Tuner on `{public_name(config)}`. That model's licence holds for this "
        "one too. The manuscripts are not part of it.",
        "## Data\n\n" + _data(dataset),
        "## Training\n\n" + _settings(config),
        "## Measured\n\n" + _measured(figures, newest_of(workspace, run_id)),
    ]
    if prompt := dataset.get("system_prompt"):
        parts.append(f"## Use\n\nWrite with the system prompt it was trained with:\n\n> {prompt}")
    parts.append(
        "## Limits\n\nIt imitates a manner of writing; what it says is made up. It may repeat passages it was trained "
        "on: check drafts for copies before they are published."
    )
    return "\n\n".join(parts) + "\n"


def public_name(config: TrainingConfig) -> str:
    """Return the base model as others know it: of a folder on this disk its own name, not where it lies."""
    path = Path(config.base_model)
    return path.name if path.is_absolute() else config.base_model


def _described(source: str) -> dict[str, Any]:
    path = Path(source) / "dataset.json"
    return dict(read_json(path)) if path.is_file() else {}


def _data(dataset: dict[str, Any]) -> str:
    if not dataset:
        return "Rows of the author's own making; how many is not known any more."
    counts = dataset["counts"]
    return (
        f"{dataset['words']:,} words: {counts['train']:,} passages for training, {counts['validation']:,} for "
        f"validation, {counts['held_out']:,} held out, which only the score has seen."
    )


def _settings(config: TrainingConfig) -> str:
    names = (*SHOWN, *(OF_LORA if config.method != "full" else ()))
    rows = [("method", config.technique), *((name, getattr(config, name)) for name in names)]
    return "| setting | value |\n| --- | --- |\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)


def _measured(figures: dict[str, Any], score: str) -> str:
    base, tuned = (figures.get(f"{name}_validation_loss") for name in ("base", "tuned"))
    said = []
    if base is not None and tuned is not None:
        said.append(f"Validation loss {base:.3f} nats a token before training, {tuned:.3f} after.")
    if score:
        said.append(f"Style score {score} of 100, with its 90 % interval, against a panel of older novelists.")
    return " ".join(said) or "Nothing was measured."
