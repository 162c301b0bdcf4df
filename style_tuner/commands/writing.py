"""Models that write: `serve`, `generate`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from style_tuner.commands.options import JsonOption, WorkspaceOption, answer
from style_tuner.config import SamplingConfig, ServingConfig, validated
from style_tuner.workspace import open_workspace


def serve(
    model: Annotated[str, typer.Argument(help="Base model. Default: that of the newest voice, else the starter.")] = "",
    workspace: WorkspaceOption = "default",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = ServingConfig().port,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = ServingConfig().host,
    engine: Annotated[str, typer.Option(help="auto, vllm or transformers.")] = ServingConfig().engine,
    gpu_memory: Annotated[float, typer.Option(help="Share of the GPU's memory for vLLM.")] = ServingConfig().gpu_memory,
    max_model_len: Annotated[int | None, typer.Option(help="Longest prompt and reply together, in tokens.")] = None,
    voice: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER of a voice to serve too. Default: all of the workspace.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Use the server at this address instead of starting one.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start in the background and return when it is up.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the running server.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve the base model and the voices by name behind one OpenAI-compatible address."""
    from style_tuner.serving import server
    from style_tuner.serving.voices import parse_voices

    place = open_workspace(workspace)
    if stop:
        stopped = server.stop(place)
        verb = "No longer using" if stopped and stopped.external else "Stopped"
        said = f"{verb} the model server at {stopped.url}." if stopped else "No model server is running."
        answer(as_json, {"stopped": stopped.url if stopped else None}, said)
        return
    if url:
        state = server.use_url(place, url)
        answer(as_json, asdict(state), f"Using the model server at {state.url}: {', '.join(state.models)}.")
        return
    values = {"port": port, "host": host, "engine": engine, "gpu_memory": gpu_memory, "max_model_len": max_model_len}
    settings = validated(ServingConfig, values, "serve")
    if not detach:
        server.supervise(place, settings, model, parse_voices(voice))
        return
    server.start(place, settings, model, parse_voices(voice))
    state = server.wait_until_up(place, settings.start_seconds)
    serves = f"{state.engine} serves {', '.join(state.models)} at {state.url}."
    refused = [f"Not served: {name}. {why}" for name, why in state.refused.items()]
    answer(as_json, asdict(state), " ".join([serves, *refused, state.message]).strip())


def generate(
    prompt: Annotated[str, typer.Argument(help="What to write.")],
    model: Annotated[str, typer.Option(help="`base`, or the name of a voice.")] = "base",
    workspace: WorkspaceOption = "default",
    world: Annotated[str | None, typer.Option(help="Add facts of this world (the World service must run).")] = None,
    count: Annotated[int, typer.Option(min=1, help="Drafts to write.")] = 1,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the first draft; the next count up. Default: drawn.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="0 to 2.")] = SamplingConfig().temperature,
    max_tokens: Annotated[int, typer.Option(help="Longest draft.")] = SamplingConfig().max_tokens,
    as_json: JsonOption = False,
) -> None:
    """Write drafts with the base model or a voice, with or without the world; every draft is kept."""
    from style_tuner.drafting import draft

    place = open_workspace(workspace)
    values = {"temperature": temperature, "max_tokens": max_tokens}
    sampling = validated(SamplingConfig, values, "generate")
    seeds = [None if seed is None else seed + number for number in range(count)]
    drafts = [draft(place, prompt, model, sampling, one, world) for one in seeds]
    texts = [one.text + (f"\n\n[facts: {', '.join(one.sources)}]" if one.sources else "") for one in drafts]
    answer(as_json, {"drafts": [asdict(one) for one in drafts]}, "\n\n———\n\n".join(texts))
