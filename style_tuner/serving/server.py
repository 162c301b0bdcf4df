"""Start, find and stop the model server; it is one for all workspaces of a home and outlives page and browser."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx

from style_tuner.config import ServingConfig, is_hub_name
from style_tuner.errors import ServerError
from style_tuner.jobs import child_environment
from style_tuner.processes import find_process
from style_tuner.records import listed_once
from style_tuner.serving import engines
from style_tuner.serving.bases import find_base
from style_tuner.serving.client import KEY_VARIABLE
from style_tuner.serving.fits import check_fits, check_length
from style_tuner.serving.plan import Plan, left_out
from style_tuner.serving.state import (
    ServerState,
    ask_to_end,
    check_port,
    end_group,
    load,
    log_file,
    rotate_log,
    save,
)
from style_tuner.serving.supervisor import Supervisor
from style_tuner.serving.voices import BASE, default_base, voice_arguments, voice_at, voices_of
from style_tuner.serving.weights import check_voice, refusals
from style_tuner.workspace import Workspace

log = logging.getLogger(__name__)
URL_VARIABLE = "MODEL_SERVER_URL"


def supervise(
    workspace: Workspace, config: ServingConfig, model: str = "", voices: Mapping[str, Path] | None = None
) -> None:
    """Serve in the foreground until SIGTERM or SIGINT; call it from the main thread.

    `voices` maps names to adapter, merged or run folders; None means every voice of the workspace that the engine can
    serve beside the model, those that are trained later among them. An empty `model` is the base of the newest voice.
    """
    plan, state = _planned(workspace, config, model, voices)
    for name, why in state.refused.items():
        log.warning("The voice %s is not served: %s", name, why)
    Supervisor(workspace, config, plan, state).run()


def start(
    workspace: Workspace, config: ServingConfig, model: str = "", voices: Mapping[str, Path] | None = None
) -> ServerState:
    """Start `python -m style_tuner serve` as a process of its own and return at once; see `wait_until_up`."""
    _, planned = _planned(workspace, config, model, voices)
    command = [sys.executable, "-m", "style_tuner", *serve_arguments(workspace, config, planned, model)]
    if voices is not None:  # else it looks for them itself, and tells which it leaves out
        command += voice_arguments({name: Path(folder) for name, folder in planned.voices.items()})
    with rotate_log(workspace).open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            command,
            env=child_environment(workspace),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while process.poll() is None:
        current = load(workspace)
        if current is not None and current.pid == process.pid:
            return current
        time.sleep(0.05)
    with log_file(workspace).open("rb") as log:
        log.seek(begin)
        said = log.read().decode("utf-8", errors="replace").strip().splitlines()
    raise ServerError(said[-1] if said else f"The model server ended at once, with exit code {process.returncode}.")


def restart(workspace: Workspace, previous: ServerState) -> ServerState:
    """Start a server again with what it was started with before, and the voices that its workspace has since."""
    voices = None if previous.workspace else {name: Path(folder) for name, folder in previous.voices.items()}
    place = replace(workspace, name=previous.workspace or workspace.name)
    return start(place, ServingConfig(**previous.settings), previous.base_model, voices)


def serve_arguments(workspace: Workspace, config: ServingConfig, planned: ServerState, model: str = "") -> list[str]:
    """Return the arguments of `python -m style_tuner` that start the planned server."""
    arguments = ["serve", model or planned.base_model, "--workspace", workspace.name, "--engine", planned.engine]
    arguments += ["--host", config.host, "--port", str(config.port), "--gpu-memory", str(config.gpu_memory)]
    if config.max_model_len is not None:
        arguments += ["--max-model-len", str(config.max_model_len)]
    return arguments


def _planned(
    workspace: Workspace, config: ServingConfig, model: str, voices: Mapping[str, Path] | None
) -> tuple[Plan, ServerState]:
    """Check everything that can be checked before a process starts: server, engine, models, port."""
    model = model or default_base(workspace)
    engine, base_model = engines.choose_engine(config), find_base(workspace, model)
    known = list(voices_of(workspace).values())
    refused = refusals(known, engine, base_model) if voices is None else {}
    chosen, others = engines.servable([voice for voice in known if voice.name not in refused], engine, base_model)
    if voices is not None:
        chosen = [voice_at(name, folder) for name, folder in voices.items()]
    plan = engines.make_plan(config, model, chosen, workspace.servers / "engine", follow=voices is None)
    for name, served in plan.models.items():
        if not is_hub_name(served):
            _check_served(name, Path(served), base_model)
    check_length(plan, config)
    check_fits(plan, config, base_model)
    _refuse_second(workspace)
    check_port(
        config.host, config.port, f"Stop that program, or choose another port, such as --port {config.port + 10}."
    )
    url = f"http://{'127.0.0.1' if config.host == '0.0.0.0' else config.host}:{config.port}/v1"
    return plan, ServerState(
        url=url,
        engine=plan.engine,
        host=config.host,
        port=config.port,
        base_model=base_model,
        models=plan.models,
        context_length=engines.context_length(config, base_model),
        message=left_out(plan, [voice for voice in others if voice not in chosen]),
        started=time.time(),
        log=str(log_file(workspace)),
        voices={voice.name: str(voice.folder) for voice in chosen},
        settings=config.model_dump(mode="json"),
        workspace=workspace.name if plan.admit else "",
        refused=refused,
    )


def _check_served(name: str, folder: Path, base_model: str) -> None:
    try:
        check_voice(folder, base_model)
    except ServerError as error:
        if name == BASE:
            raise
        raise ServerError(f"The voice {name!r} cannot be served: {error}") from error


def _refuse_second(workspace: Workspace) -> None:
    current = state(workspace)
    if current is not None and current.external:
        raise ServerError(f"The model server at {current.url} is in use: {_how_to_leave()} before one is started here.")
    if current is not None and current.running:
        raise ServerError(
            f"The model server is already running at {current.url}: stop it first "
            "(`python -m style_tuner serve --stop`)."
        )
    _end_orphan(current)


def state(workspace: Workspace) -> ServerState | None:
    """Return the server as it really stands: None if there is none, `failed` with the reason if it broke down.

    A server given by the environment variable `MODEL_SERVER_URL`, or by `use_url`, is asked whether it answers.
    """
    given = os.environ.get(URL_VARIABLE)
    if given:
        return _external(given)
    current = load(workspace)
    if current is None or current.health == "stopped":
        return None
    if current.external:
        return _external(current.url)
    if current.running and find_process(current.pid, current.process_start) is None:
        current = load(workspace) or current  # it may have ended between the two looks
        if current.running:
            message = "The model server's process ended without a word (kill or power cut): start it again."
            return replace(current, health="failed", message=message)
    return None if current.health == "stopped" else current


def served(workspace: Workspace) -> dict[str, str]:
    """Return the models that a server has, by name, while it is up or on its way."""
    current = state(workspace)
    return current.models if current is not None and current.running else {}


def wait_until_up(workspace: Workspace, seconds: float = 600) -> ServerState:
    """Return the server once it answers; raise `ServerError` with the reason if it fails or takes longer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        current = state(workspace)
        if current is None:
            raise ServerError("The model server is not running: start it with `python -m style_tuner serve`.")
        if current.health == "up":
            return current
        if current.health == "failed":
            raise ServerError(current.message)
        time.sleep(0.2)
    raise ServerError(f"The model server did not answer within {seconds:.0f} s: see {log_file(workspace)}.")


