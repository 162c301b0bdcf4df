import pytest
from tuning_rows import write_rows

from style_tuner.config import CONFIGS, STARTER_CONFIG, load_training_config
from style_tuner.tabs import needs_view
from style_tuner.tuning import needs
from style_tuner.tuning.memory import LLAMA_8B, estimate_memory

GUIDE = load_training_config(CONFIGS / "qlora_style_transfer.yaml")
GPU = {gpu.name: gpu for gpu in needs.GPUS}


def test_the_guides_run_and_a_packed_row_at_a_time_fit_where_they_should():
    assert needs.need(GUIDE, LLAMA_8B, GPU["RTX 5090"]).memory < 14
    packed = GUIDE.model_copy(update={"packing": True, "per_device_batch_size": 1})
    assert estimate_memory(packed, LLAMA_8B).total < 8


def test_every_size_and_method_is_estimated_and_larger_ones_need_more():
    found = {(one.model, one.method): one for one in needs.needs(GUIDE, GPU["RTX 4090"])}
    assert len(found) == len(needs.MODELS) * len(needs.METHODS)
    for method in needs.METHODS:
        sizes = [found[model, method].memory for model in needs.MODELS]
        assert sizes == sorted(sizes)
    for model in needs.MODELS:
        by_method = [found[model, method].memory for method in needs.METHODS]
        assert by_method == sorted(by_method, reverse=True)
    assert found["8B", "QLoRA, 4 bits"].fits(GPU["RTX 4070 Ti SUPER"])
    assert not found["8B", "LoRA, 16 bits"].fits(GPU["RTX 4070 Ti SUPER"])
    assert not found["8B", "every weight"].fits(GPU["RTX 5090"])


@pytest.mark.parametrize(("four_bit", "measured"), [(True, 2413), (False, 3083)])
def test_the_pace_is_near_what_torchtune_measured_on_an_rtx_4090(four_bit, measured):
    config = GUIDE.model_copy(update={"load_in_4bit": four_bit})
    assert needs.tokens_per_second(config, LLAMA_8B, GPU["RTX 4090"]) == pytest.approx(measured, rel=0.05)


def test_a_run_writes_its_checkpoints_and_its_voice():
    voice = 167_772_160 * 4 / 1024**3
    assert needs.disk(GUIDE, LLAMA_8B) == pytest.approx(3 * (voice + 167_772_160 * 2 / 1024**3) + voice)


def test_a_claim_is_called_wrong_where_the_estimate_lies_outside_it_and_only_there():
    for claim in needs.CLAIMS:
        parts = [float(word) for word in claim.said.split() if word.isdigit()]
        agrees = parts[0] - 1 < claim.estimate(GUIDE) < parts[-1] + 1
        assert agrees == (not claim.fault), claim


@pytest.mark.parametrize(
    ("rows", "rank", "epochs", "said"),
    [
        (100, (8, 16), (5, 10), "at least 300"),
        (800, (8, 16), (5, 10), "rank 64 and 3 epochs"),
        (5000, (32, 64), (3, 5), "2e-4"),
        (20000, (128, 256), (1, 3), "2e-4"),
    ],
)
def test_advice_follows_the_number_of_rows(rows, rank, epochs, said):
    found = needs.advice(rows)
    assert (found.rank, found.epochs) == (rank, epochs)
    assert said in " ".join(found.sentences)


def test_the_page_shows_the_tables_and_an_example_with_what_is_learned_from_coloured(tmp_path):
    sizes = str(needs_view.sizes(GUIDE))
    assert "32B" in sizes and "RTX 5090" in sizes and "fits" in sizes
    assert "its own weights alone take more" in str(needs_view.claims(GUIDE))
    folder = write_rows(tmp_path / "rows")
    shown = str(needs_view.example(needs_view.measured(load_training_config(STARTER_CONFIG), str(folder))))
    assert "<b>1,295</b> in all" in shown
    learned = shown.split("<mark")[1].split("</mark>")[0]
    assert "road went down to the water" in learned and "Write a scene" not in learned
    assert "Write a scene by the harbour." in shown


def test_the_time_of_a_short_run_is_said_in_seconds():
    assert "known after the first steps" in needs.say(GUIDE, LLAMA_8B, 100)
    assert " about 8 s on one RTX 4090" in needs.say(GUIDE, LLAMA_8B, 6_700)
    assert " about 14 min on one RTX 4090" in needs.say(GUIDE, LLAMA_8B, 670_000)
