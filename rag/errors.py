"""Errors of the World that are told apart: what is not there is answered 404, what is owned can be waited for."""

from __future__ import annotations

from collections.abc import Sequence

from style_tuner.errors import WorldError


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


class TooLongError(WorldError):
    """A request alone has more tokens than the served model's context."""


class OwnedError(WorldError):
    """Another process owns the worlds."""
