import random
import statistics

from style_tuner.config import DatasetConfig
from style_tuner.dataset.passages import split_passages
from style_tuner.records import Chapter, Manuscript

CONFIG = DatasetConfig(min_tokens=50, max_tokens=200)


def tokens(text: str) -> int:
    return len(text.split())


def prose(words: int, seed: int) -> str:
    """Paragraphs of one to five sentences, every one different."""
    draw = random.Random(seed)
    paragraphs: list[str] = []
    while words > 0:
        sentences = [f"The {draw.randrange(10**6)} gate stood open in the rain." for _ in range(draw.randint(1, 5))]
        paragraphs.append(" ".join(sentences))
        words -= 8 * len(sentences)
    return "\n\n".join(paragraphs)


def work(*texts: str) -> Manuscript:
    return Manuscript("work", "Work", tuple(Chapter(str(number), text) for number, text in enumerate(texts)))


def test_passages_are_whole_paragraphs_in_order_and_nothing_is_lost() -> None:
    manuscript = work(prose(5000, 1), prose(3000, 2))
    passages, aside = split_passages(manuscript, CONFIG, tokens)
    for number, chapter in enumerate(manuscript.chapters):
        own = [passage.text for passage in passages if passage.chapter == number]
        own += [piece.text for piece in aside if piece.chapter == number]
        assert "\n\n".join(own) == chapter.text
    assert all(CONFIG.min_tokens <= passage.tokens <= CONFIG.max_tokens for passage in passages)
    assert all(passage.tokens == tokens(passage.text) for passage in passages)
    assert [passage.position for passage in passages] == sorted({passage.position for passage in passages})


def test_lengths_are_spread_between_the_bounds() -> None:
    lengths = [passage.tokens for passage in split_passages(work(prose(40_000, 3)), CONFIG, tokens)[0]]
    lower, middle, upper = statistics.quantiles(lengths, n=4)
    assert lower < 110 < middle < 155 < upper


def test_a_scene_break_ends_a_passage_where_both_scenes_are_long_enough() -> None:
    first, second, third = prose(150, 4), prose(120, 5), prose(20, 6)
    passages, aside = split_passages(work(f"{first}\n\n***\n\n{second}\n\n***\n\n{third}"), CONFIG, tokens)
    assert not aside
    assert not any(passage.text.startswith("***") or passage.text.endswith("***") for passage in passages)
    assert ["***" in passage.text for passage in passages] == [False] * (len(passages) - 1) + [True]
    assert f"***\n\n{third}" in passages[-1].text


def test_a_short_tail_joins_the_passage_before_it() -> None:
    config = DatasetConfig(min_tokens=50, max_tokens=100)
    for seed in range(30):
        passages, aside = split_passages(work(prose(230, seed)), config, tokens)
        assert not aside, f"seed {seed}: {[piece.reason for piece in aside]}"
        assert len(passages) >= 2


def test_what_cannot_be_a_passage_is_set_aside_with_the_reason() -> None:
    long = "Rain fell. " * 120
    speech = "\n\n".join(f"“Did you see {number} of them go by, and was she with them?”" for number in range(8))
    notes = "\n\n".join(f"{number} gates and the colour of the sea" for number in range(9))
    stub = "Too short to learn anything from."
    text = f"{prose(120, 7)}\n\n{long.strip()}\n\n{stub}"
    passages, aside = split_passages(work(text, speech, notes, prose(300, 8)), CONFIG, tokens)
    assert {passage.chapter for passage in passages} == {0, 3}
    assert [(piece.chapter, piece.reason.split(",")[0].split(":")[0]) for piece in aside] == [
        (0, "one paragraph of 240 tokens"),
        (0, "a fragment of 6 tokens"),
        (1, "dialogue only"),
        (2, "fragments"),
    ]
    assert aside[1].text == stub


def test_passages_on_two_sides_of_a_gap_are_not_neighbours() -> None:
    text = f"{prose(60, 9)}\n\n{'Rain fell. ' * 120}\n\n{prose(60, 10)}"
    passages, _ = split_passages(work(text), CONFIG, tokens)
    assert len(passages) == 2
    assert passages[1].position > passages[0].position + 1


def test_the_same_seed_cuts_alike_and_another_does_not() -> None:
    manuscript = work(prose(5000, 11))
    first = split_passages(manuscript, CONFIG, tokens)
    assert split_passages(manuscript, CONFIG, tokens) == first
    assert split_passages(manuscript, CONFIG.model_copy(update={"seed": 2}), tokens) != first
