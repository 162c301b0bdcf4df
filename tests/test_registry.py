"""The registry of runs: names, notes and pins, two side by side, disk use and clean-up."""

from pathlib import Path

import pytest

from style_tuner import jobs, registry
from style_tuner.errors import JobError
from style_tuner.tabs import train_runs
from style_tuner.workspace import Workspace, write_json, write_text

SETTINGS = {
    "method": "lora",
    "base_model": "data/starter_model",
    "lora_r": 32,
    "num_epochs": 3.0,
    "learning_rate": 1e-4,
}


def trained(workspace: Workspace, *, fail: bool = False, loss: float = 3.0, **settings: object) -> str:
    with jobs.job(workspace, "train") as own:
        write_json(own.folder / "settings.json", {"config": SETTINGS | settings, "dataset": "/data/rows.jsonl"})
        write_text(own.folder / "adapter" / "adapter_config.json", "{}")
        write_text(own.folder / "checkpoints" / "checkpoint-2" / "optimizer.pt", "x" * 1000)
        write_text(own.folder / "earlier" / "20260101-adapter" / "adapter.bin", "x" * 500)
        own.result = {"base_validation_loss": 4.0, "tuned_validation_loss": loss, "rows": 12}
        own.stopped = fail
    return own.folder.name


def test_a_run_keeps_name_note_and_pin_beside_what_the_job_wrote(workspace: Workspace) -> None:
    run, other = trained(workspace), trained(workspace)
    before = (workspace.runs / run / "run.json").read_bytes()
    registry.set_label(workspace, run, "  Elena,\n third  try ", " Best so far. ", True)
    assert registry.label_of(workspace, run) == registry.Label("Elena, third try", "Best so far.", True)
    assert (workspace.runs / run / "run.json").read_bytes() == before
    first, second = registry.entries(workspace)
    assert (first.run.id, first.name, second.name) == (run, "Elena, third try", other)


@pytest.mark.parametrize(
    ("name", "note", "sentence"),
    [("x" * 61, "", "shorten it to 60"), ("", "x" * 4001, "shorten it to 4000"), ("Elena", "", "is called 'Elena'")],
)
def test_labels_that_cannot_be_kept_are_refused(workspace: Workspace, name: str, note: str, sentence: str) -> None:
    run, other = trained(workspace), trained(workspace)
    registry.set_label(workspace, other, "Elena", "", False)
    with pytest.raises(JobError, match=sentence):
        registry.set_label(workspace, run, name, note, False)
    with pytest.raises(JobError, match="no run"):
        registry.set_label(workspace, "20200101-000000-train", "x", "", False)
    assert registry.label_of(workspace, run) == registry.Label()


def test_an_entry_tells_base_data_losses_and_settings(workspace: Workspace) -> None:
    found = registry.entry(workspace, trained(workspace, loss=3.25))
    assert (found.base, found.data) == ("starter_model", "12 rows, rows.jsonl")
    assert (found.loss_before, found.loss_after, found.score) == (4.0, 3.25, "")


def test_a_run_that_failed_before_its_settings_were_known_is_registered_too(workspace: Workspace) -> None:
    with pytest.raises(JobError), jobs.job(workspace, "train"):
        raise JobError("The key 'nosuch' is unknown.")
    (found,) = registry.entries(workspace)
    assert (found.settings, found.base, found.data) == ({}, "", "")


def test_two_runs_differ_by_their_settings_and_figures(workspace: Workspace) -> None:
    one = trained(workspace, dataset={"seed": 1, "min_tokens": 90})
    other = trained(workspace, loss=2.5, lora_r=64, dataset={"seed": 1, "min_tokens": 200})
    rows = registry.compare(registry.entry(workspace, one), registry.entry(workspace, other))
    assert rows == [
        ("dataset.min_tokens", "90", "200"),
        ("lora_r", "32", "64"),
        ("loss before training", "4.000", "4.000"),
        ("loss after training", "3.000", "2.500"),
        ("voice score", "not scored", "not scored"),
    ]


def test_only_what_no_run_needs_is_cleaned_up_and_lies_in_the_bin(workspace: Workspace) -> None:
    done, stopped, pinned = trained(workspace), trained(workspace, fail=True), trained(workspace)
    registry.set_label(workspace, pinned, "", "", True)
    found = registry.disk_use(workspace)
    assert {folder.relative_to(workspace.runs).parts[0] for folder in found.can_go} == {done}
    assert (found.freed, found.bin) == (1500, 0)
    assert registry.clean_up(workspace, for_good=False) == 1500
    after = registry.disk_use(workspace)
    assert (after.can_go, after.bin) == ({}, 1500)
    assert after.runs == found.runs - 1500
    for run in (stopped, pinned):
        assert (workspace.runs / run / "checkpoints" / "checkpoint-2" / "optimizer.pt").is_file()
    assert (workspace.runs / done / "adapter" / "adapter_config.json").is_file()


def test_what_an_interrupted_merge_left_can_go_unless_one_is_going_on(workspace: Workspace) -> None:
    stopped, pinned = trained(workspace, fail=True), trained(workspace)
    registry.set_label(workspace, pinned, "", "", True)
    for run in (stopped, pinned):
        write_text(workspace.runs / run / ".merged-merging" / "model-1.safetensors", "x" * 700)
    left = workspace.runs / stopped / ".merged-merging"
    with jobs.job(workspace, "merge"):
        assert registry.disk_use(workspace).half_merged == ()
    found = registry.disk_use(workspace)
    assert (found.half_merged, found.can_go) == ((left,), {left: 700})
    assert registry.clean_up(workspace, for_good=True) == 700
    assert not left.exists() and (workspace.runs / stopped / "adapter").is_dir()


def test_a_run_is_listed_by_the_authors_name_for_it(workspace: Workspace) -> None:
    run = trained(workspace)
    assert registry.shown(workspace, run) == run
    registry.set_label(workspace, run, "The Long Stride", "", False)
    assert train_runs.show_runs(workspace, None, None)[1].choices == [(f"The Long Stride ({run})", run)]


def test_for_good_leaves_nothing_in_the_bin(workspace: Workspace) -> None:
    trained(workspace)
    assert registry.clean_up(workspace, for_good=True) == 1500
    assert registry.disk_use(workspace).bin == 0
    assert not list(workspace.runs.rglob("optimizer.pt"))


def test_states_outside_the_runs_folder_are_never_cleaned_up(workspace: Workspace, tmp_path: Path) -> None:
    outside = write_text(tmp_path / "elsewhere" / "checkpoint-2" / "optimizer.pt", "x")
    trained(workspace, output_dir=str(tmp_path / "elsewhere"))
    registry.clean_up(workspace, for_good=True)
    assert outside.is_file()
