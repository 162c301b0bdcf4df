"""Models of a few layers with the architecture and the chat template of a family, random weights and a small tokenizer.

The templates are the families' own, as TRL ships them.
"""

import importlib.util
from pathlib import Path

from style_tuner.config import STARTER_MODEL
from style_tuner.tokenizer import load_tokenizer

# family: config class, template (None for a base model), tokens of the template, end of turn
FAMILIES = {
    "llama-3.1": ("LlamaConfig", "llama3_1", [], "<|eot_id|>"),
    "llama-3.2-base": ("LlamaConfig", None, ["<|end_of_text|>"], "<|end_of_text|>"),
    "qwen2.5": ("Qwen2Config", "qwen2_5", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>"),
    "qwen3": ("Qwen3Config", "qwen3", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>"),
    "qwen3-2507": ("Qwen3Config", "qwen3_instruct_2507", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>"),
}


def template_of(name: str) -> str:
    found = importlib.util.find_spec("trl")
    assert found is not None and found.origin is not None
    return (Path(found.origin).parent / "chat_templates" / f"{name}.jinja").read_text()


def stand_in(family: str, folder: Path) -> Path:
    """Write a model of two layers and return its folder."""
    import torch
    import transformers

    kind, template, added, end = FAMILIES[family]
    tokenizer = load_tokenizer(str(STARTER_MODEL))
    tokenizer.add_special_tokens({"additional_special_tokens": added})
    tokenizer.eos_token = end
    tokenizer.chat_template = template_of(template) if template else None
    if family.startswith("qwen"):
        tokenizer.bos_token = None
        tokenizer.pad_token = "<|endoftext|>"
    torch.manual_seed(1)
    config = getattr(transformers, kind)(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    model = transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
