"""What makes training fast without changing what is learned: no padding, no needless logits, nothing computed twice."""

from __future__ import annotations

import importlib.util
import logging
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from style_tuner.config import TrainingConfig
from style_tuner.tuning.memory import GIBIBYTE, estimate_memory, shape_of
from style_tuner.tuning.parallel import all_say, share_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel
    from trl.trainer.sft_config import SFTConfig

log = logging.getLogger(__name__)
_told: ContextVar[bool] = ContextVar("row_lengths_are_told", default=False)

ROW_ATTENTION = "sdpa_by_row"
"""Name under which Transformers knows this module's attention."""
MOST_LOGITS = 2**27
"""Logits that are held at once on a CPU (half a GiB in float32); beyond it the loss is computed in tiles."""
SHARE_OF_MEMORY = 0.8
"""Part of the free memory that a run may plan to fill; the rest is for what the estimate does not see."""


def hasten(arguments: SFTConfig, config: TrainingConfig, base: PreTrainedModel) -> None:
    """Change how `base` is trained, not what it learns: rows without padding, and activations kept where they fit.

    The rows of every optimiser step stay the same, and so does its gradient.
    """
    if attend_by_row(base):
        arguments.padding_free = True
        arguments.train_sampling_strategy = "random"
        if not arguments.packing:
            arguments.max_length = None  # the rows are cut already, and TRL refuses a limit that it does not enforce
    config = share_of(config)
    arguments.per_device_train_batch_size = config.per_device_batch_size
    arguments.gradient_accumulation_steps = config.gradient_accumulation_steps
    plans = all_say(memory_plan(config, base))
    recompute = any(twice for _, twice in plans)
    batch = config.per_device_batch_size if recompute else min(rows for rows, _ in plans)
    if batch != config.per_device_batch_size or recompute != config.gradient_checkpointing:
        log.info(
            "Memory allows to keep all activations, with %d rows at a time: faster than computing them twice.", batch
        )
    arguments.gradient_accumulation_steps *= arguments.per_device_train_batch_size // batch
    arguments.per_device_train_batch_size = batch
    arguments.activation_checkpointing = arguments.gradient_checkpointing = recompute  # TRL 1.16 reads the old name
    arguments.use_liger_kernel = _liger()


def attend_by_row(base: PreTrainedModel) -> bool:
    """Let the model take rows one behind the other in place of padded batches; False where it cannot.

    Flash attention does so by itself. Where PyTorch's own attention is used, each row gets a call of its own: one mask
    over all of them would cost the square of their joint length, and keep the causal kernels from being used.
    """
    kernel = base.config._attn_implementation
    if kernel == "flash_attention_2":
        return True
    text = base.config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    if kernel != "sdpa" or kinds != {"full_attention"} or not base._supports_attention_backend:
        return False
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ROW_ATTENTION, _row_attention)
    AttentionMaskInterface.register(ROW_ATTENTION, _row_mask)
    base.set_attn_implementation(ROW_ATTENTION)
    return True


def _row_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    row_lengths: list[int] | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each row alone; the shapes are (1, heads, tokens, size), `row_lengths` adds up to the tokens."""
    import torch
    from transformers.integrations import sdpa_attention

    attend: Any = sdpa_attention.sdpa_attention_forward
    tensors: Any = (query, key, value)
    if row_lengths is None or len(row_lengths) == 1:
        answer: tuple[torch.Tensor, None] = attend(module, *tensors, attention_mask, **more)
        return answer
    rows = zip(*(tensor.split(row_lengths, 2) for tensor in tensors), strict=True)
    return torch.cat([attend(module, *row, None, **more)[0] for row in rows], 1), None


def _row_mask(*positional: Any, **more: Any) -> torch.Tensor | None:
    """Return no mask where `row_trainer` says how long the rows are, else what PyTorch's attention needs."""
    from transformers.masking_utils import sdpa_mask

    if _told.get():
        return None
    mask: torch.Tensor | None = sdpa_mask(*positional, **more)
    return mask


def row_trainer() -> Any:
    """Return TRL's trainer, taught to say how long the rows of a batch are, and to spare logits that no loss needs."""
    import torch
    from trl.trainer import sft_trainer

    base: Any = sft_trainer.SFTTrainer

    class RowTrainer(base):  # type: ignore[misc]
        def compute_loss(
            self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            config = self.model.config
            if config._attn_implementation != ROW_ATTENTION or "cu_seq_lens_q" not in inputs:
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            inputs["row_lengths"] = inputs["cu_seq_lens_q"].diff().tolist()
            logits = int((inputs["labels"] != -100).sum()) * config.get_text_config().vocab_size
            on_cpu = inputs["input_ids"].device.type == "cpu"
            token = _told.set(True)
            try:
                if on_cpu and logits < MOST_LOGITS and not return_outputs:
                    return self._reply_loss(model, inputs, num_items_in_batch)
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            finally:
                _told.reset(token)

        def _reply_loss(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any) -> torch.Tensor:
            """Return the loss from the logits of the reply alone; TRL computes those of every token without Triton."""
            labels = inputs.pop("labels")[0, 1:]
            counted = (labels != -100).nonzero().flatten()
            logits = model(**inputs, logits_to_keep=counted, use_cache=False).logits[0]
            total = torch.nn.functional.cross_entropy(logits.float(), labels[counted], reduction="sum")
            loss = total / (max(1, len(counted)) if num_items_in_batch is None else num_items_in_batch)
            if self.model.training:
                tokens = torch.tensor(inputs["input_ids"].numel())
                self._total_train_tokens += int(self.accelerator.gather_for_metrics(tokens).sum())
                if self.args.average_tokens_across_devices and num_items_in_batch is not None:
                    loss = loss * self.accelerator.num_processes
            self._metrics["train" if self.model.training else "eval"]["num_tokens"] = [self._total_train_tokens]
            return loss

    return RowTrainer


def memory_plan(config: TrainingConfig, base: PreTrainedModel) -> tuple[int, bool]:
    """Return rows at a time and whether activations are computed twice, the fastest way that fits into memory.

    Keeping them saves a quarter of the arithmetic, so fewer rows at a time are worth it; the rows of a step stay the
    same. What the settings ask for is done where nothing faster fits, and activations are kept where they say so.
    """
    batch = config.per_device_batch_size
    if not config.gradient_checkpointing or not config.keep_activations:
        return batch, config.gradient_checkpointing
    shape = shape_of(base.config.get_text_config().to_dict())
    free = free_memory() * SHARE_OF_MEMORY
    while True:
        tried = config.model_copy(update={"gradient_checkpointing": False, "per_device_batch_size": batch})
        needed = estimate_memory(tried, shape, base.device.type == "cuda")
        if needed.total - needed.weights < free:  # the weights are loaded already
            return batch, False
        if batch % 2:
            return config.per_device_batch_size, True
        batch //= 2


def free_memory() -> float:
    """Return the GiB that this process may still fill, on its GPU or, shared by the processes of this machine, here."""
    import psutil
    import torch

    if not torch.cuda.is_available():
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        return float(psutil.virtual_memory().available) / processes / GIBIBYTE
    free, total = torch.cuda.mem_get_info()
    own = total * torch.cuda.get_per_process_memory_fraction() - torch.cuda.memory_reserved()
    return float(min(free, own)) / GIBIBYTE


def _liger() -> bool:
    """Say whether Liger's kernels can be used: they are installed, and there is a GPU for them."""
    import torch

    return torch.cuda.is_available() and importlib.util.find_spec("liger_kernel") is not None
