import random
import re

import pytest
from voice_prose import ESSAYIST, FRENCH, MODERN

from style_tuner.config import SAMPLES, ScoreConfig
from style_tuner.errors import ManuscriptError
from style_tuner.records import Gate
from style_tuner.voice.author import AuthorVoice
from style_tuner.voice.checks.copying import Sources
from style_tuner.voice.profile import build_profile
from style_tuner.voice.score import _firmness, _verdict, compare_drafts, score_drafts
from style_tuner.voice.segment import pieces, words
from style_tuner.voice.verification.panel import load_panel
from style_tuner.voice.verification.verifier import fit_verifier

STORIES = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))]
TRAINING, HELD_OUT = STORIES[:-1], pieces(STORIES[-1], 250)
FUNCTION_WORDS = frozenset(
    words("the and of a to in was he i it that had his not but for they with on there as at we be")
)


def voice(training):
    return AuthorVoice(training, (), build_profile(training), lambda: fit_verifier(training, load_panel()))


@pytest.fixture(scope="module")
def author():
    return voice(TRAINING)


@pytest.fixture(scope="module")
def score(author):
    return lambda texts: score_drafts(texts, author)


def fired(scored):
    return {gate.name for gate in scored.gates if gate.fired}


def test_the_authors_own_unseen_story_scores_high_and_trips_no_check(score):
    scored = score(HELD_OUT)
    assert scored.score >= 75
    assert not fired(scored)
    assert min(scored.comparisons.values()) >= 50
    assert "sounds like you" in scored.verdict


def test_a_long_text_of_the_author_is_not_taken_for_repetition():
    half = voice(STORIES[:4])
    scored = score_drafts(["\n\n".join(STORIES[4:])], half)
    assert not fired(scored)
    assert scored.score >= 75


@pytest.mark.parametrize("text", [ESSAYIST, MODERN], ids=["essayist", "modern"])
def test_another_manner_scores_low_and_says_what_differs(score, text):
    scored = score([text])
    assert scored.score < 25
    assert scored.raw < 0
    assert not fired(scored)
    assert "Furthest from your writing" in scored.verdict


def test_a_short_training_text_still_tells_the_author_from_another():
    training = pieces("\n\n".join(TRAINING), 4000)[0]
    small = voice([training])
    assert score_drafts(HELD_OUT[:4], small).score >= 75
    assert score_drafts([ESSAYIST], small).score < 25


def test_a_voice_in_another_language_than_the_panels_gets_no_number():
    french = [f"{FRENCH} " * 4] * 3
    scored = score_drafts([FRENCH], voice(french))
    assert scored.score is None
    assert "learned from French" in scored.verdict and "--panel" in scored.verdict


def test_too_little_training_text_is_refused():
    with pytest.raises(ManuscriptError, match="3,000"):
        fit_verifier(["A few words only."], load_panel())


@pytest.mark.parametrize("texts", [[], [""], ["", "\n\n"], ["Only a few words of mine."]])
def test_too_few_words_give_no_number(score, texts):
    scored = score(texts)
    assert scored.score is None and scored.low is None and scored.raw is None
    assert scored.verdict.startswith("Insufficient" if texts and texts[0] else "No score: There is no text")


def test_a_short_draft_gets_a_number_that_says_how_little_it_rests_on(score):
    short, long = score(HELD_OUT[:1]), score(HELD_OUT)
    assert 250 <= short.words < 1000
    assert "words only" in short.verdict and "words only" not in long.verdict
    assert short.high - short.low >= long.high - long.low


def test_the_interval_holds_the_score(score):
    for texts in (HELD_OUT, [ESSAYIST], [MODERN, MODERN[::-1]]):
        scored = score(texts)
        assert 0 <= scored.low <= scored.score <= scored.high <= 100


def soup():
    every = " ".join(TRAINING).split()
    chance = random.Random(1)
    return [" ".join(chance.choices(every, k=250)) for _ in range(5)]


