"""A handful of ordinary instructions with plain answers: how well a model still knows them, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from style_tuner.records import ChatExample, Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ORDINARY = (
    ("Which day comes after Monday?", "The day after Monday is Tuesday."),
    ("Name three colours.", "Three colours are red, green and blue."),
    ("How many legs does a horse have?", "A horse has four legs."),
    ("Say in one sentence what a kitchen is.", "A kitchen is a room in which food is kept and cooked."),
    ("Complete the proverb: better late than", "Better late than never."),
    (
        "Write a short note that thanks a friend for dinner.",
        "Thank you for dinner last night. It was a lovely evening.",
    ),
)
"""Requests that have nothing to do with an author's prose, each with an answer that any helpful model finds likely."""


def ability_loss(model: Any, tokenizer: PreTrainedTokenizerBase) -> float | None:
    """Return the mean loss in nats a token on the ordinary answers; None for a model without a chat template."""
    import torch

    from style_tuner.tuning.rows import prompt_and_whole

    if not tokenizer.chat_template:
        return None
    device = next(model.parameters()).device
    was_training = model.training
    total, count = 0.0, 0
    model.eval()
    try:
        with torch.no_grad():
            for asked, answered in ORDINARY:
                example = ChatExample((Message("user", asked), Message("assistant", answered)))
                prompt, whole = prompt_and_whole(example, tokenizer)
                ids = torch.tensor([whole], device=device)
                logits = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float()
                total += float(torch.nn.functional.cross_entropy(logits, ids[0, len(prompt) :], reduction="sum"))
                count += len(whole) - len(prompt)
    finally:
        model.train(was_training)
    return total / count
