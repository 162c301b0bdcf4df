"""Ask the model server for text in the author's name, with or without the world; every draft is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from style_tuner.config import SamplingConfig
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import ServerError
from style_tuner.records import Draft, Message
from style_tuner.workspace import Workspace, append_jsonl, read_json


def request(workspace: Workspace, prompt: str) -> tuple[Message, ...]:
    """Return the messages for a prompt: the system prompt of the newest dataset first, if there is one."""
    folder = latest_dataset(workspace)
    system = str(read_json(folder / "dataset.json")["system_prompt"]) if folder else ""
    return (*([Message("system", system)] if system else []), Message("user", prompt))


def address(workspace: Workspace, world: str | None) -> tuple[str, dict[str, str]]:
    """Return where to send a request and its headers: the World service for a world, else the model server."""
    from style_tuner.serving import server
    from style_tuner.serving import world as world_service

    if world:
        service = world_service.state(workspace)
        if service is None:
            raise ServerError(f"The World service is not running: start it with `python -m rag serve {world}`.")
        return f"{service.url}/v1", world_service.chat_headers(world)
    current = server.state(workspace)
    if current is None or current.health != "up":
        said = f" ({current.message})" if current and current.message else ""
        raise ServerError(
            f"The model server is not running{said}: start it on the Models tab, or with "
            "`python -m style_tuner serve --detach`."
        )
    return current.url, {}


def keep(workspace: Workspace, draft: Draft) -> Draft:
    """Add a draft to the workspace's history."""
    append_jsonl(workspace.drafts / "drafts.jsonl", {"time": time.time(), **asdict(draft)})
    return draft


def write(
    workspace: Workspace, prompt: str, model: str, sampling: SamplingConfig, seed: int | None, world: str | None
) -> Draft:
    """Return one draft by a model or voice and keep it; what came before a server died is kept too."""
    from style_tuner.serving.client import BrokenStream, complete_chat

    messages: Sequence[Message] = request(workspace, prompt)
    url, headers = address(workspace, world)
    try:
        return keep(workspace, complete_chat(url, model, messages, sampling, seed, headers))
    except BrokenStream as broken:
        keep(workspace, Draft(model, prompt, broken.partial, seed, "broken"))
        raise
