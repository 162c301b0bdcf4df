"""What starting an engine takes, and how it takes in voices of later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from style_tuner.config import is_hub_name
from style_tuner.privacy import quiet_environment
from style_tuner.serving.voices import BASE, Voice

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that no other machine can reach."""
Admit = Callable[[Voice, bool], None]


@dataclass(frozen=True)
class Plan:
    """How to start an engine: its command, the variables added to ours, and the models it will answer for.

    `admit` adds a voice to the running engine, or reads again one that it has (then its second value is true), or
    raises `ServerError` with the reason and the remedy. `room` is how often that can be done until the engine is
    started again, None without a limit.
    """

    engine: str
    command: tuple[str, ...]
    environment: dict[str, str]
    models: dict[str, str]
    prepare: Callable[[], None]
    admit: Admit | None = None
    room: int | None = None
    preload: tuple[str, ...] = ()
    """Models to load before the server is called up; the others load when first asked for."""


def engine_environment(models: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep an engine quiet, and offline where every model is on this disk."""
    offline = {} if any(is_hub_name(model) for model in models.values()) else {"HF_HUB_OFFLINE": "1"}
    return quiet_environment() | offline


def left_out(plan: Plan, voices: Sequence[Voice]) -> str:
    """Say which models are not served, and how they would be."""
    names = ", ".join(voice.name for voice in voices)
    remedy = "merge first, or another base model"
    if plan.engine == "vllm":
        remedy = "another base model; or a whole model, which is served alone: serve --voice NAME=FOLDER"
    said = [f"Not served: {names} ({remedy})."] if names else []
    if BASE not in plan.models:
        said.append("The base model is not served: vLLM serves one whole model at a time.")
    return " ".join(said)
