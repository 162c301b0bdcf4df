"""Merge an adapter into a plain bfloat16 model, and prove that the result answers as the adapter does."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import ModelError, StorageError
from style_tuner.tokenizer import load_tokenizer
from style_tuner.tuning.check import check_model
from style_tuner.tuning.checkpoints import disk_errors
from style_tuner.tuning.comparing import PROBE, Conversation, agreement, answers, divergence, token_rows
from style_tuner.tuning.heads import lone_parts
from style_tuner.tuning.model import load_weights, model_errors
from style_tuner.tuning.quiet import quiet_libraries
from style_tuner.tuning.shards import merge_shards

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)
Report = Callable[[int, int, str], None]

PASSAGES = 4
"""Held-out passages that adapter and merged model are compared over."""
LEAST_AGREEMENT = 0.95
"""Smallest share of tokens for which both name the same likeliest next token; rounding flips near ties only."""
SHARD_SIZE = "5GB"
MOST_MEMORY = 20e9
"""Bytes that a merge may take: a model of eight billion weights is compared in bfloat16, in 16 GB."""


@dataclass(frozen=True)
class MergeReport:
    """A merged model and how it compares with base and adapter; divergences are Kullback-Leibler, in nats a token.

    `mean_divergence` and `max_divergence` are of the merged model from the adapter, `base_divergence` is the mean of
    the base model from the adapter: how much the voice changes. They were compared over `tokens` of `passages` of the
    author's that training never saw (0: over a text of the program's own), in the type `computed_in`.
    """

    output: str
    base_model: str
    adapter: str
    parameters: int
    bytes: int
    mean_divergence: float
    max_divergence: float
    base_divergence: float
    agreement: float
    passages: int
    tokens: int
    computed_in: str
    seconds: float


def merge(
    base_model: str,
    adapter: Path,
    output: Path,
    report: Report | None = None,
    held_out: Sequence[Conversation] = (),
) -> MergeReport:
    """Merge `adapter` into a bfloat16 copy of `base_model`, write it to the new folder `output`, and check it.

    Adapter and merged model are compared over the passages `held_out`.

    The folder appears whole or not at all, with weights, tokenizer, chat template and generation config. A merge that
    was interrupted goes on with the weight files that it lacks.

    Raises `StorageError` if `output` exists, `ModelError` if base or adapter are missing, damaged or do not belong
    together, or if the merged model does not answer as the adapter does.
    """
    quiet_libraries()
    began = time.monotonic()
    tell = report or (lambda step, total, what: log.info("%d/%d %s", step, total, what))
    if output.exists():
        raise StorageError(f"{output} exists and is not overwritten: name another folder, or move it away.")
    check_adapter(base_model, adapter)
    tokenizer = load_tokenizer(str(adapter) if (adapter / "tokenizer.json").is_file() else base_model)
    tell(0, 4, "asking the base model and the adapter")
    rows = token_rows(tokenizer, held_out[:PASSAGES] or [PROBE])
    dtype, base_answer, adapter_answer = _answers(base_model, adapter, rows)
    computed_in = str(dtype).removeprefix("torch.")
    with disk_errors(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        new = output.with_name(f".{output.name}-merging")  # found again where a merge was interrupted
        try:
            tell(1, 4, "merging")
            _write_merged(base_model, adapter, new, lambda done, of: tell(1, 4, f"merging, file {done + 1} of {of}"))
            tokenizer.save_pretrained(new)
            tell(2, 4, "checking the files")
            if token_rows(load_tokenizer(str(new)), held_out[:PASSAGES] or [PROBE]) != rows:
                raise ModelError(
                    f"The merged model's tokenizer reads text as other tokens than that of {adapter}: nothing was "
                    "kept. Serve the voice as it is, and report the base model's name."
                )
            found = check_model(new, plain=not tokenizer.chat_template)
            if not found.ok:
                raise ModelError(f"The merged model is not whole: {' '.join(found.findings)}")
            tell(3, 4, "asking the merged model")
            merged_answer = answers(load_weights(str(new), dtype), rows)
            apart = divergence(adapter_answer, merged_answer)
            alike = agreement(adapter_answer, merged_answer)
            voice = divergence(adapter_answer, base_answer).mean().item()
            _accept(apart.mean().item(), alike, _most_divergence(computed_in, voice))
            new.rename(output)
        except ModelError:
            shutil.rmtree(new, ignore_errors=True)
            raise
    tell(4, 4, "merged")
    return MergeReport(
        output=str(output),
        base_model=base_model,
        adapter=str(adapter),
        parameters=found.parameters,
        bytes=found.bytes,
        mean_divergence=apart.mean().item(),
        max_divergence=apart.max().item(),
        base_divergence=voice,
        agreement=alike,
        passages=min(len(held_out), PASSAGES),
        tokens=len(apart),
        computed_in=computed_in,
        seconds=round(time.monotonic() - began, 1),
    )


def check_adapter(base_model: str, adapter: Path) -> None:
    """Raise a `ModelError` if `adapter` is no whole adapter or was trained on another base model."""
    from safetensors import SafetensorError, safe_open

    remedy = "name the `adapter` folder of a training run, or train again"
    try:
        trained_on = str(
            json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        )
        with safe_open(adapter / "adapter_model.safetensors", framework="pt") as tensors:
            names = list(tensors.keys())
            for name in names:
                tensors.get_tensor(name)
    except FileNotFoundError as error:
        raise ModelError(
            f"{adapter} is no adapter, {Path(str(error.filename or error)).name} is missing: {remedy}."
        ) from error
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(f"The adapter {adapter} is damaged or cut short ({error}): {remedy}.") from error
    if lone := lone_parts(set(names)):
        raise ModelError(
            f"The adapter {adapter} is incomplete, {lone[0]} is there without its other half: copy it again, or "
            f"{remedy}."
        )
    if trained_on != base_model and Path(trained_on).name != Path(base_model).name:
        raise ModelError(
            f"The adapter {adapter} was trained on {trained_on}, not on {base_model}: name that base model. If it is "
            "the same model under another name, write that name into base_model_name_or_path in adapter_config.json."
        )


def _with_adapter(base: PreTrainedModel, adapter: Path) -> PeftModel:
    from peft import PeftModel

    try:
        model: PeftModel = PeftModel.from_pretrained(base, str(adapter))
    except (RuntimeError, ValueError) as error:  # shapes differ, or layers that the adapter names are not there
        raise ModelError(
            f"The adapter {adapter} does not fit {base.name_or_path}: {str(error).splitlines()[0]} Name the base model "
            "that it was trained on."
        ) from error
    return model


def _answers(
    base_model: str, adapter: Path, rows: Sequence[Sequence[int]]
) -> tuple[torch.dtype, torch.Tensor, torch.Tensor]:
    """Return the type computed in and the answers of base and adapter; float32 unless memory is short."""
    import psutil
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"), model_errors(base_model):
        empty: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            AutoConfig.from_pretrained(base_model)
        )
    needed = 5 * empty.num_parameters()  # 4 bytes each, and room to work
    short = needed > min(MOST_MEMORY, psutil.virtual_memory().available)
    dtype = torch.bfloat16 if short else torch.float32
    model = _with_adapter(load_weights(base_model, dtype), adapter)
    answer = answers(model, rows)
    with model.disable_adapter():
        return dtype, answers(model, rows), answer


def _most_divergence(computed_in: str, voice: float) -> float:
    """Return the largest mean divergence, in nats a token, that rounding explains.

    Merging rounds each weight to bfloat16's 8 bits, so by 0.2 % at most and at random: 0.000006 nats were seen on the
    starter model, whose voice after one epoch was 0.06 nats from its base. A faint voice must come nearer than half
    its distance from the base, or it could be lost unseen. Where the comparison itself ran in bfloat16, its own
    rounding is larger than that of the weights.
    """
    return min(0.001, max(voice / 2, 0.0001)) if computed_in == "float32" else 0.01


def _accept(divergence: float, agreement: float, most: float) -> None:
    if divergence > most or agreement < LEAST_AGREEMENT:
        raise ModelError(
            f"The merged model does not answer as the adapter does: {divergence:.4f} nats a token apart (at most "
            f"{most:.4f}), the same likeliest token for {agreement:.1%} (at least {LEAST_AGREEMENT:.0%}). "
            "Nothing was kept; serve the adapter as it is, and train again with a lower learning rate if this repeats."
        )


def _write_merged(base_model: str, adapter: Path, folder: Path, tell: Callable[[int, int], None]) -> None:
    """Write the merged weights file by file, or all at once by PEFT where the adapter is of a rarer kind."""
    import torch

    if merge_shards(base_model, adapter, folder, tell):
        return
    shutil.rmtree(folder, ignore_errors=True)
    model: Any = _with_adapter(load_weights(base_model, torch.bfloat16), adapter)
    model.merge_and_unload(safe_merge=True).save_pretrained(folder, max_shard_size=SHARD_SIZE)
