"""Run a stage as a detached process that outlives page and browser; follow, stop and reconcile it through files.

A run's folder holds `run.json` (what and how it stands), `metrics.jsonl` (one line a report), `log.txt` (everything
the process printed) and, while a stop is asked for, `STOP` (not empty where the process is ended with it).
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

from style_tuner.errors import JobError, StyleTunerError
from style_tuner.processes import find_process, process_start
from style_tuner.records import Run
from style_tuner.workspace import (
    PROJECT_ROOT,
    Workspace,
    append_jsonl,
    new_folder,
    read_json,
    read_jsonl,
    time_stamp,
    write_json,
    write_text,
)

log = logging.getLogger(__name__)
RUN_FOLDER_VARIABLE = "STYLE_TUNER_RUN_FOLDER"
SETTLED = 2_000_000_000
"""Nanoseconds after which a file's time of change tells it from a later version: a disk's clock may tick slowly."""
RESUMABLE = ("train", "sweep")
"""Stages that go on from what an ended run left; any other begins anew."""
AT_YOUR_WORD = "Ended at once, at your word. It can be resumed from its last save."


@dataclass(frozen=True)
class Progress:
    """How far a run is: reports done and to do, what it is at, and seconds left (None while unknown)."""

    step: int = 0
    total: int = 0
    what: str = ""
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """Part done, 0 to 1."""
        return min(1.0, self.step / self.total) if self.total else 0.0


@dataclass
class Job:
    """The running stage's own side of its run folder."""

    folder: Path
    result: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    stopped: bool = False

    def report(self, step: int, total: int, what: str, **figures: Any) -> None:
        """Add one line to `metrics.jsonl`."""
        append_jsonl(
            self.folder / "metrics.jsonl", {"time": time.time(), "step": step, "total": total, "what": what, **figures}
        )

    def stop_requested(self) -> bool:
        """Say whether the user asked this run to stop."""
        return (self.folder / "STOP").exists()

    def update(self, **changes: Any) -> None:
        """Change fields of `run.json`."""
        _save(self.folder, replace(_load(self.folder), **changes))


def _load(folder: Path) -> Run:
    path = folder / "run.json"
    changed = path.stat().st_mtime_ns
    return _read_once(path, changed) if time.time_ns() - changed > SETTLED else _read(path)


@lru_cache(maxsize=4096)
def _read_once(path: Path, _changed: int) -> Run:
    """Return a run that is not read again until it is written anew: the page asks for all of them at every look."""
    return _read(path)


def _read(path: Path) -> Run:
    """Return a run as its file says; one whose file cannot be read has failed, and the file stays as it is."""
    try:
        values = read_json(path)
        return Run(**{**values, "command": tuple(values["command"])})
    except (ValueError, TypeError, KeyError) as error:
        folder = path.parent
        stage = re.sub(r"^[\d-]+|-\d+$", "", folder.name)
        message = f"{path} cannot be read ({error}): its other files are untouched. Start it anew."
        return Run(folder.name, stage, (), "failed", path.stat().st_mtime, message=message)


def _save(folder: Path, run: Run) -> None:
    write_json(folder / "run.json", asdict(run))


def save(workspace: Workspace, run: Run) -> Run:
    """Write how a run that is over stands from now on."""
    _save(workspace.runs / run.id, run)
    return run


def _create(workspace: Workspace, stage: str, command: Sequence[str]) -> Path:
    folder = new_folder(workspace.runs, f"{time_stamp()}-{stage}")
    _describe(folder, stage, command, str(PROJECT_ROOT))
    return folder


def _describe(folder: Path, stage: str, command: Sequence[str], working_folder: str) -> None:
    now = time.time()
    _save(folder, Run(folder.name, stage, tuple(command), "queued", now, working_folder=working_folder))


def shell_command(run: Run) -> str:
    """Return the command that does the same in a shell, from the project's folder."""
    return shlex.join(["python", *run.command])


def start(workspace: Workspace, stage: str, arguments: Sequence[str]) -> Run:
    """Start `python -m style_tuner STAGE ARGUMENTS` in its own process group and return its run at once."""
    command = ("-m", "style_tuner", stage, "--workspace", workspace.name, *arguments)
    folder = _create(workspace, stage, command)
    _spawn(workspace, folder, command)
    return _load(folder)


