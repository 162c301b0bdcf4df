"""A trained voice to take away: `export`, `push`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from style_tuner.commands.options import JsonOption, WorkspaceOption, answer
from style_tuner.workspace import existing_workspace


def export(
    run: Annotated[str | None, typer.Argument(help="Training run whose voice to export. Default: the newest.")] = None,
    to: Annotated[str, typer.Option(help="gguf (one file), ollama (a folder with its Modelfile), or zip.")] = "gguf",
    quantization: Annotated[
        str, typer.Option(help="Of gguf and ollama: f16, bf16, q8_0, or q4_k_m where llama-quantize is installed.")
    ] = "q8_0",
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Export a voice for llama.cpp, Ollama, LM Studio or another machine, and check that it still is that voice."""
    from style_tuner import jobs, stages
    from style_tuner.export import TARGETS, export_voice
    from style_tuner.tuning.gguf import QUANTIZATIONS

    chosen: Any = to
    if to not in TARGETS:
        raise typer.BadParameter(f"--to is {', '.join(TARGETS[:-1])} or {TARGETS[-1]}, not {to!r}.")
    if quantization not in QUANTIZATIONS:
        raise typer.BadParameter(f"--quantization is one of {', '.join(QUANTIZATIONS)}, not {quantization!r}.")
    place = existing_workspace(workspace)
    run = run or stages.newest_voice(place)
    with jobs.job(place, "export") as own:
        export_voice(place, run, chosen, quantization, own)
    answer(as_json, own.result, own.message)


def push(
    run: Annotated[str | None, typer.Argument(help="Training run whose voice to upload. Default: the newest.")] = None,
    repository: Annotated[
        str | None, typer.Option(help="Repository, as OWNER/NAME or NAME. Default: the run's.")
    ] = None,
    part: Annotated[str, typer.Option(help="adapter (the voice alone) or merged (the whole model).")] = "adapter",
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it; otherwise it is private.")] = False,
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Upload a voice with a card to the Hugging Face Hub, private unless asked otherwise."""
    from style_tuner import jobs, stages
    from style_tuner.export import PARTS, push_voice
    from style_tuner.tuning.hub import hub_client

    chosen: Any = part
    if part not in PARTS:
        raise typer.BadParameter(f"--part is {' or '.join(PARTS)}, not {part!r}.")
    place = existing_workspace(workspace)
    run = run or stages.newest_voice(place)
    with jobs.job(place, "push") as own:
        push_voice(place, run, chosen, repository, not public, hub_client(), own)
    answer(as_json, own.result, own.message)
