"""Turn examples into token rows whose labels cover the author's reply alone, cut, checked and packed."""

from __future__ import annotations

import hashlib
import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from style_tuner.dataset.formats import Example, TextExample
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


def rows_hash(*parts: Sequence[Example]) -> str:
    """Return the SHA-256 of the examples in their order, by which a dataset is known again wherever it lies."""
    digest = hashlib.sha256()
    for part in parts:
        for example in part:
            digest.update(json.dumps(example.row(), ensure_ascii=False, sort_keys=True).encode() + b"\n")
        digest.update(b"\0")
    return digest.hexdigest()


def write_plainly(tokenizer: PreTrainedTokenizerBase, response_template: str | None) -> None:
    """Give a model without a chat template one that writes chats as plain text with a mark before the reply.

    It is saved with the voice, so that writing uses the same text as training did.
    """
    if tokenizer.chat_template or not response_template:
        return
    begin = "{{- bos_token }}" if tokenizer.bos_token_id in tokenizer("a").input_ids[:1] else ""
    mark = json.dumps(response_template)
    tokenizer.chat_template = (
        f"{begin}{{%- for message in messages %}}{{%- if message['role'] == 'assistant' %}}"
        f"{{{{- {mark} + message['content'] | trim + eos_token }}}}{{%- else %}}"
        "{{- message['content'] | trim + '\n\n' }}{%- endif %}{%- endfor %}"
        f"{{%- if add_generation_prompt %}}{{{{- {mark} }}}}{{%- endif %}}"
    )


def tokenise(examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, limit: int) -> TokenRows:
    """Return the rows in tokens; the loss begins where the reply does.

    Chats go through the model's own chat template: these are the tokens that TRL makes of conversational
    prompt/completion rows, made here so that a dry run and the training count the same steps. Rows of which nothing but
    the prompt is left after the cut are an error.
    """
    rows, lengths = [], []
    for number, example in enumerate(examples, 1):
        prompt, whole = prompt_and_whole(example, tokenizer)
        if len(prompt) >= limit:
            raise DatasetError(
                f"Row {number}: the request alone has {len(prompt)} tokens and max_seq_length is {limit}, so nothing "
                "of the reply is left. Raise max_seq_length or shorten the request."
            )
        labels = [IGNORED] * len(prompt) + whole[len(prompt) :]
        rows.append(TokenRow(tuple(whole[:limit]), tuple(labels[:limit])))
        lengths.append(len(whole))
    return TokenRows(tuple(rows), tuple(lengths), limit)


def prompt_and_whole(example: Example, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Return the tokens of the part that is not learned, and those of the whole row, which begin with them."""
    if not isinstance(example, ChatExample):
        return _text_tokens(example, tokenizer)
    if not tokenizer.chat_template:
        raise ModelError(
            f"The model {tokenizer.name_or_path} has no chat template: choose its Instruct variant as base_model, or "
            'set rows.response_template (such as "### Response:\\n") to have the rows written as plain text.'
        )
    messages = [asdict(message) for message in example.messages]
    prompt = _token_ids(tokenizer, messages[:-1], add_generation_prompt=True)
    whole = _token_ids(tokenizer, messages)
    if whole[: len(prompt)] != prompt:
        raise ModelError(
            f"The chat template of {tokenizer.name_or_path} writes a prompt differently once the reply follows, so "
            "training would differ from writing: choose another base_model."
        )
    return prompt, whole


def _text_tokens(example: TextExample, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Cut the text into tokens on both sides of the mark alone, as it will be when the model goes on from there."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"The tokenizer of {tokenizer.name_or_path} has no end-of-text token, so a tuned model would never stop "
            "writing: choose another base_model."
        )
    prompt = list(tokenizer(example.prompt).input_ids)
    completion = list(tokenizer(example.completion, add_special_tokens=False).input_ids)
    return prompt, [*prompt, *completion, tokenizer.eos_token_id]


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


def loss_stretches(row: TokenRow, tokenizer: PreTrainedTokenizerBase) -> list[tuple[str, bool]]:
    """Return the row as text in stretches, each with whether the loss counts it."""
    stretches = itertools.groupby(zip(row.input_ids, row.labels, strict=True), lambda pair: pair[1] != IGNORED)
    return [(str(tokenizer.decode([token for token, _ in pairs])), counted) for counted, pairs in stretches]


def show_loss_mask(row: TokenRow, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the row as text, each stretch of tokens that the loss counts between ⟦ and ⟧."""
    return "".join(f"⟦{text}⟧" if counted else text for text, counted in loss_stretches(row, tokenizer))


def training_rows(rows: TokenRows, packing: bool) -> Dataset:
    """Return the rows as the trainer takes them: columns `input_ids`, `labels` and, packed, `seq_lengths`."""
    from datasets import Dataset
    from trl.data_utils import pack_dataset

    dataset = Dataset.from_dict(
        {"input_ids": [row.input_ids for row in rows.rows], "labels": [row.labels for row in rows.rows]}
    )
    return pack_dataset(dataset, rows.limit, "bfd") if packing else dataset
