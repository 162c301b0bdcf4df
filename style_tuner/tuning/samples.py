"""Answers to a few fixed requests while a run goes on, so that an author can read what it has learned so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.config import SamplingConfig, TrainingConfig
from style_tuner.dataset.formats import Example
from style_tuner.jobs import Job
from style_tuner.records import ChatExample
from style_tuner.tuning.parallel import is_sharded, part_again
from style_tuner.tuning.rows import prompt_and_whole
from style_tuner.workspace import append_jsonl, read_jsonl

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, TrainerState

LONGEST_REQUEST = 1024
"""Tokens beyond which a request is not used: the answer should take seconds."""


@dataclass(frozen=True)
class Request:
    """What is asked, in words and in tokens."""

    prompt: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """One answer, when it was given (epoch 0 is before the first step), and the last validation loss before it.

    `loss_step` is the step of that loss; samples of older runs do not tell it.
    """

    epoch: float
    step: int
    prompt: str
    text: str
    validation_loss: float | None
    loss_step: int | None = None


def fixed_requests(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, config: TrainingConfig
) -> list[Request]:
    """Return requests spread evenly over the validation rows, those left out that are too long to answer quickly."""
    longest = min(LONGEST_REQUEST, config.max_seq_length)
    found: dict[str, Request] = {}
    for example in examples:
        ids, _ = prompt_and_whole(example, tokenizer)
        words = example.messages[-2].content if isinstance(example, ChatExample) else example.prompt
        if 0 < len(ids) <= longest:
            found.setdefault(words, Request(words, tuple(ids)))
    usable = list(found.values())
    count = min(config.samples, len(usable))
    return [usable[number * len(usable) // count] for number in range(count)]


def answers(
    model: Any, tokenizer: PreTrainedTokenizerBase, requests: Sequence[Request], config: TrainingConfig
) -> list[str]:
    """Return what the model answers now; the random state and the model's mode are left as they were."""
    import torch

    sampling = SamplingConfig()
    width = max(len(request.ids) for request in requests)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    rows = [[padding] * (width - len(request.ids)) + list(request.ids) for request in requests]
    mask = [[0] * (width - len(request.ids)) + [1] * len(request.ids) for request in requests]
    device = next(model.parameters()).device
    was_training = model.training
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        torch.manual_seed(config.seed)
        try:
            made = model.eval().generate(
                input_ids=torch.tensor(rows, device=device),
                attention_mask=torch.tensor(mask, device=device),
                max_new_tokens=config.sample_tokens,
                do_sample=True,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                top_k=0,
                use_cache=True,
                synced_gpus=is_sharded(),  # every process must ask as often as the one that answers longest
                pad_token_id=padding,
                eos_token_id=tokenizer.eos_token_id,
            )
        finally:
            model.train(was_training)
            part_again(model)
    return [str(text).strip() for text in tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)]


class Sampler:
    """The trainer's follower that writes the answers of every epoch to `samples.jsonl`."""

    def __init__(
        self, job: Job, tokenizer: PreTrainedTokenizerBase, requests: Sequence[Request], config: TrainingConfig
    ) -> None:
        self.job, self.tokenizer, self.requests, self.config = job, tokenizer, requests, config

    def on_epoch_end(self, _arguments: Any, state: TrainerState, *_: Any, model: Any, **__: Any) -> None:
        """Write down what the model answers at the end of an epoch, unless the run was asked to stop."""
        if not self.job.stop_requested():
            told = [(row["eval_loss"], int(row["step"])) for row in state.log_history if "eval_loss" in row]
            loss, at = told[-1] if told else (None, None)
            self.write(model, state.epoch or 0.0, state.global_step, loss, at)

    def write(self, model: Any, epoch: float, step: int, validation_loss: float | None, loss_step: int | None) -> None:
        """Write down what the model answers now."""
        if not self.requests:
            return
        texts = answers(model, self.tokenizer, self.requests, self.config)
        for request, text in zip(self.requests, texts, strict=True):
            sample = Sample(round(epoch, 3), step, request.prompt, text, validation_loss, loss_step)
            append_jsonl(self.job.folder / "samples.jsonl", asdict(sample))


def read_samples(folder: Path) -> list[Sample]:
    """Return a run's samples by step; of those that a resumed run wrote again, the last."""
    found = [Sample(**row) for row in read_jsonl(folder / "samples.jsonl")]
    kept = {(sample.step, sample.prompt): sample for sample in found}
    return sorted(kept.values(), key=lambda sample: sample.step)


def best_and_worst(samples: Sequence[Sample]) -> tuple[Sample, Sample] | None:
    """Return the samples of the lowest and of the highest validation loss after the start; None without both."""
    judged = [sample for sample in samples if sample.step and sample.validation_loss is not None]
    if len({sample.step for sample in judged}) < 2:
        return None
    ordered = sorted(judged, key=lambda sample: sample.validation_loss or 0.0)
    best = ordered[0]
    worst = next((one for one in reversed(ordered) if one.prompt == best.prompt and one.step != best.step), ordered[-1])
    return best, worst