def stop(workspace: Workspace) -> ServerState | None:
    """End the server and its engine, by their process ids; a server given by its address is only left alone.

    Returns the server as it was while it ran or was in use, None if there was none.
    """
    current = load(workspace)
    if current is None:
        return None
    before = current if current.running else None
    if not current.external:
        process = find_process(current.pid, current.process_start)
        if process is not None and not ask_to_end(process, 20):
            process.kill()
        _end_orphan(load(workspace))
        current = load(workspace) or current
    if current.health != "failed" or current.external:
        save(workspace, replace(current, health="stopped", external=False, message="", engine_pid=None))
    return before


def _end_orphan(current: ServerState | None) -> None:
    """End an engine whose supervisor was killed and could not do it."""
    if current is not None and find_process(current.pid, current.process_start) is None:
        end_group(current.engine_pid, current.engine_start)


def use_url(workspace: Workspace, url: str) -> ServerState:
    """Use a server that is run elsewhere, from now on; it is never stopped from here."""
    external = _external(url)
    if external.health != "up":
        raise ServerError(external.message)
    current = state(workspace)
    if current is not None and current.running and not current.external:
        raise ServerError(f"The model server at {current.url} is running: stop it before another is used.")
    return save(workspace, replace(external, started=time.time()))


def _external(url: str) -> ServerState:
    """Ask a given server what it serves; the first model it names counts as the base."""
    address = url.rstrip("/")
    address = address if address.endswith("/v1") else f"{address}/v1"
    found = ServerState(url=address, engine="external", external=True)
    try:
        key = os.environ.get(KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = httpx.get(f"{address}/models", timeout=2, headers=headers).raise_for_status().json()
        names = [str(row["id"]) for row in listed_once(answer["data"])]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        refused = isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (401, 403)
        remedy = f"set {KEY_VARIABLE} to its key" if refused else "start it there"
        message = f"The model server at {address} does not answer ({error}): {remedy}, or {_how_to_leave()}."
        return replace(found, health="failed", message=message)
    return replace(found, health="up", models=dict.fromkeys(names, ""))


def _how_to_leave() -> str:
    return (
        f"unset {URL_VARIABLE}"
        if os.environ.get(URL_VARIABLE)
        else "leave it with `python -m style_tuner serve --stop`"
    )