def child_environment(workspace: Workspace) -> dict[str, str]:
    """Return the environment in which another process finds this project and the same home, whatever its folder."""
    paths = [str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"STYLE_TUNER_HOME": str(workspace.home), "PYTHONPATH": os.pathsep.join(paths)}


def _spawn(workspace: Workspace, folder: Path, command: Sequence[str]) -> None:
    environment = child_environment(workspace) | {RUN_FOLDER_VARIABLE: str(folder), "PYTHONUNBUFFERED": "1"}
    with (folder / "log.txt").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=_load(folder).working_folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with suppress(psutil.NoSuchProcess):
        started = process_start(process.pid)
        _save(folder, replace(_load(folder), pid=process.pid, process_start=started))


def resumable(workspace: Workspace, run_id: str) -> Run:
    """Return a run that can go on, its stop request taken back; raise `JobError` where it is still going."""
    run = load(workspace, run_id)
    if run.status in ("queued", "running"):
        raise JobError(f"The run {run_id} is still going: stop it first, or wait for it.")
    if not run.command:
        raise JobError(run.message)
    if run.status == "done":
        raise JobError(f"The run {run_id} is done: there is nothing left to go on with. Start a new one.")
    while is_alive(run):  # it has said its last word and is about to exit
        time.sleep(0.05)
    (workspace.runs / run_id / "STOP").unlink(missing_ok=True)
    return run


def resume(workspace: Workspace, run_id: str) -> Run:
    """Start an interrupted or stopped run again in the same folder; the stage goes on from its last checkpoint."""
    run = resumable(workspace, run_id)
    folder = workspace.runs / run_id
    _save(folder, replace(run, status="queued", pid=None, process_start=None, ended=None, message=""))
    _spawn(workspace, folder, run.command)
    return _load(folder)


@contextmanager
def job(workspace: Workspace, stage: str, output: Path | None = None) -> Iterator[Job]:
    """Turn the current process into a run: in the folder of whoever started it, in `output`, or in a new one.

    An error of the user's kind ends the run as failed with that sentence; any other also leaves its trace in the log.
    """
    given = os.environ.pop(RUN_FOLDER_VARIABLE, None)
    folder = Path(given) if given else output or new_folder(workspace.runs, f"{time_stamp()}-{stage}")
    if given:
        _wait_for_parent(folder)
    elif not (folder / "run.json").exists():
        _describe(folder, stage, ("-m", "style_tuner", *sys.argv[1:]), str(Path.cwd()))
    folder.mkdir(parents=True, exist_ok=True)
    handler = None if given else logging.FileHandler(folder / "log.txt", encoding="utf-8")
    if handler:
        logging.getLogger().addHandler(handler)
    own = Job(folder)
    heeds = stage in RESUMABLE and threading.current_thread() is threading.main_thread()
    if heeds:  # as `stop` does: what was done is kept
        before = signal.signal(signal.SIGTERM, lambda *_: (folder / "STOP").touch())
    pid = os.getpid()
    own.update(status="running", pid=pid, process_start=process_start(pid), message="")
    try:
        yield own
    except BaseException as error:
        sentence = str(error) if isinstance(error, StyleTunerError) else f"{type(error).__name__}: {error}"
        status = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
        if isinstance(error, KeyboardInterrupt):
            sentence = f"Interrupted with Ctrl-C; what is there is kept in {folder}."
            if stage == "train":
                sentence += f" Go on: python -m style_tuner train --workspace {workspace.name} --resume {folder.name}"
            log.warning("%s", sentence)
        elif handler and not isinstance(error, StyleTunerError):
            with (folder / "log.txt").open("a", encoding="utf-8") as trace:
                trace.write(traceback.format_exc())
        with suppress(StyleTunerError, OSError):
            own.update(status=status, ended=time.time(), message=sentence)
        raise
    else:
        own.update(
            status="stopped" if own.stopped else "done", ended=time.time(), message=own.message, result=own.result
        )
    finally:
        if heeds:
            signal.signal(signal.SIGTERM, before)
        if handler:
            logging.getLogger().removeHandler(handler)
            handler.close()


