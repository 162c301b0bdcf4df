"""The one place that loads a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from style_tuner.config import is_hub_name
from style_tuner.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a model folder or Hub model, as `config.resolve_model` names it.

    Raises `ModelError` where the folder has none, or the Hub cannot be reached or refuses.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError, KeyError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        remedy = (
            "check the name and the connection, and for a model behind a licence accept it on the Hub and set HF_TOKEN"
            if is_hub_name(model)
            else "the folder needs tokenizer.json and tokenizer_config.json: copy them from where the model came from"
        )
        raise ModelError(f"The tokenizer of {model!r} cannot be loaded ({first_line}): {remedy}.") from error
    # It warns once that a text is longer than the model reads; whoever counts tokens says so in words of its own.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    return tokenizer
