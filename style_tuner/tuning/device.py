"""What this machine computes with: the type of its arithmetic and the attention kernel, asked rather than assumed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


def compute_dtype(config: TrainingConfig) -> torch.dtype:
    """Return the type of the arithmetic: the one that was asked for, or the best that this machine has.

    `auto` is float32 on a CPU, since bfloat16 needs special cores. A GPU without bfloat16 takes float16; a CPU, which
    PyTorch does not train in float16, takes float32.
    """
    import torch

    wanted = config.wanted_dtype
    if not torch.cuda.is_available():
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if wanted == "float32":
        return torch.float32
    if wanted == "float16":
        return torch.float16
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def say_dtype(config: TrainingConfig) -> None:
    """Log the type of the arithmetic, and aloud where it is not the one that was asked for."""
    found = str(compute_dtype(config)).removeprefix("torch.")
    wanted = config.wanted_dtype
    if wanted in ("auto", found):
        log.info("Arithmetic in %s.", found)
    else:
        log.warning("Arithmetic in %s: this machine does not train in %s, which the settings ask for.", found, wanted)


def attention_kernel(config: TrainingConfig, dtype: torch.dtype, supports_sdpa: bool = True) -> str:
    """Return the attention kernel to use, by its Transformers name; a replaced one is said aloud.

    Flash attention is tried on this GPU rather than looked up: the package may be there and its kernel not fit.
    """
    wanted = config.attn_implementation
    plain = "sdpa" if supports_sdpa and wanted != "eager" else "eager"
    if wanted in ("sdpa", "eager"):
        if plain != wanted:
            log.warning("Attention: eager, since this model does not work with SDPA.")
        return plain
    reason = _flash_fault(dtype)
    if reason is None:
        log.info("Attention: flash attention 2.")
        return "flash_attention_2"
    level = logging.WARNING if wanted == "flash_attention_2" else logging.INFO
    name = "PyTorch's own (SDPA)" if plain == "sdpa" else "eager, the slowest"
    log.log(level, "Attention: %s, since flash attention %s.", name, reason)
    return plain


def _flash_fault(dtype: torch.dtype) -> str | None:
    """Return why flash attention cannot be used here, or None where a small try works."""
    import torch

    if not torch.cuda.is_available():
        return "needs a GPU"
    if dtype == torch.float32:
        return "computes in bfloat16 or float16 alone"
    try:
        from flash_attn import flash_attn_func
    except ImportError as error:
        return f"is not installed ({error})"
    few: Any = torch.zeros(1, 16, 2, 64, dtype=dtype, device="cuda")
    try:
        flash_attn_func(few, few, few, causal=True)
        torch.cuda.synchronize()
    except RuntimeError as error:
        return f"does not run on this GPU ({str(error).splitlines()[0]})"
    return None
