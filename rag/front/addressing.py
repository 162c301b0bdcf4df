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
ADDRESS = re.compile(r"(?P<model>.+)@(?P<world>[^@#]+)(?:#(?P<chapter>.*))?")


@dataclass(frozen=True)
class Asked:
    """The model's own name, the world or `none`, and the moment; `by_name` says that the name held the world."""

    model: str | None
    world: str
    moment: Moment
    by_name: bool = False


def asked_for(model: str | None, headers: Mapping[str, str], default_world: str | None) -> Asked:
    """Return what a request asks for; `headers` has lower-case names."""
    given = unquote(headers.get("x-chapter", "")).strip()
    chapter = _chapter(given, "The header X-Chapter") if given else None
    book = unquote(headers.get("x-book", "")).strip()
    found = ADDRESS.fullmatch(model or "")
    if found is None:
        world = unquote(headers.get("x-world", "")).strip() or default_world or NO_WORLD
        return Asked(model, world, Moment(book, chapter))
    if found["chapter"] is not None:
        chapter = _chapter(found["chapter"], f"What stands after # in the model's name {model!r}")
    return Asked(found["model"], found["world"], Moment(book, chapter), by_name=True)


def _chapter(text: str, what: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,5}", text, re.ASCII):
        raise WorldError(f"{what} must be the number of a chapter, from 1 on, but is {text!r}.")
    return int(text)
