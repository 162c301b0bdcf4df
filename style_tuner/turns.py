"""One training at a time on a machine: who waits, in which order, and whose turn it is; it holds with the page closed.

Every training of a home, whatever its workspace, puts a ticket into the folder `queue` and goes when all tickets before
it are gone and the lock of the GPU is free. A ticket whose process has died counts for nothing.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from style_tuner.jobs import Job
from style_tuner.processes import find_process, process_start
from style_tuner.workspace import Workspace, read_json, storage_errors, write_json

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Ticket:
    """One training that waits or goes; `name` orders them by the time they came."""

    name: str
    workspace: str
    run: str
    pid: int
    process_start: float


def queue_folder(home: Path) -> Path:
    """Return the folder of the tickets."""
    return home / "queue"


def queue(home: Path) -> list[Ticket]:
    """Return the trainings that go or wait, in the order of their turns; the tickets of dead ones are removed."""
    found = []
    for path in sorted(queue_folder(home).glob("*.json")):
        try:
            ticket = Ticket(**read_json(path))
        except FileNotFoundError:  # its training has just ended
            continue
        if find_process(ticket.pid, ticket.process_start):
            found.append(ticket)
        else:
            path.unlink(missing_ok=True)
    return found


@contextmanager
def turn(workspace: Workspace, own: Job, meanwhile: Callable[[], None]) -> Iterator[bool]:
    """Wait until it is this run's turn and hold it; give False where the user took the run out of the queue instead.

    `meanwhile` is called at every look, so that whatever else holds the lock can be asked to let go.
    """
    with storage_errors(workspace.home):
        workspace.home.mkdir(parents=True, exist_ok=True)
    pid = os.getpid()
    name = f"{time.time_ns():020d}-{pid}"
    ticket = Ticket(name, workspace.name, own.folder.name, pid, process_start(pid))
    path = write_json(queue_folder(workspace.home) / f"{name}.json", asdict(ticket))
    lock = FileLock(workspace.gpu_lock)
    try:
        mine = _wait(workspace, own, ticket, lock, meanwhile)
        if mine:
            own.update(status="running", message="")
        yield mine
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _wait(workspace: Workspace, own: Job, ticket: Ticket, lock: FileLock, meanwhile: Callable[[], None]) -> bool:
    said = ""
    while True:
        ahead = [other for other in queue(workspace.home) if other.name < ticket.name]
        if not ahead and _try(lock):
            return True
        if own.stop_requested():
            own.stopped = True
            own.message = "Taken out of the queue before it began."
            return False
        words = "Waiting for the model server to let go of the GPU."
        if ahead:
            place = f"number {len(ahead)} in the queue"
            words = f"Waiting for the run {ahead[0].run} to end ({place}); it starts by itself."
        if words != said:
            own.update(status="queued", message=words)
            log.info("%s%s", words, " Ctrl-C gives up." if sys.stderr.isatty() else "")
            said = words
        meanwhile()
        time.sleep(LOOK_SECONDS)


def _try(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True
