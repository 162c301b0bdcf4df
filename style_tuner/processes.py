"""Which process is meant: a pid is given anew once its process has ended, so the time of its start belongs to it."""

from __future__ import annotations

import psutil


def process_start(pid: int) -> float:
    """Return when a process began, in seconds since the machine did: setting the clock does not change it.

    Raises `psutil.NoSuchProcess`.
    """
    return float(psutil.Process(pid).create_time() - psutil.boot_time())


def find_process(pid: int | None, start: float | None) -> psutil.Process | None:
    """Return the living process of that pid and start; a later process with a reused pid is not it."""
    if pid is None or start is None:
        return None
    try:
        process = psutil.Process(pid)
        same = abs(process_start(pid) - start) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None
