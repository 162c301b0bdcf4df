"""The voices that can be served: trained adapters, the whole models merged from them, and those trained whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from style_tuner import jobs
from style_tuner.config import STARTER_MODEL, resolve_model
from style_tuner.errors import ConfigError, ServerError
from style_tuner.workspace import Workspace, read_json

BASE = "base"


@dataclass(frozen=True)
class Voice:
    """One trained voice under the name by which the server knows it; at least one of the two folders exists."""

    name: str
    folder: Path
    adapter: Path | None
    merged: Path | None

    def adapter_settings(self) -> dict[str, object]:
        """Return what PEFT wrote into `adapter_config.json`; nothing without an adapter."""
        return dict(read_json(self.adapter / "adapter_config.json")) if self.adapter else {}

    def base_model(self) -> str | None:
        """Return the base model that the voice was trained on, resolved; None where it is not known or is gone."""
        named = self.adapter_settings().get("base_model_name_or_path")
        if self.adapter is None and (self.folder / "settings.json").is_file():
            named = read_json(self.folder / "settings.json")["config"]["base_model"]
        try:
            return resolve_model(str(named)) if named else None
        except ConfigError:
            return None


def _either(folder: Path, file: str) -> Path | None:
    return folder if (folder / file).is_file() else None


def voice_at(name: str, folder: Path) -> Voice:
    """Return the voice in an adapter folder, a merged model's folder, or a run's folder with `adapter` or `merged`."""
    folder = folder.expanduser().resolve()
    adapter = _either(folder, "adapter_config.json") or _either(folder / "adapter", "adapter_config.json")
    merged = _either(folder, "config.json") or _either(folder / "merged", "config.json")
    if not adapter and not merged:
        raise ServerError(
            f"The voice {name!r} cannot be served: {folder} is neither an adapter (adapter_config.json), nor a merged "
            "model (config.json), nor a training run's folder."
        )
    return Voice(name, folder, adapter, merged)


def has_voice(run: Path) -> bool:
    """Say whether a training run left a voice: an adapter, or a whole model where every weight was trained."""
    return any((run / name).is_file() for name in ("adapter/adapter_config.json", "merged/config.json"))


def voices_of(workspace: Workspace) -> dict[str, Voice]:
    """Return the voices of the workspace's finished training runs by run name, the newest first."""
    found = [run for run in jobs.runs(workspace, "train") if run.status in ("done", "stopped")]
    folders = {run.id: folder for run in found if has_voice(folder := workspace.runs / run.id)}
    return {name: voice_at(name, folder) for name, folder in folders.items()}


def default_base(workspace: Workspace) -> str:
    """Return the base model of the newest voice, else the starter model."""
    bases = (voice.base_model() for voice in voices_of(workspace).values())
    return next((base for base in bases if base), str(STARTER_MODEL))


def parse_voices(values: Sequence[str] | None) -> dict[str, Path] | None:
    """Read `NAME=FOLDER` arguments; none given means all of the workspace, the one word `none` means no voice."""
    if not values:
        return None
    if list(values) == ["none"]:
        return {}
    found = {}
    for value in values:
        name, equals, folder = value.partition("=")
        if not equals or not name.strip() or not folder.strip():
            raise ServerError(f"The voice {value!r} must be given as NAME=FOLDER.")
        found[name.strip()] = Path(folder.strip())
    return found


def voice_arguments(voices: Mapping[str, Path]) -> list[str]:
    """Return the arguments that `parse_voices` reads back."""
    pairs = [f"{name}={folder}" for name, folder in voices.items()] or ["none"]
    return [part for pair in pairs for part in ("--voice", pair)]
