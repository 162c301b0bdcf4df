"""A trained voice, exported from a workspace: nothing of the manuscripts in it, and nothing overwritten."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hub_fake import FakeHub, refusal
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from serving_models import make_voice
from typer.testing import CliRunner

from style_tuner import jobs, zips
from style_tuner.__main__ import app
from style_tuner.config import STARTER_CONFIG, STARTER_MODEL, load_training_config
from style_tuner.errors import ModelError
from style_tuner.export import push_voice
from style_tuner.records import Run
from style_tuner.tuning import destination
from style_tuner.workspace import open_workspace, write_json, write_text

RUN = "20261121-100000-train"
PROMPT = "You write of the sea in short sentences."


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A workspace with one finished run, whose rows hold a word that must not leave it."""
    workspace = open_workspace("default", tmp_path_factory.mktemp("home"))
    dataset = workspace.datasets / "20261121-090000"
    counts = {"train": 40, "validation": 5, "held_out": 5}
    write_json(dataset / "dataset.json", {"system_prompt": PROMPT, "words": 12000, "counts": counts})
    write_text(dataset / "train.jsonl", '{"secret": "Quillfeather"}\n')
    folder = make_voice(workspace.runs / RUN)
    config = load_training_config(STARTER_CONFIG).model_dump(mode="json")
    write_json(folder / "settings.json", {"config": config, "dataset": str(dataset)})
    result = {"base_validation_loss": 3.7, "tuned_validation_loss": 3.25}
    write_json(folder / "run.json", vars(Run(RUN, "train", ("-m", "style_tuner", "train"), "done", 0.0, result=result)))
    return workspace


@pytest.fixture
def export(place, monkeypatch):
    monkeypatch.setenv("STYLE_TUNER_HOME", str(place.home))
    return lambda *arguments: CliRunner().invoke(app, ["export", *arguments, "--json"])


def test_a_zip_holds_the_voice_and_how_to_use_it_and_no_word_of_the_rows(place, export):
    done = export(RUN, "--to", "zip")
    path = place.exports / f"{RUN}.zip"
    assert json.loads(done.stdout.splitlines()[-1])["output"] == str(path)
    with zipfile.ZipFile(path) as archive:
        names = {name.removeprefix(f"{RUN}/") for name in archive.namelist()}
        everything = b"".join(archive.read(name) for name in archive.namelist())
        readme = archive.read(f"{RUN}/README.md").decode()
        modes = {member.external_attr >> 16 for member in archive.infolist()}
    assert modes == {0o100644}
    assert {"README.md", "settings.json", "adapter/adapter_model.safetensors", "merged/model.safetensors"} <= names
    assert "3.700 nats a token before training, 3.250 after" in readme and PROMPT in readme
    assert b"Quillfeather" not in everything
    assert b"More Information Needed" not in everything and str(STARTER_MODEL).encode() not in everything


def damage(path):
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("merged/model.safetensors", damage, r"merged/model.safetensors is damaged or cut short"),
        ("adapter/adapter_model.safetensors", damage, r"adapter_model.safetensors is damaged or cut short"),
        ("merged/model.safetensors", Path.unlink, "merged/ holds no weights, though README.md names it"),
        ("merged/tokenizer.json", Path.unlink, r"merged/tokenizer.json is missing, though README.md needs it"),
        ("adapter/adapter_config.json", Path.unlink, "adapter/adapter_config.json is missing"),
        (
            "merged/model.safetensors.index.json",
            lambda path: write_json(path, {"weight_map": {"a": "model-1.safetensors"}}),
            "model-1.safetensors is missing, though .*/merged/model.safetensors.index.json names it",
        ),
        ("merged/model.safetensors.index.json", lambda path: write_text(path, "{"), "index.json cannot be read"),
    ],
)
def test_a_zip_that_would_not_work_elsewhere_is_no_zip(place, export, part, change, said):
    run = place.runs / RUN
    kept = shutil.copytree(run, place.home / "kept")
    (place.exports / f"{RUN}.zip").unlink(missing_ok=True)
    try:
        change(run / part)
        done = export(RUN, "--to", "zip")
    finally:
        shutil.rmtree(run)
        kept.rename(run)
    assert re.search(rf"did not come out whole, .*{said}.*: nothing was kept", str(done.exception)), done.exception
    assert not [path for path in place.exports.iterdir() if ".zip" in path.name]


