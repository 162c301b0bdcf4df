"""What several commands share: their options, and how they answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from style_tuner.config import TrainingConfig, load_training_config

WorkspaceOption = Annotated[str, typer.Option("--workspace", "-w", help="Name of the workspace to work in.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Recipe, such as configs/starter_cpu.yaml. Default: the guide's on a GPU, else it."),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change one setting: --set lora_r=16 --set dataset.min_tokens=200.")
]


def training_settings(config: Path | None, overrides: list[str] | None) -> TrainingConfig:
    """Return the settings of a recipe, by default the one that suits this machine, with changes."""
    from style_tuner.stages import default_config

    return load_training_config(config or default_config(), overrides or [])


def answer(as_json: bool, value: Any, text: str) -> None:
    """Print one JSON object, or the text for people."""
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else text)


def counted(number: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
