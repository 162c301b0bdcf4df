"""What the trainer calls while it runs: lines for the page, the stop request, and loss that is no number."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

import psutil

from style_tuner.errors import ConfigError, ModelError
from style_tuner.jobs import Job

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 30.0
"""How often the log tells of the training loss; validations are always told."""


class Follower:
    """The trainer's events, turned into reports; `train` joins it to `transformers.TrainerCallback`."""

    def __init__(self, job: Job, patience: int | None) -> None:
        self.job = job
        self.patience = patience
        self._tokens = 0.0
        self._seconds = 0.0
        self._began = 0.0
        self._said = -math.inf

    def on_step_begin(self, _arguments: TrainingArguments, _state: TrainerState, *_: Any, **__: Any) -> None:
        """Start the clock of a step: validating and saving do not count as training time."""
        self._began = time.perf_counter()

    def on_step_end(
        self, _arguments: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Stop the clock; where the user asked to stop, validate, save and end here."""
        self._seconds += time.perf_counter() - self._began
        if self.job.stop_requested() and state.global_step < state.max_steps:
            log.info("Stopping at step %d of %d as asked.", state.global_step, state.max_steps)
            self.job.stopped = True
            control.should_log = control.should_evaluate = control.should_save = True
            control.should_training_stop = True
        return control

    def on_log(
        self,
        arguments: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **_: Any,
    ) -> None:
        """Report a line of training, or of validation, after which the run ends where it no longer gains by going on.

        A loss that is no number raises `LossError`.
        """
        step, total = state.global_step, state.max_steps
        if "eval_loss" in logs:
            loss = checked_loss(logs["eval_loss"], step, arguments.learning_rate)
            if total:  # the base model is validated before the run has steps
                self.job.report(
                    step, total, "training", validation_loss=loss, perplexity=perplexity(loss), epoch=state.epoch
                )
                self._say(state, f"loss on unseen passages {loss:.3f}")
                self._end_if_it_gains_nothing(state, control)
        elif "loss" in logs:
            loss = checked_loss(logs["loss"], step, arguments.learning_rate)
            tokens = logs.get("num_tokens", 0.0)
            speed = (tokens - self._tokens) / self._seconds if self._seconds else 0.0
            self._tokens, self._seconds = tokens, 0.0
            self.job.report(
                step,
                total,
                "training",
                loss=loss,
                learning_rate=logs.get("learning_rate"),
                grad_norm=logs.get("grad_norm"),
                epoch=state.epoch,
                tokens_per_second=round(speed),
                memory_gib=round(memory_in_use(), 2),
            )
            if time.monotonic() - self._said > SECONDS_BETWEEN_LINES:
                self._say(state, f"loss {loss:.3f}, {speed:,.0f} tokens a second")

    def _say(self, state: TrainerState, words: str) -> None:
        """Log how far the run is, once for all processes."""
        if state.is_world_process_zero:
            log.info("Step %d of %d, epoch %.3g: %s.", state.global_step, state.max_steps, state.epoch or 0, words)
            self._said = time.monotonic()

    def _end_if_it_gains_nothing(self, state: TrainerState, control: TrainerControl) -> None:
        """End the run after `patience` validations without a lower loss; the history survives a resume."""
        history = [row["eval_loss"] for row in state.log_history if "eval_loss" in row]
        since = len(history) - 1 - history.index(min(history))
        if self.patience is not None and since >= self.patience and state.global_step < state.max_steps:
            self.job.message = (
                f"Ended at step {state.global_step} of {state.max_steps}: the validation loss has not fallen for "
                f"{since} validations."
            )
            log.info("%s", self.job.message)
            control.should_training_stop = True


def perplexity(loss: float) -> float:
    """Return how many tokens the model wavers between on average: e to the power of the loss, 99,999 at most."""
    return round(min(math.exp(min(loss, 20.0)), 99_999.0), 2)


def memory_in_use() -> float:
    """Return GiB: the peak of the GPU's memory so far, or what this process holds of main memory."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1024**3
    return float(psutil.Process().memory_info().rss) / 1024**3


class LossError(ConfigError):
    """The training loss is no longer a number."""


def checked_loss(loss: float, step: int, learning_rate: float) -> float:
    """Return the loss, or raise a `LossError` where it is no longer finite, a `ModelError` where it never was."""
    if math.isfinite(loss):
        return loss
    if step == 0:
        raise ModelError(
            "The base model's own loss is no number: its weights are damaged, or overflow in this "
            "bnb_4bit_compute_dtype. Check it with `python -m style_tuner check-model`, or set that to float32."
        )
    raise LossError(
        f"At step {step} the loss is no longer a number: learning_rate {learning_rate:g} is too high for this model "
        f"and data. Train again with {learning_rate / 10:g}, and check the dataset for broken text."
    )
