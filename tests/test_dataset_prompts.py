import random
from collections import Counter

import pytest

from style_tuner.config import DatasetConfig
from style_tuner.dataset.prompts import (
    build_examples,
    continuation_request,
    key_words,
    learn_vocabulary,
    names_in,
    person_and_tense,
    scene_request,
)
from style_tuner.records import Passage

CONFIG = DatasetConfig(min_tokens=16, max_tokens=100)
SCENES = [
    "Elena Voss climbed to the sensor deck, and Marcus followed her. The signal came from the hull, and the hull was "
    "cold. “Go back,” said Elena. Still Marcus stayed by the hull.",
    "In the market Mrs. Gale sold apples, and nobody but Elena bought them. The apples were bruised. “I know that,” "
    "said Mrs. Gale, and she gave Elena a basket of apples.",
    "The road went to the sea. When Marcus had gone, the gulls took the road for their own, and the sea took them.",
]


def tokens(text: str) -> int:
    return len(text.split())


def story(number: int = 30, chapters: int = 2) -> list[Passage]:
    return [
        Passage("story", place * chapters // number, place, SCENES[place % 3].replace("hull", f"hull{place}"), 30)
        for place in range(number)
    ]


VOCABULARY = learn_vocabulary(story())


def test_names_are_words_capitalised_inside_sentences() -> None:
    assert {"Elena", "Marcus", "Gale"} <= VOCABULARY.names
    assert not {"The", "In", "Still", "Go", "When", "I"} & VOCABULARY.names


def test_the_names_of_a_scene_stand_in_full_once_each() -> None:
    assert names_in(SCENES[0], VOCABULARY) == ["Elena Voss", "Marcus"]
    assert names_in(SCENES[1], VOCABULARY) == ["Mrs. Gale", "Elena"]
    assert names_in("Nobody came. The rain went on.", VOCABULARY) == []


def test_key_words_are_the_nouns_that_set_a_passage_apart() -> None:
    assert key_words(SCENES[1], VOCABULARY, 3) == ["market", "apples", "basket"]
    assert key_words("He went. She came back, and was gone.", VOCABULARY) == []


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("I went down to my boat. It was late and I knew that he was gone.", "First person, past tense."),
        (
            "She goes to her door. He is there. They know her, and he sees that she is cold.",
            "Third person, present tense.",
        ),
        ("He went out. “I am here,” she said. “I have my coat, I do.” He took her arm.", "Third person, past tense."),
        ("Rain. Stones. The long wall.", ""),
    ],
)
def test_person_and_tense_come_from_the_narration(text: str, form: str) -> None:
    assert person_and_tense(text, "curly double") == form


def test_a_request_for_a_scene_names_who_what_and_how() -> None:
    requests = {scene_request(SCENES[0], "Third person, past tense.", VOCABULARY, random.Random(n)) for n in range(40)}
    assert len(requests) > 3
    for request in requests:
        assert "Elena Voss and Marcus" in request
        assert "hull" in request
        assert "Third person, past tense." in request
    assert any(request.endswith("About 50 words.") for request in requests)
    assert scene_request("It was.", "", VOCABULARY, random.Random(5)).startswith("Write the next scene.")


def test_a_continuation_gives_the_last_whole_sentences_that_fit() -> None:
    before = "One two three. Four five six.\n\n***\n\nSeven eight nine. Ten eleven twelve."
    head = "Continue this passage:\n\n"
    assert continuation_request(before, tokens, 3) == f"{head}Ten eleven twelve."
    assert continuation_request(before, tokens, 8) == f"{head}Seven eight nine. Ten eleven twelve."
    assert continuation_request(before, tokens, 9) == f"{head}Four five six.\n\nSeven eight nine. Ten eleven twelve."
    endless = "word " * 500
    for text in (endless, f"{endless}. Seven eight nine.", f"One two. {endless}"):
        assert 3 <= tokens(continuation_request(text, tokens, 20).removeprefix(head)) <= 20


@pytest.mark.parametrize("share", [1.0, 0.6, 0.0])
def test_the_kinds_have_the_shares_that_are_set(share: float) -> None:
    config = CONFIG.model_copy(update={"scene_share": share})
    examples = build_examples(story(), VOCABULARY, "You are an author.", config, tokens)
    scenes = Counter(example.kind for example in examples)["scene"]
    assert scenes == max(2, round(share * 30))  # the first of each of two chapters has nothing before it


def test_each_reply_is_the_authors_passage_and_only_neighbours_are_continued() -> None:
    passages = story()
    del passages[4]
    config = CONFIG.model_copy(update={"scene_share": 0.0})
    examples = build_examples(passages, VOCABULARY, "You are an author.", config, tokens)
    for passage, example in zip(passages, examples, strict=True):
        assert [message.role for message in example.messages] == ["system", "user", "assistant"]
        assert example.messages[2].content == passage.text
        assert example.kind == ("scene" if passage.position in (0, 5, 15) else "continuation")
    assert build_examples(passages, VOCABULARY, "You are an author.", config, tokens) == examples
