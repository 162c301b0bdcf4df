"""A small world and short ways to check sentences against it, for the tests of the continuity check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.continuity.check import Finding, check_draft
from style_tuner.records import Entry, Moment


def entry(name: str, text: str, *aliases: str, kind: str = "character", **more: Any) -> Entry:
    return Entry(id=name.lower().replace(" ", "-"), name=name, text=text, kind=kind, aliases=aliases, **more)


ELENA = entry("Elena Voss", "She has grey eyes and short black hair. She is tall and thirty-four. A pilot.", "Elena")
MARCUS = entry(
    "Marcus Reed", "He lost his left arm at Callisto. Brother of Elena Voss. He was born in 2140 in Tharsis.", "Marcus"
)
SHIP = entry(
    "The Lark", "A two-masted brig with a grey hull, thirty feet long, built in 2101 at Tharsis.", "Lark", kind="thing"
)
TOWN = entry("Tharsis", "A harbour town with nine gates, four miles north of Syrtis.", kind="place")
SYRTIS = entry("Syrtis", "A mining town with a red tower.", kind="place")
WORLD = (ELENA, MARCUS, SHIP, TOWN, SYRTIS)


def found(text: str, entries: Sequence[Entry] = WORLD, chapter: int | None = None) -> list[Finding]:
    return list(check_draft(text, entries, Moment(chapter=chapter)).findings)


def kinds(text: str, entries: Sequence[Entry] = WORLD, chapter: int | None = None) -> list[tuple[str, str]]:
    return [(one.kind, one.certainty) for one in found(text, entries, chapter)]
