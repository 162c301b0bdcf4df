"""Each sign is found on a made curve that shows it, and none on a curve of a run that went well."""

import pytest

from style_tuner.config import STARTER_MODEL, TrainingConfig
from style_tuner.tuning.signs import broken_prose, frequent_words, read_signs

CONFIG = TrainingConfig(base_model=str(STARTER_MODEL))
PROSE = (
    "The rain had come in the night and the road to the harbour was dark with it. She walked beside the wall, counting "
    "the boats, and when she had counted them she began again, for the number was never what it had been."
)


def run(training, validation, base=4.0, abilities=(2.0, 2.1)):
    rows = [{"step": 0, "base_validation_loss": base, "ability_loss": abilities[0]}]
    rows += [{"step": step + 1, "loss": loss} for step, loss in enumerate(training)]
    rows += [{"step": step * 4, "validation_loss": loss} for step, loss in enumerate(validation)]
    return [*rows, {"step": len(training), "ability_loss": abilities[1]}]


FALLING = [4.0 - 0.05 * step for step in range(20)]
LEARNED = [4.0, 3.8, 3.6, 3.5, 3.45, 3.44]


def names(rows, texts=(), passages=400, common=frozenset()):
    return [sign.name for sign in read_signs(rows, texts, CONFIG, passages, common)]


def test_a_run_that_went_well_shows_no_sign():
    assert names(run(FALLING, LEARNED), [PROSE], common=frequent_words([PROSE])) == []
    assert names([]) == []


def test_overfitting_is_a_validation_loss_that_rises_while_training_falls():
    (sign,) = read_signs(run(FALLING, [4.0, 3.6, 3.4, 3.45, 3.5, 3.6]), [], CONFIG, 400)
    assert sign.name == "overfitting"
    assert "since step 8" in str(sign) and "from 3.400 to 3.600 (step 20)" in str(sign)
    assert "lora_dropout 0.1 or weight_decay 0.05" in sign.remedy
    assert names(run(FALLING, [4.0, 3.6, 3.4, 3.41, 3.42, 3.43])) == []  # wavers
    rising = [3.0 + 0.05 * step for step in range(20)]
    assert "overfitting" not in names(run(rising, [4.0, 3.6, 3.4, 3.45, 3.5, 3.6]))


def test_a_loss_that_stays_and_one_that_rises_have_opposite_remedies():
    flat = read_signs(run([4.0] * 20, [4.0, 4.0, 4.0, 3.99, 3.99]), [], CONFIG, 400)
    assert [sign.name for sign in flat] == ["loss not falling", "style not captured"]
    assert "Raise learning_rate to 0.0003" in flat[0].remedy
    (risen, _) = read_signs(run([4.0 + 0.1 * step for step in range(20)], [4.0, 4.2, 4.5, 4.9]), [], CONFIG, 400)
    assert risen.name == "diverging" and "try 5e-05 instead of 0.0002" in risen.remedy


def test_abilities_are_lost_where_ordinary_answers_become_unlikely():
    (sign,) = read_signs(run(FALLING, LEARNED, abilities=(1.5, 3.5)), [], CONFIG, 400)
    assert sign.name == "lost abilities" and "from 1.50 to 3.50" in sign.sentence
    assert "learning_rate 0.0001" in sign.remedy


def test_a_voice_is_not_caught_where_unseen_passages_gain_nothing():
    (sign,) = read_signs(run(FALLING, [4.0, 3.99, 3.98, 3.97, 3.97]), [], CONFIG, 120)
    assert sign.name == "style not captured"
    assert "300 at least, here are 120" in sign.remedy and "lora_r 64" in sign.remedy
    assert "Add passages" not in read_signs(run(FALLING, [4.0, 3.99, 3.98, 3.97]), [], CONFIG, 400)[0].remedy


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("the sea the sea " * 20, "repeats itself"),
        ("%%% 33 ## {{}} 0x00 ;;; 1234 ... " * 3, "mostly signs and digits"),
        (" ".join(f"qu{chr(97 + n % 26)}x{chr(97 + n // 26)}" for n in range(60)), "is not made of the author's words"),
    ],
)
def test_samples_that_are_no_prose_are_told_from_prose(text, fault):
    common = frequent_words([PROSE])
    assert fault in (broken_prose(text, common) or "")
    assert names(run(FALLING, LEARNED), [text, text], common=common) == ["gibberish"]
    assert names(run(FALLING, LEARNED), [text, PROSE, PROSE], common=common) == []
    assert broken_prose(PROSE, common) is None
    assert broken_prose("Yes.", common) is None
