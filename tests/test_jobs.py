import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from style_tuner import jobs
from style_tuner.errors import DatasetError, JobError
from style_tuner.processes import process_start
from style_tuner.records import Run
from style_tuner.workspace import Workspace, read_tail


def ended(workspace: Workspace, run_id: str, seconds: float = 60) -> Run:
    deadline = time.monotonic() + seconds
    while (run := jobs.load(workspace, run_id)).status in ("queued", "running"):
        assert time.monotonic() < deadline, read_tail(workspace.runs / run_id / "log.txt")
        time.sleep(0.05)
    return run


def test_a_stage_started_from_the_page_is_a_process_of_its_own_that_tells_how_it_ended(workspace: Workspace) -> None:
    started = jobs.start(workspace, "prepare", [])
    assert started.pid is not None and os.getpgid(started.pid) == started.pid != os.getpgid(0)
    run = ended(workspace, started.id)
    assert run.status == "failed"
    assert "no manuscripts yet" in run.message
    psutil.wait_procs([psutil.Process(started.pid)] if psutil.pid_exists(started.pid) else [], timeout=60)
    assert "no manuscripts yet" in read_tail(workspace.runs / run.id / "log.txt")  # its last line follows the state
    assert jobs.shell_command(run) == "python -m style_tuner prepare --workspace default"


def test_a_run_outlives_the_app_that_started_it(workspace: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path; from style_tuner import jobs, workspace; "
        "print(jobs.start(workspace.Workspace(Path(sys.argv[1]), 'default'), 'prepare', []).id)"
    )
    app = subprocess.run([sys.executable, "-c", code, str(workspace.home)], capture_output=True, text=True, check=True)
    (run,) = jobs.runs(workspace)  # as an app that is started anew finds it
    assert run.id == app.stdout.strip()
    assert run.status in ("queued", "running", "failed")
    assert "no manuscripts yet" in ended(workspace, run.id).message


def test_a_job_leaves_its_result_and_its_reports(workspace: Workspace) -> None:
    with jobs.job(workspace, "prepare") as own:
        own.report(1, 4, "reading")
        own.result = {"rows": 3}
    (run,) = jobs.runs(workspace)
    assert (run.status, run.result) == ("done", {"rows": 3})
    assert jobs.metrics(workspace, run.id)[0]["what"] == "reading"


def test_an_error_of_the_user_ends_a_job_with_its_sentence(workspace: Workspace) -> None:
    with pytest.raises(DatasetError), jobs.job(workspace, "prepare"):
        raise DatasetError("Too little text.")
    (run,) = jobs.runs(workspace)
    assert (run.status, run.message) == ("failed", "Too little text.")


def test_a_fault_of_the_program_leaves_its_trace_in_the_log(workspace: Workspace) -> None:
    with pytest.raises(ZeroDivisionError), jobs.job(workspace, "prepare") as own:
        _ = 1 / 0
    assert "Traceback" in read_tail(own.folder / "log.txt")


def running(workspace: Workspace, **changes: object) -> Run:
    with jobs.job(workspace, "train") as own:
        pass
    run = replace(jobs.load(workspace, own.folder.name), status="running", **changes)  # type: ignore[arg-type]
    jobs._save(own.folder, run)
    return run


def test_a_run_whose_process_is_gone_is_found_interrupted(workspace: Workspace) -> None:
    run = running(workspace, pid=2**22 + 1)
    assert jobs.load(workspace, run.id).status == "interrupted"
    assert "resumed" in jobs.load(workspace, run.id).message


def test_a_run_written_again_is_read_again_even_where_the_disks_clock_has_not_moved(workspace: Workspace) -> None:
    with jobs.job(workspace, "train") as own:
        pass
    run, now = jobs.load(workspace, own.folder.name), time.time_ns()
    for written, status in ((now - 10**11, "failed"), (now - 10**10, "done"), (now, "stopped"), (now, "failed")):
        jobs._save(own.folder, replace(run, status=status))  # type: ignore[arg-type]
        os.utime(own.folder / "run.json", ns=(written, written))
        assert [jobs.load(workspace, run.id).status for _ in range(2)] == [status] * 2


def test_another_process_with_the_same_pid_is_not_the_run(workspace: Workspace) -> None:
    own_start = process_start(os.getpid())
    alive = running(workspace, pid=os.getpid(), process_start=own_start)
    reused = running(workspace, pid=os.getpid(), process_start=own_start - 1000)
    assert jobs.load(workspace, alive.id).status == "running"
    assert jobs.load(workspace, reused.id).status == "interrupted"
    assert [run.id for run in jobs.active(workspace)] == [alive.id]


