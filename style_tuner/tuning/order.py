"""The order of rows: of each epoch by itself, so that a resumed run goes on exactly where it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import TrainerState


class EpochOrder:
    """A sampler whose order depends on the seed and the epoch alone.

    That of Transformers 5.23 draws from the global random state, which after a resume is not what it was when the epoch
    began: rows would be seen twice in it, and others never. With `lengths`, rows of about one length come together in
    `batch` of them.
    """

    def __init__(self, rows: int, seed: int, lengths: Sequence[int] | None, batch: int) -> None:
        self.rows, self.seed, self.lengths, self.batch = rows, seed, lengths, batch
        self.epoch = 0

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        import torch
        from transformers.trainer_pt_utils import get_length_grouped_indices

        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        if self.lengths is None:
            return iter(torch.randperm(self.rows, generator=generator).tolist())
        grouped: list[int] = get_length_grouped_indices(  # type: ignore[no-untyped-call]
            list(self.lengths), self.batch, generator=generator
        )
        return iter(grouped)

    def on_epoch_begin(self, _arguments: Any, state: TrainerState, *_: Any, **__: Any) -> None:
        """Take the order of the epoch that begins or goes on."""
        self.epoch = int(state.epoch or 0)
