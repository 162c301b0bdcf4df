"""Part passages into training, validation and held-out ones by contiguous blocks, none a near-copy of another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence

from style_tuner.config import DatasetConfig
from style_tuner.records import Passage, SetAside

_SHINGLE = 8
REPEATED = 0.5
_SHARED = 0.1
_BLOCK = 4
"""Passages that make a block worth taking from one more work."""


def split_blocks(
    passages: Sequence[Passage], config: DatasetConfig
) -> tuple[list[Passage], list[Passage], list[Passage]]:
    """Return training, validation and held-out passages, each in reading order.

    First `held_out` of the words, then of the rest what is not `split`, are taken as blocks from the ends of works:
    of several where there are several, so that no part hangs on one story. No part is empty.
    """
    works: dict[str, list[Passage]] = {}
    for passage in passages:
        works.setdefault(passage.manuscript, []).append(passage)
    held_out = _take_blocks(works, config.held_out, sorted(works)) if config.held_out else []
    fresh_first = sorted(works, key=lambda name: (any(p.manuscript == name for p in held_out), name))
    validation = _take_blocks(works, 1 - config.split, fresh_first)
    taken = {(passage.manuscript, passage.position) for passage in (*held_out, *validation)}
    train = [passage for passage in passages if (passage.manuscript, passage.position) not in taken]
    return train, validation, held_out


def _take_blocks(works: dict[str, list[Passage]], share: float, order: Sequence[str]) -> list[Passage]:
    """Take passages off the ends of works until `share` of all words is reached.

    Each work gives at most half of its passages, or its only one.
    """
    everything = [passage for name in works for passage in works[name]]
    wanted = share * sum(passage.words for passage in everything)
    expected = max(1, math.ceil(share * len(everything)))
    hosts = min(len(works), max(1, expected // _BLOCK))
    spread = [order[index * len(order) // hosts] for index in range(hosts)]
    spread += [name for name in order if name not in spread]
    taken: list[Passage] = []
    for turn, name in enumerate(spread):
        missing = wanted - sum(passage.words for passage in taken)
        if missing <= 0 and taken:
            break
        own = missing / (hosts - turn) if turn < hosts else missing
        most = max(1, len(works[name]) // 2) if sum(map(len, works.values())) > 1 else 0
        block: list[Passage] = []
        while len(block) < most and sum(passage.words for passage in block) < own:
            block.insert(0, works[name].pop())
        taken += block
    return sorted(taken, key=lambda passage: (passage.manuscript, passage.position))


def shingles(text: str) -> set[int]:
    """Return the hashes of all runs of eight words, case and punctuation left out."""
    words = re.findall(r"\w+", text.casefold())
    return {hash(tuple(words[at : at + _SHINGLE])) for at in range(len(words) - _SHINGLE + 1)}


def drop_repeats(passages: Iterable[Passage]) -> tuple[list[Passage], list[SetAside]]:
    """Set aside passages most of which stood earlier already: a work added twice, or in two versions."""
    return _drop(passages, lambda seen, own: seen >= REPEATED * own, "repeats an earlier passage", set(), True)


def drop_shared(
    passages: Iterable[Passage], others: Iterable[Passage], what: str
) -> tuple[list[Passage], list[SetAside]]:
    """Set aside passages that share more than a tenth of their word sequences with passages of another part."""
    seen = {shingle for passage in others for shingle in shingles(passage.text)}
    return _drop(passages, lambda shared, own: shared > _SHARED * own, f"shares text with {what}", seen, False)


def _drop(
    passages: Iterable[Passage], is_copy: Callable[[int, int], bool], reason: str, seen: set[int], remember: bool
) -> tuple[list[Passage], list[SetAside]]:
    kept, aside = [], []
    for passage in passages:
        own = shingles(passage.text)
        if own and is_copy(len(own & seen), len(own)):
            aside.append(SetAside(passage.manuscript, passage.chapter, passage.text, reason))
            continue
        kept.append(passage)
        if remember:
            seen |= own
    return kept, aside
