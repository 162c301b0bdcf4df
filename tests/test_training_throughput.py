"""What makes training fast must not change what is learned."""

import pytest
from stand_ins import FAMILIES, stand_in

from benchmarks import random_model, training_throughput
from style_tuner.config import TrainingConfig
from style_tuner.tuning import speed
from style_tuner.tuning.model import load_base_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    random_model.write_model("tiny", folder)
    return folder


def settings(folder, **changes):
    return TrainingConfig(base_model=str(folder), **{"load_in_4bit": False, **changes})


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_one_behind_the_other_answer_as_each_alone(family, tmp_path):
    import torch

    base = load_base_model(settings(stand_in(family, tmp_path / "model"))).eval()
    torch.manual_seed(1)
    rows = [torch.randint(20, 900, (1, length)) for length in (7, 40, 23)]
    with torch.inference_mode():
        alone = [base(input_ids=row, use_cache=False).logits for row in rows]
        assert speed.attend_by_row(base)
        lengths = [row.shape[1] for row in rows]
        places = torch.cat([torch.arange(length) for length in lengths])[None]
        joined = {"input_ids": torch.cat(rows, 1), "position_ids": places, "use_cache": False}
        together = base(**joined, row_lengths=lengths).logits
        torch.testing.assert_close(together, torch.cat(alone, 1), rtol=1e-4, atol=1e-4)
        masked = base(**joined).logits  # nobody says how long the rows are: a mask keeps them apart
        torch.testing.assert_close(masked, torch.cat(alone, 1), rtol=1e-4, atol=1e-4)
        padded = torch.zeros(2, 9, dtype=torch.long)
        padded[0, 2:], padded[1] = rows[0], rows[1][0, :9]
        mask = torch.tensor([[0] * 2 + [1] * 7, [1] * 9])
        by_mask = base(input_ids=padded, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0)).logits
        torch.testing.assert_close(by_mask[0, 2:], alone[0][0], rtol=1e-4, atol=1e-4)  # as when samples are written


def test_a_model_with_windows_of_attention_keeps_its_padded_batches(tiny):
    base = load_base_model(settings(tiny))
    base.config.layer_types = ["sliding_attention", "full_attention"]
    assert not speed.attend_by_row(base)
    assert base.config._attn_implementation == "sdpa"


def test_this_projects_settings_learn_what_plain_trl_learns(tiny):
    plain, ours = (training_throughput.measure(variant, tiny, False, 3, 1, None) for variant in ("plain", "ours"))
    assert ours["losses"] == pytest.approx(plain["losses"], abs=2e-4)
    assert plain["recomputed"] and not ours["recomputed"]
    assert ours["losses"][0] != ours["losses"][1]
    assert ours["peak_memory_gib"] > 0 and ours["flops_per_second"] > 0


@pytest.mark.parametrize(
    ("free", "changes", "expected"),
    [
        (100.0, {}, (4, False)),
        (0.05, {}, (1, False)),
        (0.001, {}, (4, True)),
        (100.0, {"keep_activations": False}, (4, True)),
        (0.001, {"gradient_checkpointing": False}, (4, False)),
    ],
)
def test_activations_are_kept_as_memory_allows(tiny, monkeypatch, free, changes, expected):
    monkeypatch.setattr(speed, "free_memory", lambda: free)
    base = load_base_model(settings(tiny))
    config = settings(tiny, lora_r=8, max_seq_length=2048, **changes)
    assert speed.memory_plan(config, base) == expected


def test_the_arithmetic_of_the_8b_shape_is_that_of_its_weights():
    shape = random_model.SHAPES["8b"]
    config = TrainingConfig(base_model="x", lora_r=1)
    found = random_model.flops_a_token(shape, config, 1000)
    assert found == pytest.approx(4 * 7.5e9, rel=0.05)
