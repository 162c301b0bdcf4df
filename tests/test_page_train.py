import subprocess
import sys
import time
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import gradio as gr
import pytest

from style_tuner import jobs
from style_tuner.config import PROJECT_ROOT, STARTER_CONFIG, load_training_config
from style_tuner.records import Run
from style_tuner.tabs import plots, run_view, strip, train_run, train_runs, train_settings, train_source, train_view
from style_tuner.tuning.samples import Sample
from style_tuner.workspace import Workspace, append_jsonl, read_json, write_json, write_jsonl


def training(*steps, **more):
    return [{"step": step, "loss": 4 - step / 10, **more} for step in steps]


def validation(step, loss):
    return {"step": step, "validation_loss": loss}


def run(status, **result):
    return Run(id="run", stage="train", command=(), status=status, created=0.0, result=result)


def test_steps_done_again_after_a_resume_are_drawn_once():
    killed = [{"step": 0, "what": "loading the model"}, validation(0, 4.0), *training(1, 2, 3, 4), validation(4, 3.5)]
    killed += [*training(5, 6, 7, again=False), {"step": 0, "what": "reading the dataset"}]
    rows = train_view.last_reports(killed)
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4, 5, 6, 7]
    rows = train_view.last_reports([*killed, *training(5, 6, 7, 8, again=True), validation(8, 3.2)])
    figure = plots.loss(rows)
    assert list(figure.data[0].x) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(figure.data[1].x) == [0, 4, 8]
    assert all(row["again"] for row in rows if "loss" in row and row["step"] > 4)
    assert train_view.losses(rows) == [(0, 4.0), (4, 3.5), (8, 3.2)]


def test_a_validation_done_again_after_a_resume_replaces_the_first():
    rows = train_view.last_reports([validation(0, 4.0), validation(4, 3.5), validation(8, 3.2), validation(8, 3.1)])
    assert train_view.losses(rows) == [(0, 4.0), (4, 3.5), (8, 3.1)]


@pytest.mark.parametrize("status", ["done", "stopped"])
def test_the_sentence_names_the_step_that_is_marked_as_kept(status):
    rows = [validation(0, 4.0), validation(19, 3.2), validation(20, 3.2)]
    assert "at step 19; that state is kept" in train_view.loss_sentence(rows, run(status, best_step=19))
    assert "by step 20, its last; that state is kept" in train_view.loss_sentence(rows, run(status, best_step=20))
    risen = [validation(0, 4.0), validation(10, 4.2), validation(20, 4.3)]
    assert "state of step 10 is kept" in train_view.loss_sentence(risen, run(status, best_step=10))


def test_a_state_that_was_chosen_later_is_named_with_its_own_loss():
    rows = [validation(0, 4.7), validation(20, 0.36), validation(28, 0.33)]
    said = train_view.loss_sentence(rows, run("done", best_step=20))
    assert said == (
        "Validation loss fell from 4.700 to 0.330 at step 28. The state of step 20, with 0.360, is the voice."
    )


def test_a_rate_is_blamed_only_where_the_loss_has_risen():
    level = [validation(0, 4.7), validation(1, 4.7)]
    assert "not fallen below 4.700 so far" in train_view.loss_sentence(level, run("stopped", best_step=1))
    assert "too high" in train_view.loss_sentence([*level, validation(2, 4.9)], run("done", best_step=1))


def test_nothing_is_called_kept_before_a_run_is_over():
    rows = [validation(0, 4.0), validation(10, 3.2), validation(20, 3.1)]
    assert all(
        "kept" not in train_view.loss_sentence(rows, run(status)) for status in ("running", "failed", "interrupted")
    )


@pytest.fixture
def place(workspace: Workspace) -> tuple[Workspace, Run]:
    """A run that was trained for two epochs and overfitted, with samples."""
    config = load_training_config(STARTER_CONFIG)
    with jobs.job(workspace, "train") as own:
        write_json(own.folder / "settings.json", {"config": config.model_dump(mode="json"), "dataset": "rows.jsonl"})
        own.report(0, 8, "training", validation_loss=3.6, base_validation_loss=3.6, epoch=0.0)
        for step in range(1, 9):
            figures = {"grad_norm": 0.5, "memory_gib": 1.25, "tokens_per_second": 1200}
            own.report(step, 8, "training", loss=3.6 - step / 10, epoch=step / 4, **figures)
            if step % 2 == 0:
                loss = {2: 3.3, 4: 3.1, 6: 3.4, 8: 3.6}[step]
                own.report(step, 8, "training", validation_loss=loss, perplexity=22.2, epoch=step / 4)
        for epoch, step, loss in ((0, 0, 3.6), (1, 4, 3.1), (2, 8, 3.6)):
            sample = Sample(epoch, step, "Write <b>rain</b>.", f"Text of epoch {epoch} with <i>signs</i>.", loss)
            append_jsonl(own.folder / "samples.jsonl", asdict(sample))
        own.result = {"best_step": 4, "trainable_parameters": 10, "all_parameters": 1000}
    return workspace, jobs.load(workspace, own.folder.name)


