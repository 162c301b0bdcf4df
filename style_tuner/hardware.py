"""What the machine has, asked without loading an ML library; cheap enough to ask every two seconds."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

import psutil

_MEBIBYTE = 1024**2


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
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=name,memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(gpu for line in answer.splitlines() if (gpu := _parse(line)))


def _parse(line: str) -> Gpu | None:
    """Read one line of nvidia-smi; GPUs that share the main memory report `[N/A]` and count as none used."""
    fields = [field.strip() for field in line.rsplit(",", 2)]
    if len(fields) != 3:
        return None
    name, *memory = fields
    used, total = (int(value) * _MEBIBYTE if value.isdigit() else 0 for value in memory)
    return Gpu(name, used, total or psutil.virtual_memory().total)


def hardware() -> Hardware:
    """Return what the strip on the page shows."""
    memory = psutil.virtual_memory()
    return Hardware(gpus(), psutil.cpu_count() or 1, memory.total - memory.available, memory.total)