def test_a_bit_that_flipped_on_the_disk_is_found(tmp_path):
    path = tmp_path / "voice.zip"
    zips.write_zip(path, "voice", {"notes.txt": "the sea " * 100}, {})
    assert not list(zips.faults(path))
    data = bytearray(path.read_bytes())
    data[data.index(b"the sea the sea") + 20] ^= 1
    path.write_bytes(data)
    assert list(zips.faults(path)) == ["voice/notes.txt is not what was written"]


def test_the_zip_of_a_whole_model_tells_of_no_adapter(place, export):
    adapter = place.runs / RUN / "adapter"
    (place.exports / f"{RUN}.zip").unlink(missing_ok=True)
    hidden = adapter.rename(place.runs / RUN / "elsewhere")
    try:
        assert export(RUN, "--to", "zip").exit_code == 0
    finally:
        hidden.rename(adapter)
    with zipfile.ZipFile(place.exports / f"{RUN}.zip") as archive:
        readme = archive.read(f"{RUN}/README.md").decode().partition("## Serve it")[2]
        assert "vllm serve merged" in readme and "adapter" not in readme
    (place.exports / f"{RUN}.zip").unlink()


def test_where_nothing_can_be_written_nothing_is_begun(place, export, monkeypatch):
    merged = (place.runs / RUN / "merged").rename(place.runs / RUN / "elsewhere")
    monkeypatch.setattr(destination.shutil, "disk_usage", lambda folder: SimpleNamespace(free=15_000_000))
    try:
        said = [str(export(RUN, "--to", to).exception) for to in ("zip", "gguf", "ollama")]
    finally:
        merged.rename(place.runs / RUN / "merged")
    sizes = ("0.022", "0.017", "0.017")  # the model that is merged first, and what is made of it
    for text, size in zip(said, sizes, strict=True):
        assert f"About {size} GB are to be written to {place.exports}" in text and "0.015 GB free" in text
    exports = place.exports.rename(place.root / "hidden") if place.exports.exists() else None
    write_text(place.exports, "a file in the way")
    assert "is a file: name another place" in str(export(RUN, "--to", "zip").exception)
    place.exports.unlink()
    if exports:
        exports.rename(place.exports)


WRITE = """
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, merged, *adapters = sys.argv[1:]
load = AutoModelForCausalLM.from_pretrained
told = [{"role": "user", "content": "Write a scene by the sea."}]
for model in (load(merged), *(PeftModel.from_pretrained(load(base), adapter) for adapter in adapters)):
    tokenizer = AutoTokenizer.from_pretrained(merged)
    rows = tokenizer.apply_chat_template(told, add_generation_prompt=True, return_dict=True, return_tensors="pt")
    print(repr(tokenizer.decode(model.generate(**rows, max_new_tokens=12, do_sample=False)[0, -12:])))
"""


def test_what_was_taken_away_writes_in_a_process_that_knows_nothing_else(place, export, tmp_path):
    class Hub(FakeHub):
        def upload_folder(self, *, folder_path, **told):
            shutil.copytree(folder_path, tmp_path / "pushed")
            super().upload_folder(folder_path=folder_path, **told)

    uploaded(place, hub=Hub())
    export(RUN, "--to", "zip")
    with zipfile.ZipFile(place.exports / f"{RUN}.zip") as archive:
        archive.extractall(tmp_path)
    folders = [STARTER_MODEL, *(tmp_path / RUN / name for name in ("merged", "adapter")), tmp_path / "pushed"]
    command = [sys.executable, "-c", WRITE, *map(str, folders)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    merged, *adapters = done.stdout.strip().splitlines()
    assert len(merged.split()) >= 3
    assert adapters == [merged, merged]


def test_for_ollama_there_is_one_folder_with_its_modelfile(place, export):
    done = export("--to", "ollama")  # the newest voice
    assert done.exit_code == 0, done.output
    folder = place.exports / f"{RUN}-ollama"
    assert {path.name for path in folder.iterdir()} == {"Modelfile", f"{RUN}-q8_0.gguf"}
    mask = os.umask(0o077)
    os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~mask}
    assert f'SYSTEM """{PROMPT}"""' in (folder / "Modelfile").read_text()


