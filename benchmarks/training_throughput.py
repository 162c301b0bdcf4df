"""Measure how fast a model trains: plain TRL, this project's settings, and a LoRA in bfloat16, side by side.

python -m benchmarks.training_throughput --shape starter --json

The model has random weights of the shape that is asked for, so nothing is downloaded. All train on the same rows of
500 to 2,000 tokens with the same effective batch, optimiser, adapter and order of rows. `plain` is TRL as it comes:
padded batches, recomputed activations, PyTorch's attention. Each measurement is a process of its own, and they take
turns, so that other work on the machine hits all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from benchmarks.random_model import (
    CONTEXT,
    LONGEST,
    SHAPES,
    SHORTEST,
    flops_a_token,
    peak_flops,
    rows,
    synchronise,
    write_model,
)
from style_tuner.config import TrainingConfig
from style_tuner.tuning.memory import GIBIBYTE

VARIANTS = ("plain", "ours", "bf16_lora")
BATCH = 4
WARM_UP = 1
"""Steps that are not timed: the first allocates memory and chooses kernels."""


def settings_of(variant: str, model: Path, quantised: bool, steps: int, accumulation: int) -> TrainingConfig:
    """Return the guide's recipe on this model; without dropout, so that the losses can be compared to the digit."""
    return TrainingConfig(
        base_model=str(model),
        load_in_4bit=quantised and variant != "bf16_lora",
        bnb_4bit_compute_dtype="bfloat16" if variant == "bf16_lora" or quantised else "float32",
        lora_r=64,
        lora_alpha=128,
        lora_dropout=0,
        per_device_batch_size=BATCH,
        gradient_accumulation_steps=accumulation,
        max_seq_length=CONTEXT,
        optimizer="adamw_torch",
        num_epochs=1,
        warmup_steps=0,
        lr_scheduler_type="constant",
        save_steps=steps,
        logging_steps=1,
        report_to=(),
    )


class Clock:
    """Notes time, loss and tokens of every step; `trainer.callback` joins it to Transformers' class."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.processor_seconds: list[float] = []
        self.losses: list[float] = []
        self.tokens = [0.0]
        self._began = (0.0, 0.0)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clocks."""
        synchronise()
        self._began = (time.perf_counter(), time.process_time())

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop the clocks."""
        synchronise()
        self.seconds.append(time.perf_counter() - self._began[0])
        self.processor_seconds.append(time.process_time() - self._began[1])

    def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
        """Note the step's loss and how many real tokens have been seen."""
        if "loss" in logs:
            self.losses.append(logs["loss"])
            self.tokens.append(logs["num_tokens"])


def _own_trainer(config: TrainingConfig, data: Any, folder: Path, clock: Any) -> Any:
    """Return this project's trainer, with the rows in the order of `_plain_trainer`, so that losses can be compared."""
    from torch.utils.data import SequentialSampler

    from style_tuner.jobs import Job
    from style_tuner.tokenizer import load_tokenizer
    from style_tuner.tuning.schedule import plan_schedule
    from style_tuner.tuning.trainer import make_trainer

    tokenizer = load_tokenizer(config.base_model)
    schedule = plan_schedule(config, len(data))
    trainer = make_trainer(config, schedule, folder, tokenizer, data, data.select([0]), Job(folder), callbacks=[clock])
    trainer.args.save_strategy = trainer.args.eval_strategy = "no"
    trainer.order = SequentialSampler(data)
    return trainer


def _plain_trainer(config: TrainingConfig, data: Any, folder: Path, clock: Any) -> Any:
    """Return TRL's trainer with nothing but what makes it comparable."""
    import torch
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from style_tuner.tokenizer import load_tokenizer
    from style_tuner.tuning.model import adapter_config, load_weights, quantisation

    on_gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if on_gpu else torch.float32
    model = load_weights(
        config.base_model,
        dtype,
        device_map={"": 0 if on_gpu else "cpu"},
        quantization_config=quantisation(config, dtype),
    )
    arguments = SFTConfig(
        output_dir=str(folder),
        use_cpu=not on_gpu,
        bf16=on_gpu,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_scheduler_type,
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        optim=config.optimizer,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        max_length=CONTEXT,
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="sequential",
        logging_steps=1,
        save_strategy="no",
        seed=config.seed,
        report_to="none",
        disable_tqdm=True,
    )
    return SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=data,
        processing_class=load_tokenizer(config.base_model),
        peft_config=adapter_config(config, model),
        callbacks=[clock],
    )


