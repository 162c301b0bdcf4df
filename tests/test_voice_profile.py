import json
from dataclasses import replace

import pytest
from voice_prose import ESSAYIST, MODERN

from style_tuner.config import SAMPLES
from style_tuner.errors import ManuscriptError
from style_tuner.voice.describe import differences, summary, system_prompt
from style_tuner.voice.profile import build_profile, lexical_variety, profile_from_json, profile_to_json


@pytest.fixture(scope="module")
def sample():
    return build_profile([path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))])


def test_counts_are_those_of_a_text_counted_by_hand():
    profile = build_profile(['I ran home; it was late. "Stop," said Ann.\n\nI did not stop because I could not!'])
    assert (profile.words, profile.sentences, profile.paragraphs) == (17, 3, 2)
    assert profile.sentence_length == pytest.approx(17 / 3, abs=1e-3)
    assert profile.subordination == pytest.approx(1 / 3, abs=1e-3)
    assert profile.dialogue == pytest.approx(1 / 17, abs=1e-3)
    assert profile.punctuation[";"] == pytest.approx(1000 / 17, abs=1e-2)
    assert profile.function_words["i"] == pytest.approx(3000 / 17, abs=1e-2)
    assert profile.openings["i"] == pytest.approx(2 / 3, abs=1e-3)
    assert (profile.person, profile.tense) == ("first", "past")


def test_the_sample_author_tells_plainly_in_the_first_person_and_past_tense(sample):
    assert (sample.person, sample.tense, sample.vocabulary_level) == ("first", "past", "plain")
    assert sample.sentence_pattern == "simple"
    assert 0.02 < sample.dialogue < 0.3


def test_manners_that_differ_are_measured_as_different():
    essayist, modern = build_profile([ESSAYIST]), build_profile([MODERN])
    assert (essayist.vocabulary_level, essayist.sentence_pattern) == ("rich", "complex")
    assert (modern.sentence_pattern, modern.person, modern.tense) == ("simple", "third", "present")
    assert essayist.paragraph_length > 4 * modern.paragraph_length
    assert modern.quote_style == "double"


def test_favourite_words_are_used_more_than_elsewhere_and_are_no_names(sample):
    assert len(sample.favourite_words) >= 10
    assert all(word.ratio >= 2 and word.count >= 4 for word in sample.favourite_words)
    names = {"ossel", "hask", "pellow"}
    assert names.isdisjoint(word.text for word in sample.favourite_words)
    assert sample.favourite_phrases
    assert all(2 < len(phrase.text.split()) < 6 for phrase in sample.favourite_phrases)


def test_a_repeated_word_has_no_variety_and_a_short_text_is_one_window():
    assert lexical_variety(["the"] * 1000) == pytest.approx(1 / 500)
    assert lexical_variety(["a", "b", "c"]) == 1


def test_a_profile_survives_its_file(sample):
    assert profile_from_json(json.loads(json.dumps(profile_to_json(sample)))) == sample


@pytest.mark.parametrize("texts", [[], [""], ["* * *\n\n12 34"]])
def test_a_text_without_words_is_refused(texts):
    with pytest.raises(ManuscriptError, match="no words"):
        build_profile(texts)


def test_the_system_prompt_is_short_and_follows_the_measures(sample):
    prompt = system_prompt(sample)
    assert len(prompt.split()) <= 60
    assert prompt.startswith("You are a fiction author") and "first person and past tense" in prompt
    assert "third person and present tense" in system_prompt(build_profile([MODERN]))
    assert "Dialogue leads" in system_prompt(replace(sample, dialogue=0.7))


def test_the_summary_gives_the_numbers(sample):
    text = " ".join(summary(sample))
    assert f"{sample.words:,} words" in text
    assert f"{sample.dialogue:.0%} of the words are spoken" in text
    assert sample.favourite_words[0].text in text


def test_differences_name_what_is_furthest_and_nothing_where_nothing_differs(sample):
    said = differences(build_profile([ESSAYIST]), sample)
    assert "action verbs" in said and "seven letters or more (yours: 5%)" in said
    assert differences(sample, sample) == ""
