"""Whether a merged model answers as base and adapter together do, over passages that both of them read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.tokenizer import load_tokenizer
from style_tuner.tuning.adapters import base_of, check_adapter, with_adapter
from style_tuner.tuning.check import ModelCheck, check_model
from style_tuner.tuning.comparing import PROBE, Conversation, agreement, answers, divergence, token_rows
from style_tuner.tuning.model import load_weights, model_errors

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

PASSAGES = 4
"""Held-out passages that adapter and merged model are compared over."""
LEAST_AGREEMENT = 0.95
"""Smallest share of tokens for which both name the same likeliest next token; rounding flips near ties only."""
MOST_MEMORY = 20e9
"""Bytes that a comparison may take: a model of eight billion weights is compared in bfloat16, in 16 GB."""


@dataclass(frozen=True)
class Likeness:
    """How a merged model compares with base and adapter; divergences are Kullback-Leibler, in nats a token.

    `mean_divergence` and `max_divergence` are of the merged model from the adapter, `base_divergence` is the mean of
    the base model from the adapter: how much the voice changes. They were compared over `tokens` of `passages` of the
    author's that training never saw (0: over a text of the program's own), in the type `computed_in`.
    """

    mean_divergence: float
    max_divergence: float
    base_divergence: float
    agreement: float
    passages: int
    tokens: int
    computed_in: str

    def fault(self) -> str:
        """Say how far the merged model is from the adapter where that is too far; empty where it is not."""
        most = _most_divergence(self.computed_in, self.base_divergence)
        if self.mean_divergence <= most and self.agreement >= LEAST_AGREEMENT:
            return ""
        return (
            f"The merged model does not answer as the adapter does: {self.mean_divergence:.4f} nats a token apart (at "
            f"most {most:.4f}), the same likeliest token for {self.agreement:.1%} (at least {LEAST_AGREEMENT:.0%})."
        )

    def said(self) -> str:
        """Say how near the merged model is to the adapter, and how far both are from the base."""
        return (
            f"It answers as the adapter does: {self.mean_divergence:.1e} nats a token apart, the same likeliest token "
            f"for {self.agreement:.1%} of {self.tokens} tokens; the voice itself is {self.base_divergence:.1e} nats "
            "from its base."
        )


@dataclass(frozen=True)
class Expected:
    """What base and adapter answer to `passages` (the program's own text where there are none), read as `rows`."""

    passages: Sequence[Conversation]
    rows: list[list[int]]
    dtype: torch.dtype
    base: torch.Tensor
    adapter: torch.Tensor

    def reads_alike(self, model: Path) -> bool:
        """Say whether a model's tokenizer reads the passages as the very same tokens."""
        return token_rows(load_tokenizer(str(model)), self.passages or [PROBE]) == self.rows


def tokenizer_of(base_model: str, adapter: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer that the voice was trained with."""
    return load_tokenizer(str(adapter) if (adapter / "tokenizer.json").is_file() else base_model)


def expect(base_model: str, adapter: Path, held_out: Sequence[Conversation]) -> Expected:
    """Ask base and adapter; in float32 unless memory is short."""
    import psutil
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    passages = held_out[:PASSAGES]
    rows = token_rows(tokenizer_of(base_model, adapter), passages or [PROBE])
    with torch.device("meta"), model_errors(base_model):
        empty: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            AutoConfig.from_pretrained(base_model)
        )
    needed = 5 * empty.num_parameters()  # 4 bytes each, and room to work
    short = needed > min(MOST_MEMORY, psutil.virtual_memory().available)
    dtype = torch.bfloat16 if short else torch.float32
    model = with_adapter(load_weights(base_model, dtype), adapter)
    answer = answers(model, rows)
    with model.disable_adapter():
        return Expected(passages, rows, dtype, answers(model, rows), answer)


def compare(model: Path, expected: Expected) -> Likeness:
    """Ask a merged model what base and adapter were asked."""
    merged = answers(load_weights(str(model), expected.dtype), expected.rows)
    apart = divergence(expected.adapter, merged)
    return Likeness(
        mean_divergence=apart.mean().item(),
        max_divergence=apart.max().item(),
        base_divergence=divergence(expected.adapter, expected.base).mean().item(),
        agreement=agreement(expected.adapter, merged),
        passages=len(expected.passages),
        tokens=len(apart),
        computed_in=str(expected.dtype).removeprefix("torch."),
    )


def check_against(
    model: Path,
    adapter: Path,
    base_model: str | None = None,
    held_out: Sequence[Conversation] = (),
    plain: bool = False,
) -> tuple[ModelCheck, Likeness | None]:
    """Check a model's folder, and where it is whole, that it reads and answers as the adapter does.

    The base model is the one that the adapter's own settings name, unless another place of it is given.
    """
    base = base_model or base_of(adapter)
    check_adapter(base, adapter)
    found = check_model(model, plain or not tokenizer_of(base, adapter).chat_template)
    if not found.ok:
        return found, None
    expected = expect(base, adapter, held_out)
    if not expected.reads_alike(model):
        said = (
            f"Its tokenizer reads text as other tokens than that of {adapter}, so it would write nonsense: copy the "
            "tokenizer's files and the chat template from there, or merge again."
        )
        return replace(found, ok=False, findings=(said,)), None
    likeness = compare(model, expected)
    if fault := likeness.fault():
        said = f"{fault} It is not this adapter's merged model, or was damaged: merge again."
        return replace(found, ok=False, findings=(said,)), likeness
    return replace(found, findings=(*found.findings, likeness.said())), likeness


def _most_divergence(computed_in: str, voice: float) -> float:
    """Return the largest mean divergence, in nats a token, that rounding explains.

    Merging rounds each weight to bfloat16's 8 bits, so by 0.2 % at most and at random: 0.000006 nats were seen on the
    starter model, whose voice after one epoch was 0.06 nats from its base. A faint voice must come nearer than half
    its distance from the base, or it could be lost unseen. Where the comparison itself ran in bfloat16, its own
    rounding is larger than that of the weights.
    """
    return min(0.001, max(voice / 2, 0.0001)) if computed_in == "float32" else 0.01
