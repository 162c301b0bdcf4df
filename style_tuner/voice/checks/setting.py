"""How a text is set: how often its sentences end, and how many of its letters are capitals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from style_tuner.voice.segment import words

LEAST_ENDS, LEAST_CAPITALS = 0.25, 0.1
"""Share of the author's own rate below which a text has lost its sentence ends, its capitals; a page that names nobody
may have a quarter of the usual capitals."""
SHOUTED = 0.5
"""Share of capitals among the letters beyond which a text is set in capitals: prose has a thirtieth."""
RARE = 0.005
"""An author whose own rate is below this has no habit to hold a text against."""
_ENDS = re.compile(r"[.!?…]+")


@dataclass(frozen=True)
class Setting:
    """Sentence ends a word, and capitals a letter."""

    ends: float
    capitals: float


def setting_of(texts: Sequence[str]) -> Setting:
    """Measure some texts together."""
    ends = sum(len(_ENDS.findall(text)) for text in texts)
    small, large = (sum(sum(map(kind, text)) for text in texts) for kind in (str.islower, str.isupper))
    return Setting(ends / max(1, sum(len(words(text)) for text in texts)), large / max(1, small + large))


def faults(found: Setting, own: Setting) -> list[tuple[float, str]]:
    """Return how far a text is set otherwise than the author ever sets one (0 to 1, 1 wholly), each in a sentence."""
    said = []
    if own.ends > RARE and found.ends < LEAST_ENDS * own.ends:
        rate = f"one in {1 / found.ends:.0f} words" if found.ends else "none at all"
        sentence = f"It has hardly any sentence ends: {rate}; in your own writing there is one in {1 / own.ends:.0f}."
        said.append((1 - found.ends / (LEAST_ENDS * own.ends), sentence))
    if own.capitals > RARE and found.capitals < LEAST_CAPITALS * own.capitals:
        sentence = "It has hardly any capitals, where your own writing begins sentences and names with them."
        said.append((1 - found.capitals / (LEAST_CAPITALS * own.capitals), sentence))
    if own.capitals < SHOUTED < found.capitals:
        sentence = f"It is set in capitals: {found.capitals:.0%} of its letters are; in your own writing "
        said.append(((found.capitals - SHOUTED) / (1 - SHOUTED), f"{sentence}{own.capitals:.0%} are."))
    return said
