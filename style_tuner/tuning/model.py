"""Load the base model as the config asks, quantised or not, and describe its adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig
    from transformers import PretrainedConfig, PreTrainedModel


@contextmanager
def model_errors(model: str) -> Iterator[None]:
    """Turn what Transformers and safetensors raise on a missing or damaged model into a sentence with the remedy."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        if is_hub_name(model):
            raise ModelError(
                f"The model {model} cannot be fetched from the Hugging Face Hub ({reason}). Check the network; if the "
                "model asks for consent, accept its licence on its page and set HF_TOKEN; or download it elsewhere and "
                "set base_model to its folder."
            ) from error
        raise ModelError(
            f"The model folder {model} cannot be read ({reason}). Copy or download it again: config.json, every "
            ".safetensors file and the tokenizer's files belong in it."
        ) from error


def compute_dtype(config: TrainingConfig) -> torch.dtype:
    """Return the type of the arithmetic; on CPU float32 unless the config insists, since bfloat16 needs special cores.

    Raises `ConfigError` for float16 on CPU, which PyTorch does not train in.
    """
    import torch

    wanted = config.bnb_4bit_compute_dtype
    if wanted == "auto":
        if not torch.cuda.is_available():
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if wanted == "float16" and not torch.cuda.is_available():
        raise ConfigError("bnb_4bit_compute_dtype float16 needs a GPU: set it to auto or float32.")
    dtype: torch.dtype = getattr(torch, wanted)
    return dtype


def load_config(config: TrainingConfig) -> PretrainedConfig:
    """Return the base model's own config; a `ConfigError` if it is not of the architecture that was asked for."""
    from transformers import AutoConfig

    model = resolve_model(config.base_model)
    with model_errors(model):
        found: PretrainedConfig = AutoConfig.from_pretrained(model)
    architectures = found.architectures or []
    if config.model_type not in architectures:
        raise ConfigError(
            f"model_type is {config.model_type}, but {config.base_model} is {' or '.join(architectures) or 'unnamed'}: "
            "set model_type to that, or name another base_model."
        )
    return found


def load_base_model(config: TrainingConfig) -> PreTrainedModel:
    """Return the base model on its device, its linear layers in 4 bits if the config says so."""
    import torch
    from transformers import BitsAndBytesConfig

    load_config(config)
    model = resolve_model(config.base_model)
    dtype = compute_dtype(config)
    quantisation = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type=config.bnb_4bit_quant_type,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=config.bnb_4bit_use_double_quant,
    )
    base = load_weights(
        model,
        dtype,
        device_map={"": 0 if torch.cuda.is_available() else "cpu"},
        quantization_config=quantisation if config.load_in_4bit else None,
    )
    keep_gradients(base)
    return base


def load_weights(model: str, dtype: torch.dtype, **arguments: Any) -> PreTrainedModel:
    """Return a causal language model, whole: one that lacks weights is a `ModelError`, not filled at random."""
    from transformers import AutoModelForCausalLM

    with model_errors(model):
        answer: Any = AutoModelForCausalLM.from_pretrained(model, dtype=dtype, output_loading_info=True, **arguments)
    base: PreTrainedModel = answer[0]
    found = answer[1]
    if found["missing_keys"]:
        missing = sorted(found["missing_keys"])
        raise ModelError(
            f"The model {model} lacks {len(missing)} tensors, such as {missing[0]}: copy or download it again."
        )
    return base


def keep_gradients(model: torch.nn.Module) -> None:
    """Keep bitsandbytes from repacking 4-bit weights for inference on CPUs with AVX512-BF16.

    The first forward pass in eval mode would swap in a kernel that has no gradients, and training after it (any run
    that validates) would go wrong without an error (bitsandbytes 0.50, `nn.Linear4bit.forward`).
    """
    from bitsandbytes.nn.modules import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def adapter_config(config: TrainingConfig, model: PreTrainedModel) -> LoraConfig:
    """Return the adapter's settings; a `ConfigError` if a target is no linear layer of this model."""
    import torch
    from peft import LoraConfig

    linear = {name.split(".")[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    linear -= {"lm_head"}
    unknown = [name for name in config.lora_target_modules if name not in linear]
    if unknown:
        raise ConfigError(
            f"lora_target_modules names {', '.join(unknown)}, which {config.base_model} does not have: choose from "
            f"{', '.join(sorted(linear))}."
        )
    return LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(config.lora_target_modules),
        task_type="CAUSAL_LM",
    )
