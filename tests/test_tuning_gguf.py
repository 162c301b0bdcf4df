"""A model as a GGUF file, made by llama.cpp's own converter and read back: the same tokens, nearly the same answers."""

import json
import shutil
import subprocess
import sys

import pytest
from stand_ins import stand_in

from style_tuner.config import STARTER_MODEL
from style_tuner.errors import ModelError, StorageError
from style_tuner.tuning import gguf


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "starter-q8_0.gguf"
    return path, gguf.export_gguf(STARTER_MODEL, path, "q8_0")


def test_a_file_answers_nearly_as_the_model_it_was_made_from(exported):
    path, report = exported
    assert report.bytes == path.stat().st_size < (STARTER_MODEL / "model.safetensors").stat().st_size
    assert 0 < report.divergence < 0.002
    assert report.agreement > 0.9 and report.tokens_compared > 100
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_is_enough_for_a_process_that_knows_nothing_else(exported, tmp_path):
    shutil.copy(exported[0], tmp_path / "voice.gguf")
    code = (
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "model = AutoModelForCausalLM.from_pretrained('.', gguf_file='voice.gguf')\n"
        "tokenizer = AutoTokenizer.from_pretrained('.', gguf_file='voice.gguf')\n"
        "told = [{'role': 'user', 'content': 'Write a scene by the sea.'}]\n"
        "rows = tokenizer.apply_chat_template(told, add_generation_prompt=1, return_dict=True, return_tensors='pt')\n"
        "print(tokenizer.decode(model.generate(**rows, max_new_tokens=12, do_sample=False)[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    said = done.stdout.strip().split("<|start_header_id|>assistant<|end_header_id|>")
    assert len(said) == 2 and len(said[1].split()) >= 3


def test_a_file_of_another_model_is_told_apart(exported, tmp_path):
    divergence, agreement, _ = gguf.compare(stand_in("llama-3.1", tmp_path / "other"), exported[0], 1000)
    with pytest.raises(ModelError, match="does not answer as the model does"):
        gguf._accept("q8_0", divergence, agreement)


def test_a_file_that_reads_text_as_other_tokens_is_refused(exported, tmp_path):
    model = shutil.copytree(STARTER_MODEL, tmp_path / "model")
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][:1000]
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="other tokens than the model"):
        gguf.compare(model, exported[0], 1000)


def test_the_template_in_the_file_has_no_marks_that_only_training_reads():
    with gguf._with_plain_template(STARTER_MODEL) as folder:
        assert "generation %}" not in (folder / "chat_template.jinja").read_text()
        assert (folder / "model.safetensors").read_bytes() == (STARTER_MODEL / "model.safetensors").read_bytes()
    assert "generation %}" in (STARTER_MODEL / "chat_template.jinja").read_text()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine.gguf").write_text("mine")
    with pytest.raises(StorageError, match="not overwritten"):
        gguf.export_gguf(STARTER_MODEL, tmp_path / "mine.gguf")
    assert (tmp_path / "mine.gguf").read_text() == "mine"


def test_a_model_that_the_converter_does_not_know_leaves_nothing_behind(tmp_path):
    model = shutil.copytree(STARTER_MODEL, tmp_path / "model")
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["pre_tokenizer"] = {"type": "Whitespace"}
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="newer llama.cpp"):
        gguf.export_gguf(model, tmp_path / "out" / "voice.gguf")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_told_as_such(tmp_path, monkeypatch):
    converter = tmp_path / "llama.cpp"
    (converter / "conversion").mkdir(parents=True)
    known = "class TextModel:\n    get_vocab_base_pre = None\n"
    (converter / "conversion" / "base.py").write_text(known, encoding="utf-8")
    write = "with open('/dev/full', 'wb', buffering=0) as file:\n    file.write(b'0')\n"
    (converter / "convert_hf_to_gguf.py").write_text(write, encoding="utf-8")
    monkeypatch.setenv("LLAMA_CPP", str(converter))
    with pytest.raises(StorageError, match=r"The disk that holds .*out is full\. Free some space and do this again"):
        gguf.export_gguf(STARTER_MODEL, tmp_path / "out" / "voice.gguf")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_missing_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "CONVERTER", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match="make gguf"):
        gguf.find_converter()
    with pytest.raises(ModelError, match="llama-quantize.*q8_0"):
        gguf.find_quantizer()
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path))
    with pytest.raises(ModelError, match="LLAMA_CPP is"):
        gguf.find_converter()