def test_a_run_shows_its_figures_and_what_goes_wrong(place: tuple[Workspace, Run]) -> None:
    head = train_run.show_run(place[0], None)[0]
    for shown in (
        "<b>3.600</b> loss on unseen",
        "<b>22.2</b>",
        "<b>1,200</b>",
        "<b>1.2</b> GB",
        "1 %",
        "Overfitting: since",
    ):
        assert shown in head


def test_a_run_that_trains_every_weight_says_so_in_plain_figures(place: tuple[Workspace, Run]) -> None:
    whole = replace(place[1], result={"trainable_parameters": 1000, "all_parameters": 1000})
    assert "<b>100 %</b> of the model learns" in train_view.figures([], whole)


def test_a_sample_names_the_step_of_its_loss_where_that_is_another(place: tuple[Workspace, Run]) -> None:
    append_jsonl(
        place[0].runs / place[1].id / "samples.jsonl",
        asdict(Sample(2.5, 10, "Write <b>rain</b>.", "Later.", 3.6, loss_step=8)),
    )
    shown = str(train_view.samples(*place))
    assert "Before training (loss 3.600)" in shown
    assert "After epoch 2.5, step 10 (loss 3.600 at step 8)" in shown


def test_ordinary_answers_are_shown_before_and_after(place: tuple[Workspace, Run]) -> None:
    reports = [validation(0, 4.0) | {"ability_loss": 4.11}, {"step": 8, "what": "saving", "ability_loss": 3.99}]
    assert "<b>4.11 → 3.99</b> loss on ordinary answers" in train_view.figures(reports, place[1])


def test_a_batch_that_was_halved_is_said(place: tuple[Workspace, Run]) -> None:
    workspace, one = place
    path = workspace.runs / one.id / "settings.json"
    batch = {"per_device_batch_size": 2, "gradient_accumulation_steps": 2, "keep_activations": True}
    assert run_view.settled(workspace, one) == ""
    write_json(path, read_json(path) | {"batch": batch})
    assert "Memory was full with 4 rows at a time: it trains with 2, and 2 batches" in run_view.settled(workspace, one)


def test_a_run_tells_what_it_was_made_with(place: tuple[Workspace, Run]) -> None:
    workspace, one = place
    path = workspace.runs / one.id / "settings.json"
    write_json(path, read_json(path) | {"rows_hash": "abc123", "packages": {"torch": "2.13.0"}})
    shown = run_view.made_with(workspace, one)
    for part in ("QLoRA", "rows.jsonl", "abc123", "torch 2.13.0", "tensorboard --logdir", "learning_rate: 0.002"):
        assert part in shown


def test_samples_stand_first_beside_last_and_are_never_markup(place: tuple[Workspace, Run]) -> None:
    shown = str(train_view.samples(*place))
    assert shown.index("Before training (loss 3.600)") < shown.index("After epoch 2 (loss 3.600)")
    assert "Text of epoch 0" in shown and "Text of epoch 2" in shown
    assert "Best: after epoch 1 (loss 3.100)" in shown and "Worst: after epoch 2" in shown
    assert "<i>signs" not in shown and "<b>rain" not in shown


def test_runs_are_compared_by_epoch_in_one_plot(place: tuple[Workspace, Run]) -> None:
    workspace, one = place
    choice, plot, said = train_runs.show_curves(workspace, [one.id, "gone"])
    assert choice.value == [one.id] and plot.visible
    assert f"The lowest is 3.100, of {one.id} at epoch 1." in said
    points = train_view.curve(workspace, one.id)
    assert points == [(0.0, 3.6), (0.5, 3.3), (1.0, 3.1), (1.5, 3.4), (2.0, 3.6)]
    figure = plots.overlay({"a": points, "b": points[:2]})
    assert [list(trace.x) for trace in figure.data] == [[0, 0.5, 1, 1.5, 2], [0, 0.5]]
    assert figure.data[0].marker.size[2] > figure.data[0].marker.size[1]


def test_the_settings_of_a_run_can_be_copied_and_changed(place: tuple[Workspace, Run]) -> None:
    chosen = train_run.copy_settings(*place[:1], place[1].id)
    config = load_training_config(STARTER_CONFIG)
    assert train_settings.overrides(chosen.value, config.base_model, 5, config.learning_rate, config.lora_r) == [
        "num_epochs=5"
    ]


