import re
from pathlib import Path

import pytest

from style_tuner.config import SAMPLES
from style_tuner.voice.checks.generic import (
    EVEN_RHYTHM,
    NAMES_TOGETHER,
    OWN_WORDS,
    WORDS_TOGETHER,
    count_patterns,
    generic_findings,
    own_habits,
    summary,
)
from style_tuner.voice.checks.stock import PATTERNS
from style_tuner.voice.segment import pieces, words
from style_tuner.voice.verification.masking import tokens

STORIES = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))]
PASSAGES = [piece for story in STORIES for piece in pieces(story, 120)]
GENERIC = (Path(__file__).parent / "voice_texts" / "generic_ai_prose.txt").read_text(encoding="utf-8")
SHOWN = {
    "“a mix of”": "a mix of grief and hope",
    "“couldn't help but”": "She couldn’t help but smile.",
    "breath that catches or is let out": "He let out a breath.",
    "hearts that pound, race or ache": "Her heart was loud and her heart pounded.",
    "“It wasn't just X; it was Y”": "It wasn’t just a house; it was a promise.",
    "not X but Y": "They went not because of the rain but because of the noise.",
    "lists of three": "the salt, the rope, and the tar",
    "asides between dashes": "The boat -- such as it was -- lay there.",
    "sentences that trail off in “-ing”": "He closed the door, leaving the light behind him.",
    "paragraphs that end on a maxim": "She sat down. And that was enough.\n\nNext day it rained.",
    "two comparisons in one sentence": "It moved like a cat and shone like a knife.",
    "the assistant talking": "Here is the scene you asked for.",
}


@pytest.fixture(scope="module")
def habits():
    return own_habits(tuple(STORIES[:-1]))


@pytest.mark.parametrize("name", SHOWN)
def test_a_pattern_is_found_where_its_name_says(name):
    assert name in {pattern.name for pattern in PATTERNS}
    assert count_patterns(SHOWN[name])[name] == 1


def test_patterns_have_names_of_their_own_and_are_quick_on_text_without_an_end():
    assert len({pattern.name for pattern in PATTERNS}) == len(PATTERNS)
    assert count_patterns("word, " * 20_000 + "—" * 500)["lists of three"] == 0


def test_prose_in_a_models_manner_is_found_out_with_its_words_names_and_turns(habits):
    found = {finding.name: finding for finding in generic_findings([GENERIC], habits)}
    assert {WORDS_TOGETHER, NAMES_TOGETHER, "sentences that trail off in “-ing”"} <= set(found)
    assert len(found) >= 8
    turn = found["sentences that trail off in “-ing”"]
    assert turn.count >= 4 and turn.ratio >= 2 and turn.example in " ".join(GENERIC.split())
    assert f"{turn.count} times in {len(words(GENERIC)):,} words" in turn.sentence
    assert "Elara" in found[NAMES_TOGETHER].sentence
    assert "does not change the score" in summary(tuple(found.values()), 1000)


def test_a_turn_that_models_love_and_the_author_too_is_left_alone(habits):
    turn = "“It wasn't just X; it was Y”"
    assert count_patterns(GENERIC)[turn] >= 4 and habits.counts[turn] >= 20
    assert turn not in {finding.name for finding in generic_findings([GENERIC], habits)}


@pytest.mark.parametrize("held_out", range(len(STORIES)))
def test_the_authors_own_unseen_story_is_not_blamed(held_out):
    own = own_habits(tuple(story for number, story in enumerate(STORIES) if number != held_out))
    assert [generic_findings([piece], own) for piece in pieces(STORIES[held_out], 1000)] == [()] * len(
        pieces(STORIES[held_out], 1000)
    )


def test_an_author_who_loves_a_word_is_not_blamed_for_it(habits):
    def woven(text):
        return re.sub(r"\bthe (boat|water|ferry|bowl|bell|house)\b", r"the tapestry of the \1", text)

    draft = woven(STORIES[-1])
    blamed = {finding.name for finding in generic_findings([draft], habits)}
    assert "tapestry" in blamed
    loving = own_habits(tuple(woven(story) for story in STORIES[:-1]))
    assert loving.counts["tapestry"] > 20
    assert generic_findings([draft], loving) == ()


def test_a_few_occurrences_are_no_habit(habits):
    once = " ".join(STORIES[-1].split()[:300]) + " It was a mix of rain and salt."
    assert generic_findings([once], habits) == ()
    thrice = once + " It was a mix of this and that. It was a mix of old and new."
    assert [finding.name for finding in generic_findings([thrice], habits)] == ["“a mix of”"]
    said = generic_findings([thrice], habits)[0].sentence
    assert said.startswith("“a mix of” 3 times in") and "not once in the" in said


def test_sentences_of_one_length_are_noticed(habits):
    even = " ".join("The old boat lay on the grey stones all day." for _ in range(60))
    assert EVEN_RHYTHM in {finding.name for finding in generic_findings([even], habits)}


@pytest.mark.parametrize("dash", ["--", "—", " – ", " -- ", " - "])
def test_a_dash_is_a_dash_however_it_is_typed(dash):
    told = f"She rose{dash}or tried to{dash}and went down to the boat{dash}which had gone. "
    assert count_patterns(told * 4)["dashes"] == 12 == tokens(told * 4).count("—")
    typed = own_habits((" ".join(f"Line {number} of it{dash}if it was one{dash}ran on." for number in range(500)),))
    assert "dashes" not in {finding.name for finding in generic_findings([told * 30], typed)}


def test_short_passages_are_looked_at_up_to_the_number_that_is_promised():
    passages = tuple(f"{' '.join(['The boat lay at the quay and nobody came.'] * 15)}" for _ in range(1500))
    found = own_habits(passages)
    assert 0.95 * OWN_WORDS < found.words < 1.05 * OWN_WORDS
    few = own_habits(passages[:200])
    assert few.words == sum(len(words(passage)) for passage in passages[:200])
    assert own_habits(tuple(PASSAGES)).rhythm > 0
    assert own_habits(tuple(PASSAGES)).words == sum(map(len, map(words, PASSAGES)))


def test_nothing_found_is_said_plainly():
    assert summary((), 1200).startswith("Nothing in these 1,200 words")
