"""Training runs as users start them: queued, continued, copied, moved, set back to an earlier state, swept."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from filelock import FileLock
from tuning_rows import write_rows
from typer.testing import CliRunner

from style_tuner import jobs, training
from style_tuner.__main__ import app
from style_tuner.config import STARTER_CONFIG, RowsConfig, TrainingConfig, load_training_config
from style_tuner.errors import DatasetError, JobError
from style_tuner.jobs import Job
from style_tuner.serving.voices import voices_of
from style_tuner.stages import rows_source
from style_tuner.tuning.sweep import rates, recommend, sweep
from style_tuner.turns import queue
from style_tuner.workspace import PROJECT_ROOT, Workspace, read_jsonl, write_json

QUICK = ["load_in_4bit=false", "optimizer=adamw_torch", "lora_r=4", "lora_alpha=8", "max_seq_length=256", "samples=0"]
QUICK += ["num_epochs=1", "save_steps=1", "report_to=none", "save_total_limit=9"]
SETS = [part for change in QUICK for part in ("--set", change)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place") / "home"


@pytest.fixture(scope="module")
def place(home: Path) -> Workspace:
    """A workspace with a dataset and one finished run of three steps, `first`."""
    workspace = Workspace(home, "default")
    folder = workspace.datasets / "20260101-000000"
    folder.mkdir(parents=True)
    write_rows(folder, 12)
    run(workspace, "first")
    return workspace


def run(
    workspace: Workspace, name: str, *changes: str, recipe: Path = STARTER_CONFIG, dataset: Path | None = None
) -> Job:
    with jobs.job(workspace, "train", workspace.runs / name) as own:
        (workspace.runs / name).mkdir(parents=True, exist_ok=True)
        data = dataset or workspace.datasets / "20260101-000000"
        training.train_run(workspace, own, lambda: load_training_config(recipe, [*QUICK, *changes]), data)
    return own


def until(condition, seconds: float = 90):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_the_second_of_two_runs_waits_and_starts_when_the_first_has_ended(place: Workspace) -> None:
    data = str(place.datasets / "20260101-000000")
    arguments = ["--config", str(STARTER_CONFIG), "--dataset", data, *SETS, "--set", "num_epochs=400"]
    first, waiting = jobs.start(place, "train", arguments), None
    try:
        until(lambda: any("loss" in row for row in jobs.metrics(place, first.id)))
        waiting = jobs.start(place, "train", ["--config", str(STARTER_CONFIG), "--dataset", data, *SETS])
        said = until(lambda: jobs.load(place, waiting.id).message)
        dropped = jobs.start(place, "train", ["--config", str(STARTER_CONFIG), "--dataset", data, *SETS])
        assert jobs.load(place, waiting.id).status == "queued"
        assert f"Waiting for the run {first.id} to end (number 1 in the queue)" in said
        until(lambda: "number 2" in jobs.load(place, dropped.id).message)
        assert [ticket.run for ticket in queue(place.home)] == [first.id, waiting.id, dropped.id]
        jobs.request_stop(place, dropped.id)
        until(lambda: jobs.load(place, dropped.id).status == "stopped")
        assert jobs.load(place, dropped.id).message == "Taken out of the queue before it began."
        jobs.kill(place, first.id)  # its lock and its ticket go with it
        until(lambda: jobs.load(place, waiting.id).status == "done")
        assert jobs.load(place, first.id).status == "interrupted"
        assert queue(place.home) == []
    finally:
        for started in filter(None, (first, waiting)):
            jobs.kill(place, started.id)


PAGE = """
import json, sys
from pathlib import Path
from style_tuner import jobs
from style_tuner.workspace import Workspace

print(jobs.start(Workspace(Path(sys.argv[1]), "default"), "train", json.loads(sys.argv[2])).id)
"""


def test_queued_runs_go_on_in_their_order_with_the_page_closed_though_one_between_them_is_killed(
    place: Workspace,
) -> None:
    """Each is started by a process that ends at once, as the page's does when it is closed or started again."""
    data = str(place.datasets / "20260101-000000")
    arguments = json.dumps(["--config", str(STARTER_CONFIG), "--dataset", data, *SETS])

    def started(before: int) -> str:
        command = [sys.executable, "-c", PAGE, str(place.home), arguments]
        run_id = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.strip()
        until(lambda: len(queue(place.home)) == before + 1)
        return run_id

    with FileLock(place.gpu_lock):
        first, second, third = (started(number) for number in range(3))
        until(lambda: "number 2" in jobs.load(place, third).message)
        assert [ticket.run for ticket in queue(place.home)] == [first, second, third]
        jobs.kill(place, second)
        until(lambda: "number 1" in jobs.load(place, third).message)
        assert {jobs.load(place, one).status for one in (first, third)} == {"queued"}
    until(lambda: jobs.load(place, third).status == "done")
    assert [jobs.load(place, one).status for one in (first, second)] == ["done", "interrupted"]
    assert jobs.metrics(place, first)[-1]["time"] <= jobs.metrics(place, third)[0]["time"]
    assert queue(place.home) == []


