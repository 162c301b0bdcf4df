"""How much room lore has in a prompt, in tokens of the served model where its tokenizer is here, else estimated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.errors import TooLongError
from rag.retrieval.prompt import text_of
from style_tuner.errors import StyleTunerError
from style_tuner.workspace import read_json

LETTERS_A_TOKEN = 3.5
"""Estimate for plain Latin text with invented names in it; other scripts are taken for one token a letter."""
CONTEXT_PARTS = 3
"""Lore takes at most the context divided by this."""
REPLY_PARTS = 4
"""What a request keeps free for the reply where it does not say: the context divided by this."""
CERTAINLY_TOO_LONG = 2
"""A request of which the tokens are only estimated is refused above the context times this."""
TURN_TOKENS = 8
"""What a chat template puts around each message, by a generous estimate."""


@dataclass(frozen=True)
class Ruler:
    """Counts tokens; `file` is the tokenizer of the served model, empty where it is not known."""

    file: str = ""

    @property
    def exact(self) -> bool:
        """Whether it counts, or estimates."""
        return bool(self.file)

    def tokens(self, text: str) -> int:
        """Return how many tokens a text has."""
        return _counted(self.file, text) if self.file else estimated(text)


@dataclass(frozen=True)
class Room:
    """The most lore that a prompt takes: entries besides those always on, words, and tokens (None: no limit known)."""

    entries: int
    words: int
    tokens: int | None = None
    ruler: Ruler = Ruler()
    note: str = ""


def estimated(text: str) -> int:
    """Return about how many tokens a text has for any model."""
    plain = len(text.encode("ascii", "ignore"))
    return round(plain / LETTERS_A_TOKEN) + len(text) - plain


@lru_cache(maxsize=2)
def _tokenizer(file: str, changed: float) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(file)


def _readable(file: Path) -> bool:
    """Say whether a file is a tokenizer; one that is none must not pass for an exact count."""
    try:
        _tokenizer(str(file), file.stat().st_mtime)
    except Exception:  # noqa: BLE001 - the library raises a bare Exception for a file that it cannot read
        return False
    return True


@lru_cache(maxsize=20_000)
def _counted(file: str, text: str) -> int:
    return len(_tokenizer(file, Path(file).stat().st_mtime).encode(text, add_special_tokens=False).ids)


def ruler_of(servers: Path, url: str) -> Ruler:
    """Return what counts the tokens of the model served at an address."""
    try:
        state = read_json(servers / "model.json")
        base = next(iter(state.get("models", {}).values()), "")
    except (FileNotFoundError, StyleTunerError, json.JSONDecodeError):
        return Ruler()
    if str(state.get("url", "")).rstrip("/") != url or not base:
        return Ruler()
    file = Path(str(base)) / "tokenizer.json"
    return Ruler(str(file)) if file.is_file() and _readable(file) else Ruler()


def check_length(context: int | None, fields: Mapping[str, Any], ruler: Ruler) -> None:
    """Refuse a request that alone is longer than the context: an engine may read it for minutes before it fails."""
    if not context:
        return
    prompt = fields.get("prompt", [])
    each = prompt if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else [prompt]
    ids = max((len(one) for one in each if isinstance(one, list)), default=0)
    asked = max((ruler.tokens(one) for one in each if isinstance(one, str)), default=0)
    asked += sum(ruler.tokens(text_of(dict(message))) for message in fields.get("messages", []))
    exact = ruler.exact or ids > asked
    if max(asked, ids) > context * (1 if exact else CERTAINLY_TOO_LONG):
        raise TooLongError(
            f"The request has {'' if exact else 'about '}{max(asked, ids):,} tokens, more than the {context:,} of the "
            "model's context: shorten it, or serve the model with a larger context."
        )


def tokens_left(
    context: int | None, messages: Sequence[Mapping[str, Any]], reply: int | None, ruler: Ruler
) -> tuple[int | None, str]:
    """Return how many tokens of lore a prompt may hold, and a sentence where that is less than usual."""
    if not context:
        return None, ""
    usual = context // CONTEXT_PARTS
    asked = sum(ruler.tokens(text_of(dict(message))) + TURN_TOKENS for message in messages)
    free = context - asked - (reply if reply is not None else context // REPLY_PARTS)
    if free >= usual:
        return usual, ""
    about = "" if ruler.exact else "about "
    if free <= 0:
        return 0, (
            f"The request takes {about}{asked:,} of the model's {context:,} tokens, so that no room is left for lore: "
            "shorten the request, or serve the model with a larger context."
        )
    return free, (
        f"The request takes {about}{asked:,} of the model's {context:,} tokens: only {free:,} are left for lore."
    )
