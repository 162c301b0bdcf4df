"""The author's own wording of the system prompt: every version is kept, and the next dataset is made with the last."""

from __future__ import annotations

import time

from style_tuner.errors import DatasetError
from style_tuner.workspace import Workspace, append_jsonl, read_jsonl

VERSIONS = "system_prompts.jsonl"
MOST_WORDS = 120
"""It stands in every row and before every draft, where small models have little room."""


def edited_prompt(workspace: Workspace) -> str | None:
    """Return the author's own system prompt, or None where the measured one is to be used."""
    kept = read_jsonl(workspace.profiles / VERSIONS)
    return kept[-1]["text"] if kept else None


def keep_prompt(workspace: Workspace, text: str) -> None:
    """Keep an edited system prompt for the next dataset; the versions before it stay in the file."""
    text = " ".join(text.split())
    if not text:
        raise DatasetError("The system prompt is empty: write one, or go back to the measured one.")
    if (words := len(text.split())) > MOST_WORDS:
        raise DatasetError(f"The system prompt has {words} words and at most {MOST_WORDS} are of use: shorten it.")
    _append(workspace, text)


def back_to_measured(workspace: Workspace) -> None:
    """Let the next dataset use the measured system prompt again."""
    _append(workspace, None)


def _append(workspace: Workspace, text: str | None) -> None:
    append_jsonl(workspace.profiles / VERSIONS, {"created": time.time(), "text": text})
