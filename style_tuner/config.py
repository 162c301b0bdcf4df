"""Every default, once; validated, in plain words; YAML files hold overrides only. Imports no ML library."""

from __future__ import annotations

import copy
import difflib
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field, ValidationError, field_validator

from style_tuner.errors import ConfigError
from style_tuner.tuning.settings import OTHER_NAMES, Config
from style_tuner.tuning.settings import DatasetConfig as DatasetConfig
from style_tuner.tuning.settings import RowsConfig as RowsConfig
from style_tuner.tuning.settings import TrainingConfig as TrainingConfig
from style_tuner.workspace import PROJECT_ROOT

CONFIGS = PROJECT_ROOT / "configs"
STARTER_MODEL = PROJECT_ROOT / "data" / "starter_model"
STARTER_CONFIG = CONFIGS / "starter_cpu.yaml"
SAMPLES = PROJECT_ROOT / "data" / "samples"

Settings = TypeVar("Settings", bound=Config)


class SamplingConfig(Config):
    """How text is generated."""

    temperature: float = Field(0.9, ge=0, le=2)
    """0 always takes the likeliest token; higher is bolder."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Share of the probability that is sampled from."""
    max_tokens: int = Field(400, ge=1)
    """Longest reply, in tokens."""


class ServingConfig(Config):
    """The model server."""

    host: str = "127.0.0.1"
    """Address that the server listens on."""
    port: int = Field(8000, ge=1, le=65535)
    """Port that the server listens on."""
    engine: Literal["auto", "vllm", "transformers"] = "auto"
    """`auto` is vLLM where its environment exists, else transformers."""
    gpu_memory: float = Field(0.9, gt=0, le=1)
    """Share of the GPU's memory that vLLM may take."""
    max_model_len: int | None = Field(None, ge=64)
    """Longest prompt and reply together, in tokens; none means the model's own."""
    start_seconds: float = Field(600, gt=0)
    """How long the engine may take until it answers."""


WORLD_KEY_VARIABLE = "STYLE_TUNER_API_KEY"
"""Holds the World service's key, for the service that asks for it and for this project's own page and commands."""
EMBEDDING_VARIABLE = "STYLE_TUNER_EMBEDDING_MODEL"
"""Environment variable that names another embedding model, for the World service and for its commands alike."""


