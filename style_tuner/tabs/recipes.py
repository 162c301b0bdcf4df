"""The recipes in `configs/`, named on the page by what each is for: the first line of the file."""

from __future__ import annotations

from pathlib import Path

from style_tuner.config import CONFIGS
from style_tuner.workspace import PROJECT_ROOT


def label(path: Path) -> str:
    """Return the path as a command would name it, from the project's folder."""
    return str(path.relative_to(PROJECT_ROOT))


def path_of(name: str) -> Path:
    """Return the file of a recipe."""
    return PROJECT_ROOT / name


def purpose(path: Path) -> str:
    """Return what a recipe is for, as its first line says."""
    with path.open(encoding="utf-8") as stream:
        line = stream.readline().strip()
    return line.lstrip("# ").split(":")[0] if line.startswith("#") else path.stem


def choices() -> list[tuple[str, str]]:
    """Return what a choice of recipes offers."""
    return [(purpose(path), label(path)) for path in sorted(CONFIGS.glob("*.yaml"))]
