import pytest

from style_tuner.records import Run
from style_tuner.tabs import plots, train


def training(*steps, **more):
    return [{"step": step, "loss": 4 - step / 10, **more} for step in steps]


def validation(step, loss):
    return {"step": step, "validation_loss": loss}


def run(status, **result):
    return Run(id="run", stage="train", command=(), status=status, created=0.0, result=result)


def test_steps_done_again_after_a_resume_are_drawn_once():
    killed = [{"step": 0, "what": "loading the model"}, validation(0, 4.0), *training(1, 2, 3, 4), validation(4, 3.5)]
    killed += [*training(5, 6, 7, again=False), {"step": 0, "what": "reading the dataset"}]
    rows = train.last_reports(killed)
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4, 5, 6, 7]
    rows = train.last_reports([*killed, *training(5, 6, 7, 8, again=True), validation(8, 3.2)])
    figure = plots.loss(rows)
    assert list(figure.data[0].x) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(figure.data[1].x) == [0, 4, 8]
    assert all(row["again"] for row in rows if "loss" in row and row["step"] > 4)
    assert train.losses(rows) == [(0, 4.0), (4, 3.5), (8, 3.2)]


def test_a_validation_done_again_after_a_resume_replaces_the_first():
    rows = train.last_reports([validation(0, 4.0), validation(4, 3.5), validation(8, 3.2), validation(8, 3.1)])
    assert train.losses(rows) == [(0, 4.0), (4, 3.5), (8, 3.1)]


@pytest.mark.parametrize("status", ["done", "stopped"])
def test_the_sentence_names_the_step_that_is_marked_as_kept(status):
    rows = [validation(0, 4.0), validation(19, 3.2), validation(20, 3.2)]
    assert "at step 19; that state is kept" in train.loss_sentence(rows, run(status, best_step=19))
    assert "by step 20, its last; that state is kept" in train.loss_sentence(rows, run(status, best_step=20))
    risen = [validation(0, 4.0), validation(10, 4.2), validation(20, 4.3)]
    assert "state of step 10 is kept" in train.loss_sentence(risen, run(status, best_step=10))


def test_nothing_is_called_kept_before_a_run_is_over():
    rows = [validation(0, 4.0), validation(10, 3.2), validation(20, 3.1)]
    assert all("kept" not in train.loss_sentence(rows, run(status)) for status in ("running", "failed", "interrupted"))
