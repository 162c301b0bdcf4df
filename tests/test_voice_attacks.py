"""Every attack on the sample author fails, and the author's own unseen writing is left alone."""

from pathlib import Path

import pytest
from voice_prose import ESSAYIST

from benchmarks.attacks import NOT_CAUGHT, attack_medians, attacks, every_author, own_medians, own_passages_capped
from style_tuner.config import SAMPLES
from style_tuner.voice.profile import build_profile
from style_tuner.voice.segment import words
from style_tuner.voice.verification.panel import load_panel
from style_tuner.voice.verification.verifier import fit_verifier

STORIES = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))]
TRAINING, HELD_OUT = STORIES[:-2], STORIES[-2:]
OTHERS = [ESSAYIST, (Path(__file__).parent / "voice_texts" / "generic_ai_prose.txt").read_text(encoding="utf-8")]
NAMES = list(attacks(TRAINING, HELD_OUT, OTHERS, 1000, 1))


@pytest.fixture(scope="module")
def verifier():
    return fit_verifier(TRAINING, load_panel())


@pytest.fixture(scope="module")
def medians(verifier):
    profile = build_profile(TRAINING)
    return attack_medians(TRAINING, HELD_OUT, OTHERS, verifier, profile=profile, passages=2, lengths=(1000,))


def test_every_attack_of_the_list_is_made():
    made = attacks(TRAINING, HELD_OUT, OTHERS, 1000, 1)
    assert set(made) >= NOT_CAUGHT
    assert all(len(words(texts[0])) >= 300 for texts in made.values())
    assert made == attacks(TRAINING, HELD_OUT, OTHERS, 1000, 1)
    own = made["other author stuffed with 15 % own keywords"][0].split()
    plain = made["other author"][0].split()
    changed = sum(word != other for word, other in zip(own, plain, strict=False)) / len(plain)
    assert 0.1 < changed < 0.2


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_CAUGHT])
def test_no_attack_reaches_half_of_the_score(medians, name):
    assert medians[f"{name}, 1000 words"] < 50


def test_sentences_out_of_order_are_not_seen_and_said_so(medians):
    assert all(medians[f"{name}, 1000 words"] > 75 for name in NOT_CAUGHT)


def test_own_unseen_passages_keep_their_scores(verifier):
    assert own_medians(TRAINING, HELD_OUT, verifier, (1000,))["own unseen text, 1000 words"] >= 75
    fired = own_passages_capped(TRAINING, HELD_OUT, verifier, (250, 1000))
    assert [name for names in fired.values() for name in names if name] == []


def test_broken_text_would_pass_for_the_author_without_the_checks(verifier):
    text = (Path(__file__).parent / "voice_texts" / "broken_text_of_a_voice_at_twice_its_strength.txt").read_text(
        "utf-8"
    )
    assert verifier.probability(float(verifier.decide(verifier.count([text]))[0]), 2000) > 0.9


def test_texts_that_are_the_same_for_everyone_are_tried_on_every_author_with_two_works(tmp_path):
    works = {"Sample_Early_2001": TRAINING, "Sample_Late_2002": HELD_OUT, "Essayist_Only_2003": [ESSAYIST]}
    for name, texts in works.items():
        (tmp_path / f"{name}.txt").write_text("\n\n".join(texts), encoding="utf-8")
    found = every_author(tmp_path)
    assert "generic ai prose" in found and len(found) == 3
    assert all(list(scores) == ["Sample"] and scores["Sample"] < 50 for scores in found.values())
