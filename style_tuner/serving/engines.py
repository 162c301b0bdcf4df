"""The two engines behind one interface: which is used, what each can serve, and how it is started."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from style_tuner.config import ServingConfig, is_hub_name, resolve_model
from style_tuner.errors import ServerError
from style_tuner.serving.plan import Plan
from style_tuner.serving.transformers_engine import transformers_plan
from style_tuner.serving.vllm_engine import vllm_plan, vllm_python
from style_tuner.serving.voices import BASE, Voice
from style_tuner.workspace import read_json


def choose_engine(config: ServingConfig) -> str:
    """Return `vllm` or `transformers`; asking for a vLLM that is not installed is an error."""
    if config.engine == "transformers":
        return "transformers"
    if vllm_python() is not None:
        return "vllm"
    if config.engine == "vllm":
        raise ServerError("vLLM is not installed: run `make vllm`, or serve with --engine transformers.")
    return "transformers"


def servable(voices: Sequence[Voice], engine: str, base_model: str) -> tuple[list[Voice], list[Voice]]:
    """Divide voices into those that the engine can serve beside the base model, and the others.

    vLLM serves one whole model at a time, so that one which was trained as a whole is none of them there.
    """
    fitting: list[Voice] = []
    others: list[Voice] = []
    for voice in voices:
        folder = voice.adapter if engine == "vllm" else voice.merged
        fits = folder is not None and voice.base_model() in (None, base_model)
        (fitting if fits else others).append(voice)
    return fitting, others


def check_name(name: str) -> None:
    """Raise a `ServerError` for a name that a request cannot carry, or that is the base model's."""
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-])){0,90}(?<![.-])", name) or name == BASE:
        raise ServerError(
            f"The voice name {name!r} cannot be served: use letters, digits, underscores, and single dots or "
            f"dashes between them, and not {BASE!r}."
        )


def make_plan(config: ServingConfig, model: str, voices: Sequence[Voice], folder: Path, follow: bool = False) -> Plan:
    """Return how to serve a base model, as the user names it, and voices; `folder` is the engine's own.

    `follow` keeps room for the voices that the workspace will have.
    """
    base_model = resolve_model(model)
    for voice in voices:
        check_name(voice.name)
    if choose_engine(config) == "vllm":
        return vllm_plan(config, base_model, voices, follow)
    return transformers_plan(config, base_model, voices, folder, follow)


def context_length(config: ServingConfig, base_model: str) -> int | None:
    """Return the most tokens of prompt and reply together: the setting's or the model's own, whichever is less."""
    own = (
        None if is_hub_name(base_model) else read_json(Path(base_model) / "config.json").get("max_position_embeddings")
    )
    return min((limit for limit in (config.max_model_len, own) if limit), default=None)
