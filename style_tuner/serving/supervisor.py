"""The process that owns an engine: starts it, watches it, starts it again after a crash, and ends it cleanly."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import httpx
from filelock import FileLock, Timeout

from style_tuner.config import ServingConfig
from style_tuner.errors import ServerError
from style_tuner.hardware import gpus
from style_tuner.processes import process_start
from style_tuner.serving.faults import explain, hint
from style_tuner.serving.load import Meter
from style_tuner.serving.newcomers import Newcomers
from style_tuner.serving.plan import Plan, left_out
from style_tuner.serving.state import ServerState, end_group, log_file, rotate_log, save
from style_tuner.workspace import Workspace, storage_errors

RESTARTS = 1
"""Crashes in a row after which the server is given up."""
STEADY_SECONDS = 600
"""An engine that was up for so long starts with a clean sheet."""
LOOK_SECONDS = 2
"""Time between two looks at the engine and at the workspace's voices."""
SILENT_SECONDS = 120
"""An engine that does not answer for so long is taken for hung; loading another model can take a minute."""
log = logging.getLogger(__name__)


class Supervisor:
    """One engine and the state file that tells of it; `run` returns when it was asked to stop."""

    def __init__(self, workspace: Workspace, config: ServingConfig, plan: Plan, state: ServerState) -> None:
        self._workspace = workspace
        self._config = config
        self._plan = plan
        self._state = state
        self._engine: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._root = state.url.removesuffix("/v1")
        self._log_start = 0
        self._newcomers = Newcomers(workspace, plan, state.base_model, state.refused)
        self._meter = Meter(workspace, self._root, plan.engine == "vllm")

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raise `ServerError` when the engine cannot start or crashes too often."""
        with _locks(self._workspace), self._signals():
            self._save(health="starting", pid=os.getpid(), process_start=process_start(os.getpid()))
            ended: dict[str, str] = {"health": "stopped", "message": ""}
            try:
                self._plan.prepare()
                self._serve()
            except ServerError as error:
                ended = {"health": "failed", "message": str(error)}
                raise
            finally:
                self._end_engine()
                self._save(**ended, engine_pid=None, engine_start=None)

    def _serve(self) -> None:
        crashes = 0
        note = self._state.message
        while not self._stop.is_set():
            began = time.monotonic()
            self._newcomers.begin()
            self._meter.end()
            self._start_engine()
            if not self._wait_until_up():
                return
            log.info("The model server is up after %.0f s: %s", time.monotonic() - began, self._state.url)
            found = self._newcomers
            known = {"models": found.models, "refused": found.refused, "context_length": self._context_length()}
            self._save(health="up", message=note, **known)
            began = time.monotonic()
            fault = self._watch()
            if fault is None:
                return
            crashes = 1 if time.monotonic() - began > STEADY_SECONDS else crashes + 1
            self._end_engine()
            if crashes > RESTARTS:
                remedy = explain(self._own_log())
                raise ServerError(f"The model server was given up after {crashes} crashes: {fault}. {remedy}")
            log.warning("The model server crashed: %s. It is started again (%d of %d).", fault, crashes, RESTARTS)
            self._save(health="starting", message=f"It crashed ({fault}) and is started again. {hint(self._own_log())}")

    def _start_engine(self) -> None:
        path = rotate_log(self._workspace)
        scratch = self._workspace.servers / "empty"
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
        with storage_errors(path):
            scratch.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as output:
                self._log_start = output.tell()
                self._engine = subprocess.Popen(
                    self._plan.command,
                    # An empty folder: `python -m` would look for modules, and the engine for models, in any other.
                    cwd=scratch,
                    env=environment | {"PYTHONUNBUFFERED": "1"} | self._plan.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        self._save(engine_pid=self._engine.pid, engine_start=process_start(self._engine.pid))

    def _wait_until_up(self) -> bool:
        """Return True once the engine answers and has loaded its first models, False if asked to stop meanwhile."""
        assert self._engine is not None
        deadline = time.monotonic() + self._config.start_seconds
        while not self._stop.is_set():
            if self._engine.poll() is not None:
                break
            if self._answers():
                return all(self._preload(name) for name in self._plan.preload)
            if time.monotonic() > deadline:
                raise ServerError(
                    f"The model server did not answer within {self._config.start_seconds:.0f} s. "
                    f"{explain(self._own_log())} See {log_file(self._workspace)}."
                )
            self._stop.wait(0.25)
        if self._stop.is_set():
            return False
        raise ServerError(
            f"The model server could not start ({_ending(self._engine.returncode)}). {explain(self._own_log())} "
            f"See {log_file(self._workspace)}."
        )

    def _preload(self, name: str) -> bool:
        """Have `transformers serve` load a model now; it tells of it in events, the last one `ready` or `error`."""
        event: dict[str, str] = {}
        try:
            with httpx.stream(
                "POST", f"{self._root}/load_model", json={"model": name}, timeout=None, trust_env=False
            ) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        event = json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            if self._stop.is_set():
                return False
            raise ServerError(f"The model server ended while it loaded {name!r}. {explain(self._own_log())}") from error
        if event.get("status") != "ready":
            raise ServerError(
                f"The model {name!r} in {self._plan.models[name]} cannot be loaded: {event.get('message', 'no reason')}"
            )
        return True

    def _watch(self) -> str | None:
        """Return what ended the engine, or None when asked to stop."""
        assert self._engine is not None
        last_answer = time.monotonic()
        while not self._stop.wait(0.5):
            if self._engine.poll() is not None:
                return _ending(self._engine.returncode)
            now = time.monotonic()
            if now - last_answer > LOOK_SECONDS and self._answers():
                last_answer = now
                self._meter.look(self._engine.pid)
                if self._newcomers.look():
                    found = self._newcomers
                    told = left_out(self._plan, found.left_out)
                    self._save(models=found.models, refused=found.refused, message=told)
            if now - last_answer > SILENT_SECONDS:
                return f"no answer for {SILENT_SECONDS} s"
        return None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self._root}/health", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _context_length(self) -> int | None:
        """Return the longest text that vLLM found room for, else what is known of the model."""
        try:
            listed = httpx.get(f"{self._root}/v1/models", timeout=5, trust_env=False).raise_for_status().json()["data"]
            told = (model.get("max_model_len") for model in listed)
            return next((int(length) for length in told if length), self._state.context_length)
        except (httpx.HTTPError, ValueError, KeyError):
            return self._state.context_length

    def _own_log(self) -> str:
        """Return what the engine wrote since it was last started, the last 64 KiB of it."""
        with log_file(self._workspace).open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(min(self._log_start, end), end - 65_536))
            return stream.read().decode("utf-8", errors="replace")

    def _end_engine(self) -> None:
        self._meter.end()
        if self._engine is not None:
            end_group(self._engine.pid, self._state.engine_start)
            self._engine.wait()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Take SIGTERM, SIGINT and a closed terminal as the wish to stop; the end of the engine ends any wait."""

        def stop(*_: object) -> None:
            self._stop.set()
            if self._engine is not None and self._engine.poll() is None:
                self._engine.terminate()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _save(self, **changes: object) -> None:
        self._state = save(self._workspace, replace(self._state, **changes))  # type: ignore[arg-type]


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        why = ", often for want of memory: close other programs, or serve a smaller model"
        return f"ended by signal {-code}{why if code == -signal.SIGKILL else ''}"
    return f"ended with exit code {code}"


@contextmanager
def _locks(workspace: Workspace) -> Iterator[None]:
    """Be the one supervisor of this home and, where there is a GPU, its owner."""
    with storage_errors(workspace.servers):
        workspace.servers.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        wanted = [(workspace.servers / "model.lock", "Another model server is running: stop it first.")]
        if gpus():
            wanted.append(
                (workspace.gpu_lock, "A training run holds the GPU: serve when it has ended, or stop it first.")
            )
        for path, refusal in wanted:
            lock = FileLock(path)
            try:
                held.enter_context(lock.acquire(timeout=2))
            except Timeout as error:
                raise ServerError(refusal) from error
        yield