def test_a_run_can_be_taken_to_another_trainer(place: tuple[Workspace, Run], tmp_path: Path) -> None:
    workspace, one = place
    rows = [{"instruction": f"Say {n}.", "output": f"It is {n}."} for n in range(24)]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    path = workspace.runs / one.id / "settings.json"
    write_json(path, read_json(path) | {"dataset": str(source)})
    for to, config in (("axolotl", "axolotl.yaml"), ("llama-factory", "llama_factory.yaml")):
        file, same = train_run.export(workspace, one.id, to)
        assert file.visible
        with zipfile.ZipFile(next(workspace.exports.glob(f"*-{to}.zip"))) as packed:
            names = {Path(name).name for name in packed.namelist()}
        assert {config, "train.jsonl", "validation.jsonl"} <= names
        assert f"export-config {one.id} --to {to}" in same


def test_copied_settings_bring_the_rows_of_their_run(place: tuple[Workspace, Run], tmp_path: Path) -> None:
    workspace, one = place
    path = workspace.runs / one.id / "settings.json"
    write_json(path, read_json(path) | {"dataset": str(tmp_path / "rows.jsonl")})
    copied = train_run.copy_settings(workspace, one.id).value
    assert train_source.show_recipe(copied)[:2] == (train_source.ROWS, str(tmp_path / "rows.jsonl"))
    prepared = write_json(workspace.datasets / "one" / "dataset.json", {}).parent
    write_json(path, read_json(path) | {"dataset": str(prepared)})
    assert train_source.show_recipe(copied)[:2] == (train_source.PASSAGES, "")


def test_a_new_run_is_looked_at_once_and_the_chosen_one_after_that(place: tuple[Workspace, Run]) -> None:
    workspace, one = place
    _, choice, seen = train_runs.show_runs(workspace, None, None)
    assert (choice.value, seen) == (one.id, one.id)
    with jobs.job(workspace, "train") as newer:
        new = newer.folder.name
        _, choice, seen = train_runs.show_runs(workspace, one.id, seen)
        assert (choice.value, seen) == (new, new)
        table, choice, seen = train_runs.show_runs(workspace, one.id, seen)
        assert (choice.value, seen) == (one.id, new)
    assert "rows.jsonl, starter_model, 2 epochs, rate 0.002" in table


def test_the_job_in_the_strip_chooses_the_training_that_goes(workspace: Workspace) -> None:
    assert train_runs.show_going(workspace) == gr.skip()
    with jobs.job(workspace, "train", workspace.runs / "1-older") as own:
        waiting = Run(id="2-newer", stage="train", command=(), status="queued", created=time.time())
        write_json(workspace.runs / waiting.id / "run.json", asdict(waiting))
        assert train_runs.show_going(workspace) == own.folder.name
        assert "data-run='train'" in strip.render(workspace)
    with jobs.job(workspace, "sweep"):
        assert train_runs.show_going(workspace) == gr.skip()


def test_a_search_offers_what_can_be_done_with_it(workspace: Workspace) -> None:
    def offered() -> list[bool]:
        return [button.visible for button in train_runs.show_sweep(workspace)[1:]]

    assert offered() == [False] * 4
    with jobs.job(workspace, "sweep") as search:
        assert offered() == [True, True, False, False]
        train_runs.stop_sweep(workspace)
        assert search.stop_requested()
        search.stopped = True
        search.result = {"table": [], "best_rate": 1e-3, "advice": "Train with 0.001."}
    assert offered() == [False, False, True, True]
    assert train_runs.use_rate(workspace) == 1e-3


def test_a_search_that_goes_can_be_killed_and_gone_on_with(workspace: Workspace) -> None:
    started = jobs.start(workspace, "sweep", ["--dataset", str(workspace.root)])
    train_runs.kill_sweep(workspace)
    while jobs.is_alive(started):
        time.sleep(0.05)
    assert jobs.load(workspace, started.id).message == jobs.AT_YOUR_WORD
    assert train_runs.show_sweep(workspace)[3].visible


def test_a_sweep_shows_its_table_and_advice(place: tuple[Workspace, Run]) -> None:
    workspace, one = place
    table = [{"learning_rate": 1e-3, "best_validation_loss": 3.21, "step": 3, "note": ""}]
    done = replace(one, stage="sweep", result={"table": table, "best_rate": 1e-3, "advice": "Train with 0.001."})
    shown = str(train_view.swept(workspace, done))
    assert "3.210" in shown and "lowest" in shown and "Train with 0.001." in shown
    assert train_view.swept(workspace, None) == ""


def test_looking_at_a_run_loads_no_torch(place: tuple[Workspace, Run]) -> None:
    code = (
        "import sys; from style_tuner.tabs import train_run; from style_tuner.workspace import open_workspace; "
        "train_run.show_run(open_workspace(), None); print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
