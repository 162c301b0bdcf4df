"""Which model, which world and which moment of the story a request asks for: by the model's name or by headers; pure.

`MODEL@WORLD` and `MODEL@WORLD#12` (chapter 12) are for editors that can only choose a model. What they do not say is
taken from the headers X-World, X-Book and X-Chapter, percent-encoded where they are not ASCII, and then from the
service's default world.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from style_tuner.errors import WorldError
from style_tuner.records import Moment

NO_WORLD = "none"
ADDRESS = re.compile(r"(?P<model>.+)@(?P<world>[^@#]+)(?:#(?P<chapter>\d{1,6}))?")


@dataclass(frozen=True)
class Asked:
    """The model's own name, the world or `none`, and the moment; `by_name` says that the name held the world."""

    model: str | None
    world: str
    moment: Moment
    by_name: bool = False


def asked_for(model: str | None, headers: Mapping[str, str], default_world: str | None) -> Asked:
    """Return what a request asks for; `headers` has lower-case names."""
    chapter = _chapter(unquote(headers.get("x-chapter", "")).strip())
    book = unquote(headers.get("x-book", "")).strip()
    found = ADDRESS.fullmatch(model or "")
    if found is None:
        world = unquote(headers.get("x-world", "")).strip() or default_world or NO_WORLD
        return Asked(model, world, Moment(book, chapter))
    named = int(found["chapter"]) if found["chapter"] else chapter
    return Asked(found["model"], found["world"], Moment(book, named), by_name=True)


def _chapter(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise WorldError(f"The header X-Chapter must be the number of a chapter, but is {text!r}.")
    return int(text)
