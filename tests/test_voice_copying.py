import os
import random

import pytest

from style_tuner.config import SAMPLES
from style_tuner.voice.checks.copying import MOST_PLACES, Sources, passage_names
from style_tuner.voice.segment import pieces

STORIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))}
SOURCE = "the cat sat on the mat and looked out at the rain until it stopped"


def slow_spans(draft, sources):
    """Longest match from each word of the draft, found by trying every place."""
    tails = [source[place:] for source in sources for place in range(len(source))]
    return [max(len(os.path.commonprefix([draft[start:], tail])) for tail in tails) for start in range(len(draft))]


@pytest.mark.parametrize("seed", range(5))
def test_the_index_finds_exactly_what_trying_every_place_finds(seed):
    chance = random.Random(seed)
    sources = [chance.choices("abcd", k=60) for _ in range(4)]
    draft = [*chance.choices("abcd", k=40), "z", *sources[2][20:41], *chance.choices("abcd", k=20)]
    longest = slow_spans(draft, sources)
    inside = {at + shift for at, size in enumerate(longest) if size >= 5 for shift in range(size)}
    copy = Sources([" ".join(source) for source in sources]).compare(" ".join(draft))
    assert copy.longest == max(longest) == copy.spans[0].words
    assert copy.share == pytest.approx(len(inside) / len(draft))
    assert copy.overlap == pytest.approx(sum(size >= 8 for size in longest) / (len(draft) - 7))


def test_a_span_is_quoted_as_the_draft_writes_it_with_its_source():
    draft = "Then: “The cat sat on the mat,” she said, and looked out at the rain."
    sources = Sources(
        ["nothing in common here at all today", SOURCE], ["‘Rain’, passage 1", "‘The Salt Road’, passage 3"]
    )
    spans = sources.compare(draft).spans
    assert [(span.words, span.text, span.source_word) for span in spans] == [
        (6, "The cat sat on the mat", 1),
        (6, "and looked out at the rain", 7),
    ]
    assert "6 words in a row as in ‘The Salt Road’, passage 3 (from its word 1): “The cat sat" in spans[0].sentence()


def test_no_span_goes_on_from_one_text_into_the_next():
    parts = SOURCE.split()
    copy = Sources([" ".join(parts[:7]), " ".join(parts[7:])]).compare(SOURCE)
    assert copy.longest == 8
    assert [span.source for span in copy.spans] == ["passage 2", "passage 1"]
    assert Sources([]).compare(SOURCE).spans == ()
    assert Sources([SOURCE]).compare("").words == 0


def test_a_passage_hidden_in_a_draft_is_traced_to_its_work():
    sources = Sources(list(STORIES.values()), list(STORIES))
    copied = " ".join(pieces(STORIES["05_the_bowl"], 300)[2].split()[40:54])
    found = sources.compare(f"Nobody in the whole town had seen it coming. {copied} Nobody had, until now.")
    assert found.longest >= 13
    assert found.spans[0].source == "05_the_bowl"


def test_a_run_said_more_often_than_is_looked_at_is_still_found():
    sources = Sources(["one two three four five. " * (MOST_PLACES + 50)])
    assert sources.compare("one two three four five").share == 1


def test_passages_are_numbered_within_their_manuscripts():
    assert passage_names(["A", "B", "A", ""]) == ["‘A’, passage 1", "‘B’, passage 1", "‘A’, passage 2", "passage 1"]
    with pytest.raises(ValueError, match="2 texts with 1 names"):
        Sources(["a", "b"], ["one"])


@pytest.mark.parametrize("every", [4, 5, 7])
def test_a_copy_with_words_replaced_here_and_there_keeps_step(every):
    sources = Sources(list(STORIES.values()))
    found = pieces(STORIES["05_the_bowl"], 1000)[1].split()
    changed = " ".join("heron" if place % every == every - 1 else word for place, word in enumerate(found))
    assert sources.compare(changed).near > 0.8


def test_an_unseen_story_keeps_step_with_no_other():
    sources = Sources(list(STORIES.values())[:-1])
    assert all(sources.compare(piece).near < 0.05 for piece in pieces(list(STORIES.values())[-1], 250))
