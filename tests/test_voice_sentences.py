"""The heat map of a draft: true to the score, fair to short sentences, with reasons that hold."""

import statistics

import pytest
from voice_prose import ESSAYIST, MODERN

from style_tuner.config import SAMPLES
from style_tuner.voice.profile import build_profile
from style_tuner.voice.segment import words
from style_tuner.voice.sentences import mark_sentences, own_sentences
from style_tuner.voice.verification.panel import load_panel
from style_tuner.voice.verification.verifier import fit_verifier

STORIES = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))]
TRAINING, HELD_OUT, UNSEEN = STORIES[:-2], STORIES[-2], STORIES[-1]


@pytest.fixture(scope="module")
def verifier():
    return fit_verifier(TRAINING, load_panel())


@pytest.fixture(scope="module")
def mark(verifier):
    own = own_sentences(verifier, TRAINING, [HELD_OUT])
    profile = build_profile(TRAINING)
    return lambda *texts: mark_sentences(texts, verifier, own, profile)


def levels(marked):
    return [sentence.level for sentence in marked]


def test_the_authors_own_unseen_sentences_are_ordinary_and_anothers_are_not(mark):
    own, other = mark(UNSEEN, ESSAYIST)
    assert 0.6 < statistics.fmean(level == 0 for level in levels(own)) < 0.95
    assert statistics.fmean(level == 3 for level in levels(own)) < 0.05
    assert statistics.fmean(level >= 1 for level in levels(other)) > 0.7
    assert (
        abs(statistics.fmean(sentence.distance for sentence in own))
        < 0.8
        < statistics.fmean(one.distance for one in other)
    )


def test_taking_out_the_furthest_sentences_raises_the_decision_more_than_the_nearest(mark, verifier):
    (marked,) = mark(MODERN)
    order = sorted(range(len(marked)), key=lambda place: marked[place].distance)

    def decision(left_out):
        text = " ".join(sentence.text for place, sentence in enumerate(marked) if place not in left_out)
        return float(verifier.decide(verifier.count([text]))[0])

    whole = decision(())
    assert decision(order[-6:]) > whole > decision(order[:6])


def test_a_short_sentence_is_not_damned_for_its_shortness(mark):
    (own,) = mark(UNSEEN)
    short = [sentence.distance for sentence in own if len(words(sentence.text)) <= 5]
    long = [sentence.distance for sentence in own if len(words(sentence.text)) >= 20]
    assert len(short) > 20 and len(long) > 20
    assert abs(statistics.fmean(short) - statistics.fmean(long)) < 0.5


def reasons_of(mark, sentence):
    text = f"He went down to the boat. {sentence} Then he came up again."
    found = [one for one in mark(text)[0] if one.text == sentence]
    return " | ".join(found[0].reasons)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (
            "Walking slowly, quietly, certainly and altogether unhurriedly towards what had formerly been considerably "
            "less fashionably decorated apartments, she smilingly, and very nearly triumphantly, acknowledged them.",
            "your rate of adverbs",
        ),
        ("Mrs. Averill, whose establishment commanded two streets; Mrs. Crewe, whose did not.", "semicolon"),
        ('"I make no observation whatsoever," she declared, to the three ladies.', "‘declared’, mostly with ‘said’"),
        ("How very extraordinarily uncomfortable those diamonds looked!", "an exclamation mark"),
    ],
)
def test_a_reason_names_what_stands_out(mark, sentence, reason):
    assert reason in reasons_of(mark, sentence)


def test_a_long_sentence_is_told_by_how_many_times_the_usual_length_it_has(mark):
    assert "your usual sentence length" in reasons_of(mark, ESSAYIST.split(". ")[0].replace("\n", " ") + ".")


def test_ordinary_sentences_have_no_complaint(mark):
    (own,) = mark(UNSEEN)
    said = [sentence.reasons for sentence in own if sentence.level == 0 and sentence.reasons]
    assert said
    assert all("favourite turns" in reasons[0] for reasons in said)


def test_every_sentence_of_every_draft_is_kept_in_its_order(mark):
    found = mark(MODERN, "", "One. Two!\n\nThree?")
    assert [sentence.text for sentence in found[2]] == ["One.", "Two!", "Three?"]
    assert [sentence.paragraph for sentence in found[2]] == [0, 0, 1]
    assert found[1] == []
    assert words(" ".join(sentence.text for sentence in found[0])) == words(MODERN)
    assert mark() == []


def test_a_long_draft_is_weighed_in_windows_and_still_looks_like_its_author(mark):
    (marked,) = mark("\n\n".join([UNSEEN] * 3))
    assert statistics.fmean(sentence.level >= 2 for sentence in marked) < 0.1