def test_a_ticket_of_a_dead_process_holds_nobody_up(place: Workspace, tmp_path: Path) -> None:
    from style_tuner.turns import turn

    folder = place.home / "queue"
    dead = {"name": "0001-1", "workspace": "default", "run": "gone", "pid": 2**22 + 1, "process_start": 1.0}
    (folder / "0001-1.json").write_text(json.dumps(dead))
    own = Job(place.runs / "first")
    before = jobs.load(place, "first")
    with turn(place, own, lambda: None) as mine:
        assert mine
    jobs.save(place, before)
    assert not (folder / "0001-1.json").exists()


def test_a_run_is_continued_in_a_new_one_that_begins_with_its_voice(place: Workspace) -> None:
    recipe, changes, data = training.continuation(place, "first", 2)
    assert changes == ["num_epochs=2", "start_from=first"]
    config = load_training_config(recipe, changes)
    kept, _ = training.kept_settings(place, "first")
    assert config == kept.model_copy(update={"num_epochs": 2, "start_from": "first"})
    own = run(place, "second", *changes, recipe=recipe, dataset=Path(data))
    first, second = jobs.load(place, "first"), jobs.load(place, "second")
    losses = [row["validation_loss"] for row in jobs.metrics(place, "second") if "validation_loss" in row]
    assert losses[0] == pytest.approx(first.result["tuned_validation_loss"], abs=1e-3)
    assert second.result["tuned_validation_loss"] < losses[0]
    assert (second.result["steps"], own.stopped) == (6, False)
    with pytest.raises(JobError, match="holds no training settings"):
        (place.runs / "bare").mkdir()
        (place.runs / "bare" / "run.json").write_bytes((place.runs / "first" / "run.json").read_bytes())
        training.continuation(place, "bare", 1)


def test_an_earlier_state_becomes_the_voice_and_the_last_one_is_kept(place: Workspace) -> None:
    folder = place.runs / "first"
    last = (folder / "adapter" / "adapter_model.safetensors").read_bytes()
    kept = training.kept_steps(place, "first")
    assert list(kept) == [1, 2, 3]
    changed = training.use_step(place, "first", 1)
    assert (changed.status, changed.result["best_step"]) == ("done", 1)
    assert changed.result["tuned_validation_loss"] == kept[1]
    state = folder / "checkpoints" / "checkpoint-1" / "adapter_model.safetensors"
    assert (folder / "adapter" / "adapter_model.safetensors").read_bytes() == state.read_bytes()
    (earlier,) = (folder / "earlier").iterdir()
    assert (earlier / "adapter_model.safetensors").read_bytes() == last
    assert str(earlier.relative_to(place.runs)) in changed.message
    assert "first" in voices_of(place)
    again = training.use_step(place, "first", 1)
    assert again.message == "Its voice is the state of step 1 already." and len([*earlier.parent.iterdir()]) == 1
    with pytest.raises(JobError, match="keeps no state of step 99. There are: 1, 2, 3"):
        training.use_step(place, "first", 99)


def test_a_workspace_that_was_moved_resumes_its_runs_and_finds_its_voices(place: Workspace, tmp_path: Path) -> None:
    import shutil

    moved = Workspace(tmp_path / "elsewhere", "default")
    shutil.copytree(place.home, moved.home)
    hidden = place.home.rename(place.home.with_name("away"))  # nothing can be found where it was
    try:
        folder = moved.runs / "first"
        shutil.rmtree(folder / "checkpoints" / "checkpoint-3")
        shutil.rmtree(folder / "adapter")
        own = run(moved, "first")
        assert own.result["steps"] == 3
        assert (folder / "adapter" / "adapter_model.safetensors").is_file()
        assert voices_of(moved)["first"].base_model() is not None
        assert not place.home.exists()
    finally:
        hidden.rename(place.home)


def test_a_sweep_tries_rates_keeps_its_table_and_goes_on_where_it_ended(place: Workspace) -> None:
    def swept(name: str, tried: tuple[float, ...]) -> Job:
        with jobs.job(place, "sweep", place.runs / name) as own:
            (place.runs / name).mkdir(exist_ok=True)
            data = place.datasets / "20260101-000000"
            training.sweep_run(place, own, lambda: load_training_config(STARTER_CONFIG, QUICK), data, 1.0, tried)
        return own

    own = swept("sweep", (1e-5, 2e-3))
    table = own.result["table"]
    assert [row["learning_rate"] for row in table] == [1e-5, 2e-3]
    assert table[1]["best_validation_loss"] < table[0]["best_validation_loss"]
    assert own.result["best_rate"] == 2e-3 and "Train with learning rate 0.002" in own.message
    rows = read_jsonl(place.runs / "sweep" / "rate-0.002" / "metrics.jsonl")
    assert any("validation_loss" in row for row in rows)
    again = swept("sweep", (1e-5, 2e-3, 4e-3))
    assert [row["learning_rate"] for row in again.result["table"]] == [1e-5, 2e-3, 4e-3]
    assert read_jsonl(place.runs / "sweep" / "rate-0.002" / "metrics.jsonl") == rows  # not tried again


