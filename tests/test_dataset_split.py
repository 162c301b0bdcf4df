import itertools
import random

import pytest

from style_tuner.config import DatasetConfig
from style_tuner.dataset.split import drop_repeats, drop_shared, split_blocks
from style_tuner.records import Passage

CONFIG = DatasetConfig()


def passages(**works: int) -> list[Passage]:
    """Make works of so many passages of 50 words, all different."""
    draw = random.Random(1)
    return [
        Passage(name, position // 10, position, " ".join(str(draw.randrange(10**9)) for _ in range(50)), 70)
        for name, number in works.items()
        for position in range(number)
    ]


def positions(part: list[Passage]) -> dict[str, list[int]]:
    return {
        name: [passage.position for passage in group]
        for name, group in itertools.groupby(part, key=lambda passage: passage.manuscript)
    }


def test_the_parts_are_the_whole_and_of_the_sizes_asked_for() -> None:
    everything = passages(a=40, b=30, c=30, d=30, e=20, f=10)
    train, validation, held_out = split_blocks(everything, CONFIG)
    assert sorted([*train, *validation, *held_out], key=everything.index) == everything
    assert len(held_out) == 16
    assert len(validation) in (14, 15)


def test_held_out_and_validation_are_blocks_at_the_ends_of_several_works() -> None:
    train, validation, held_out = split_blocks(passages(a=40, b=30, c=30, d=30, e=20, f=10), CONFIG)
    assert len(positions(held_out)) == 4
    for part in (held_out, validation):
        for found in positions(part).values():
            assert found == list(range(found[0], found[0] + len(found)))
    last = {name: found[-1] for name, found in positions(train).items()}
    for name, found in {**positions(held_out), **positions(validation)}.items():
        assert found[0] > last[name]


@pytest.mark.parametrize("works", [{"a": 12}, {"a": 3}, {"a": 6, "b": 6}, dict.fromkeys("abcdefghijkl", 1)])
def test_no_part_is_empty_however_few_passages_there_are(works: dict[str, int]) -> None:
    assert all(split_blocks(passages(**works), CONFIG))


def test_nothing_is_held_out_where_none_is_asked_for() -> None:
    _, validation, held_out = split_blocks(passages(a=20), DatasetConfig(held_out=0))
    assert validation
    assert not held_out


def test_enough_words_are_held_out_to_score_a_sample_of_twenty_four_thousand() -> None:
    everything = passages(**dict.fromkeys("abcdef", 80))
    _, _, held_out = split_blocks(everything, CONFIG)
    assert sum(passage.words for passage in held_out) >= 2400


def edited(passage: Passage, name: str) -> Passage:
    words = passage.text.split()
    return Passage(name, 0, 0, " ".join([*words[:25], "changed", *words[26:]]).upper(), 70)


def test_a_work_added_twice_even_lightly_edited_counts_once() -> None:
    own = passages(a=5)
    kept, aside = drop_repeats([*own, *(edited(passage, "b") for passage in own)])
    assert kept == own
    assert {piece.manuscript for piece in aside} == {"b"}
    assert aside[0].reason == "repeats an earlier passage"


def test_a_passage_that_shares_a_paragraph_with_another_part_is_set_aside() -> None:
    first, second, other = passages(a=2, b=1)
    shared = Passage("a", 0, 2, f"{second.text}\n\n{' '.join(other.text.split()[:20])}", 90)
    kept, aside = drop_shared([first, shared], [other], "the held-out part")
    assert kept == [first]
    assert [(piece.text, piece.reason) for piece in aside] == [(shared.text, "shares text with the held-out part")]