def test_an_export_that_is_there_is_not_overwritten(place, export):
    write_text(place.exports / f"{RUN}-f16.gguf", "mine")
    done = export(RUN, "--quantization", "f16")
    assert done.exit_code != 0
    assert "not overwritten" in str(done.exception)
    assert (place.exports / f"{RUN}-f16.gguf").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([RUN, "--to", "floppy"], "floppy"), ([RUN, "--quantization", "q1"], "q1"), (["no-such-run"], "no-such-run")],
)
def test_what_is_asked_for_wrongly_is_named(export, arguments, said):
    done = export(*arguments)
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)


def uploaded(place, **changes):
    """Push the voice to a Hub that keeps what it is given; return it, and the texts of what arrived."""
    texts = {}

    class Hub(FakeHub):
        def upload_folder(self, *, folder_path, **told):
            texts.update(
                {path.name: path.read_text() for path in folder_path.iterdir() if path.suffix in (".json", ".md")}
            )
            super().upload_folder(folder_path=folder_path, **told)

    hub = Hub()
    with jobs.job(place, "push") as own:
        asked = {"part": "adapter", "repository": None, "private": True, "hub": hub, "own": own}
        push_voice(place, RUN, **asked | changes)
    return hub, texts


def test_a_push_is_private_and_brings_a_card_without_a_word_of_the_rows_or_of_this_disk(place):
    hub, texts = uploaded(place)
    assert hub.made == {f"author/{RUN}": True}
    (_, _, names) = hub.uploads[0]
    assert {"README.md", "adapter_config.json", "adapter_model.safetensors"} <= set(names)
    card = texts["README.md"]
    assert card.startswith("---\nbase_model: data/starter_model") and "3.700 nats a token before training" in card
    assert PROMPT in card
    everything = "".join(texts.values())
    assert "Quillfeather" not in everything and str(STARTER_MODEL) not in everything


def test_the_whole_model_can_be_pushed_in_public_when_asked(place):
    hub, _ = uploaded(place, part="merged", private=False, repository="author/voice")
    assert hub.made == {"author/voice": False}
    assert "model.safetensors" in hub.uploads[0][2]


@pytest.fixture
def unmerged(place):
    """The run while its merged model lies elsewhere."""
    merged = place.runs / RUN / "merged"
    hidden = merged.rename(place.runs / RUN / "elsewhere")
    yield merged
    if merged.exists():
        shutil.rmtree(merged)
    hidden.rename(merged)


@pytest.mark.parametrize(
    ("hub", "repository", "said"),
    [
        (FakeHub(token=None), None, "no access token"),
        (FakeHub(role="read"), None, "may only read"),
        (FakeHub(refuse=refusal(HfHubHTTPError, 401)), None, "does not accept this HF_TOKEN"),
        (FakeHub(public=(f"author/{RUN}",)), None, "is public"),
        (FakeHub(), "my voice", "is no name"),
        (FakeHub(), "us/voice", "no member of 'us'"),
        (FakeHub(orgs={"us": "contributor"}, foreign=("us/voice",)), "us/voice", "does not allow that"),
    ],
)
def test_what_the_hub_will_not_take_is_found_before_anything_is_merged(
    place, unmerged, monkeypatch, tmp_path, hub, repository, said
):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(ModelError, match=said):
        uploaded(place, part="merged", hub=hub, repository=repository)
    assert not unmerged.exists() and not destination.unfinished(unmerged).exists()
    assert hub.made == {}


def test_a_whole_model_that_is_not_merged_yet_is_merged_and_pushed(place, unmerged):
    hub, _ = uploaded(place, part="merged")
    assert (unmerged / "model.safetensors").is_file()
    assert "model.safetensors" in hub.uploads[0][2]


def test_an_upload_that_fails_is_no_success(place):
    with pytest.raises(ModelError, match="push again"):
        uploaded(place, hub=FakeHub(lost=OSError("no network")))


def test_a_voice_whose_folder_is_gone_is_not_taken_for_one_that_trained_every_weight(place, export):
    adapter = place.runs / RUN / "adapter"
    hidden = adapter.rename(place.runs / RUN / "elsewhere")
    done = CliRunner().invoke(app, ["merge", "--run", RUN])
    hidden.rename(adapter)
    assert "is gone" in str(done.exception) and "use-checkpoint" in str(done.exception)
