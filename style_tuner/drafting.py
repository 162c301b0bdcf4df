"""From a prompt to a request: the conversation as the training rows have it, the server, and the facts of a world."""

from __future__ import annotations

import random
from dataclasses import replace

from style_tuner import takes
from style_tuner.config import SamplingConfig
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import ServerError
from style_tuner.records import Draft, Message
from style_tuner.serving import lore, server
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
    base: str = "",
    blind: bool = False,
) -> takes.Writing:
    """Have all models write at once; with a world, through the World service, which adds the facts.

    Without a seed one is drawn, so that what was written can be asked for again.
    """
    prompt = prompt.strip()
    if not prompt:
        raise ServerError("There is no prompt yet: say what happens in the scene.")
    seed = random.randrange(2**31) if seed is None else seed
    order = _blind_order(models) if blind else ()
    messages = conversation(workspace, prompt)
    return _send(
        workspace, takes.Request(prompt, messages, models, sampling, seed, world, base=base, blind_order=order)
    )


def again(workspace: Workspace, take: takes.Take, seed: int, blind: bool = False) -> takes.Writing:
    """Have the models of a take write another variant of it: the same request with another seed."""
    asked = take.request
    order = _blind_order(asked.models) if blind and len(asked.models) > 1 else ()
    root = asked.variant_of or take.id
    return _send(workspace, replace(asked, seed=seed, facts=(), variant_of=root, blind_order=order))


def _blind_order(models: tuple[str, ...]) -> tuple[int, ...]:
    if len(models) < 2:
        raise ServerError(
            "A blind reading needs two drafts, from the base model and from a voice: serve a voice (tab Models), or "
            "switch Blind off."
        )
    return tuple(random.sample(range(len(models)), len(models)))


def _send(workspace: Workspace, request: takes.Request) -> takes.Writing:
    state, world = running_server(workspace), request.world
    for model in request.models:
        if model not in state.models and model in state.refused:
            raise ServerError(f"The voice {model!r} is not served: {state.refused[model]}")
    if world is None:
        return takes.start(workspace, state.url, request)
    service = world_service.state(workspace)
    if service is None:
        raise ServerError(
            "The World service is off: press Start World service on the tab World, or run "
            f"`python -m rag serve {world!r}`; or write without it."
        )
    if service.model_url and service.model_url.rstrip("/") != state.url.rstrip("/"):
        raise ServerError(
            f"The World service passes requests to {service.model_url}, but the models are at {state.url}: stop the "
            "World service and start it again."
        )
    _, found = lore.prompt(service.url, world, request.messages)
    facts = tuple({"name": hit.entry.name, "reason": hit.reason, "text": hit.entry.text} for hit in found.hits)
    return takes.start(workspace, f"{service.url}/v1", replace(request, facts=facts), lore.chat_headers(world))


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
    return Draft(model, take.request.prompt, column.text, take.request.seed, column.finish_reason, column.sources)
