"""The model that a server is asked for: looked for before anything starts, and those named that are here."""

from __future__ import annotations

from pathlib import Path

from style_tuner.config import STARTER_MODEL, is_hub_name, resolve_model
from style_tuner.errors import ConfigError, ModelError, ServerError
from style_tuner.serving.voices import voices_of
from style_tuner.tuning.hub import check_access, hub_client, missing_from_cache
from style_tuner.workspace import PROJECT_ROOT, Workspace


def find_base(workspace: Workspace, named: str) -> str:
    """Return the model that a name stands for; a `ServerError` names those that are here where there is none.

    A model of the Hub may be fetched by the engine where the Hub has it and lets us read it.
    """
    if named in voices_of(workspace):
        raise ServerError(
            f"{named!r} is a voice, and a voice is served beside its base model: run `python -m style_tuner serve` "
            f"without a model's name, then write with {named!r}."
        )
    try:
        found = resolve_model(named)
    except ConfigError as error:
        raise ServerError(f"{error} {_known(workspace)}") from error
    if not is_hub_name(found) or "config.json" not in missing_from_cache(found):
        return found
    try:
        reached = check_access(found, "model", hub_client())
    except ModelError as error:
        raise ServerError(f"{error} {_known(workspace)}") from error
    if not reached:
        raise ServerError(
            f"There is no model {named!r} to serve: no folder is called so, this disk holds no copy of a Hub model of "
            "that name, and the Hub cannot be reached. Name a model folder, or connect to the network (and unset "
            f"HF_HUB_OFFLINE). {_known(workspace)}"
        )
    return found


def _known(workspace: Workspace) -> str:
    """Name the base models that can be served here, and the voices, which go by their base."""
    voices = voices_of(workspace)
    bases = (base for voice in voices.values() if (base := voice.base_model()))
    names = ", ".join(map(_short, dict.fromkeys([*bases, str(STARTER_MODEL)])))
    served = f"; without a name, the newest voice's base with the voices {', '.join(voices)}" if voices else ""
    return f"Here there are: {names}{served}."


def _short(model: str) -> str:
    """Return a model as it can be typed: a folder of the project as seen from there."""
    path = Path(model)
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else model
