"""Worlds of any size, made up: names of syllables, a fact sheet each, and requests that name some of them."""

from __future__ import annotations

import random
import re
import time
import zlib
from collections.abc import Sequence

import numpy as np

from rag.vectors.embed import MiniLM, Reading
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.records import Entry
from style_tuner.workspace import Workspace

WORLD = "made up"
SYLLABLES = ["ba", "de", "fi", "go", "lu", "ma", "ne", "ri", "so", "tu", "va", "ze", "kar", "lin", "mor", "nat", "pel"]
TRADES = ["ferryman", "smith", "widow", "clerk", "pilot", "healer", "thief", "judge", "weaver", "captain"]
PLACES = ["harbour", "ridge", "lighthouse", "market", "abbey", "foundry", "marsh", "observatory", "bridge", "archive"]
THINGS = ["brass arm", "red ledger", "cracked bell", "glass eye", "silver key", "torn map", "black dog", "iron ring"]
STEP = 611_953
SHAPES = 512
"""Vectors that the others are made near to, where vectors are made up."""


def entries(number: int) -> list[Entry]:
    """Return so many entries, the same ones every time; a smaller world is the beginning of a larger one."""
    return [_entry(_name(place), random.Random(place)) for place in range(number)]


def _name(place: int) -> str:
    """Return the name at that place: all differ, and neighbours are not alike."""
    place, parts = place * STEP % len(SYLLABLES) ** 5, []
    for _ in range(5):
        place, at = divmod(place, len(SYLLABLES))
        parts.append(SYLLABLES[at])
    return "".join(parts).capitalize()


def _entry(name: str, chance: random.Random) -> Entry:
    trade, place, thing = chance.choice(TRADES), chance.choice(PLACES), chance.choice(THINGS)
    text = (
        f"{name} is a {trade} of {chance.randint(19, 80)} years who lives by the {place} and carries a {thing}. "
        f"Nobody at the {chance.choice(PLACES)} has seen {name} without it since the flood of the year "
        f"{chance.randint(100, 999)}, and the {chance.choice(TRADES)} there keeps silent about the reason."
    )
    return Entry(name.lower(), name, text, "character", fields={"trade": trade, "carries": thing})


def request(number: int, named: Sequence[Entry]) -> str:
    """Return a request for a scene that names two of these entries; each number gives another one."""
    chance = random.Random(1_000_003 * number)
    one, other = chance.sample(named, 2)
    return (
        f"Write scene {number}: {one.name} waits at the {chance.choice(PLACES)} after dark, counts the windows that "
        f"are still lit, and thinks of the {chance.choice(THINGS)}. When {other.name} comes at last they speak about "
        f"what the {chance.choice(TRADES)} found under the {chance.choice(PLACES)}, and part as enemies."
    )


class NearVectors:
    """Vectors that cost nothing: real ones of a few entries, each with a little noise of its own for the others.

    They bear the real model's name, so that the service takes the index for its own and embeds each request with it.
    """

    name = MiniLM.name

    def __init__(self, shapes: int = SHAPES) -> None:
        """Embed that many entries for real."""
        self._shapes = MiniLM().embed([f"{entry.name}. {entry.facts}" for entry in entries(shapes)])

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text, the same one for the same text."""
        return np.stack([reading.vector for reading in self.read(texts)])

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Return each text with a vector for each of its words, near to its own."""
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> Reading:
        seed = zlib.crc32(text.encode())
        places = tuple(match.span() for match in re.finditer(r"\w+", text))
        noise = np.random.default_rng(seed).standard_normal((1 + len(places), self._shapes.shape[1]), np.float32)
        near = self._shapes[seed % len(self._shapes)] + noise * np.float32(0.02)
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        return Reading(near[0], near[1:], places)


def build(workspace: Workspace, number: int, real_vectors: bool) -> None:
    """Make the world with its index, unless it is there already with as many entries."""
    embedder = MiniLM() if real_vectors else NearVectors()
    with Worlds(workspace, WorldConfig(), embedder) as worlds:
        if WORLD not in worlds.names() or len(worlds.entries(WORLD)) < number:
            worlds.put(WORLD, entries(number))
        idle = 0
        while idle < 3:  # it is indexed beside the writing, which takes a moment to begin
            time.sleep(0.5)
            idle = 0 if worlds.progress(WORLD) else idle + 1
