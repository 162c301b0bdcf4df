"""What the machine has, asked without loading an ML library; cheap enough to ask every two seconds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass

import psutil

_MEBIBYTE = 1024**2
_PROBE = """
import torch
one = torch.ones(64, 64, device='cuda', dtype=torch.bfloat16)
assert float((one @ one)[0, 0]) == 64
print(f'{torch.cuda.get_device_name()} multiplies in bfloat16')
"""


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU; memory in bytes."""

    name: str
    memory_used: int
    memory_total: int


@dataclass(frozen=True)
class Hardware:
    """GPUs, processor cores and main memory (bytes)."""

    gpus: tuple[Gpu, ...]
    cores: int
    memory_used: int
    memory_total: int


def gpus() -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs whose driver answers; none on a machine without."""
    lines, _ = _ask("name,memory.used,memory.total")
    return tuple(gpu for line in lines if (gpu := _parse(line)))


def driver() -> tuple[str, str]:
    """Return the version of NVIDIA's driver, else nothing and what was found in its place."""
    lines, fault = _ask("driver_version")
    return (lines[0].strip(), "") if lines else ("", fault or "nvidia-smi answers, but names no GPU")


def _ask(fields: str) -> tuple[list[str], str]:
    """Ask nvidia-smi for a line on each GPU; where it does not answer, return none and why."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], "nvidia-smi, which comes with NVIDIA's driver, is not there"
    query = [program, f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"nvidia-smi is there, but does not run ({error})"
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
        return [], f"nvidia-smi is there, but fails: {said[0]}"
    return done.stdout.splitlines(), ""


def _parse(line: str) -> Gpu | None:
    """Read one line of nvidia-smi; GPUs that share the main memory report `[N/A]` and count as none used."""
    fields = [field.strip() for field in line.rsplit(",", 2)]
    if len(fields) != 3:
        return None
    name, *memory = fields
    used, total = (int(value) * _MEBIBYTE if value.isdigit() else 0 for value in memory)
    return Gpu(name, used, total or psutil.virtual_memory().total)


def hardware() -> Hardware:
    """Return the GPUs, cores and memory as they are now."""
    memory = psutil.virtual_memory()
    return Hardware(gpus(), psutil.cpu_count() or 1, memory.total - memory.available, memory.total)


def gpu_computes() -> tuple[bool, str]:
    """Let the GPU multiply, in a process of its own that loads PyTorch; return whether it did, and its last words."""
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        return False, "It did not answer within three minutes"
    said = (done.stdout + done.stderr).strip().splitlines() or [f"Exit code {done.returncode}"]
    return done.returncode == 0, said[-1]
