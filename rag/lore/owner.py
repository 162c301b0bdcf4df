"""One process owns the worlds at a time: two would damage the index, and each would miss what the other writes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from rag.errors import OwnedError
from style_tuner.processes import process_start
from style_tuner.workspace import read_json, storage_errors, write_json

log = logging.getLogger(__name__)


class Owner:
    """The lock on a folder of worlds; others are told which process holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "owner.lock")

    def acquire(self, wait: float) -> None:
        """Become the owner, waiting at most `wait` seconds for another one to leave."""
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=wait)
            except Timeout:
                raise OwnedError(self._told()) from None
        try:
            write_json(self._file, {"pid": os.getpid(), "process_start": process_start(os.getpid())})
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Let others be the owner."""
        self._file.unlink(missing_ok=True)
        self._lock.release()

    @property
    def _file(self) -> Path:
        return self._folder / "owner.json"

    def _told(self) -> str:
        """Say who owns the worlds, in a sentence with the remedy."""
        who = "another process"
        if self._file.is_file():
            pid = read_json(self._file)["pid"]
            who = f"process {pid}"
            if psutil.pid_exists(pid):
                try:
                    who += f" ({' '.join(psutil.Process(pid).cmdline())})"
                except psutil.Error:
                    log.debug("The owner %d ended or belongs to another user.", pid)
        return (
            f"The worlds in {self._folder} are in use by {who}; two owners would damage the index. Stop it, or wait "
            "for its end."
        )
