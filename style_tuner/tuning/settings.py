"""The settings of a training run and of its rows, each default once; imports no ML library."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ATTENTION_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj")
LINEAR_LAYERS = (*ATTENTION_LAYERS, "gate_proj", "up_proj", "down_proj")
TARGET_SETS = {"lite": ATTENTION_LAYERS, "full": LINEAR_LAYERS}
"""Names for two usual sets of layers: attention alone, and every linear layer."""
OTHER_NAMES = {
    "batch_size": "per_device_batch_size",
    "per_device_train_batch_size": "per_device_batch_size",
    "num_train_epochs": "num_epochs",
    "optim": "optimizer",
    "target_modules": "lora_target_modules",
}
"""Spellings of other guides and libraries, read as this project's own keys."""


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


class RowsConfig(Config):
    """Where rows come from that are not made of manuscripts, and how they are read."""

    source: str | None = None
    """File (.jsonl, .csv, .parquet), folder of them, or Hub name; none means the workspace's own dataset."""
    format: Literal["auto", "chat", "instruction", "prompts", "completion", "text"] = "auto"
    """What the columns are; `auto` tells it from their names."""
    system_prompt: str = ""
    """System message of rows that bring none (instruction rows); empty means none."""
    template: str | None = None
    """Text of a row with its columns in braces, such as `{style_name}`; none means the format's own."""
    response_template: str | None = None
    """Mark after which the loss begins in plain text, and in chats of a model without a chat template."""
    validation_size: int | float | None = None
    """Rows (or share of them) to validate on: of the validation split, else parted from training; none means all."""

    @field_validator("validation_size")
    @classmethod
    def _some(cls, value: float | None) -> float | None:
        if value is not None and (value <= 0 or (isinstance(value, float) and value >= 1)):
            raise ValueError("must be a number of rows from 1, or a share between 0 and 1")
        return value


