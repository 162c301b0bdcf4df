from dataclasses import replace

import pytest
from voice_prose import ESSAYIST, MODERN

from style_tuner.config import SAMPLES
from style_tuner.voice.describe import differences, function_word_habits, summary, system_prompt
from style_tuner.voice.profile import build_profile
from style_tuner.voice.reference import reference, scalar_measures


@pytest.fixture(scope="module")
def sample():
    return build_profile([path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))])


def test_the_system_prompt_is_short_and_follows_the_measures(sample):
    prompt = system_prompt(sample)
    assert len(prompt.split()) <= 60
    assert prompt.startswith("You are a fiction author") and "first person and past tense" in prompt
    assert "third person and present tense" in system_prompt(build_profile([MODERN]))
    assert "Dialogue leads" in system_prompt(replace(sample, dialogue=0.7))


def test_the_system_prompt_names_habits_that_hardly_any_novel_shares_and_only_those(sample):
    usual = {name: deciles[4] for name, deciles in reference()["measures"].items()}
    middle = replace(
        sample,
        adverbs=usual["adverbs"],
        similes=usual["similes"],
        one_sentence_paragraphs=usual["one_sentence_paragraphs"],
        dialogue_tags=None,
        dialogue=0.0,
        punctuation={mark: usual.get(f"mark {mark}", 0.0) for mark in sample.punctuation},
        opening_kinds={"conjunction": usual["opening conjunction"]},
    )
    assert "adverbs" not in system_prompt(middle)
    assert system_prompt(replace(middle, adverbs=0.1)).endswith("Adverbs in -ly are rare.")
    assert system_prompt(replace(middle, adverbs=40.0)).endswith("Adverbs in -ly are frequent.")


def test_the_summary_gives_the_numbers(sample):
    text = " ".join(summary(sample))
    assert f"{sample.words:,} words" in text
    assert f"{sample.dialogue:.0%} of the words are spoken" in text
    assert sample.favourite_words[0].text in text
    assert f"{sample.dialogue_tags.said:.0%} of them 'said'" in text
    assert "autocorrelation" in text and "Adverbs in -ly: 0.6 in 1,000 words, less than nearly all of" in text


def test_every_measure_that_is_laid_beside_other_novels_is_known_of_them(sample):
    missing = set(scalar_measures(sample)) - set(reference()["measures"])
    assert not missing
    assert all(deciles == sorted(deciles) for deciles in reference()["measures"].values())


def test_small_words_are_named_where_their_rate_is_no_novels(sample):
    none = replace(sample, function_words={word: 0.0 for word in sample.function_words})
    assert all(ratio < 1 for _, ratio in function_word_habits(none))
    assert {"the", "and"} <= {word for word, _ in function_word_habits(none, 200)}


def test_differences_name_what_is_furthest_and_nothing_where_nothing_differs(sample):
    said = differences(build_profile([ESSAYIST]), sample)
    assert "action verbs" in said and "seven letters or more (yours: 5%)" in said
    assert differences(sample, sample) == ""


def test_few_words_are_told_of_first_and_nothing_rare_is_compared():
    few = build_profile([" ".join(MODERN.split()[:100])])
    first, *rest = summary(few)
    assert first == f"These figures rest on {few.words} words: from 3,000 on they say something."
    assert few.words < 110
    assert "times as seldom" not in " ".join(rest)
    assert "1 paragraphs" not in " ".join(rest)
    assert not [line for line in rest if line.startswith(("Adverbs", "Similes", "Vocabulary")) and "novels" in line]


def test_enough_words_are_described_without_a_caution(sample):
    said = summary(sample)
    assert said[0].startswith("Measured on")
    assert "Small words against the middle one" in " ".join(said)


def test_punctuation_marks_are_named(sample):
    (line,) = [line for line in summary(sample) if line.startswith("Punctuation")]
    assert f"comma {sample.punctuation[',']:.1f}, full stop {sample.punctuation['.']:.1f}" in line
