"""What a run reads before it begins: tokenizer, rows, and what is left out of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from style_tuner.config import TrainingConfig, resolve_model
from style_tuner.dataset.formats import Example, Splits, load_splits
from style_tuner.records import ChatExample
from style_tuner.tuning.rows import TokenRows, check_rows, rows_hash, tokenise, write_plainly

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunData:
    """The tokenizer, the examples, their rows to train and to validate on, and the hash of all of them."""

    tokenizer: PreTrainedTokenizerBase
    examples: Splits
    training: TokenRows
    validation: TokenRows
    digest: str

    def replies(self) -> list[str]:
        """Return the author's texts that are trained on."""
        return [
            example.messages[-1].content if isinstance(example, ChatExample) else example.completion
            for example in self.examples.train
        ]


def read_data(config: TrainingConfig, dataset: Path | str, say: bool = True) -> RunData:
    """Return what a run trains and validates on; with `say`, log how long the rows are and what is cut off them."""
    from style_tuner.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(resolve_model(config.base_model))
    write_plainly(tokenizer, config.rows.response_template)
    splits = load_splits(str(dataset), config.rows, config.seed)
    training = _tokens(splits.train, tokenizer, config)
    validation = _tokens(splits.validation, tokenizer, config)
    for name, rows in (("Training", training), ("Validation", validation)) if say else ():
        log.log(logging.WARNING if rows.rows_cut else logging.INFO, "%s: %s", name, rows.summary())
    return RunData(tokenizer, splits, training, validation, rows_hash(splits.train, splits.validation))


def _tokens(examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, config: TrainingConfig) -> TokenRows:
    rows = tokenise(examples, tokenizer, config.max_seq_length)
    check_rows(rows, tokenizer)
    return rows