class TrainingConfig(Config):
    """One training run; the keys are those of the guide, so its YAML works as it is."""

    base_model: str
    """Hub name, folder, or path inside the project of the model to tune."""
    model_type: str = "auto"
    """Architecture the base model must have, such as LlamaForCausalLM; `auto` takes any language model."""
    method: Literal["lora", "full"] = "lora"
    """Train an adapter beside frozen weights, or every weight of the model."""
    load_in_4bit: bool = True
    """QLoRA: keep the base model's weights in 4 bits; off by itself for `load_in_8bit` and `method: full`."""
    load_in_8bit: bool = False
    """Keep the base model's weights in 8 bits (LLM.int8, Dettmers et al. 2022)."""
    bnb_4bit_quant_type: Literal["nf4", "fp4"] = "nf4"
    """4-bit number format (Dettmers et al. 2023)."""
    bnb_4bit_compute_dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of the arithmetic; `auto` is bfloat16 on a GPU that has it, else float16, float32 on CPU."""
    bnb_4bit_use_double_quant: bool = True
    """Quantise the quantisation constants too: 0.4 bits less a weight."""
    bf16: bool = False
    """Ask for bfloat16 arithmetic, as other guides do."""
    fp16: bool = False
    """Ask for float16 arithmetic, as other guides do."""
    attn_implementation: Literal["auto", "flash_attention_2", "sdpa", "eager"] = "auto"
    """Attention kernel; `auto` takes the first that works here, and one that does not work is replaced by the next."""
    lora_r: int = Field(32, ge=1, le=1024)
    """Rank of the adapter."""
    lora_alpha: int = Field(64, ge=1)
    """Scaling of the adapter, usually twice the rank."""
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout before the adapter."""
    lora_target_modules: tuple[str, ...] = LINEAR_LAYERS
    """Linear layers that get an adapter, or `lite` (attention) or `full` (all, which beat attention alone)."""
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
    warmup_ratio: float | None = Field(None, ge=0, lt=1)
    """Share of all steps to the peak rate, in place of `warmup_steps`."""
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
    """Recompute activations where memory asks for it: less memory, about a fifth slower."""
    keep_activations: bool = True
    """Keep activations in place of recomputing them wherever they fit into memory: the same result, faster."""
    output_dir: str = "checkpoints"
    """Folder for checkpoints: inside the run's folder, or an absolute path, where the voice is copied to as well."""
    save_steps: int | Literal["auto"] = "auto"
    """Steps between checkpoints and validations; `auto` is four an epoch, but 10 steps apart, and one an epoch."""
    save_total_limit: int = Field(3, ge=1)
    """Checkpoints kept, the best always among them."""
    logging_steps: int = Field(10, ge=1)
    """Steps between lines of metrics."""
    report_to: tuple[Literal["tensorboard", "wandb"], ...] = ("tensorboard",)
    """Who else gets the metrics: `tensorboard` (files in the run's folder), `wandb` (leaves this machine), `none`."""
    run_name: str | None = None
    """Name of the run for W&B and the Hub; `{time}` in it becomes the time of the start."""
    push_to_hub: bool = False
    """Upload the voice to the Hugging Face Hub: it leaves this machine."""
    hub_model_id: str | None = None
    """Repository to upload to; none means the user's own, named as the run."""
    hub_private_repo: bool = True
    """Make that repository private."""
    hub_strategy: Literal["every_save", "end"] = "every_save"
    """Upload with every checkpoint, or once at the end."""
    start_from: str | None = None
    """Training run (its id) or folder of an adapter whose voice this run goes on from; none begins with a new one."""
    early_stopping: int | None = Field(8, ge=1)
    """Validations in a row without a lower loss after which the run ends; none means never. The best is kept anyway."""
    samples: int = Field(2, ge=0, le=8)
    """Requests of the validation rows that are answered before the first and after every epoch, to be read."""
    sample_tokens: int = Field(80, ge=8, le=120)
    """Longest such answer, in tokens."""
    probe: Literal["auto"] | bool = "auto"
    """Try two steps at the longest rows first, with half the batch where memory is full; `auto` does so on a GPU."""
    seed: int = 1
    """Seed of the adapter's first weights, dropout and the order of rows."""
    dataset: DatasetConfig = DatasetConfig()
    """How the rows were, or are to be, prepared for this model."""
    rows: RowsConfig = RowsConfig()
    """Where rows come from that are not made of manuscripts."""

    @field_validator("lora_target_modules", mode="before")
    @classmethod
    def _target_set(cls, value: Any) -> Any:
        return TARGET_SETS.get(value, value) if isinstance(value, str) else value

    @field_validator("report_to", mode="before")
    @classmethod
    def _reports(cls, value: Any) -> Any:
        return (() if value == "none" else (value,)) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _quantised_unless_said(cls, values: Any) -> Any:
        """Take 4 bits for granted only where nothing else was asked for."""
        if isinstance(values, dict) and "load_in_4bit" not in values:
            other = values.get("load_in_8bit") is True or values.get("method") == "full"
            return {**values, "load_in_4bit": not other}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> TrainingConfig:
        if self.load_in_4bit and self.load_in_8bit:
            raise ValueError("load_in_4bit and load_in_8bit are both true: set one of them to false")
        if self.method == "full" and (self.load_in_4bit or self.load_in_8bit):
            bits = "load_in_4bit" if self.load_in_4bit else "load_in_8bit"
            raise ValueError(
                f"method full trains every weight, and quantised weights cannot be trained: set {bits} to false, or "
                "method to lora"
            )
        asked = {name for name, on in (("bfloat16", self.bf16), ("float16", self.fp16)) if on}
        if self.bnb_4bit_compute_dtype != "auto":
            asked.add(self.bnb_4bit_compute_dtype)
        if len(asked) > 1:
            raise ValueError(
                f"bf16, fp16 and bnb_4bit_compute_dtype ask for {' and '.join(sorted(asked))} at once: keep one of them"
            )
        if self.save_steps != "auto" and self.save_steps < 1:
            raise ValueError(f"save_steps {self.save_steps} must be 1 or more, or auto")
        if self.warmup_steps != "auto" and self.warmup_steps < 0:
            raise ValueError(f"warmup_steps {self.warmup_steps} must be 0 or more, or auto")
        if self.warmup_ratio is not None and self.warmup_steps != "auto":
            raise ValueError("warmup_ratio and warmup_steps are both set: keep one of them")
        if self.push_to_hub and not (self.hub_model_id or self.run_name):
            raise ValueError("push_to_hub is true, but the repository has no name: set hub_model_id, or run_name")
        return self

    @property
    def wanted_dtype(self) -> str:
        """Type of the arithmetic that was asked for, by whichever key."""
        return "float16" if self.fp16 else "bfloat16" if self.bf16 else self.bnb_4bit_compute_dtype

    @property
    def technique(self) -> str:
        """The method with its quantisation, in words."""
        if self.method == "full":
            return "full fine-tuning"
        if self.load_in_4bit:
            return f"QLoRA (4-bit {self.bnb_4bit_quant_type})"
        return "8-bit LoRA" if self.load_in_8bit else "LoRA"
