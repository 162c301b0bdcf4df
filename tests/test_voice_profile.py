import json

import pytest
from voice_prose import ESSAYIST, MODERN

from style_tuner.config import SAMPLES
from style_tuner.errors import ManuscriptError
from style_tuner.voice.measures import habits
from style_tuner.voice.measures.distributions import BINS, shares, speech_by_stretch
from style_tuner.voice.measures.features import measure
from style_tuner.voice.measures.richness import lexical_variety, mtld
from style_tuner.voice.profile import build_profile, is_complete, profile_from_json, profile_to_json


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


def test_a_profile_of_an_earlier_version_still_loads_and_is_known_to_be_one(sample):
    old = profile_to_json(sample)
    for name in ("mtld", "past", "rhythm", "dialogue_tags", "adverbs", "adverb_words", "similes", "simile_examples"):
        del old[name]
    for name in [name for name in old if "kinds" in name or name.startswith("paragraph_") or "endings" in name]:
        if name not in ("paragraph_length", "paragraph_quartiles"):
            del old[name]
    del old["one_sentence_paragraphs"], old["distributions"]
    loaded = profile_from_json(old | {"a_measure_of_the_future": 1})
    assert loaded.favourite_words == sample.favourite_words
    assert loaded.sentence_quartiles == sample.sentence_quartiles
    assert is_complete(sample) and not is_complete(loaded)


def test_mtld_is_that_of_a_text_counted_by_hand():
    # Forward: a b c a is 3/4, then b makes 3/5, a factor; d e is the rest at 2/2. 7 words in 1 factor: 7.
    # Backward: e d b a c b is 5/6, a makes 5/7 = .714, a factor; nothing is left. 7 words in 1 factor: 7.
    assert mtld(["a", "b", "c", "a", "b", "d", "e"]) == pytest.approx(7)
    # Forward: "a a" is a factor (1/2); "b c b" is the rest at 2/3: (1 - 2/3) / .28 = 1.190. 5 / 2.190 = 2.283.
    # Backward: "b c b" is a factor (2/3); "a a" another. 5 / 2 = 2.5.
    assert mtld(["a", "a", "b", "c", "b"]) == pytest.approx((5 / 2 + 2.5) / 2)
    # Forward: "b c d b" is the rest at 3/4: .25 / .28 = .8929 of a factor, 4 / .8929 = 4.48; backward is the same.
    assert mtld(["b", "c", "d", "b"]) == pytest.approx(4.48)
    assert mtld(["all", "of", "these", "words", "differ"]) == 5


def test_rhythm_tells_alternation_from_runs():
    alternating, runs = habits.rhythm([4, 30] * 40), habits.rhythm(([4] * 8 + [30] * 8) * 5)
    assert alternating.echoes[0] < -0.9 and alternating.echoes[1] > 0.9
    assert alternating.short_after_long == 1 and alternating.short_runs == 0
    assert runs.echoes[0] > 0.5 and runs.short_runs == 0.5 and runs.short_after_long < 0.2
    assert habits.rhythm([12] * 10).echoes == (0, 0, 0, 0, 0)
    assert alternating.variation == pytest.approx(13 / 17, abs=1e-3)


def test_tags_are_told_from_what_a_speaker_does_next():
    text = """"Come in," said Ann.

"Why?" he asked, and sat.

"It is late." She said nothing more.

She whispered: "Then go."

"Never." He shut the door."""
    found = habits.dialogue_tags(measure([text]))
    assert (found.turns, found.tagged) == (5, 0.6)
    assert (found.said, found.asked, found.other) == (0.3333, 0.3333, 0.3333)
    assert set(found.verbs) == {"said", "asked", "whispered"}
    assert habits.dialogue_tags(measure(["Nobody spoke."])) is None


def test_adverbs_are_told_from_other_words_in_ly():
    profile = build_profile(["Emily slowly ate a jelly only with family in July. Emily was lonely. Emily ran quickly."])
    assert profile.adverb_words == {"slowly": 1, "quickly": 1}
    assert profile.adverbs == pytest.approx(2000 / 16, abs=1e-2)


