"""Turn chat rows into token rows whose labels cover the author's reply alone, cut, checked and packed."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import DatasetError, ModelError
from style_tuner.records import ChatExample

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""Label of a token that the loss leaves out (PyTorch's convention)."""


@dataclass(frozen=True)
class TokenRow:
    """One row: `labels` repeats `input_ids` where the loss counts and holds `IGNORED` elsewhere."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class TokenRows:
    """All rows of one file, cut to `limit` tokens; `lengths` are those before the cut."""

    rows: tuple[TokenRow, ...]
    lengths: tuple[int, ...]
    limit: int

    @property
    def tokens(self) -> int:
        """Number of tokens before the cut."""
        return sum(self.lengths)

    @property
    def rows_cut(self) -> int:
        """Number of rows longer than the limit."""
        return sum(length > self.limit for length in self.lengths)

    @property
    def share_cut(self) -> float:
        """Share of all tokens that lie beyond the limit."""
        return sum(max(0, length - self.limit) for length in self.lengths) / self.tokens

    def summary(self) -> str:
        """Return the counts as one sentence, and as another what is cut and what to do about it."""
        text = (
            f"{len(self.lengths)} rows of {min(self.lengths)} to {max(self.lengths)} tokens "
            f"(median {statistics.median(self.lengths):.0f}), {self.tokens:,} in all."
        )
        if self.rows_cut:
            text += (
                f" {self.rows_cut} rows are longer than max_seq_length {self.limit}: their ends, {self.share_cut:.1%} "
                "of all tokens, are cut off and not learned. Raise max_seq_length, or prepare with a lower "
                "dataset.max_tokens."
            )
        return text


def read_rows(dataset: Path, name: str) -> list[ChatExample]:
    """Return the examples of `dataset/name`, or raise a `DatasetError` that says how to get it."""
    from style_tuner.dataset.chat_jsonl import read_examples

    path = dataset / name
    if not path.is_file():
        raise DatasetError(
            f"{path} does not exist: name a dataset folder that holds train.jsonl and validation.jsonl, "
            "as `python -m style_tuner prepare` makes it."
        )
    examples = read_examples(path)
    if not examples:
        raise DatasetError(f"{path} holds no rows: prepare the dataset again with more text.")
    return examples


def tokenise(examples: Sequence[ChatExample], tokenizer: PreTrainedTokenizerBase, limit: int) -> TokenRows:
    """Return the rows by the model's own chat template; the loss begins where the reply does.

    These are the tokens that TRL makes of conversational prompt/completion rows; made here so that a dry run and the
    training count the same steps. Rows of which nothing but the prompt is left after the cut are an error.
    """
    if not tokenizer.chat_template:
        raise ModelError(
            f"The model {tokenizer.name_or_path} has no chat template: choose its Instruct variant as base_model."
        )
    rows, lengths = [], []
    for number, example in enumerate(examples, 1):
        messages = [asdict(message) for message in example.messages]
        prompt = _token_ids(tokenizer, messages[:-1], add_generation_prompt=True)
        whole = _token_ids(tokenizer, messages)
        if whole[: len(prompt)] != prompt:
            raise ModelError(
                f"The chat template of {tokenizer.name_or_path} writes a prompt differently once the reply follows, so "
                "training would differ from writing: choose another base_model."
            )
        if len(prompt) >= limit:
            raise DatasetError(
                f"Row {number}: the request alone has {len(prompt)} tokens and max_seq_length is {limit}, so nothing "
                "of the reply is left. Raise max_seq_length or shorten the request."
            )
        labels = [IGNORED] * len(prompt) + whole[len(prompt) :]
        rows.append(TokenRow(tuple(whole[:limit]), tuple(labels[:limit])))
        lengths.append(len(whole))
    return TokenRows(tuple(rows), tuple(lengths), limit)


def _token_ids(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, Any]], add_generation_prompt: bool = False
) -> list[int]:
    encoded: Any = tokenizer.apply_chat_template(
        messages, tokenize=True, return_dict=True, add_generation_prompt=add_generation_prompt
    )
    return list(encoded["input_ids"])


def check_rows(rows: TokenRows, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise a `ModelError` if the first whole row would teach the model a wrong beginning or no ending."""
    whole = (row for row, length in zip(rows.rows, rows.lengths, strict=True) if length <= rows.limit)
    row = next(whole, None)
    if row is None:
        raise DatasetError(
            f"Every row is longer than max_seq_length {rows.limit}, so the model would never learn to end a text: "
            "raise max_seq_length, or prepare with a lower dataset.max_tokens."
        )
    model = tokenizer.name_or_path
    begin = tokenizer.bos_token_id
    wanted = begin is not None and (begin in row.input_ids or tokenizer("a").input_ids[0] == begin)
    if wanted and (found := row.input_ids.count(begin)) != 1:
        raise ModelError(
            f"A row of {model} begins with {found} begin-of-text tokens instead of one: its chat template and "
            "tokenizer disagree; download the model again or mend its chat template."
        )
    special = set(tokenizer.all_special_ids)
    ends = [label for label in row.labels[-2:] if label in special]  # some templates end with a line break after it
    if not ends:
        raise ModelError(
            f"The chat template of {model} leaves the end-of-turn token out of the reply, so a tuned model would never "
            "stop writing: choose another base_model or mend its chat template."
        )
    if tokenizer.pad_token_id in ends:
        raise ModelError(
            f"The tokenizer of {model} pads with its end-of-turn token {tokenizer.pad_token!r}, which would hide where "
            "texts end: set another pad token in its tokenizer_config.json."
        )


def show_loss_mask(row: TokenRow, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the row as text, each stretch of tokens that the loss counts between ⟦ and ⟧."""
    stretches = itertools.groupby(zip(row.input_ids, row.labels, strict=True), lambda pair: pair[1] != IGNORED)
    parts = []
    for counted, pairs in stretches:
        text = str(tokenizer.decode([token for token, _ in pairs]))
        parts.append(f"⟦{text}⟧" if counted else text)
    return "".join(parts)


def training_rows(rows: TokenRows, packing: bool) -> Dataset:
    """Return the rows as the trainer takes them: columns `input_ids`, `labels` and, packed, `seq_lengths`."""
    from datasets import Dataset
    from trl.data_utils import pack_dataset

    dataset = Dataset.from_dict(
        {"input_ids": [row.input_ids for row in rows.rows], "labels": [row.labels for row in rows.rows]}
    )
    return pack_dataset(dataset, rows.limit, "bfd") if packing else dataset
