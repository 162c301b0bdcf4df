"""Load the base model as the config asks, quantised or not, and describe its adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.errors import ConfigError, ModelError
from style_tuner.tuning.device import attention_kernel, compute_dtype, say_dtype
from style_tuner.tuning.parallel import device_map, is_sharded

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig, PretrainedConfig, PreTrainedModel


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


def load_config(config: TrainingConfig) -> PretrainedConfig:
    """Return the base model's own config; a `ConfigError` if it is not of the architecture that was asked for."""
    from transformers import AutoConfig

    model = resolve_model(config.base_model)
    with model_errors(model):
        found: PretrainedConfig = AutoConfig.from_pretrained(model)
    architectures = found.architectures or []
    if config.model_type not in ("auto", *architectures):
        raise ConfigError(
            f"model_type is {config.model_type}, but {config.base_model} is {' or '.join(architectures) or 'unnamed'}: "
            "set model_type to that or to auto, or name another base_model."
        )
    return found


def check_targets(config: TrainingConfig, found: PretrainedConfig) -> None:
    """Raise a `ConfigError` where a target is no linear layer of this model, from its config alone."""
    import torch
    from transformers import AutoModelForCausalLM

    if config.method == "full":
        return
    models: Any = AutoModelForCausalLM
    with torch.device("meta"):
        adapter_config(config, models.from_config(found))


def load_base_model(config: TrainingConfig) -> PreTrainedModel:
    """Return the base model on its device, its linear layers in 4 or 8 bits if the config says so.

    A model whose every weight is trained is held in float32, whatever the arithmetic: steps smaller than 0.4 % of a
    weight would be lost in bfloat16.
    """
    import torch

    found = load_config(config)
    dtype = compute_dtype(config)
    say_dtype(config)
    base = load_weights(
        resolve_model(config.base_model),
        torch.float32 if config.method == "full" else dtype,
        device_map=device_map(),
        quantization_config=quantisation(config, dtype),
        attn_implementation=attention_kernel(config, dtype, _supports_sdpa(found)),
    )
    if config.load_in_4bit:
        keep_gradients(base)
    return base


def quantisation(config: TrainingConfig, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """Return how bitsandbytes is to store the weights; None where they stay as they are."""
    from transformers import BitsAndBytesConfig

    if config.load_in_8bit:
        return BitsAndBytesConfig(load_in_8bit=True)  # type: ignore[no-untyped-call]
    if not config.load_in_4bit:
        return None
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type=config.bnb_4bit_quant_type,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=config.bnb_4bit_use_double_quant,
        bnb_4bit_quant_storage=dtype if is_sharded() else None,  # FSDP parts floating-point numbers alone
    )


def _supports_sdpa(found: PretrainedConfig) -> bool:
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    return bool(getattr(MODEL_FOR_CAUSAL_LM_MAPPING.get(type(found), None), "_supports_sdpa", False))


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
