"""The tab Models: the registry of runs, the server's state in words, memory before the start, and the export."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from serving_models import make_voice

from style_tuner import jobs
from style_tuner.config import STARTER_CONFIG, STARTER_MODEL, load_training_config
from style_tuner.errors import JobError, ModelError, StorageError
from style_tuner.serving import load, server
from style_tuner.serving.state import ServerState
from style_tuner.tabs import export_view, models, registry_view, server_view
from style_tuner.tuning import gguf
from style_tuner.workspace import Workspace, write_json, write_text

SETTINGS = load_training_config(STARTER_CONFIG).model_dump(mode="json")
UP = ServerState("http://127.0.0.1:9001/v1", "transformers", base_model=str(STARTER_MODEL), health="up")


def trained(workspace: Workspace, merged: bool = False, **adapter: object) -> str:
    with jobs.job(workspace, "train") as own:
        write_json(own.folder / "adapter" / "adapter_config.json", adapter)
        if merged:
            write_json(own.folder / "merged" / "config.json", {})
        write_json(own.folder / "settings.json", {"config": SETTINGS, "dataset": "/data/rows.jsonl"})
        own.result = {"base_validation_loss": 4.0, "tuned_validation_loss": 3.0}
    return own.folder.name


def failed(workspace: Workspace) -> str:
    with pytest.raises(JobError), jobs.job(workspace, "train") as own:
        raise JobError("The key 'nosuch' is unknown.")
    return own.folder.name


def serve(monkeypatch: pytest.MonkeyPatch, state: ServerState | None) -> None:
    monkeypatch.setattr(server, "state", lambda _: state)


def active(buttons: tuple[Any, ...]) -> list[bool]:
    return [button.interactive for button in buttons]


def test_a_run_is_not_binned_merged_or_exported_while_it_goes(workspace: Workspace) -> None:
    with jobs.job(workspace, "train") as own:
        write_json(own.folder / "adapter" / "adapter_config.json", {})
        for refuse in (models.delete, models.merge, lambda place, run: export_view.export(place, run, "zip", "q8_0")):
            with pytest.raises(JobError, match="still going"):
                refuse(workspace, own.folder.name)
    models.delete(workspace, own.folder.name)
    assert jobs.runs(workspace) == []
    assert list(workspace.bin.rglob("run.json"))


def test_every_run_is_in_the_table_and_only_a_voice_can_be_merged(workspace: Workspace) -> None:
    table, chosen, *_ = registry_view.show(workspace, None)
    assert "No voice yet" in table
    assert active(registry_view.buttons(workspace, chosen.value)) == [False] * 3
    voice, bad = trained(workspace, merged=True), failed(workspace)
    table, chosen, *_ = registry_view.show(workspace, None)
    assert chosen.choices == [(f"{bad}, failed", bad), (voice, voice)]
    assert chosen.value == voice
    assert "4.000 → 3.000" in table
    assert ">done, merged</span></td>" in table
    assert "failed, no voice" in table
    assert active(registry_view.buttons(workspace, voice)) == [False, True, True]  # it is merged
    shutil.rmtree(workspace.runs / voice / "merged")
    assert active(registry_view.buttons(workspace, voice)) == [True] * 3
    assert active(registry_view.buttons(workspace, bad)) == [False, False, True]
    models.delete(workspace, bad)
    assert [run.id for run in jobs.runs(workspace)] == [voice]


def test_a_merged_voice_is_checked_against_what_it_was_merged_from(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = trained(workspace)
    with pytest.raises(ModelError, match="press Merge"):
        next(models.check(workspace, run))
    folder, voice = workspace.runs / run, make_voice(tmp_path_factory.getbasetemp() / "voice")
    for part in ("adapter", "merged"):
        shutil.copytree(voice / part, folder / part, dirs_exist_ok=True)
    meanwhile, said = models.check(workspace, run)
    assert "takes minutes" in meanwhile
    assert "The merged model is complete and has the voice." in said
    assert "the same likeliest token for" in said


def test_a_name_a_note_and_a_pin_show_in_the_table(workspace: Workspace) -> None:
    first, second = trained(workspace), trained(workspace)
    registry_view.keep_label(workspace, first, "Elena <3", "The best so far.", True)
    table, chosen, *_ = registry_view.show(workspace, second)
    assert "Elena &lt;3" in table
    assert "The best so far." in table
    assert "done, pinned" in table
    assert chosen.choices[0] == (f"Elena <3 ({first})", first)
    assert chosen.value == second
    assert registry_view.label(workspace, first) == ("Elena <3", "The best so far.", True)
    with pytest.raises(JobError, match="no run yet"):
        registry_view.keep_label(workspace, None, "x", "", False)


def test_what_is_served_is_not_binned_and_what_a_failed_server_had_is(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(workspace, merged=True)
    serve(monkeypatch, dataclasses.replace(UP, models={run: ""}))
    assert "done, merged, served" in registry_view.show(workspace, None)[0]
    with pytest.raises(JobError, match="being served: stop the server first"):
        models.delete(workspace, run)
    serve(monkeypatch, dataclasses.replace(UP, models={run: ""}, health="failed"))
    assert "served" not in registry_view.show(workspace, None)[0]
    models.delete(workspace, run)
    assert jobs.runs(workspace) == []


def test_two_runs_stand_side_by_side(workspace: Workspace) -> None:
    first = trained(workspace)
    assert "two different runs" in registry_view.show_comparison(workspace, None, None)[2]
    second = trained(workspace)
    failed(workspace)
    one, other, table = registry_view.show_comparison(workspace, None, None)
    assert (one.value, other.value) == (second, first)
    assert "loss after training" in table


def test_what_can_go_is_said_before_it_goes(workspace: Workspace) -> None:
    said, button, lying, of_bin = registry_view.show_disk(workspace)
    assert "Nothing can go" in said
    assert not button.interactive
    assert not of_bin.visible
    run = trained(workspace)
    write_text(workspace.runs / run / "checkpoints" / "checkpoint-2" / "optimizer.pt", "x" * 2000)
    said, button, lying, _ = registry_view.show_disk(workspace)
    assert f"saved states and replaced voices of {run}" in said
    assert "<b>2 kB</b> can go" in said
    assert button.interactive
    registry_view.clean_up(workspace, registry_view.TO_BIN)
    said, _, lying, of_bin = registry_view.show_disk(workspace)
    assert of_bin.visible
    assert "<b>2 kB</b> in the bin" in said
    ((shown, identity),) = lying.choices
    assert shown.startswith(f"checkpoint-2, 2 kB, from runs/{run}/checkpoints")
    with pytest.raises(StorageError, match="Nothing in the bin is ticked"):
        registry_view.put_back(workspace, [])
    registry_view.put_back(workspace, [identity])
    assert (workspace.runs / run / "checkpoints" / "checkpoint-2" / "optimizer.pt").is_file()
    assert not registry_view.show_disk(workspace)[2].choices


def test_an_interrupted_merge_is_shown_with_its_place_and_size(workspace: Workspace) -> None:
    run = trained(workspace)
    before = registry_view.stamp(workspace)
    write_text(workspace.runs / run / ".merged-merging" / "model-1.safetensors", "x" * 3000)
    assert registry_view.stamp(workspace) != before
    assert "done, half merged" in registry_view.show(workspace, None)[0]
    said, button, *_ = registry_view.show_disk(workspace)
    assert f"Interrupted merges can go, too: {run} (3 kB in {workspace.runs / run / '.merged-merging'})" in said
    assert button.interactive


def test_the_server_tells_why_a_voice_is_not_served(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    served, unmerged, later = trained(workspace, merged=True), trained(workspace), trained(workspace, merged=True)
    foreign = trained(workspace, merged=True, base_model_name_or_path="other/model")
    serve(monkeypatch, dataclasses.replace(UP, models={served: ""}))
    shown = server_view.show(workspace)[0]
    assert f"Not merged: {unmerged}. Merge them, then start the server again." in shown
    assert f"started for other voices: {later}. Stop and start" in shown
    assert f"Trained on another base model: {foreign}. Start the server with that model" in shown
    # A server that follows this workspace takes in what is merged, and says what it could not take.
    following = dataclasses.replace(UP, models={served: ""}, workspace=workspace.name)
    serve(monkeypatch, following)
    shown = server_view.show(workspace)[0]
    assert f"Not merged: {unmerged}. Merge them." in shown
    assert f"On the way: {later}." in shown
    serve(monkeypatch, dataclasses.replace(following, refused={later: "Its rank 128 is above: start it again."}))
    assert f"{later}: Its rank 128 is above: start it again." in server_view.show(workspace)[0]
    # vLLM serves adapters as they are, so that nothing waits for a merge.
    serve(monkeypatch, dataclasses.replace(UP, engine="vllm", models={served: "", later: "", unmerged: ""}))
    assert "Not merged" not in server_view.show(workspace)[0]


def test_only_what_was_measured_is_shown_of_the_server(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, dataclasses.replace(UP, models={"base": ""}))
    assert "memory" not in server_view.show(workspace)[0]
    write_json(load.load_file(workspace), dataclasses.asdict(load.Load(1_200_000_000)))
    shown = server_view.show(workspace)[0]
    assert "<b>1.2 GB</b> of main memory" in shown
    assert "tokens/s" not in shown
    assert "draft" not in shown
    write_json(load.load_file(workspace), dataclasses.asdict(load.Load(1_200_000_000, 3, 2, 41.6)))
    shown = server_view.show(workspace)[0]
    assert "<b>3 drafts</b> being written, 2 waiting" in shown
    assert "<b>42</b> tokens/s" in shown


def test_a_crash_is_told_and_a_new_start_offered(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(
        monkeypatch, dataclasses.replace(UP, health="starting", message="It crashed (no answer) and is started again.")
    )
    said, _, begin, _ = server_view.show(workspace)
    assert "It crashed (no answer)" in said
    assert (begin.value, begin.interactive) == ("Start server", False)
    serve(monkeypatch, dataclasses.replace(UP, health="failed", message="The memory is full: close other programs."))
    said, _, begin, end = server_view.show(workspace)
    assert "The server failed. The memory is full: close other programs." in said
    assert (begin.value, begin.interactive, end.interactive) == ("Start again", True, False)


def test_a_model_that_does_not_fit_is_told_before_the_start(workspace: Workspace, tmp_path: Path) -> None:
    said = server_view.estimate(workspace, "transformers", 8000, 0.9)
    assert "A start takes about 0.4 GB of memory; this machine has" in said
    large = "meta-llama/Llama-3.1-405B"
    assert "known once the model is on this disk" in server_view.estimate(workspace, "transformers", 8000, 0.9, large)
    huge = tmp_path / "huge"
    huge.mkdir()
    write_json(huge / "config.json", {})
    with (huge / "model.safetensors").open("wb") as file:
        file.truncate(8 * 1024**4)
    said = server_view.estimate(workspace, "transformers", 8000, 0.9, str(huge))
    assert "The model is too large: it takes about 8192.4 GB" in said
    assert "Choose a smaller base model" in said
    assert "no/such" in server_view.estimate(workspace, "transformers", 8000, 0.9, "no/such/model")


def test_the_title_of_the_servers_settings_follows_the_fields(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = [
        server_view.settle(workspace, engine, port, 0.9, base)[1].label
        for engine, port, base in (("transformers", 8123, ""), ("vllm", 9001, "models/Llama-3.2-1B"))
    ]
    assert titles == ["Settings: engine transformers, port 8123", "Settings: engine vLLM, port 9001, Llama-3.2-1B"]
    monkeypatch.setenv("VLLM_PYTHON", "/no/such/python")  # said where the memory is told of, and no fault of the page
    assert server_view.settings_title("auto", 8000) == "Settings: engine auto, port 8000"
    said, _ = server_view.settle(workspace, "auto", 8000, 0.9)
    assert "/no/such/python" in said


def test_an_export_says_what_it_lacks_before_it_is_pressed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = trained(workspace)
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    monkeypatch.setattr(gguf, "CONVERTER", tmp_path / "nothing")
    said, precision, _, button = export_view.show("gguf", "q8_0")
    assert "run `make gguf` once" in said
    assert (precision.visible, button.interactive) == (True, False)
    with pytest.raises(ModelError, match="make gguf"):
        export_view.export(workspace, run, "gguf", "q8_0")
    said, precision, _, button = export_view.show("zip", "q8_0")
    assert "merged first" in said
    assert (precision.visible, button.interactive) == (False, True)
    with pytest.raises(JobError, match="no voice to export"):
        export_view.export(workspace, failed(workspace), "zip", "q8_0")


def test_export_starts_the_command_that_is_shown(workspace: Workspace) -> None:
    run = trained(workspace)
    export_view.export(workspace, run, "zip", "q8_0")
    (started,) = (one for one in jobs.runs(workspace) if one.stage == "export")
    shown = f"python -m style_tuner export --workspace default {run} --to zip --quantization q8_0"
    assert jobs.shell_command(started) == shown
    jobs.kill(workspace, started.id)


def test_an_upload_says_that_it_leaves_the_machine_and_starts_the_command(workspace: Workspace) -> None:
    run = trained(workspace)
    said, precision, repository, button = export_view.show("adapter", "q8_0")
    assert "This leaves your machine" in said
    assert (precision.visible, repository.visible, button.value) == (False, True, "Upload")
    whole = trained(workspace, merged=True)
    shutil.rmtree(workspace.runs / whole / "adapter")
    with pytest.raises(JobError, match="upload the whole model"):
        export_view.export(workspace, whole, "adapter", "q8_0")
    export_view.export(workspace, run, "adapter", "q8_0", " elena/voice ")
    (started,) = (one for one in jobs.runs(workspace) if one.stage == "push")
    shown = f"python -m style_tuner push --workspace default {run} --part adapter --repository elena/voice"
    assert jobs.shell_command(started) == shown
    jobs.kill(workspace, started.id)
