"""Errors of the World that are told apart: what is not there is answered 404, what was written since 409."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from style_tuner.errors import WorldError
from style_tuner.records import Entry

SHOWN = 300
"""Characters of an entry's text in the sentence of an error."""


class UnknownWorldError(WorldError):
    """No world has this name."""

    def __init__(self, world: str, known: Sequence[str]) -> None:
        there = f"There are: {', '.join(known)}." if known else "There are none yet."
        super().__init__(
            f"There is no world named {world!r}. {there} Make it with `python -m rag index {world!r} --input FOLDER`."
        )


class UnknownEntryError(WorldError):
    """A world has no entry with this id."""

    def __init__(self, world: str, entry_id: str) -> None:
        super().__init__(f"The world {world!r} has no entry {entry_id!r}: look up its id in the list of entries.")


class WrittenSinceError(WorldError):
    """An entry was written anew, or deleted, after the version that was edited."""

    def __init__(self, name: str, version: int, now: Entry | None, now_version: int) -> None:
        self.now = now
        self.version = now_version
        there = f"It says now: {shorten(now.text, SHOWN, placeholder=' …')!r}" if now else "It is deleted now"
        edited = f"after version {version}, which was edited" if version else "after this one was begun"
        super().__init__(
            f"{name} was changed by somebody else {edited}, so nothing was saved. {there}. "
            f"Take that in, or save with version {now_version} to put yours in its place."
        )


class TooLongError(WorldError):
    """A request alone has more tokens than the served model's context."""


class OwnedError(WorldError):
    """Another process owns the worlds."""
