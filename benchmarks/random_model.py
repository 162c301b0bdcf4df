"""A model with random weights of a known shape, rows to train it on, and the arithmetic that this takes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from style_tuner.config import STARTER_MODEL, TrainingConfig
from style_tuner.tuning.memory import shape_of

LLAMA_8B = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": LLAMA_8B
    | {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    | {"num_key_value_heads": 2, "head_dim": 16, "vocab_size": 4096, "tie_word_embeddings": True},
    "starter": LLAMA_8B
    | {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 6, "num_attention_heads": 8}
    | {"num_key_value_heads": 4, "head_dim": 32, "vocab_size": 4096, "tie_word_embeddings": True},
    "1b": LLAMA_8B
    | {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "head_dim": 64}
    | {"tie_word_embeddings": True},
    "8b": LLAMA_8B,
}
CONTEXT = 2048
SHORTEST, LONGEST = 500, 2000


def rows(count: int, vocabulary: int) -> tuple[list[list[int]], list[list[int]]]:
    """Return token rows with their labels: a tenth is the request, and tokens are as unequally common as words are."""
    import numpy as np

    random = np.random.default_rng(1)
    ids, labels = [], []
    for length in random.integers(SHORTEST, LONGEST + 1, count):
        row = (random.zipf(1.2, length) % (vocabulary - 10) + 10).tolist()
        ids.append(row)
        labels.append([-100] * (length // 10) + row[length // 10 :])
    return ids, labels


def write_model(shape: str, folder: Path, **changes: Any) -> None:
    """Write a model with random weights in bfloat16, and the starter model's tokenizer, which is only looked at.

    `changes` are of the shape: a vocabulary as small as that tokenizer's makes a model whose replies can be read.
    """
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    from style_tuner.tokenizer import load_tokenizer

    torch.manual_seed(1)
    settings = LlamaConfig(**SHAPES[shape] | changes, max_position_embeddings=CONTEXT, dtype="bfloat16")
    build: Any = AutoModelForCausalLM.from_config
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = build(settings)
    torch.set_default_dtype(before)
    model.save_pretrained(folder)
    load_tokenizer(str(STARTER_MODEL)).save_pretrained(folder)


def flops_a_token(shape: dict[str, Any], config: TrainingConfig, length: float) -> float:
    """Return the arithmetic that a trained token needs, without what is computed twice.

    Frozen weights take part in the forward pass and in the gradient of their inputs (4 operations a weight), the
    adapter in the gradient of its own weights too (6); causal attention multiplies half of all pairs, twice forward
    and four times backward.
    """
    found = shape_of(shape)
    adapter = found.layers * config.lora_r * sum(sum(sizes) for sizes in found.linear.values())
    weights = found.linear_parameters + found.vocabulary * found.hidden
    attention = 6 * found.layers * found.heads * found.head_size * length
    return float(4 * weights + 6 * adapter + attention)


def peak_flops(dtype_name: str) -> float:
    """Return the operations a second of this machine's best matrix product, against which the training is held."""
    import torch

    on_gpu = torch.cuda.is_available()
    size = 8192 if on_gpu else 1024
    made = torch.randn(size, size, dtype=getattr(torch, dtype_name), device="cuda" if on_gpu else "cpu")
    seconds = []
    for _ in range(8):
        synchronise()
        began = time.perf_counter()
        made @ made
        synchronise()
        seconds.append(time.perf_counter() - began)
    return float(2 * size**3 / min(seconds))


def synchronise() -> None:
    """Wait until the GPU, if there is one, has done what it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
