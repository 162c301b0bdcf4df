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
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from style_tuner.errors import ConfigError
from style_tuner.workspace import PROJECT_ROOT

CONFIGS = PROJECT_ROOT / "configs"
STARTER_MODEL = PROJECT_ROOT / "data" / "starter_model"
STARTER_CONFIG = CONFIGS / "starter_cpu.yaml"
SAMPLES = PROJECT_ROOT / "data" / "samples"

Settings = TypeVar("Settings", bound="Config")


class Config(BaseModel):
    """Base of all settings: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetConfig(Config):
    """How manuscripts become training rows."""

    min_tokens: int = Field(500, ge=16)
    """Shortest passage, in tokens of the chosen model's tokenizer (the guide's value)."""
    max_tokens: int = Field(2000, ge=32)
    """Longest passage, in tokens; a single longer paragraph is set aside, not cut."""
    split: float = Field(0.9, gt=0.5, lt=1)
    """Share of passages for training; the rest is for validation, by contiguous block."""
    held_out: float = Field(0.1, ge=0, lt=0.5)
    """Share set aside first, by contiguous block, that only scoring sees."""
    scene_share: float = Field(0.6, ge=0, le=1)
    """Share of rows whose request describes the scene; the others continue the lines before it."""
    min_passages: int = Field(12, ge=4)
    """Fewest passages that are worth training on."""
    seed: int = 1
    """Seed of every random choice in the preparation."""

    @model_validator(mode="after")
    def _ordered(self) -> DatasetConfig:
        if self.max_tokens < self.min_tokens * 2:
            raise ValueError(
                f"max_tokens {self.max_tokens} must be at least twice min_tokens {self.min_tokens}, "
                "so that whole paragraphs fit"
            )
        return self


class TrainingConfig(Config):
    """One training run; the keys are those of the guide, so its YAML works as it is."""

    base_model: str
    """Hub name, folder, or path inside the project of the model to tune."""
    model_type: str = "LlamaForCausalLM"
    """Architecture the base model must have."""
    load_in_4bit: bool = True
    """QLoRA: keep the base model's weights in 4 bits."""
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = "nf4"
    """4-bit number format (Dettmers et al. 2023)."""
    bnb_4bit_compute_dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of the arithmetic; `auto` is bfloat16 on a GPU that has it, else float16, float32 on CPU."""
    bnb_4bit_use_double_quant: bool = True
    """Quantise the quantisation constants too: 0.4 bits less a weight."""
    lora_r: int = Field(32, ge=1, le=1024)
    """Rank of the adapter."""
    lora_alpha: int = Field(64, ge=1)
    """Scaling of the adapter, usually twice the rank."""
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout before the adapter."""
    lora_target_modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Linear layers that get an adapter; all of them beat attention alone (LoRA Without Regret, 2025)."""
    learning_rate: float = Field(2e-4, gt=0, lt=1)
    """Peak learning rate."""
    num_epochs: float = Field(3, gt=0)
    """Passes over the training rows."""
    per_device_batch_size: int = Field(4, ge=1)
    """Rows at a time on one device."""
    gradient_accumulation_steps: int = Field(4, ge=1)
    """Batches for each optimiser step."""
    warmup_steps: int | Literal["auto"] = "auto"
    """Steps to the peak rate; `auto` is 5 % of all steps."""
    max_seq_length: int = Field(2048, ge=64)
    """Longest row in tokens; longer ones are reported before the start."""
    packing: bool = False
    """Fill rows with several examples, attention kept apart."""
    optimizer: str = "paged_adamw_8bit"
    """Optimiser, by its Transformers name."""
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    """Course of the learning rate."""
    weight_decay: float = Field(0.01, ge=0)
    """Decoupled weight decay."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are scaled down to this norm."""
    gradient_checkpointing: bool = True
    """Recompute activations: less memory, about a fifth slower."""
    output_dir: str = "checkpoints"
    """Folder for checkpoints, inside the run's folder."""
    save_steps: int | Literal["auto"] = "auto"
    """Steps between checkpoints and validations; `auto` is four an epoch, but 10 steps apart, and one an epoch."""
    save_total_limit: int = Field(3, ge=1)
    """Checkpoints kept, the best always among them."""
    logging_steps: int = Field(10, ge=1)
    """Steps between lines of metrics."""
    seed: int = 1
    """Seed of the adapter's first weights, dropout and the order of rows."""
    dataset: DatasetConfig = DatasetConfig()
    """How the rows were, or are to be, prepared for this model."""

    @model_validator(mode="after")
    def _steps(self) -> TrainingConfig:
        if self.save_steps != "auto" and self.save_steps < 1:
            raise ValueError(f"save_steps {self.save_steps} must be 1 or more, or auto")
        if self.warmup_steps != "auto" and self.warmup_steps < 0:
            raise ValueError(f"warmup_steps {self.warmup_steps} must be 0 or more, or auto")
        return self


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


class WorldConfig(Config):
    """The World service and what it adds to a prompt."""

    host: str = "127.0.0.1"
    """Address that the service listens on."""
    port: int = Field(default=8001, ge=0, le=65535)
    """Port that the service listens on; 0 takes a free one."""
    entries: int = Field(default=5, ge=1, le=50)
    """Most entries added to one prompt, besides those that are always on."""
    words: int = Field(default=350, ge=10)
    """Most words of lore added to one prompt, fewer for a model with a small context; entries are left out whole."""
    model_url: str = "http://127.0.0.1:8000/v1"
    """Model server that requests are passed on to."""
    least_similarity: float = Field(default=0.25, ge=-1, le=1)
    """Cosine similarity below which an entry is not near in meaning (all-MiniLM-L6-v2)."""
    reply_seconds: float = Field(default=600, gt=0)
    """Longest silence of the model server before a request is given up."""


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
            near = difflib.get_close_matches(key, _keys(known), n=1, cutoff=0.5)
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
        target[last] = yaml.safe_load(value)
    try:
        return validated(TrainingConfig, changed, str(path))
    except ConfigError:
        validated(TrainingConfig, values, str(path))  # if the file is right by itself, the overrides are not
        return validated(TrainingConfig, changed, " ".join(f"--set {override}" for override in overrides))


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
