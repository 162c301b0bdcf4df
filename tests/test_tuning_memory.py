import pytest

from style_tuner.config import CONFIGS, STARTER_CONFIG, load_training_config
from style_tuner.errors import ModelError
from style_tuner.tuning.memory import LLAMA_8B, estimate_memory, model_shape

GUIDE = load_training_config(CONFIGS / "qlora_style_transfer.yaml")


@pytest.mark.parametrize(("four_bit", "measured"), [(True, 7.4), (False, 16.2)])
def test_the_estimate_is_near_what_torchtune_measured_for_llama_8b(four_bit, measured):
    """Its README: rank 8, two rows of 2,048 tokens, gradient checkpointing, on an RTX 4090."""
    config = GUIDE.model_copy(update={"lora_r": 8, "per_device_batch_size": 2, "load_in_4bit": four_bit})
    assert estimate_memory(config, LLAMA_8B).total == pytest.approx(measured, rel=0.1)


def test_the_guides_recipe_fits_its_own_range():
    found = estimate_memory(GUIDE, LLAMA_8B)
    assert 10 < found.total < 14
    assert found.adapter == pytest.approx(167_772_160 * 8 / 1024**3)


def test_each_setting_moves_its_own_part():
    def estimate(**changes):
        return estimate_memory(GUIDE.model_copy(update=changes), LLAMA_8B)

    base = estimate()
    assert estimate(lora_r=32).adapter == base.adapter / 2
    assert estimate(optimizer="adamw_torch").optimizer == 4 * base.optimizer
    assert estimate(gradient_checkpointing=False).activations > 5 * base.activations
    assert estimate(per_device_batch_size=2).activations < 0.6 * base.activations
    assert estimate(load_in_4bit=False).weights == pytest.approx(8_030_261_248 * 2 / 1024**3)


def test_the_shape_comes_from_the_model_itself():
    from transformers import AutoModelForCausalLM

    config = load_training_config(STARTER_CONFIG)
    shape = model_shape(str(CONFIGS.parent / config.base_model))
    model = AutoModelForCausalLM.from_pretrained(CONFIGS.parent / config.base_model)
    assert shape.linear_parameters + shape.other_parameters == model.num_parameters()


def test_a_hub_that_cannot_be_reached_leaves_the_known_shape_of_llama_8b_alone(monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert model_shape("meta-llama/Llama-3.1-8B-Instruct").source == "the known shape of Llama-3.1-8B"
    with pytest.raises(ModelError, match="nobody/nothing cannot be fetched .* HF_TOKEN"):
        model_shape("nobody/nothing")