class WorldConfig(Config):
    """The World service and what it adds to a prompt."""

    host: str = "127.0.0.1"
    """Address that the service listens on."""
    port: int = Field(default=8001, ge=0, le=65535)
    """Port that the service listens on; 0 takes a free one."""
    entries: int = Field(default=5, ge=1, le=50)
    """Most entries added to one prompt, besides those that are always on."""
    words: int = Field(default=500, ge=10)
    """Most words of lore added to one prompt, fewer for a model with a small context; entries are left out whole."""
    model_url: str | None = None
    """Model server that requests are passed on to; none means the one that was started here, wherever it is now."""
    embedding_model: str = ""
    """Folder or Hub name of the model that finds what is near in meaning; empty is the packaged all-MiniLM-L6-v2."""
    passages: int = Field(default=0, ge=0, le=10)
    """Most earlier passages of the world's manuscripts added to one prompt; 0 adds none."""
    least_similarity: float = Field(default=0.25, ge=-1, le=1)
    """Cosine similarity below which an entry is not near in meaning (all-MiniLM-L6-v2)."""
    reranker: str = ""
    """Cross-encoder, by folder or Hub name, that orders the best entries anew; none by default."""
    reply_seconds: float = Field(default=600, gt=0)
    """Longest silence of the model server before a request is given up."""
    max_request_bytes: int = Field(default=64 * 2**20, ge=1024)
    """Largest request that is read, in bytes; a longer one is refused."""
    api_key: str | None = Field(default=None, pattern=r"^[!-~]+$", repr=False)
    """Key that every request must bring, except `/health`: ASCII without spaces; none means that none is asked for."""
    cors: tuple[str, ...] = ()
    """Web pages' origins that may call the service from a browser, such as http://localhost:3000; none by default."""

    @field_validator("cors")
    @classmethod
    def _one_origin_each(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^/*\s]+", origin):
                raise ValueError(f"{origin!r} is no origin: write scheme, host and port, as http://localhost:3000")
        return origins


class ScoreConfig(Config):
    """The style score."""

    least_words: int = Field(250, ge=1)
    """Below this there is no score."""
    firm_words: int = Field(1000, ge=1)
    """Drafts are pooled to this length for a firm number."""
    drafts: int = Field(8, ge=1)
    """Drafts a model is asked for when it is scored."""


class PageConfig(Config):
    """The page."""

    host: str = "127.0.0.1"
    """Address of the page."""
    port: int = Field(7860, ge=1, le=65535)
    """Port of the page."""
    max_file_size: str = "50mb"
    """Largest upload."""


def _sentences(error: ValidationError, known: type[Config], where: str) -> str:
    """Turn pydantic's findings into sentences that name key, value and remedy."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, _keys(known), n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(_keys(known))}."
            lines.append(f"the key {key!r} is unknown: {hint}")
        elif fault["type"] == "missing":
            lines.append(f"the key {key!r} is missing: add it.")
        else:
            at = f"{key!r}: " if key else ""
            said = fault["msg"].removeprefix("Value error, ").replace("valid tuple", "list such as [q_proj, v_proj]")
            lines.append(f"{at}{said}, but found {fault['input']!r}." if key else f"{said}.")
    return f"{where}: " + " ".join(lines)


def _keys(known: type[Config]) -> list[str]:
    names = []
    for name, field in known.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Config):
            names += [f"{name}.{inner}" for inner in field.annotation.model_fields]
        else:
            names.append(name)
    return names


def validated(known: type[Settings], values: dict[str, Any], where: str) -> Settings:
    """Return the settings, or raise a `ConfigError` that begins with `where`."""
    try:
        return known(**values)
    except ValidationError as error:
        raise ConfigError(_sentences(error, known, where)) from None


def load_training_config(path: Path, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Read a YAML file and apply `key=value` overrides (`dataset.min_tokens=200` reaches inside)."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        known = ", ".join(sorted(file.name for file in CONFIGS.glob("*.yaml")))
        raise ConfigError(f"The config {path} does not exist. The project has: {known}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a YAML file: {str(error).splitlines()[0]}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold `key: value` lines, but holds {type(values).__name__}.")
    values = _own_names(values, str(path))
    changed = copy.deepcopy(values)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise ConfigError(f"The override {override!r} must have the form key=value.")
        target = changed
        *parents, last = key.strip().split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise ConfigError(f"--set {override}: the key {parent!r} has no keys inside it.")
        target[OTHER_NAMES.get(last, last) if not parents else last] = yaml.safe_load(value)
    try:
        return validated(TrainingConfig, changed, str(path))
    except ConfigError:
        validated(TrainingConfig, values, str(path))  # if the file is right by itself, the overrides are not
        return validated(TrainingConfig, changed, " ".join(f"--set {override}" for override in overrides))


def _own_names(values: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the settings with the names that other guides use turned into this project's."""
    named: dict[str, Any] = {}
    for key, value in values.items():
        own = OTHER_NAMES.get(key, key)
        if own in named:
            raise ConfigError(f"{where}: {own} is set twice, once as {key!r} or another of its names: keep one.")
        named[own] = value
    return named


def config_hash(config: Config) -> str:
    """Return the first 12 hex digits of the SHA-256 of the settings."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:12]


_HUB_NAME = re.compile(r"(?!.*(?:--|\.\.))(?:\w(?:[\w.-]*\w)?/)?\w(?:[\w.-]*\w)?", re.ASCII)


def resolve_model(name: str) -> str:
    """Return a model folder's absolute path, or a Hub name such as `meta-llama/Llama-3.1-8B-Instruct` or `gpt2`.

    A name that lies in a folder that is here, such as `data/starter`, is a mistyped folder and none of the Hub.
    """
    for folder in (Path(name).expanduser(), PROJECT_ROOT / name):
        if (folder / "config.json").is_file():
            return str(folder.resolve())
        if folder.is_dir():
            raise ConfigError(f"The folder {folder} is not a model: it has no config.json.")
    owner = name.rpartition("/")[0]
    near = any((place / part).exists() for place in (Path(), PROJECT_ROOT) for part in (name, owner) if part)
    if not near and len(name) <= 96 and _HUB_NAME.fullmatch(name):
        return name
    raise ConfigError(
        f"The base model {name!r} does not exist: name a folder that holds config.json, or a Hub model "
        "such as meta-llama/Llama-3.1-8B-Instruct."
    )


def is_hub_name(resolved: str) -> bool:
    """Say whether a resolved model must come from the Hub rather than from a folder."""
    return not Path(resolved).is_absolute()
