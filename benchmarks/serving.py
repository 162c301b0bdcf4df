"""Measure how fast base model, merged voice and hot adapter write, alone and many at once, on the engine at hand.

    python -m benchmarks.serving --json
    python -m benchmarks.serving --model meta-llama/Llama-3.1-8B-Instruct --voice FOLDER --engine vllm
    python -m benchmarks.serving --shape 1b --tokens 24 --rounds 2 --json

vLLM is started with base and adapter and again with the merged model alone, for that is how each is served; figures
are medians over rounds that take turns. transformers serves no adapters: there only base and merged model are measured.
Without `--voice` a LoRA of rank 16 with random weights is made for the model: how fast a model writes does not depend
on what it has learned. `--shape` makes the base model, too, of random weights: what an adapter costs beside the model
depends on the model's size. The last line is one JSON object: for `base`, `merged`, `adapter` and each number of
requests at once, tokens a second of all together, seconds until the first token (median), and seconds of the processor
a reply. `adapter_of_merged` is the ratio of their tokens a second; `by_processor` that of the processor's time, which
other programs on the machine disturb less: without a GPU it says what the engine's own work is. It is the least of the
rounds, for vLLM's processes use the processor while they wait for each other, too, and longer on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from benchmarks.random_model import SHAPES, write_model
from style_tuner.config import STARTER_MODEL, SamplingConfig, ServingConfig, resolve_model
from style_tuner.records import Message
from style_tuner.serving import server
from style_tuner.serving.client import stream_chat
from style_tuner.serving.engines import choose_engine
from style_tuner.tokenizer import load_tokenizer
from style_tuner.workspace import Workspace

REQUEST = (
    Message("system", "You are a fiction author."),
    Message("user", "Write a long scene in which two people wait for news in a house by the sea."),
)
RANK = 16
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True)
class Timed:
    """One reply, the seconds until its first piece came, and whether it was cut at the longest reply."""

    first: float
    text: str
    cut: bool


def write(url: str, model: str, sampling: SamplingConfig, seed: int) -> Timed:
    """Have one reply written and time it."""
    began = time.perf_counter()
    first = 0.0
    with stream_chat(url, model, REQUEST, sampling, seed) as stream:
        for _ in stream:
            first = first or time.perf_counter() - began
    return Timed(first, stream.text, stream.finish_reason == "length")


def together(
    url: str, model: str, number: int, sampling: SamplingConfig, seed: int, tokenizer: Any
) -> dict[str, float]:
    """Have that many replies written at once; return tokens a second of all and the median time to the first."""
    began = time.perf_counter()
    with ThreadPoolExecutor(number) as pool:
        found = list(pool.map(lambda place: write(url, model, sampling, seed + place), range(number)))
    took = time.perf_counter() - began
    # Random words are cut into other tokens than they were written in, so that a whole reply is not counted again.
    counts = [sampling.max_tokens if one.cut else len(tokenizer(one.text).input_ids) for one in found]
    return {
        "tokens_per_second": sum(counts) / took,
        "first_token_seconds": statistics.median(one.first for one in found),
    }


def processor_seconds(pid: int | None) -> float:
    """Return the seconds that a process and its children have had of the processor."""
    root = psutil.Process(pid)
    times = (process.cpu_times() for process in (root, *root.children(recursive=True)))
    return float(sum(time.user + time.system for time in times))


def random_voice(base: str, folder: Path) -> Path:
    """Write an adapter with random weights for the model, and the model merged with it; return their folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    tuned: Any = get_peft_model(model, LoraConfig(r=RANK, target_modules=TARGETS, task_type="CAUSAL_LM"))
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    tokenizer = AutoTokenizer.from_pretrained(base)
    for path in (folder / "adapter", folder / "merged"):
        tokenizer.save_pretrained(path)
    tuned.save_pretrained(folder / "adapter")
    tuned.merge_and_unload().save_pretrained(folder / "merged")
    return folder