def shuffled():
    chance = random.Random(1)
    return [" ".join(chance.sample(piece.split(), len(piece.split()))) for piece in HELD_OUT]


def stuffed():
    chance = random.Random(1)
    own = [word.text for word in build_profile(TRAINING).favourite_words]
    return [" ".join(chance.choice(own) if chance.random() < 0.15 else word for word in ESSAYIST.split())]


def babble():
    chance = random.Random(1)
    syllables = ["ba", "tor", "min", "gle", "sha", "ruk", "vel", "on", "ti", "dra"]

    def nonsense(found):
        if found[0].lower() in FUNCTION_WORDS:
            return found[0]
        return "".join(chance.choices(syllables, k=chance.randint(2, 3)))

    return [re.sub(r"[A-Za-z']+", nonsense, piece) for piece in HELD_OUT]


ATTACKS = {
    "word soup": (soup, "typicality"),
    "own text shuffled": (shuffled, "typicality"),
    "another's text stuffed with own words": (stuffed, None),
    "verbatim training text": (lambda: pieces(TRAINING[0], 250)[:5], "copying"),
    "the same again": (lambda: [HELD_OUT[0]] * 5, "repetition"),
    "one word": (lambda: ["stone " * 600], "repetition"),
    "broken text with own function words": (babble, "language"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_reaches_half_of_the_score(score, name):
    attack, check = ATTACKS[name]
    scored = score(attack())
    assert scored.score is None or scored.score < 50
    assert check is None or check in fired(scored) or scored.score is None
    assert check is None or check in scored.verdict or scored.score is None


@pytest.mark.parametrize(
    ("attack", "lead"),
    [
        (lambda: pieces(TRAINING[0], 250)[:2], "This is copied from your own passages"),
        (lambda: [HELD_OUT[0]] * 2, "This repeats itself too much"),
        (lambda: babble()[:2], "Too many of its words are known neither"),
        (lambda: shuffled()[:2], "The order of its words makes too little sense"),
    ],
)
def test_the_check_that_decides_leads_the_verdict_alone(score, attack, lead):
    scored = score(attack())
    assert scored.words < 1000
    assert scored.verdict.startswith(lead)
    assert "Furthest from" not in scored.verdict and "anywhere from" not in scored.verdict
    assert "read as your voice" not in scored.verdict


def test_an_interval_that_rounds_to_one_number_is_not_told(score):
    scored = score([ESSAYIST])
    assert scored.words < 1000
    assert (round(scored.low) == round(scored.high)) == ("anywhere from" not in scored.verdict)
    assert f"It rests on {scored.words} words only" in scored.verdict


def test_the_sentence_on_few_words_gives_the_interval_that_is_shown():
    shown = [_firmness(low, high, 300, False, ScoreConfig()) for low, high in ((10.0, 84.5), (10.0, 84.4), (3.1, 3.2))]
    assert "from 10 to 84:" in shown[0] and "from 10 to 84:" in shown[1]
    assert shown[2] == " It rests on 300 words only: 1,000 words or more make it firm."
    assert "anywhere" not in _firmness(0.0, 40.0, 300, True, ScoreConfig())
    assert _firmness(0.0, 40.0, 1000, False, ScoreConfig()) == ""


def test_short_texts_always_say_what_they_rest_on_in_the_numbers_shown(score):
    for texts in ([HELD_OUT[0]], [HELD_OUT[1]], [ESSAYIST], [MODERN], [HELD_OUT[0]] * 2):
        scored = score(texts)
        assert f"It rests on {scored.words} words only" in scored.verdict
        if "anywhere" in scored.verdict:
            assert f"from {scored.low:.0f} to {scored.high:.0f}:" in scored.verdict


def test_checks_are_listed_as_a_sentence_lists_them():
    gates = [Gate(name, True, 0.0, "") for name in ("typicality", "language", "repetition")]
    listed = [_verdict(0.0, gates[:number], None).split("the check on ")[1] for number in (1, 2, 3)]
    assert listed == ["typicality.", "typicality and language.", "typicality, language and repetition."]


def test_the_cap_falls_with_the_share_of_babble(score):
    mixed = [HELD_OUT[: 4 - bad] + babble()[:bad] for bad in (1, 2, 4)]
    caps = [min(gate.cap for gate in score(texts).gates) for texts in mixed]
    assert caps[0] > caps[1] > caps[2]


def test_copies_of_held_out_text_are_found_as_well(author, score):
    assert "copying" not in fired(score(HELD_OUT))
    assert "copying" in fired(score_drafts(HELD_OUT, author.with_held_out(HELD_OUT)))


def test_verbatim_spans_are_measured_exactly():
    source = "the cat sat on the mat and looked out at the rain until it stopped"
    copy = Sources([source, "nothing in common here at all today"]).compare(
        "We saw how the cat sat on the mat and looked away. Out at the rain until noon."
    )
    assert (copy.words, copy.longest, copy.longest_text) == (18, 8, "the cat sat on the mat and looked")
    assert copy.share == pytest.approx(13 / 18)
    assert copy.overlap == pytest.approx(1 / 11)
    assert Sources([source]).compare(source).share == 1
    assert Sources([]).compare(source).longest == 0


def test_a_comparison_is_paired_and_says_how_much_of_the_gap_is_closed(author):
    base, tuned = pieces(ESSAYIST + "\n\n" + MODERN, 150), HELD_OUT[4:8]
    found = compare_drafts(base, tuned, author.with_held_out(HELD_OUT[8:]))
    assert found.raw_low <= found.raw_difference <= found.raw_high
    assert found.raw_low > 0 and found.difference > 50
    assert 0.5 < found.gap_closed < 1.5
    assert "nearer to your voice" in found.verdict
    alike = compare_drafts(base, base, author.with_held_out(HELD_OUT))
    assert alike.raw_difference == 0 == alike.gap_closed
    assert "cannot be told apart" in alike.verdict
    worse = compare_drafts(tuned, base, author.with_held_out(HELD_OUT[8:]))
    assert worse.raw_high < 0 and "further from your voice" in worse.verdict


def test_a_difference_is_as_unsure_as_the_scores_that_it_is_taken_from(author):
    base = pieces(ESSAYIST + "\n\n" + MODERN, 90)[:6]
    halves = zip(HELD_OUT, base, strict=False)
    tuned = [f"{' '.join(own.split()[:70])}\n\n{' '.join(other.split()[:60])}" for own, other in halves]
    found = compare_drafts(base, tuned, author)
    assert found.base.high - found.base.low < 1 and found.tuned.high - found.tuned.low > 50
    assert found.low == pytest.approx(found.tuned.low - found.base.score, abs=5)
    assert found.high == pytest.approx(found.tuned.high - found.base.score, abs=5)
    assert found.raw_low < found.raw_difference < found.raw_high
    single = compare_drafts(["\n\n".join(base)], ["\n\n".join(tuned)], author)
    assert single.raw_high - single.raw_low > 2 * 1.645 * author.verifier.deviation(found.tuned.words)


def test_a_high_score_below_all_own_passages_is_told_without_a_contradiction():
    gates = [Gate("typicality", False, 100.0, "")]
    said = _verdict(99.0, gates, 2.0)
    assert said.startswith("This sounds like you and not like other authors, though less plainly than")
    assert "below" not in said
    assert _verdict(99.0, gates, 60.0) == (
        "This sounds like you: better than 6 in 10 of your own held-out passages of that length."
    )
    assert "below nearly all" in _verdict(60.0, gates, 2.0)


def test_a_model_that_wrote_nothing_gives_no_comparison(author):
    found = compare_drafts(["", ""], HELD_OUT[:2], author.with_held_out(HELD_OUT[2:]))
    assert found.difference is None and found.gap_closed is None
    assert found.verdict.startswith("Insufficient")
    assert found.tuned.score is not None and words(HELD_OUT[0])
