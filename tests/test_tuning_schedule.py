import pytest

from style_tuner.config import CONFIGS, TrainingConfig, load_training_config
from style_tuner.errors import ConfigError
from style_tuner.tuning.schedule import plan_schedule

GUIDE = load_training_config(CONFIGS / "qlora_style_transfer.yaml")


def settings(**changes):
    return TrainingConfig(base_model="data/starter_model", **changes)


def test_the_guides_settings_fit_the_guides_thousand_samples():
    schedule = plan_schedule(GUIDE, 900)
    assert (schedule.epoch_steps, schedule.steps) == (57, 171)
    assert (schedule.warmup_steps, schedule.save_steps) == (100, 100)


def test_a_warm_up_that_never_ends_is_refused_with_values_that_work():
    with pytest.raises(ConfigError, match=r"21 steps .*warmup_steps 100 .* auto \(here 1\), or to 10 at most"):
        plan_schedule(GUIDE, 100)
    assert plan_schedule(GUIDE.model_copy(update={"warmup_steps": 10, "save_steps": "auto"}), 100).warmup_steps == 10


def test_save_steps_beyond_the_end_are_refused_with_values_that_work():
    with pytest.raises(ConfigError, match=r"21 steps .*save_steps 100 .* auto \(here 7\), or to 21 at most"):
        plan_schedule(GUIDE.model_copy(update={"warmup_steps": "auto"}), 100)
    assert plan_schedule(settings(save_steps=21, num_epochs=3), 100).save_steps == 21


@pytest.mark.parametrize("rows", [1, 4, 17, 100, 1000])
@pytest.mark.parametrize("epochs", [0.1, 1, 3])
def test_auto_always_reaches_the_peak_and_saves_on_the_way(rows, epochs):
    schedule = plan_schedule(settings(num_epochs=epochs), rows)
    assert 0 <= schedule.warmup_steps < schedule.steps
    assert 1 <= schedule.save_steps <= min(schedule.steps, schedule.epoch_steps)


def test_the_smallest_run_has_one_step_and_saves_it():
    schedule = plan_schedule(settings(save_steps=1, warmup_steps=0), 1)
    assert schedule.save_steps == 1
    with pytest.raises(ValueError, match="save_steps"):
        settings(save_steps=0)
