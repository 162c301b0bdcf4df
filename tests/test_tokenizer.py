import shutil
from pathlib import Path

import pytest

from style_tuner.config import STARTER_MODEL
from style_tuner.errors import ModelError
from style_tuner.tokenizer import load_tokenizer


def test_the_starter_models_tokenizer_gives_a_text_back_as_it_was() -> None:
    tokenizer = load_tokenizer(str(STARTER_MODEL))
    text = "“Late,” said Zoë—and the tide came in.\n\nNobody spoke."
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text
    assert tokenizer.chat_template


@pytest.mark.parametrize("content", [None, '{"broken":', '{"not": "a tokenizer"}'])
def test_a_model_folder_without_a_readable_tokenizer_is_named_with_the_remedy(
    tmp_path: Path, content: str | None
) -> None:
    shutil.copy(STARTER_MODEL / "config.json", tmp_path)
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=r"needs tokenizer\.json") as caught:
        load_tokenizer(str(tmp_path))
    assert str(tmp_path) in str(caught.value)
