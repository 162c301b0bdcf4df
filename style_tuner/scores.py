"""The scores kept in a workspace, and how one is said in a few words."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from style_tuner import score_report
from style_tuner.workspace import Workspace, read_json


def scores(workspace: Workspace) -> list[tuple[str, dict[str, Any]]]:
    """Return the scores kept in the workspace, file name and value, the newest first."""
    if not workspace.scores.is_dir():
        return []
    return [(path.stem, _read(path)) for path in sorted(workspace.scores.glob("*.json"), reverse=True)]


@lru_cache(maxsize=64)
def _read(path: Path) -> dict[str, Any]:
    """Return a score, read once: no score is ever written again, and that of a whole novel has megabytes."""
    return dict(read_json(path))


def interval(score: dict[str, Any]) -> str:
    """Return a score as `72 (61–80)`, or that there is none."""
    if score["score"] is None:
        return "no number"
    if score_report.held(score):
        return f"held at {score['score']:.0f} by a check"
    if score["low"] is None:
        return f"{score['score']:.0f}"
    return f"{score['score']:.0f} ({score['low']:.0f}–{score['high']:.0f})"


def newest_of(workspace: Workspace, model: str) -> str:
    """Return the newest score of a model, in words, or nothing."""
    for _, value in scores(workspace):
        if model in value["models"]:
            return interval(value["models"][model])
    return ""