def _wait_for_parent(folder: Path) -> None:
    """Let the parent write our pid first, so that two processes never write `run.json` at once."""
    for _ in range(500):
        if _load(folder).pid == os.getpid():
            return
        time.sleep(0.01)


def is_alive(run: Run) -> bool:
    """Say whether the run's own process is alive."""
    return find_process(run.pid, run.process_start) is not None


def load(workspace: Workspace, run_id: str) -> Run:
    """Return a run as it really stands: one whose process is gone is marked interrupted."""
    folder = workspace.runs / run_id
    if not (folder / "run.json").is_file():
        raise JobError(f"There is no run {run_id!r} in the workspace {workspace.name!r}.")
    run = _load(folder)
    fresh = run.status == "queued" and run.pid is None and abs(time.time() - run.created) < 10
    if run.status in ("queued", "running") and not fresh and not is_alive(run):
        run = _load(folder)  # it may have ended between the two looks
        if run.status in ("queued", "running"):
            run = replace(run, ended=time.time(), **_last_words(folder, run.stage))
            _save(folder, run)
    return run


def _last_words(folder: Path, stage: str) -> dict[str, Any]:
    """Return how a run ended whose process is gone; one that was abandoned left its last words in the stop request."""
    stop = folder / "STOP"
    if asked := stop.read_text(encoding="utf-8") if stop.exists() else "":
        return {"status": "stopped", "message": asked}
    remedy = "It can be resumed." if stage in RESUMABLE else "Start it again."
    message = f"Its process ended without a word (power cut, kill, or out of memory). {remedy}"
    return {"status": "interrupted", "message": message}


def runs(workspace: Workspace, stage: str | None = None) -> list[Run]:
    """Return all runs, the newest first; only those of one stage if it is named."""
    if not workspace.runs.is_dir():
        return []
    names = sorted((path.parent.name for path in workspace.runs.glob("*/run.json")), reverse=True)
    found = (load(workspace, name) for name in names)
    return [run for run in found if stage is None or run.stage == stage]


def active(workspace: Workspace) -> list[Run]:
    """Return the runs that are queued or running, the newest first."""
    return [run for run in runs(workspace) if run.status in ("queued", "running")]


def foremost(active: Sequence[Run]) -> Run:
    """Return the newest of the runs that go, else the first of those that wait; `active` has the newest first."""
    return next((run for run in active if run.status == "running"), active[-1])


def request_stop(workspace: Workspace, run_id: str) -> None:
    """Ask a run to stop at its next step and keep what it has."""
    load(workspace, run_id)
    write_text(workspace.runs / run_id / "STOP", "")


def kill(workspace: Workspace, run_id: str) -> None:
    """End a run's process at once, with its group where it leads one; its last checkpoint stays."""
    run = load(workspace, run_id)
    if is_alive(run) and run.pid is not None:
        with suppress(ProcessLookupError):
            end = os.killpg if os.getpgid(run.pid) == run.pid else os.kill
            end(run.pid, signal.SIGKILL)


def abandon(workspace: Workspace, run_id: str, message: str = AT_YOUR_WORD) -> None:
    """End a run at once; whoever looks first notes `message` in place of its last words."""
    write_text(workspace.runs / run_id / "STOP", message)
    kill(workspace, run_id)


def metrics(workspace: Workspace, run_id: str) -> list[dict[str, Any]]:
    """Return everything that the run reported so far."""
    return read_jsonl(workspace.runs / run_id / "metrics.jsonl")


def progress(rows: Sequence[dict[str, Any]]) -> Progress:
    """Return how far a run is, from its reports; time left comes from the pace since the (last) start."""
    steps = [row for row in rows if "step" in row]
    if not steps:
        return Progress()
    last = steps[-1]
    begin = len(steps) - 1
    while begin > 0 and steps[begin - 1]["step"] <= steps[begin]["step"]:
        begin -= 1
    first = steps[begin]
    done = last["step"] - first["step"]
    seconds = last["time"] - first["time"]
    # One step foretells nothing, for the next may be of another kind; and the clock may have been set back.
    pace = seconds / done if done > 1 and seconds >= 0 else None
    left = pace * (last["total"] - last["step"]) if pace is not None else None
    return Progress(last["step"], last["total"], last.get("what", ""), left)
