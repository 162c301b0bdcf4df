from pathlib import Path

import pytest

from style_tuner import hardware


def nvidia_smi(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def test_gpus_are_read_from_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, "echo 'NVIDIA GeForce RTX 5090, 3174, 32607'; echo 'NVIDIA GB10, [N/A], [N/A]'")
    monkeypatch.setenv("PATH", str(tmp_path))
    first, shared = hardware.gpus()
    assert first == hardware.Gpu("NVIDIA GeForce RTX 5090", 3174 * 1024**2, 32607 * 1024**2)
    assert (shared.memory_used, shared.memory_total) == (0, hardware.hardware().memory_total)


def test_a_driver_that_does_not_answer_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hardware.gpus() == ()
    nvidia_smi(tmp_path, "echo 'NVIDIA-SMI has failed'; exit 9")
    assert hardware.gpus() == ()


def test_cores_and_memory_are_positive() -> None:
    found = hardware.hardware()
    assert found.cores >= 1
    assert 0 < found.memory_used < found.memory_total
