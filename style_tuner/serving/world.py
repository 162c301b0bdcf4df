"""Start, find and stop the World service, whose process is `python -m rag serve`; `lore.py` speaks to it."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path

from style_tuner.config import WorldConfig
from style_tuner.errors import ServerError
from style_tuner.jobs import child_environment
from style_tuner.processes import find_process
from style_tuner.serving.lore import healthy
from style_tuner.serving.state import ask_to_end, check_port
from style_tuner.workspace import Workspace, read_json, read_tail, storage_errors


@dataclass(frozen=True)
class WorldState:
    """The running World service; `world` is its default one, `url` has no `/v1` at its end.

    `model_url` is the model server that it was given; None means the one of this home, wherever it is.
    """

    url: str
    host: str
    port: int
    pid: int
    process_start: float
    started: float
    model_url: str | None = None
    world: str | None = None


def log_file(workspace: Workspace) -> Path:
    """Return the service's log."""
    return workspace.servers / "world.log"


def state(workspace: Workspace) -> WorldState | None:
    """Return the running service; a state file that a killed one left behind does not count."""
    path = workspace.servers / "world.json"
    try:
        values = read_json(path)
    except FileNotFoundError:
        return None
    known = {item.name for item in fields(WorldState)}
    found = WorldState(**{key: value for key, value in values.items() if key in known})
    return found if find_process(found.pid, found.process_start) else None


def start(workspace: Workspace, config: WorldConfig, world: str | None = None, seconds: float = 60) -> WorldState:
    """Start the service as a process of its own and return once it answers; one that runs already is returned."""
    running = state(workspace)
    if running is not None:
        return running
    check_port(config.host, config.port, f"Stop that program, or choose another port, such as {config.port + 10}.")
    command = [sys.executable, "-m", "rag", "serve", *([world] if world else []), "--host", config.host]
    command += ["--port", str(config.port), *(["--model-url", config.model_url] if config.model_url else [])]
    path = log_file(workspace)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=child_environment(workspace),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        running = state(workspace)
        if running is not None and healthy(running.url):
            return running
        time.sleep(0.1)
    if process.poll() is None:
        process.terminate()
    said = read_tail(path).strip().splitlines()
    raise ServerError(
        said[-1].removeprefix("Error: ") if said else f"The World service did not answer within {seconds:.0f} s."
    )


def stop(workspace: Workspace) -> None:
    """End the running service, by its process id."""
    running = state(workspace)
    process = find_process(running.pid, running.process_start) if running else None
    if process is not None and not ask_to_end(process, 10):
        process.kill()
