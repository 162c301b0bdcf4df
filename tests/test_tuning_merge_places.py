"""Where a merge is written to, what an interrupted one leaves and says, and the same comparison on any folder."""

import errno
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from serving_models import make_voice
from test_tuning_merge import in_shards
from typer.testing import CliRunner

from style_tuner.__main__ import app
from style_tuner.config import STARTER_MODEL
from style_tuner.errors import ModelError, StorageError
from style_tuner.records import Message
from style_tuner.tuning import destination, shards
from style_tuner.tuning import merge as merging
from style_tuner.tuning.likeness import check_against
from style_tuner.tuning.merge import merge
from style_tuner.workspace import write_json, write_text

BASE = str(STARTER_MODEL)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """A folder with `adapter` and `merged`."""
    return make_voice(tmp_path_factory.getbasetemp() / "voice")


def test_any_folder_can_be_compared_with_its_adapter(voice):
    options = ["check-model", str(voice / "merged"), "--adapter", str(voice / "adapter"), "--json"]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert "It answers as the adapter does" in found["findings"][-1]
    assert found["compared"]["mean_divergence"] < 0.001 < 0.01 < found["compared"]["base_divergence"]
    assert found["compared"]["agreement"] >= 0.95


def test_the_passages_held_out_of_the_adapters_own_run_are_compared_on(voice, tmp_path):
    run, rows = tmp_path / "run", tmp_path / "rows"
    adapter = Path(shutil.copytree(voice / "adapter", run / "adapter"))
    options = ["check-model", str(voice / "merged"), "--adapter", str(adapter), "--json"]

    def compared_on() -> int:
        done = CliRunner().invoke(app, options)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout.splitlines()[-1])["compared"]["passages"]

    write_json(run / "run.json", {})
    assert compared_on() == 0  # no dataset is known, and none is needed
    write_json(run / "settings.json", {"config": {}, "dataset": str(rows)})
    assert compared_on() == 0  # it is gone
    asked, texts = {"role": "user", "content": "Go on."}, ("The sea was grey.", "It rained.", "He slept.")
    told = [json.dumps({"messages": [asked, {"role": "assistant", "content": text}]}) + "\n" for text in texts]
    write_text(rows / "heldout.jsonl", "".join(told))
    assert compared_on() == 3
    write_text(tmp_path / "one.jsonl", told[0])
    options += ["--held-out", str(tmp_path / "one.jsonl")]
    assert compared_on() == 1


def test_a_folder_that_is_whole_but_has_not_the_voice_fails(voice):
    done = CliRunner().invoke(app, ["check-model", BASE, "--adapter", str(voice / "adapter")])
    assert done.exit_code == 1
    assert "does not answer as the adapter does" in done.output and "merge again" in done.output
    assert CliRunner().invoke(app, ["check-model", BASE]).exit_code == 0
    alone = CliRunner().invoke(app, ["check-model", BASE, "--base-model", BASE])
    assert alone.exit_code == 2 and "--adapter" in alone.output


def test_a_folder_that_reads_other_tokens_fails(voice, tmp_path):
    model = Path(shutil.copytree(voice / "merged", tmp_path / "model"))
    (model / "chat_template.jinja").write_text("{{ messages[-1].content }}")
    found, likeness = check_against(model, voice / "adapter")
    assert not found.ok and likeness is None
    assert "reads text as other tokens" in found.findings[0]


def test_the_base_is_that_of_the_adapters_own_record_unless_it_is_named(voice, tmp_path):
    adapter = Path(shutil.copytree(voice / "adapter", tmp_path / "adapter"))
    settings = json.loads((adapter / "adapter_config.json").read_text())
    gone = tmp_path / "gone" / STARTER_MODEL.name
    (adapter / "adapter_config.json").write_text(json.dumps(settings | {"base_model_name_or_path": str(gone)}))
    with pytest.raises(ModelError, match=f"was trained on {gone}, which is not there any more: .* --base-model"):
        check_against(voice / "merged", adapter)
    passages = [(Message("user", "Go on."), Message("assistant", "The sea was grey."))]
    found, likeness = check_against(voice / "merged", adapter, BASE, passages)
    assert found.ok and likeness is not None
    assert likeness.passages == 1


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("there", "exists and is not overwritten"),
        ("file/model", "because .*file is a file: name another place"),
        ("/proc/nowhere/model", "/proc cannot be written .* name another place"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_anything_is_loaded(tmp_path, place, said):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match=said):
        merge(BASE, tmp_path / "no-adapter-here", tmp_path / place)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "there"]


def test_a_disk_with_too_little_space_is_found_before_anything_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(destination.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5_000_000))
    with pytest.raises(StorageError, match=r"About 0\.011 GB are to be .* its disk has 0\.005 GB free: free"):
        merge(BASE, tmp_path / "no-adapter-here", tmp_path / "model")


def test_others_may_read_what_was_merged(voice, tmp_path):
    before = os.umask(0o022)
    try:
        merge(str(in_shards(tmp_path)), voice / "adapter", tmp_path / "model")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()}
    assert set(modes.values()) == {0o644}, modes
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o755


@pytest.fixture
def cut_short(monkeypatch):
    """Let the third weight file of a merge be interrupted by what is given; return how to take that back."""

    def cut(error):
        write, made = shards._merge_file, []

        def stop(source, target, *others):
            if len(made) == 2:
                raise error
            made.append(target.name)
            write(source, target, *others)

        monkeypatch.setattr(shards, "_merge_file", stop)
        return made

    return cut


def test_an_interrupted_merge_says_what_it_left_and_how_to_go_on(voice, tmp_path, cut_short, monkeypatch, caplog):
    base, output = in_shards(tmp_path), tmp_path / "my model"
    made = cut_short(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        merge(str(base), voice / "adapter", output)
    left = tmp_path / ".my model-merging"
    assert f"What was merged so far is kept in {left}, 0.00" in caplog.text
    assert f"the same command goes on from it. To do without it, delete that folder: rm -r '{left}'" in caplog.text
    monkeypatch.undo()

    # Interrupted again, when all is merged: the files are kept for the next time, too.
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(merging, "compare", interrupted)
    caplog.set_level("INFO")
    with pytest.raises(KeyboardInterrupt):
        merge(str(base), voice / "adapter", output)
    assert f"Going on with the interrupted merge in {left}: 2 of its weight files are done." in caplog.text
    written = {file.name: file.stat().st_mtime_ns for file in left.glob("*.safetensors")}
    assert set(made) < set(written)
    monkeypatch.undo()
    assert merge(str(base), voice / "adapter", output).agreement >= 0.95
    assert {file.name: file.stat().st_mtime_ns for file in output.glob("*.safetensors")} == written
    assert not left.exists() and not (output / shards.MARK).exists()


def test_a_disk_that_fills_up_says_what_was_kept(voice, tmp_path, cut_short):
    base = in_shards(tmp_path)
    cut_short(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(
        StorageError, match=r"is full\. Free some space.*What was merged so far is kept in .*-merging, 0"
    ):
        merge(str(base), voice / "adapter", tmp_path / "model")
