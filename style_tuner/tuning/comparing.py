"""How alike two models answer: the distribution of each next token over passages that both read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from style_tuner.records import Message

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Conversation = Sequence[Message]
PROBE: Conversation = (
    Message("system", "You are an author of fiction."),
    Message("user", "Write a scene in which two people wait for news in a house by the sea."),
    Message(
        "assistant",
        "The lamp had burned low before either of them spoke. Outside, the wind went round the house like a "
        "thing that had lost its way, and now and then the shutter answered it.\n\n“He said he would send word,” she "
        "said at last.\n\n“He said a great many things.” He did not look up from the fire.",
    ),
)
"""What is read where no passages of the author's are at hand."""
MOST_TOKENS = 768
"""Tokens read in all, so that three answers of a vocabulary of 128,256 take 1.2 GB beside a model of 16 GB."""


def token_rows(tokenizer: PreTrainedTokenizerBase, passages: Sequence[Conversation]) -> list[list[int]]:
    """Return the token ids of each passage with its request, as training reads them, `MOST_TOKENS` in all.

    The room is shared out evenly, so that the beginnings of several passages are read rather than one whole passage.
    """
    room = MOST_TOKENS // max(1, len(passages))
    rows: list[Any] = []
    for passage in passages:
        if tokenizer.chat_template:
            told = [asdict(message) for message in passage]
            encoded: Any = tokenizer.apply_chat_template(told, tokenize=True, return_dict=True)
            rows.append(encoded["input_ids"])
        else:  # trained on plain text
            rows.append(tokenizer("\n\n".join(message.content for message in passage[1:]))["input_ids"])
    return [list(row)[:room] for row in rows]


def answers(model: Any, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return log probabilities of shape (tokens of all rows, vocabulary), float32."""
    import torch

    with torch.inference_mode():
        said = [model.eval()(input_ids=torch.tensor([list(row)])).logits[0].float() for row in rows]
        return torch.log_softmax(torch.cat(said), dim=-1)


def divergence(expected: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Return the Kullback-Leibler divergence of each token's distribution, in nats."""
    return (expected.exp() * (expected - found)).sum(-1)


def agreement(expected: torch.Tensor, found: torch.Tensor) -> float:
    """Return the share of tokens for which both name the same likeliest next token."""
    same: float = (expected.argmax(-1) == found.argmax(-1)).float().mean().item()
    return same
