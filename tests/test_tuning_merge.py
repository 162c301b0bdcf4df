import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from style_tuner.config import STARTER_MODEL
from style_tuner.errors import ModelError, StorageError
from style_tuner.records import Message
from style_tuner.tuning import likeness, shards
from style_tuner.tuning import merge as merging
from style_tuner.tuning.adapters import check_adapter
from style_tuner.tuning.check import check_model
from style_tuner.tuning.merge import merge

BASE = str(STARTER_MODEL)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    """An adapter that changes every linear layer, at random but as strongly as a trained one."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from style_tuner.tokenizer import load_tokenizer

    torch.manual_seed(1)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    base = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.bfloat16)
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    folder = tmp_path_factory.mktemp("run") / "adapter"
    model.save_pretrained(folder)
    load_tokenizer(BASE).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def merged(adapter, tmp_path_factory):
    output = tmp_path_factory.mktemp("merged") / "model"
    return output, merge(BASE, adapter, output)


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def halve(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def test_the_merged_model_is_whole_plain_and_in_bfloat16(merged):
    output, report = merged
    assert {path.name for path in output.iterdir()} == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    tensors = load_file(output / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert report.bytes == pytest.approx((STARTER_MODEL / "model.safetensors").stat().st_size, rel=0.01)
    assert report.parameters == sum(tensor.numel() for tensor in tensors.values())
    assert json.loads((output / "generation_config.json").read_text())["do_sample"] is True
    assert list(output.parent.iterdir()) == [output]
    json.dumps(asdict(report))


def test_the_merged_model_answers_as_the_adapter_and_not_as_the_base(merged):
    report = merged[1]
    assert report.computed_in == "float32"
    assert report.mean_divergence < 0.001 < 0.01 < report.base_divergence
    assert report.agreement >= 0.95


def test_adapter_and_merged_model_are_compared_over_the_passages_given(adapter, tmp_path):
    requests = [f"Write of the sea, part {number}." for number in range(6)]
    passages = [(Message("user", text), Message("assistant", "The sea was grey. " * 90)) for text in requests]
    report = merge(BASE, adapter, tmp_path / "model", held_out=passages)
    assert (report.passages, report.tokens) == (4, 768)
    assert report.mean_divergence < 0.001 < report.base_divergence


def test_a_merged_model_that_reads_other_tokens_is_not_kept(adapter, tmp_path, monkeypatch):
    load = likeness.load_tokenizer

    def other(model):
        tokenizer = load(model)
        if ".model-merging" in model:
            tokenizer.chat_template = "{{ messages[-1].content }}"
        return tokenizer

    monkeypatch.setattr(likeness, "load_tokenizer", other)
    with pytest.raises(ModelError, match="reads text as other tokens"):
        merge(BASE, adapter, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_voice_of_plain_text_is_checked_on_plain_text(adapter, tmp_path):
    plain = copy(adapter, tmp_path / "adapter")
    (plain / "chat_template.jinja").unlink()
    report = merge(BASE, plain, tmp_path / "model")
    assert report.mean_divergence < 0.001 < 0.005 < report.base_divergence
    assert not (tmp_path / "model" / "chat_template.jinja").exists()
    assert "--plain" in " ".join(check_model(tmp_path / "model").findings)
    assert check_model(tmp_path / "model", plain=True).ok


def in_shards(tmp_path):
    """The starter model in several weight files."""
    from transformers import AutoModelForCausalLM

    base = copy(STARTER_MODEL, tmp_path / "starter_model")
    (base / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(BASE).save_pretrained(base, max_shard_size="4MB")
    return base


def merged_by_peft(base, adapter, folder):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16), adapter)
    model.merge_and_unload(safe_merge=True).save_pretrained(folder)
    return load_file(folder / "model.safetensors")


def test_file_by_file_gives_the_weights_that_peft_gives(adapter, tmp_path):
    expected = merged_by_peft(BASE, adapter, tmp_path / "peft")
    assert shards.merge_shards(BASE, adapter, tmp_path / "own", lambda done, of: None)
    found = load_file(tmp_path / "own" / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0.01, atol=0.002)  # each rounds to bfloat16 once
    for rslora, pattern in ((True, {}), (False, {"q_proj": 16})):
        other = copy(adapter, tmp_path / f"adapter-{rslora}")
        path = other / "adapter_config.json"
        changes = {"use_rslora": rslora, "alpha_pattern": pattern}
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        expected = merged_by_peft(BASE, other, tmp_path / f"peft-{rslora}")
        assert shards.merge_shards(BASE, other, tmp_path / f"own-{rslora}", lambda done, of: None)
        found = load_file(tmp_path / f"own-{rslora}" / "model.safetensors")
        name = "model.layers.0.self_attn.q_proj.weight"
        torch.testing.assert_close(found[name], expected[name], rtol=0.01, atol=0.004)


def test_an_interrupted_merge_goes_on_with_the_files_that_it_lacks(adapter, tmp_path, monkeypatch):
    base, output, made = in_shards(tmp_path), tmp_path / "model", []
    write = shards._merge_file

    def cut_short(source, target, *others):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(target.name)
        write(source, target, *others)

    monkeypatch.setattr(shards, "_merge_file", cut_short)
    with pytest.raises(KeyboardInterrupt):
        merge(str(base), adapter, output)
    assert not output.exists()
    first = (output.with_name(".model-merging") / made[0]).stat().st_mtime_ns
    monkeypatch.setattr(shards, "_merge_file", write)
    report = merge(str(base), adapter, output)
    assert report.mean_divergence < 0.001
    assert (output / made[0]).stat().st_mtime_ns == first
    assert not (output / shards.MARK).exists()


def test_what_is_left_of_another_merge_is_not_gone_on_with(adapter, tmp_path):
    left = tmp_path / ".model-merging"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"of something else")
    (left / shards.MARK).write_text("{}")
    assert merge(BASE, adapter, tmp_path / "model").mean_divergence < 0.001


def test_an_adapter_of_a_rarer_kind_is_merged_by_peft(tmp_path):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from style_tuner.tokenizer import load_tokenizer

    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=4, use_dora=True, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(tmp_path / "adapter")
    load_tokenizer(BASE).save_pretrained(tmp_path / "adapter")
    assert not shards.merge_shards(BASE, tmp_path / "adapter", tmp_path / "none", lambda done, of: None)
    assert merge(BASE, tmp_path / "adapter", tmp_path / "model").agreement >= 0.95


def test_a_merge_that_lost_the_voice_is_not_kept(adapter, tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM

    def without_adapter(base_model, adapter, folder, tell):
        AutoModelForCausalLM.from_pretrained(base_model).save_pretrained(folder)

    monkeypatch.setattr(merging, "_write_merged", without_adapter)
    with pytest.raises(ModelError, match="does not answer as the adapter does"):
        merge(BASE, adapter, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(adapter, tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(StorageError, match="exists and is not overwritten"):
        merge(BASE, adapter, tmp_path / "model")


def test_an_adapter_that_is_missing_or_cut_short_is_refused(adapter, tmp_path):
    with pytest.raises(ModelError, match=r"is no adapter, adapter_config.json is missing: name the `adapter` folder"):
        check_adapter(BASE, tmp_path / "nothing")
    broken = copy(adapter, tmp_path / "adapter")
    halve(broken / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="damaged or cut short"):
        check_adapter(BASE, broken)
    (broken / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"is no adapter, adapter_model.safetensors is missing"):
        check_adapter(BASE, broken)


def test_an_adapter_that_lacks_one_half_of_a_layer_is_refused(adapter, tmp_path):
    for gone in ("lora_A", "lora_B"):
        broken = copy(adapter, tmp_path / gone)
        tensors = load_file(broken / "adapter_model.safetensors")
        del tensors[next(name for name in tensors if gone in name)]
        save_file(tensors, broken / "adapter_model.safetensors")
        with pytest.raises(ModelError, match=r"is incomplete, base_model\.model\..* is there without its other half"):
            merge(BASE, broken, tmp_path / "model")
    assert {path.name for path in tmp_path.iterdir()} == {"lora_A", "lora_B"}


def test_an_adapter_of_another_base_is_refused(adapter, tmp_path):
    with pytest.raises(ModelError, match="was trained on .*starter_model, not on meta-llama/Llama-3.1-8B-Instruct"):
        merge("meta-llama/Llama-3.1-8B-Instruct", adapter, tmp_path / "model")
    narrower = copy(adapter, tmp_path / "adapter")
    tensors = load_file(narrower / "adapter_model.safetensors")
    save_file(
        {name: tensor[:, :-1].clone() for name, tensor in tensors.items()}, narrower / "adapter_model.safetensors"
    )
    with pytest.raises(ModelError, match="does not fit .*starter_model"):
        merge(BASE, narrower, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_base_model_without_a_weight_is_refused(adapter, tmp_path):
    base = copy(STARTER_MODEL, tmp_path / "starter_model")
    halve(base / "model.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        merge(str(base), adapter, tmp_path / "model")
    tensors = load_file(STARTER_MODEL / "model.safetensors")
    del tensors["model.layers.3.mlp.up_proj.weight"]
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 tensors, such as model\.layers\.3\.mlp\.up_proj\.weight"):
        merge(str(base), adapter, tmp_path / "model")


def test_a_whole_model_passes_the_check(merged):
    found = check_model(merged[0])
    assert found.ok
    assert found.parameters == merged[1].parameters
    assert "LlamaForCausalLM with 5,475,584 parameters" in found.findings[0]


def test_shards_are_checked_against_their_index(merged, tmp_path):
    from transformers import AutoModelForCausalLM

    model = copy(merged[0], tmp_path / "model")
    (model / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(merged[0]).save_pretrained(model, max_shard_size="4MB")
    shards = sorted(model.glob("*.safetensors"))
    assert len(shards) > 2
    assert check_model(model).ok
    halve(shards[0])
    assert f"{shards[0].name} is damaged or cut short" in " ".join(check_model(model).findings)
    shards[0].unlink()
    assert f"{shards[0].name} is missing, though" in " ".join(check_model(model).findings)


def test_tensors_that_are_there_twice_or_of_another_model_are_named(merged, tmp_path):
    from transformers import AutoModelForCausalLM

    model = copy(merged[0], tmp_path / "model")
    (model / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(merged[0]).save_pretrained(model, max_shard_size="4MB")
    first = sorted(model.glob("*.safetensors"))[0]
    shutil.copy(first, model / "model-extra.safetensors")
    found = check_model(model)
    said = " ".join(found.findings)
    assert not found.ok
    assert "model-extra.safetensors is a weight file that model.safetensors.index.json does not name: move it" in said
    assert f"{first.name} and model-extra.safetensors both hold" in said
    assert "disagree" not in said

    one = copy(merged[0], tmp_path / "one")
    tensors = load_file(one / "model.safetensors")
    start = "model.layers.0."
    again = {name.replace(start, "model.layers.77."): tensors[name].clone() for name in tensors if start in name}
    save_file(tensors | again, one / "model.safetensors", metadata={"format": "pt"})
    (said,) = check_model(one).findings
    assert f"{len(again)} tensors are not of this model, such as model.layers.77.input_layernorm.weight" in said
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16)}
    save_file(tensors | old, one / "model.safetensors", metadata={"format": "pt"})
    assert check_model(one).ok


def test_an_adapter_is_told_from_a_model_without_its_config(adapter):
    found = check_model(adapter)
    assert not found.ok
    assert found.findings == (f"{adapter} is an adapter, not a whole model: merge it, then check the merged folder.",)


def test_weights_of_twice_the_size_are_noted_and_no_fault(merged, tmp_path):
    model = copy(merged[0], tmp_path / "model")
    tensors = {name: tensor.float() for name, tensor in load_file(model / "model.safetensors").items()}
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    found = check_model(model)
    assert found.ok
    assert "in float32, 0.022 GB: in bfloat16, as merging writes them, they would take 0.011 GB." in found.findings[-1]
    assert not any("float32" in said for said in check_model(merged[0]).findings)


def test_every_other_fault_of_a_model_folder_is_named(merged, tmp_path):
    model = copy(merged[0], tmp_path / "model")
    tensors = load_file(model / "model.safetensors")
    faults = {}

    def save(changed):
        save_file(changed, model / "model.safetensors", metadata={"format": "pt"})
        return " ".join(check_model(model).findings)

    doubled = tensors | {f"base_model.{name}": tensor.clone() for name, tensor in tensors.items()}
    faults["layers are there twice"] = save(doubled)
    adapted = tensors | {"model.layers.0.mlp.up_proj.lora_A.weight": torch.zeros(2, 2)}
    faults["this folder is not merged"] = save(adapted)
    faults["holds values that are no numbers"] = save(tensors | {"model.norm.weight": torch.full((256,), math.nan)})
    faults["has the shape (255,)"] = save(tensors | {"model.norm.weight": torch.ones(255)})
    shorter = dict(tensors)
    del shorter["model.norm.weight"]
    faults["1 tensors are missing, such as model.norm.weight"] = save(shorter)
    (model / "pytorch_model.bin").write_bytes(b"")
    faults["pytorch_model.bin is a pickle"] = save(tensors)
    (model / "chat_template.jinja").unlink()
    faults["There is no chat template"] = save(tensors)
    (model / "tokenizer.json").unlink()
    faults["tokenizer"] = save(tensors)
    (model / "config.json").unlink()
    faults["holds no config.json"] = save(tensors)
    assert {sentence for sentence, found in faults.items() if sentence not in found} == set()
    with pytest.raises(ModelError, match="is not a folder"):
        check_model(tmp_path / "nothing")
