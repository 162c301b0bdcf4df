"""What Ollama is told of a voice: the same text around a conversation as the voice was trained on."""

import json

import pytest
from stand_ins import FAMILIES, stand_in

from style_tuner.config import STARTER_MODEL, SamplingConfig
from style_tuner.errors import ModelError
from style_tuner.tokenizer import load_tokenizer
from style_tuner.tuning.ollama import PROOF, modelfile, turns_of

WITH_TEMPLATE = [family for family, (_, template, *_) in FAMILIES.items() if template]


@pytest.mark.parametrize("family", WITH_TEMPLATE)
def test_a_conversation_is_rendered_as_the_models_own_template_renders_it(family, tmp_path):
    tokenizer = load_tokenizer(str(stand_in(family, tmp_path / "model")))
    expected = tokenizer.apply_chat_template(list(PROOF), tokenize=False, add_generation_prompt=True)
    assert (tokenizer.bos_token or "") + turns_of(tokenizer).render(PROOF) == expected


def test_the_modelfile_names_file_template_stops_prompt_and_sampling():
    text = modelfile(STARTER_MODEL, "voice.gguf", "You write of the sea.", SamplingConfig(temperature=0.7))
    lines = text.splitlines()
    assert lines[0] == "FROM ./voice.gguf"
    assert 'SYSTEM """You write of the sea."""' in lines
    assert 'PARAMETER stop "<|eot_id|>"' in lines and "PARAMETER temperature 0.7" in lines
    limit = json.loads((STARTER_MODEL / "config.json").read_text())["max_position_embeddings"]
    assert f"PARAMETER num_ctx {limit}" in lines
    assert "{{-" not in text and "-}}" not in text  # they would eat the line ends of the template
    assert "<|begin_of_text|>" not in text  # Ollama writes it, and twice would be once too often


def test_a_template_that_ollama_cannot_follow_is_refused_with_what_can():
    tokenizer = load_tokenizer(str(STARTER_MODEL))
    tokenizer.chat_template = "{% for m in messages %}{{ loop.index }}{{ m['content'] }}{% endfor %}"
    with pytest.raises(ModelError, match="llama.cpp or LM Studio"):
        turns_of(tokenizer)


def test_quotes_in_the_system_prompt_do_not_end_it_early():
    text = modelfile(STARTER_MODEL, "voice.gguf", 'Say """no""" often.', SamplingConfig())
    assert text.count('"""') == 4