def test_a_clock_that_is_set_while_a_run_goes_does_not_end_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = running(workspace, pid=os.getpid(), process_start=process_start(os.getpid()))
    boot, now = psutil._pslinux.boot_time, time.time
    for moved in (-7200, 86_400):  # the kernel's time of the start of the machine moves with the clock
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda moved=moved: boot() + moved)
        monkeypatch.setattr(time, "time", lambda moved=moved: now() + moved)
        assert jobs.load(workspace, alive.id).status == "running"


def test_time_left_is_unknown_where_the_clock_was_set_back() -> None:
    rows = [{"time": 5000, "step": 1, "total": 10}, {"time": 1400, "step": 2, "total": 10}]
    assert jobs.progress(rows).seconds_left is None


def test_a_run_that_is_still_going_cannot_be_resumed(workspace: Workspace) -> None:
    run = running(workspace, pid=os.getpid(), process_start=process_start(os.getpid()))
    with pytest.raises(JobError, match="still going"):
        jobs.resume(workspace, run.id)


def test_a_run_that_is_done_cannot_be_resumed(workspace: Workspace) -> None:
    with jobs.job(workspace, "train") as own:
        pass
    with pytest.raises(JobError, match="is done"):
        jobs.resume(workspace, own.folder.name)


def test_a_run_ended_with_ctrl_c_says_how_to_go_on(workspace: Workspace) -> None:
    with pytest.raises(KeyboardInterrupt), jobs.job(workspace, "train") as own:
        raise KeyboardInterrupt
    run = jobs.load(workspace, own.folder.name)
    assert run.status == "interrupted"
    assert f"--resume {run.id}" in run.message


def test_resuming_takes_the_stop_back_and_runs_the_same_command_in_the_same_folder(workspace: Workspace) -> None:
    first = ended(workspace, jobs.start(workspace, "prepare", []).id)
    jobs.request_stop(workspace, first.id)
    again = jobs.resume(workspace, first.id)
    assert (again.id, again.command) == (first.id, first.command)
    assert not (workspace.runs / first.id / "STOP").exists()
    assert ended(workspace, again.id).status == "failed"
    assert len(jobs.runs(workspace)) == 1


def test_a_killed_run_is_interrupted(workspace: Workspace) -> None:
    run = jobs.start(workspace, "prepare", [])
    jobs.kill(workspace, run.id)
    assert ended(workspace, run.id).status == "interrupted"


def test_an_unknown_run_is_named(workspace: Workspace) -> None:
    with pytest.raises(JobError, match="nothing-here"):
        jobs.load(workspace, "nothing-here")


def test_time_left_comes_from_the_pace_since_the_last_start() -> None:
    before = [{"time": step, "step": step, "total": 10, "what": "train"} for step in range(1, 6)]
    resumed = [{"time": 100 + 2 * step, "step": step, "total": 10, "what": "train"} for step in range(4, 7)]
    progress = jobs.progress([*before, *resumed])
    assert (progress.step, progress.total, progress.share) == (6, 10, 0.6)
    assert progress.seconds_left == pytest.approx(8)
    assert jobs.progress([]).seconds_left is None
    assert jobs.progress(resumed[:2]).seconds_left is None


def test_a_run_whose_file_is_broken_is_told_of_and_keeps_no_other_from_being_listed(workspace: Workspace) -> None:
    with jobs.job(workspace, "prepare"):
        pass
    broken = workspace.runs / "20261121-100000-train" / "run.json"
    broken.parent.mkdir()
    broken.write_text("{broken")
    first, second = sorted(jobs.runs(workspace), key=lambda run: run.stage)
    assert (first.stage, first.status) == ("prepare", "done")
    assert (second.stage, second.status) == ("train", "failed") and "cannot be read" in second.message
    with pytest.raises(JobError, match="cannot be read"):
        jobs.resumable(workspace, second.id)
    assert broken.read_text() == "{broken"


def test_a_process_ends_on_sigterm_again_once_its_training_is_over(workspace: Workspace) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with jobs.job(workspace, "train") as own:
        os.kill(os.getpid(), signal.SIGTERM)
        assert own.stop_requested()
    assert signal.getsignal(signal.SIGTERM) is before