def test_rates_are_scaled_to_the_recipe_and_advice_names_the_edge() -> None:
    assert rates(load_training_config(STARTER_CONFIG)) == (1e-3, 2e-3, 5e-3, 1e-2)
    assert rates(TrainingConfig(base_model="x")) == (1e-4, 2e-4, 5e-4, 1e-3)
    table = [{"learning_rate": rate, "best_validation_loss": loss} for rate, loss in ((1, 3.0), (2, 2.5), (4, None))]
    assert recommend(table)["best_rate"] == 2
    assert (
        "4 may be better still" in recommend(table[:2] + [{"learning_rate": 2, "best_validation_loss": 2.4}])["advice"]
    )
    assert recommend(table[2:])["best_rate"] is None
    assert recommend(table[1:]) == {"best_rate": 2, "advice": "Only learning rate 2 worked: validation loss 2.500."}


def test_one_rate_alone_is_no_verdict_and_those_left_are_counted() -> None:
    table = [{"learning_rate": rate, "best_validation_loss": loss} for rate, loss in ((1, 3.0), (2, 2.5))]
    one = recommend(table[:1], [2, 4, 8])
    assert one == {"best_rate": None, "advice": "1 of 4 rates tried. One alone shows nothing: try others beside it."}
    assert recommend(table[:1])["best_rate"] is None
    two = recommend(table, [4, 8])
    assert two == {"best_rate": 2, "advice": "2 of 4 rates tried. So far 2 has the lowest validation loss, 2.500."}


def test_a_sweep_that_is_stopped_after_one_rate_lists_the_others_as_not_tried(place: Workspace) -> None:
    class StopsAfterOne(Job):
        def report(self, step: int, total: int, what: str, **figures: Any) -> None:
            super().report(step, total, what, **figures)
            if "(2 of 3)" in what:
                (self.folder / "STOP").touch()

    folder = place.runs / "stopped-sweep"
    folder.mkdir()
    config = load_training_config(STARTER_CONFIG, QUICK)
    found = sweep(config, str(place.datasets / "20260101-000000"), folder, StopsAfterOne(folder), (1e-4, 1e-3, 2e-3))
    assert [(row["learning_rate"], row["note"]) for row in found["table"]][1:] == [
        (1e-3, "not tried"), (2e-3, "not tried"),
    ]  # fmt: skip
    assert found["best_rate"] is None and found["advice"].startswith("1 of 3 rates tried.")


def test_the_commands_continue_copy_and_choose(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE_TUNER_HOME", str(place.home))

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})

    assert command("use-checkpoint", "first").stdout.startswith("Step 1: validation loss")
    shown = command("train", "--continue", "first", "--epochs", "2", "--dry-run")
    assert "Steps: 6 steps (3 an epoch)" in shown.stdout, shown.output
    shown = command("train", "--like", "first", "--set", "num_epochs=3", "--dry-run")
    assert "Steps: 9 steps (3 an epoch)" in shown.stdout, shown.output
    both = command("train", "--like", "first", "--resume", "first")
    assert both.exit_code != 0 and "keep one" in both.output
    chosen = command("use-checkpoint", "first", "2")
    assert "Its voice is the state of step 2." in chosen.stdout


def test_a_recipe_for_rows_of_another_format_asks_for_them(place: Workspace) -> None:
    config = TrainingConfig(base_model="x", rows=RowsConfig(format="instruction"))
    with pytest.raises(DatasetError, match="rows of the format instruction, .* name them with --dataset"):
        rows_source(place, config, None)
    assert rows_source(place, config, "me/rows") == "me/rows"


def test_a_run_like_another_takes_its_rows_where_they_were_its_own(workspace: Workspace) -> None:
    config = load_training_config(STARTER_CONFIG).model_dump(mode="json")
    prepared = workspace.datasets / "20261121-100000-prepare"
    for run, source in (("stories", str(prepared)), ("prompts", "/home/author/prompts.jsonl"), ("hub", "me/rows")):
        write_json(workspace.runs / run / "settings.json", {"config": config, "dataset": source})
    found = [training.rows_of_its_own(workspace, run) for run in ("stories", "prompts", "hub")]
    assert found == [None, "/home/author/prompts.jsonl", "me/rows"]  # of stories, the newest dataset is wanted