def measure(chosen: argparse.Namespace, home: Path) -> dict[str, Any]:
    """Serve and time each of the three; rounds take turns, so that a busy moment does not fall on one alone."""
    if chosen.shape:
        write_model(chosen.shape, home / "base", vocab_size=SHAPES["starter"]["vocab_size"])
        say("The model is written")
    base = str(home / "base") if chosen.shape else resolve_model(chosen.model)
    voice = chosen.voice or random_voice(base, home / "voice")
    sampling, tokenizer = SamplingConfig(max_tokens=chosen.tokens), load_tokenizer(base)
    engine = choose_engine(ServingConfig(engine=chosen.engine))
    served: list[tuple[str, dict[str, Path], dict[str, str]]] = [
        (base, {"voice": voice / "adapter"}, {"base": "base", "adapter": "voice"}),
        (str(voice / "merged"), {}, {"merged": "base"}),
    ]
    if engine == "transformers":  # which serves no adapters, but several whole models
        served = [(base, {"voice": voice / "merged"}, {"base": "base", "merged": "voice"})]
    found: dict[str, dict[int, list[dict[str, float]]]] = {}
    for number in range(chosen.rounds):
        for model, voices, names in served:
            workspace = Workspace(home / "home", "default")
            config = ServingConfig(port=chosen.port, engine=chosen.engine, max_model_len=chosen.max_model_len)
            server.start(workspace, config, model, voices)
            try:
                state = server.wait_until_up(workspace)
                for shown, name in names.items():
                    write(state.url, name, sampling, 0)  # the first reply pays for what is loaded late
                    for requests in chosen.requests:
                        say(f"Round {number + 1} of {chosen.rounds}: {shown}, {requests} at once")
                        before = processor_seconds(state.engine_pid)
                        timed = together(state.url, name, requests, sampling, 1000 * number, tokenizer)
                        timed["processor_seconds"] = (processor_seconds(state.engine_pid) - before) / requests
                        found.setdefault(shown, {}).setdefault(requests, []).append(timed)
            finally:
                server.stop(workspace)
    result: dict[str, Any] = {
        shown: {
            requests: {key: round(middle(key, [one[key] for one in rounds]), 3) for key in rounds[0]}
            for requests, rounds in by_number.items()
        }
        for shown, by_number in found.items()
    }
    pairs = {key: (one, result["merged"][key]) for key, one in result.get("adapter", {}).items()}
    ratios = {
        key: round(one["tokens_per_second"] / other["tokens_per_second"], 3) for key, (one, other) in pairs.items()
    }
    work = {key: round(other["processor_seconds"] / one["processor_seconds"], 3) for key, (one, other) in pairs.items()}
    settings = {
        "engine": engine,
        "model": chosen.shape or chosen.model,
        "tokens": chosen.tokens,
        "rounds": chosen.rounds,
    }
    return settings | result | {"adapter_of_merged": ratios or None, "by_processor": work or None}


def middle(key: str, values: list[float]) -> float:
    """Return what stands for a figure of several rounds: the median, of the processor's time the least."""
    return min(values) if key == "processor_seconds" else statistics.median(values)


def say(text: str) -> None:
    """Tell how far it is, beside the result."""
    sys.stderr.write(text + "\n")


def main() -> None:
    """Measure and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description="Tokens a second and time to the first token, served.")
    parser.add_argument("--model", default=str(STARTER_MODEL), help="Base model: folder or Hub name.")
    parser.add_argument("--shape", choices=sorted(SHAPES), help="Random weights of this shape, in place of a model.")
    parser.add_argument("--voice", type=Path, help="Folder with `adapter` and `merged`; default: random weights.")
    parser.add_argument("--engine", default="auto", choices=["auto", "vllm", "transformers"])
    parser.add_argument("--requests", type=int, nargs="+", default=[1, 8, 32], help="Requests at once.")
    parser.add_argument("--tokens", type=int, default=128, help="Longest reply.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--max-model-len", type=int, default=None)
    parser.add_argument("--json", action="store_true", help="Print one JSON object on the last line.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        result = measure(chosen, Path(home))
    if chosen.json:
        print(json.dumps(result))
        return
    for shown in ("base", "merged", "adapter"):
        for requests, figures in result.get(shown, {}).items():
            speed, first = figures["tokens_per_second"], figures["first_token_seconds"]
            print(f"{shown:8} {requests:3} at once: {speed:8.1f} tokens/s, first token after {first:.3f} s")
    print(f"Adapter against merged: {result['adapter_of_merged']}, by the processor's time {result['by_processor']}")


if __name__ == "__main__":
    main()