def test_similes_are_told_from_likings():
    text = "He fell like a stone, as cold as ice. I like a stone. She would like a stone as well as you do."
    profile = build_profile([text])
    assert profile.simile_examples == ("like a stone", "as cold as ice")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("she", "pronoun"),
        ("the", "article"),
        ("and", "conjunction"),
        ("running", "participle"),
        ("exhausted", "participle"),
        ("nothing", "other word"),
        ("suddenly", "adverb"),
        ("marlow", "name"),
        ("under", "preposition"),
        ("why", "question word"),
    ],
)
def test_words_at_the_edges_of_sentences_have_kinds(word, kind):
    assert habits.kind(word, frozenset({"marlow"})) == kind


def test_openings_and_endings_are_counted_for_sentences_and_paragraphs():
    profile = build_profile(['She rose. Running was hard, and she fell.\n\n"Up!" cried Ann.\n\nAnd she rose.'])
    assert profile.opening_kinds["participle"] == 0.25 and profile.opening_kinds["pronoun"] == 0.25
    assert profile.endings["rose"] == 0.5
    assert profile.paragraph_opening_kinds == {"speech": 0.3333, "pronoun": 0.3333, "conjunction": 0.3333}
    assert profile.paragraph_ending_kinds == {"other word": 0.6667, "name": 0.3333}
    assert profile.one_sentence_paragraphs == pytest.approx(2 / 3, abs=1e-3)


PAGE = "The ferry lay at the quay and we walked beside the water until evening came over us. "


def test_a_word_that_fills_one_chapter_is_no_favourite_and_one_used_throughout_is():
    topic = "Then the wombat saw the wombat. " * 20
    words = [word.text for word in build_profile([PAGE * 60, topic, PAGE * 60]).favourite_words]
    assert "quay" in words and "wombat" not in words


@pytest.mark.parametrize("last", [0.2, 0.5])
def test_what_one_of_two_works_is_about_is_no_favourite_word_or_phrase(last):
    warden = "The bedesmen came out of the hospital with their lantern, said the archdeacon. It was late at the quay. "
    number = 400
    works = [PAGE * round(number * (1 - last)), warden * round(number * last)]
    found = build_profile(works)
    words = {word.text for word in found.favourite_words}
    assert words & {"quay"} and not words & {"hospital", "archdeacon", "bedesmen", "lantern", "ferry"}
    phrases = {phrase.text for phrase in found.favourite_phrases}
    assert not [phrase for phrase in phrases if "hospital" in phrase or "archdeacon" in phrase or "ferry" in phrase]
    alone = build_profile([warden * 100])
    assert "hospital" in {word.text for word in alone.favourite_words}
    assert [phrase for phrase in alone.favourite_phrases if "archdeacon" in phrase.text]


def test_a_name_is_counted_at_the_edges_of_sentences_but_not_listed():
    found = build_profile(["She rose to meet Phineas. He ran from Phineas. Phineas sat. I said that I saw him."])
    assert "phineas" not in {**found.endings, **found.openings} and found.ending_kinds["name"] == 0.5
    assert found.endings["him"] == 0.25 and found.openings["i"] == 0.25


def test_distributions_are_shares_of_the_bins(sample):
    assert {name: len(found) for name, found in sample.distributions.items()} == {
        name: len(bins) for name, bins in BINS.items()
    }
    assert all(sum(found) == pytest.approx(1, abs=0.01) for found in sample.distributions.values())
    assert shares([0, 1, 2, 3, 99], (1, 3, 5)) == (0.6, 0.2, 0.2)


def test_speech_is_taken_by_stretches_of_whole_paragraphs():
    spoken, told = '"' + "word " * 250 + '"', "word " * 250
    assert speech_by_stretch(measure(["\n\n".join([spoken, told, spoken, spoken, told])])) == [0.5, 1.0]
