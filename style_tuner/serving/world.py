"""Start, find and stop the World service, and speak its HTTP API; its process is `python -m rag serve`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from style_tuner.config import WORLD_KEY_VARIABLE, WorldConfig
from style_tuner.errors import ServerError, WorldError
from style_tuner.jobs import child_environment
from style_tuner.processes import find_process
from style_tuner.records import Entry, Hit, Message, Role
from style_tuner.serving.client import WORLD_HEADER
from style_tuner.serving.state import ask_to_end, check_port
from style_tuner.workspace import Workspace, read_json, read_tail, storage_errors

NO_WORLD = "none"


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


@dataclass(frozen=True)
class Retrieval:
    """The entries found for a request, those that the word budget left out, and the words of lore sent."""

    hits: tuple[Hit, ...]
    left_out: tuple[Hit, ...]
    words: int


@dataclass(frozen=True)
class ImportReport:
    """What became of a folder of notes: entries new or changed, unchanged, and skipped (name and reason)."""

    imported: int
    unchanged: int
    skipped: tuple[tuple[str, str], ...]


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


def index_folder(workspace: Workspace, world: str, folder: Path) -> ImportReport:
    """Import a folder of Markdown notes into a world, made if it is new, by `python -m rag index`."""
    command = [sys.executable, "-m", "rag", "index", world, "--input", str(folder), "--json"]
    done = subprocess.run(
        command,
        env=child_environment(workspace),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if not done.stdout.strip():  # skipped notes also make the exit code 1, but are reported
        said = done.stderr.strip().splitlines()
        raise WorldError(said[-1].removeprefix("Error: ") if said else f"Indexing {folder} failed.")
    return _import_report(json.loads(done.stdout.strip().splitlines()[-1]))


def _import_report(answer: Mapping[str, Any]) -> ImportReport:
    skipped = tuple((str(note["name"]), str(note["reason"])) for note in answer["skipped"])
    return ImportReport(answer["imported"], answer["unchanged"], skipped)


def chat_headers(world: str | None) -> dict[str, str]:
    """Return the headers that make a chat request use a world, or none."""
    return {WORLD_HEADER: quote(world) if world else NO_WORLD, **_key()}


def _key() -> dict[str, str]:
    """Return the header that a service with a key asks for."""
    key = os.environ.get(WORLD_KEY_VARIABLE)
    return {"Authorization": f"Bearer {key}"} if key else {}


def healthy(url: str) -> bool:
    """Say whether the service answers."""
    try:
        return httpx.get(f"{url}/health", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def worlds(url: str) -> dict[str, int]:
    """Return the worlds' names and how many entries each has."""
    return {world["name"]: world["entries"] for world in _ask(url, "GET", "/worlds")["worlds"]}


def create_world(url: str, world: str) -> None:
    """Make a world without entries; one that exists stays as it is."""
    _ask(url, "PUT", _path(world))


def entries(url: str, world: str) -> list[Entry]:
    """Return all entries of a world."""
    return [Entry.from_row(row) for row in _ask(url, "GET", f"{_path(world)}/entries")["entries"]]


def put_entry(url: str, world: str, entry: Entry) -> Entry:
    """Add an entry, or change the one of the same id, and return it as it is kept."""
    row = _ask(url, "PUT", f"{_path(world)}/entries/{quote(entry.id, safe='')}", asdict(entry))["entry"]
    return Entry.from_row(row)


def delete_entry(url: str, world: str, entry_id: str) -> None:
    """Take an entry out of a world."""
    _ask(url, "DELETE", f"{_path(world)}/entries/{quote(entry_id, safe='')}")


def prompt(url: str, world: str, messages: Sequence[Message]) -> tuple[tuple[Message, ...], Retrieval]:
    """Return the messages as they would be sent, facts included, and what was found for them."""
    answer = _ask(url, "POST", f"{_path(world)}/prompt", {"messages": [asdict(message) for message in messages]})
    sent = tuple(Message(_role(row["role"]), row["content"]) for row in answer["messages"])
    return sent, _retrieval(answer)


def _role(name: str) -> Role:
    return "system" if name == "system" else "assistant" if name == "assistant" else "user"


def _path(world: str) -> str:
    return f"/worlds/{quote(world, safe='')}"


def _retrieval(answer: Mapping[str, Any]) -> Retrieval:
    def hits(key: str) -> tuple[Hit, ...]:
        return tuple(Hit(Entry.from_row(row["entry"]), row["reason"], row["score"]) for row in answer[key])

    return Retrieval(hits("hits"), hits("left_out"), answer["words"])


def _ask(url: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    timeout = httpx.Timeout(120, connect=5)
    send = partial(httpx.request, method, f"{url}{path}", headers=_key(), timeout=timeout, trust_env=False)
    try:
        answer = send(json=body) if body is not None else send()
    except httpx.HTTPError as error:
        raise ServerError(
            f"The World service at {url} does not answer ({error}): start it on the World tab."
        ) from error
    try:
        values = answer.json()
    except ValueError:
        values = {}
    if answer.is_error:
        told = values.get("error", {}).get("message") or f"it answered {answer.status_code}"
        raise WorldError(f"{told}")
    return dict(values)
