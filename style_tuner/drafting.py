"""From a prompt to a request: the conversation as the training rows have it, the server, and the facts of a world."""

from __future__ import annotations

from style_tuner import takes
from style_tuner.config import SamplingConfig
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import ServerError
from style_tuner.records import Draft, Message
from style_tuner.serving import server
from style_tuner.serving import world as world_service
from style_tuner.serving.state import ServerState
from style_tuner.workspace import Workspace, read_json


def running_server(workspace: Workspace) -> ServerState:
    """Return the model server if it is up; raise `ServerError` with the remedy if it is not."""
    state = server.state(workspace)
    if state is not None and state.health == "up":
        return state
    if state is not None and state.health == "starting":
        raise ServerError("The model server is still starting: wait a moment, then try again.")
    said = f" ({state.message})" if state is not None and state.message else ""
    raise ServerError(
        f"The model server is off{said}: press Start server on the tab Models, or run "
        "`python -m style_tuner serve --detach`."
    )


def conversation(workspace: Workspace, prompt: str) -> tuple[Message, ...]:
    """Return the messages for a prompt: the newest dataset's system prompt first, if there is one."""
    folder = latest_dataset(workspace)
    system = [Message("system", read_json(folder / "dataset.json")["system_prompt"])] if folder else []
    return (*system, Message("user", prompt))


def ask(
    workspace: Workspace,
    prompt: str,
    models: tuple[str, ...],
    sampling: SamplingConfig,
    seed: int | None = None,
    world: str | None = None,
) -> takes.Writing:
    """Have all models write at once; with a world, through the World service, which adds the facts."""
    prompt = prompt.strip()
    if not prompt:
        raise ServerError("There is no prompt yet: say what happens in the scene.")
    state, messages = running_server(workspace), conversation(workspace, prompt)
    if world is None:
        return takes.start(workspace, state.url, takes.Request(prompt, messages, models, sampling, seed))
    service = world_service.state(workspace)
    if service is None:
        raise ServerError(
            "The World service is off: press Start World service on the tab World, or run "
            f"`python -m rag serve {world!r}`; or write without it."
        )
    if service.model_url.rstrip("/") != state.url.rstrip("/"):
        raise ServerError(
            f"The World service passes requests to {service.model_url}, but the models are at {state.url}: stop the "
            "World service and start it again."
        )
    _, found = world_service.prompt(service.url, world, messages)
    facts = tuple({"name": hit.entry.name, "reason": hit.reason, "text": hit.entry.text} for hit in found.hits)
    request = takes.Request(prompt, messages, models, sampling, seed, world, facts)
    return takes.start(workspace, f"{service.url}/v1", request, world_service.chat_headers(world))


def draft(
    workspace: Workspace, prompt: str, model: str, sampling: SamplingConfig, seed: int | None, world: str | None
) -> Draft:
    """Return one draft when it is whole; raise `ServerError` if it broke off, with what came kept on disk."""
    writing = ask(workspace, prompt, (model,), sampling, seed, world)
    while writing.going:
        writing.wait(0.5)
    take = takes.load(workspace, writing.take.id)
    (column,) = take.columns
    if column.finish_reason == "failed":
        raise ServerError(column.message)
    return Draft(model, take.request.prompt, column.text, seed, column.finish_reason, column.sources)
