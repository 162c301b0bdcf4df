"""Measure what an adapter costs beside the model in one layer on vLLM's CPU build, by vLLM itself and by the plugin.

    .venv-vllm/bin/python benchmarks/lora_on_cpu.py

Counts the processor's time on one thread, so that other programs on the machine do not matter. A line a model's shape,
rank and number of tokens: milliseconds for the layer's seven linear maps, for the adapter by vLLM's own operations and
by `scripts/vllm_cpu`, and what share of merged speed that leaves to the linear maps.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "scripts" / "vllm_cpu" / "style_tuner_lora_on_cpu.py"
SHAPES = {"starter": (256, 128, 704), "1b": (2048, 512, 8192)}
"""Width of a layer, of its keys and values, and between its two halves."""
RANKS, TOKENS = (16, 64), (1, 8, 32, 64)


def module(path: Path) -> ModuleType:
    """Load a module by its path, without the package around it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def milliseconds(work: Callable[[], None], seconds: float = 0.6) -> float:
    """Return the shortest of several times that some work takes of the processor."""
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return 1000 * min(times)


def measure(shape: str, rank: int, tokens: int, vllm: ModuleType, own: ModuleType) -> str:
    """Return one line of figures."""
    width, keys, wide = SHAPES[shape]
    sizes = [(width, width), (width, keys), (width, keys), (width, width), (width, wide), (width, wide), (wide, width)]
    of = torch.bfloat16
    maps = [torch.randn(out, into, dtype=of) for into, out in sizes]
    first = [torch.randn(2, 1, rank, into, dtype=of) for into, _ in sizes]
    second = [torch.randn(2, 1, out, rank, dtype=of) for _, out in sizes]
    inputs = [torch.randn(tokens, into, dtype=of) for into, _ in sizes]
    outputs = [torch.zeros(tokens, out, dtype=of) for _, out in sizes]
    which = torch.zeros(tokens, dtype=torch.long)

    def linear() -> None:
        for x, weight in zip(inputs, maps, strict=True):
            torch.nn.functional.linear(x, weight)

    def adapter(by: ModuleType) -> Callable[[], None]:
        def work() -> None:
            for x, y, down, up in zip(inputs, outputs, first, second, strict=True):
                between = torch.zeros(tokens, rank)
                by.bgmv_shrink(x, down, between, which, 1.0)
                by.bgmv_expand_slice(between, up, y, which, 0, y.shape[1], True)

        return work

    model, theirs, ours = (milliseconds(work) for work in (linear, adapter(vllm), adapter(own)))
    return (
        f"{shape:8} rank {rank:3} tokens {tokens:3}: model {model:6.2f} ms, adapter by vLLM {theirs:7.2f} ms "
        f"({model / (model + theirs):.2f} of merged), by the plugin {ours:5.2f} ms ({model / (model + ours):.2f})"
    )


def main() -> None:
    """Print every line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    found = importlib.util.find_spec("vllm")
    if found is None or found.origin is None:
        sys.exit("Run this with the Python of .venv-vllm, which `make vllm` makes.")
    torch.set_num_threads(1)
    vllm = module(Path(found.origin).parent / "lora" / "ops" / "torch_ops" / "lora_ops.py")
    own = module(OWN)
    for shape in SHAPES:
        for rank in RANKS:
            for tokens in TOKENS:
                sys.stdout.write(measure(shape, rank, tokens, vllm, own) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
