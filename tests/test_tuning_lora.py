import copy

import pytest
import torch
from safetensors.torch import load_file

from style_tuner.errors import ModelError
from style_tuner.tuning.lora import (
    NF4_BOUND,
    apply_lora,
    apply_qlora,
    compare_memory,
    dequantize_nf4,
    disable_lora,
    enable_lora,
    get_lora_parameters,
    get_qlora_parameters,
    load_lora,
    merge_lora,
    quantize_nf4,
    save_lora,
    unmerge_lora,
)
from style_tuner.tuning.memory import LLAMA_8B


class Block(torch.nn.Module):
    """A plain layer with the names of the guide: no Transformers in it."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv_proj = torch.nn.Linear(64, 192)
        self.out_proj = torch.nn.Linear(192, 64, bias=False)
        self.head = torch.nn.Linear(64, 10)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.head(given + self.out_proj(torch.tanh(self.qkv_proj(given))))


@pytest.fixture
def base() -> Block:
    torch.manual_seed(1)
    return Block()


@pytest.fixture
def given() -> torch.Tensor:
    return torch.randn(5, 64, generator=torch.Generator().manual_seed(2))


def trained(model, given, parameters, steps=5):
    optimizer = torch.optim.AdamW(parameters, lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = model(given).square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def test_new_adapters_change_nothing_and_trained_ones_learn(base, given):
    before = base(given)
    model = apply_lora(base)
    torch.testing.assert_close(model(given), before)
    losses = trained(model, given, get_lora_parameters(model))
    assert losses[-1] < losses[0] * 0.9


def test_only_adapter_weights_get_gradients(base, given):
    model = apply_lora(base, rank=4, alpha=8)
    model(given).sum().backward()
    with_gradient = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert with_gradient == {name for name, _ in model.named_parameters() if "lora_" in name}
    assert sum(weight.numel() for weight in get_lora_parameters(model)) == 4 * (64 + 192) * 2


def test_merged_equals_adapted_and_unmerging_is_the_identity(base, given):
    model = apply_lora(base)
    trained(model, given, get_lora_parameters(model))
    adapted = model(given)
    before = model.qkv_proj.base_layer.weight.clone()
    merge_lora(model)
    merge_lora(model)  # a second time adds nothing
    assert (model.qkv_proj.base_layer.weight - before).abs().max() > 1e-3
    torch.testing.assert_close(model(given), adapted, rtol=1e-4, atol=1e-5)
    unmerge_lora(model)
    torch.testing.assert_close(model.qkv_proj.base_layer.weight, before, rtol=0, atol=1e-6)
    torch.testing.assert_close(model(given), adapted, rtol=1e-4, atol=1e-5)


def test_disabled_adapters_leave_the_bases_answer_also_after_a_merge(base, given):
    before = base(given)
    model = apply_lora(base)
    trained(model, given, get_lora_parameters(model))
    adapted = model(given)
    merge_lora(model)
    disable_lora(model)
    torch.testing.assert_close(model(given), before, rtol=1e-4, atol=1e-5)
    enable_lora(model)
    torch.testing.assert_close(model(given), adapted, rtol=1e-4, atol=1e-5)
    assert (adapted - before).abs().max() > 1e-2
    assert all(weight.requires_grad for weight in get_lora_parameters(model))


def test_qlora_keeps_the_base_in_4_bits_and_trains_the_adapters(base, given):
    before = base(given)
    size = base.qkv_proj.weight.nbytes
    model = apply_qlora(base)
    layer = model.qkv_proj.base_layer
    assert layer.weight.dtype == torch.uint8
    assert layer.weight.nbytes == size / 8
    assert layer.weight.quant_state.nested
    assert torch.nn.functional.cosine_similarity(model(given), before).min() > 0.95
    stored = layer.weight.clone()
    losses = trained(model, given, get_qlora_parameters(model))
    assert losses[-1] < losses[0] * 0.9
    assert not layer.weight.requires_grad and layer.weight.grad is None
    assert torch.equal(layer.weight, stored)


def nf4_error(weight):
    """The largest error that NF4 may make in a weight: its bound, of its largest value."""
    return weight.abs().max() * NF4_BOUND


def stored(layer):
    return dequantize_nf4(layer.weight.data, layer.weight.quant_state)


def test_adapters_beside_4_bits_are_merged_and_taken_out_again_within_the_formats_error():
    torch.manual_seed(4)
    model = torch.nn.Sequential()
    model.add_module("qkv_proj", torch.nn.Linear(128, 384))
    model.add_module("out_proj", torch.nn.Linear(384, 128))
    given = torch.randn(5, 128)
    apply_qlora(model)
    for weight in get_qlora_parameters(model):
        torch.nn.init.normal_(weight, std=0.1)
    adapted = model(given).detach()
    layers = [model.qkv_proj, model.out_proj]
    before = [stored(layer.base_layer) for layer in layers]
    wanted = [old + layer.get_delta_weight("default") for old, layer in zip(before, layers, strict=True)]
    merge_lora(model)
    merge_lora(model)
    for layer, old, sum_of_both in zip(layers, before, wanted, strict=True):
        assert layer.base_layer.weight.dtype == torch.uint8
        assert (stored(layer.base_layer) - sum_of_both).abs().max() <= nf4_error(sum_of_both)
        assert (stored(layer.base_layer) - old).abs().mean() > 1e-3
    assert torch.nn.functional.cosine_similarity(model(given), adapted).min() > 0.95
    unmerge_lora(model)
    for layer, old, sum_of_both in zip(layers, before, wanted, strict=True):
        assert (stored(layer.base_layer) - old).abs().max() <= nf4_error(sum_of_both) + nf4_error(old) * 1.2
    assert torch.nn.functional.cosine_similarity(model(given), adapted).min() > 0.95
    trained(model, given, get_qlora_parameters(model))


@pytest.mark.parametrize("shape", [(1000,), (1,), (0,), (2, 1), (3, 64, 10)])
def test_nf4_gives_back_the_shape_that_it_was_given(shape):
    tensor = torch.randn(shape)
    back = dequantize_nf4(*quantize_nf4(tensor))
    assert back.shape == tensor.shape
    assert tensor.numel() == 0 or (back - tensor).abs().max() <= nf4_error(tensor)


@pytest.mark.parametrize(
    ("tensor", "block", "said"),
    [
        (torch.tensor([float("inf")] + [1.0] * 63), 64, "no finite numbers"),
        (torch.arange(64), 64, "holds int64.* convert it"),
        (torch.randn(64), 48, "block_size is 48: choose one of 32, 64"),
    ],
)
def test_what_has_no_form_in_nf4_is_refused(tensor, block, said):
    with pytest.raises(ModelError, match=said):
        quantize_nf4(tensor, block)


@pytest.mark.parametrize("numbers", [{"rank": 0}, {"alpha": 0.0}, {"dropout": 2.0}])
@pytest.mark.parametrize("method", [apply_lora, apply_qlora])
def test_numbers_that_no_adapter_can_have_are_refused(base, method, numbers):
    with pytest.raises(ModelError, match=f"^{next(iter(numbers))} is .* usual"):
        method(base, **numbers)
    assert all(weight.requires_grad for weight in base.parameters())


def test_adapters_are_not_put_upon_adapters(base):
    apply_lora(base, target_modules=["qkv_proj"])
    with pytest.raises(ModelError, match="has adapters already"):
        apply_lora(base, target_modules=["out_proj"])


def test_a_weight_that_two_layers_share_is_not_merged_into():
    model = torch.nn.Sequential()
    model.add_module("first", torch.nn.Linear(16, 16))
    model.add_module("other", torch.nn.Linear(16, 16))
    model.other.weight = model.first.weight
    apply_lora(model, target_modules=["first"])
    before = model.other.weight.clone()
    with pytest.raises(ModelError, match="first and other share one weight"):
        merge_lora(model)
    assert torch.equal(model.other.weight, before)


@pytest.mark.parametrize("block", [64, 128])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_the_error_of_nf4_stays_within_the_bound_of_its_levels(block, scale):
    tensor = torch.randn(64, 128, generator=torch.Generator().manual_seed(3)) * scale
    tensor[0, 0] = 9 * scale  # an outlier spoils its own block alone
    indices, scales = quantize_nf4(tensor, block)
    back = dequantize_nf4(indices, scales)
    assert (indices.dtype, indices.numel(), back.shape) == (torch.uint8, tensor.numel() // 2, tensor.shape)
    largest = tensor.reshape(-1, block).abs().amax(1, keepdim=True)
    share = ((back - tensor).reshape(-1, block).abs() / largest).amax()
    assert 0.1 < share <= NF4_BOUND
    assert len((back.reshape(-1, block) / largest).mul(1e4).round().unique()) <= 16


def test_saved_adapters_hold_nothing_else_and_come_back(base, given, tmp_path):
    other = copy.deepcopy(base)
    model = apply_lora(base)
    trained(model, given, get_lora_parameters(model))
    save_lora(model, tmp_path / "lora.safetensors")
    assert all("lora_" in name for name in load_file(tmp_path / "lora.safetensors"))
    apply_lora(other)
    load_lora(other, tmp_path / "lora.safetensors")
    assert torch.equal(other(given), model(given))


def test_what_cannot_be_is_refused_with_the_remedy(base, tmp_path):
    with pytest.raises(ModelError, match="names query, .* choose from head, out_proj, qkv_proj"):
        apply_lora(base, target_modules=["query"])
    with pytest.raises(ModelError, match="call apply_lora"):
        merge_lora(base)
    with pytest.raises(ModelError, match="call apply_lora"):
        get_lora_parameters(base)
    apply_lora(base, rank=4)
    save_lora(base, tmp_path / "lora.safetensors")
    wider = apply_lora(Block(), rank=8)
    with pytest.raises(ModelError, match="does not fit this model"):
        load_lora(wider, tmp_path / "lora.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        load_lora(wider, tmp_path / "none.safetensors")


def test_the_memory_of_the_three_methods_follows_from_what_they_hold():
    parameters = LLAMA_8B.linear_parameters + LLAMA_8B.other_parameters
    full, lora, qlora = compare_memory(parameters, LLAMA_8B.linear_parameters, adapter=20_971_520)
    assert full.total == parameters * (2 + 2 + 8)
    assert lora.total == parameters * 2 + 20_971_520 * 16
    assert 0.3 < qlora.total / lora.total < 0.4  # embeddings and head stay in 16 bits
    assert lora.total / full.total < 0.2


def test_the_computed_weights_are_those_of_a_real_model(base):
    whole = sum(weight.numel() for weight in base.parameters())
    linear = base.qkv_proj.weight.numel() + base.out_proj.weight.numel()
    model = apply_qlora(base)
    adapter = sum(weight.numel() for weight in get_qlora_parameters(model))
    found = compare_memory(whole, linear, adapter, weight_bytes=4)[2]
    held = sum(weight.nbytes for weight in model.parameters())
    assert found.weights == pytest.approx(held, rel=0.02)  # the scales are no parameters
