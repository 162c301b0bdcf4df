"""How the model server stands, as `servers/model.json` holds it; and the ending of its processes."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import psutil

from style_tuner.errors import ServerError
from style_tuner.processes import find_process, process_start
from style_tuner.workspace import Workspace, read_json, storage_errors, write_json

Health = Literal["starting", "up", "failed", "stopped"]


@dataclass(frozen=True)
class ServerState:
    """The model server: where it is, what it serves by which name, and how it stands.

    `models` maps every name that a request may use to its folder or Hub name, the base model first. `context_length`
    is the most tokens that prompt and reply may have together, None where it is not known: transformers serves longer
    ones too, but not well. `voices` and `settings` are what it was started with. `workspace` is the one whose voices it
    takes in as they are trained, empty where its voices were named; `refused` says of those that do not fit why.
    `external` is a server that is used by its address and never stopped.
    """

    url: str
    engine: str
    host: str = ""
    port: int = 0
    base_model: str = ""
    models: dict[str, str] = field(default_factory=dict)
    context_length: int | None = None
    health: Health = "starting"
    message: str = ""
    pid: int | None = None
    process_start: float | None = None
    engine_pid: int | None = None
    engine_start: float | None = None
    started: float = 0.0
    log: str = ""
    external: bool = False
    voices: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    workspace: str = ""
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Say whether the server is up or on its way."""
        return self.health in ("starting", "up")


def state_file(workspace: Workspace) -> Path:
    """Return the file that holds the state; one server for all workspaces of a home."""
    return workspace.servers / "model.json"


def save(workspace: Workspace, state: ServerState) -> ServerState:
    """Write the state for all to read."""
    write_json(state_file(workspace), asdict(state))
    return state


def load(workspace: Workspace) -> ServerState | None:
    """Return the state as it was last written, whether or not its process still lives."""
    path = state_file(workspace)
    if not path.is_file():
        return None
    known = {item.name for item in fields(ServerState)}
    return ServerState(**{key: value for key, value in read_json(path).items() if key in known})


def end_group(pid: int | None, start: float | None, seconds: float = 8) -> None:
    """End a process that leads a group, and the group: first the leader is asked to, after `seconds` all are made to.

    A leader that was killed leaves its children behind (vLLM's keep gigabytes), so the group is looked for without it.
    """
    leader = find_process(pid, start)
    members = _group(pid, start)
    if leader is not None:
        with suppress(psutil.NoSuchProcess):
            leader.terminate()
        _alive_after(members, seconds)
        members += _group(pid, start)
    for member in members:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    _alive_after(members, seconds)


def _group(pid: int | None, start: float | None) -> list[psutil.Process]:
    """Return the living processes of the group that this process leads or led."""
    if pid is None or start is None:
        return []
    with suppress(psutil.NoSuchProcess):
        if abs(process_start(pid) - start) >= 1:
            return []  # the pid was given to another process since, so nobody is left of the group
    members = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def log_file(workspace: Workspace) -> Path:
    """Return the log of supervisor and engine."""
    return workspace.servers / "model.log"


def rotate_log(workspace: Workspace, limit: int = 4_000_000) -> Path:
    """Set a log of more than `limit` bytes aside as `model.previous.log` and return the path of the log."""
    path = log_file(workspace)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.stat().st_size > limit:
            path.replace(path.with_suffix(".previous.log"))
    return path


def ask_to_end(process: psutil.Process, seconds: float) -> bool:
    """Send SIGTERM and say whether the process ended in that time."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGTERM)
    return not _alive_after([process], seconds)


def _alive_after(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until all have ended, at most so long, and return those that have not.

    One that ended counts as gone though its parent, which may be the page, has not taken note of it.
    """
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def check_port(host: str, port: int, remedy: str) -> None:
    """Raise a `ServerError` that names the port, its holder and the remedy where the port cannot be listened on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerError(
                f"The port {port} on {host} cannot be used ({error.strerror}){_holder(port)}. {remedy}"
            ) from error


def _holder(port: int) -> str:
    """Name the process of this user that listens on the port, if it can be seen."""
    try:
        connections: Sequence[Any] = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                return f"; {psutil.Process(connection.pid).name()} (process {connection.pid}) listens there"
    return ""
