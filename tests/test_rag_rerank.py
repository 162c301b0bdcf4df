from collections.abc import Sequence
from pathlib import Path

import pytest

from rag.retrieval.ranking import Ranked
from rag.retrieval.rerank import CrossEncoderReranker, reranked
from style_tuner.errors import ModelError
from style_tuner.records import Entry


class Lengths:
    """The longer a text, the better."""

    def scores(self, request: str, texts: Sequence[str]) -> list[float]:
        return [len(text) for text in texts]


def ranked(*names: str) -> list[Ranked]:
    return [Ranked(Entry(name, name, "Text."), "meaning", 9.0 - at) for at, name in enumerate(names)]


def test_both_orders_count_and_what_lies_deeper_stays_behind() -> None:
    found = reranked(Lengths(), "?", ranked("a", "bbbb", "cc"))
    assert [one.entry.name for one in found] == ["bbbb", "a", "cc"]
    assert [one.score for one in found] == [9.0, 8.0, 7.0]
    many = ranked(*(f"n{'x' * at}" for at in range(25)))
    assert reranked(Lengths(), "?", many)[20:] == many[20:]


def test_a_cross_encoder_in_a_folder_is_loaded_and_scores(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "salt", "ferry", "."]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    small = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,
        max_position_embeddings=64,
    )
    BertForSequenceClassification(small).save_pretrained(tmp_path)
    scores = CrossEncoderReranker(str(tmp_path)).scores("salt", ["ferry.", "salt."])
    assert len(scores) == 2 and scores[0] != scores[1]


def test_a_reranker_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoderReranker(str(tmp_path / "nothing")).scores("a", ["b"])