def measure(
    variant: str, model: Path, quantised: bool, steps: int, accumulation: int, cap: float | None
) -> dict[str, Any]:
    """Train once in this process and return what was seen; the warm-up is left out of the speed, not of the loss."""
    import resource

    import torch
    from datasets import Dataset

    from style_tuner.tuning.quiet import quiet_libraries
    from style_tuner.tuning.trainer import callback

    quiet_libraries()
    on_gpu = torch.cuda.is_available()
    if on_gpu and cap:
        torch.cuda.set_per_process_memory_fraction(min(1.0, cap * GIBIBYTE / torch.cuda.mem_get_info()[1]))
    shape = json.loads((model / "config.json").read_text())
    ids, labels = rows(steps * BATCH * accumulation, shape["vocab_size"])
    data = Dataset.from_dict({"input_ids": ids, "labels": labels})
    config = settings_of(variant, model, quantised, steps, accumulation)
    clock = callback(Clock)
    with tempfile.TemporaryDirectory() as folder:
        make = _plain_trainer if variant == "plain" else _own_trainer
        trainer = make(config, data, Path(folder), clock)
        trainer.train()
        peak = (
            torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        )
    tokens = clock.tokens[-1] - clock.tokens[WARM_UP]
    seconds = sum(clock.seconds[WARM_UP:])
    return {
        "tokens_per_second": tokens / seconds,
        "tokens_per_processor_second": tokens / sum(clock.processor_seconds[WARM_UP:]),
        "peak_memory_gib": peak / GIBIBYTE,
        "loss": clock.losses[-1],
        "losses": clock.losses,
        "flops_per_second": tokens * flops_a_token(shape, config, statistics.mean(map(len, ids))) / seconds,
        "rows_at_a_time": trainer.args.per_device_train_batch_size,
        "recomputed": bool(trainer.args.activation_checkpointing),
    }


def _in_own_process(variant: str, model: Path, chosen: argparse.Namespace, quantised: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.training_throughput", "--measure", variant, "--model", str(model)]
    command += ["--steps", str(chosen.steps), "--accumulation", str(chosen.accumulation)]
    command += ["--quantised"] if quantised else []
    command += ["--memory-cap-gib", str(chosen.memory_cap_gib)] if chosen.memory_cap_gib else []
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parent.parent)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    speed, own = answer["tokens_per_second"], answer["tokens_per_processor_second"]
    sys.stderr.write(f"{variant}: {speed:.0f} tokens/s, {own:.0f} a processor second, loss {answer['loss']:.4f}\n")
    return answer


def summary(measured: list[dict[str, Any]], peak: float) -> dict[str, Any]:
    """Return the medians of one variant's measurements."""
    good = [one for one in measured if "error" not in one]
    if not good:
        return {"tokens_per_second": None, "peak_memory_gib": None, "loss": None, "error": measured[0]["error"]}

    def median(key: str) -> float:
        return float(statistics.median(one[key] for one in good))

    return {
        "tokens_per_second": round(median("tokens_per_second"), 1),
        "tokens_per_processor_second": round(median("tokens_per_processor_second"), 1),
        "peak_memory_gib": round(median("peak_memory_gib"), 2),
        "loss": round(median("loss"), 5),
        "flop_use": round(median("flops_per_second") / peak, 4),
        "rows_at_a_time": good[0]["rows_at_a_time"],
        "activations_computed_twice": good[0]["recomputed"],
        "runs": [round(one["tokens_per_second"], 1) for one in good],
        "losses": [round(loss, 5) for loss in good[0]["losses"]],
    }


def compare(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure the variants in turn, as often as asked for, and return their medians and the ratios."""
    import torch

    on_gpu = torch.cuda.is_available()
    folder = Path(tempfile.mkdtemp(prefix="throughput-"))
    try:
        write_model(chosen.shape, folder)
        if on_gpu:
            torch.cuda.empty_cache()
        measured: dict[str, list[dict[str, Any]]] = {variant: [] for variant in VARIANTS}
        for _ in range(chosen.rounds):
            for variant in VARIANTS:
                measured[variant].append(_in_own_process(variant, folder, chosen, on_gpu))
    finally:
        shutil.rmtree(folder)
    peaks = {variant: peak_flops("bfloat16" if on_gpu or variant == "bf16_lora" else "float32") for variant in VARIANTS}
    found: dict[str, Any] = {variant: summary(measured[variant], peaks[variant]) for variant in VARIANTS}
    plain, ours = found["plain"], found["ours"]
    both = plain["tokens_per_second"] and ours["tokens_per_second"]
    return {
        "shape": chosen.shape,
        "device": torch.cuda.get_device_name() if on_gpu else f"CPU, {torch.get_num_threads()} threads",
        "weights": "NF4, arithmetic in bfloat16" if on_gpu else "float32 (no quantisation, for both)",
        "rows": f"{SHORTEST} to {LONGEST} tokens, {BATCH * chosen.accumulation} a step, {chosen.steps} steps",
        "memory_cap_gib": chosen.memory_cap_gib,
        "load": round(os.getloadavg()[0], 1),
        **found,
        "speedup": round(ours["tokens_per_second"] / plain["tokens_per_second"], 3) if both else None,
        "speedup_processor": round(ours["tokens_per_processor_second"] / plain["tokens_per_processor_second"], 3)
        if both
        else None,
    }


def main() -> None:
    """Read the arguments; the last line printed is one JSON object with `--json`, else a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="starter")
    parser.add_argument("--steps", type=int, default=4, help="optimiser steps, of which the first is not timed")
    parser.add_argument("--accumulation", type=int, default=4, help="batches of 4 rows in a step")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turn")
    parser.add_argument("--memory-cap-gib", type=float, help="GPU memory that each may use")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    parser.add_argument("--measure", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--quantised", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.steps <= WARM_UP:
        parser.error(f"--steps must be more than {WARM_UP}: the first is not timed.")
    if chosen.measure:
        answer = measure(
            chosen.measure, chosen.model, chosen.quantised, chosen.steps, chosen.accumulation, chosen.memory_cap_gib
        )
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    found = compare(chosen)
    if chosen.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name}: {value}\n")


if __name__ == "__main__":
    main()
