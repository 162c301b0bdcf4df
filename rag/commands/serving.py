"""The service: `serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from rag.commands.options import possible
from style_tuner.config import WorldConfig, validated
from style_tuner.workspace import Workspace, open_workspace, read_json

DEFAULTS = WorldConfig()


def serve(
    world: Annotated[
        str | None,
        typer.Argument(help="World of requests that name none.", show_default=False, callback=possible),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = DEFAULTS.port,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = DEFAULTS.host,
    model_url: Annotated[
        str | None,
        typer.Option(
            help=f"Model server to pass requests on to. Default: the one started here, else {DEFAULTS.model_url}."
        ),
    ] = None,
    entries: Annotated[int, typer.Option(help="Most entries for one request, besides always-on.")] = DEFAULTS.entries,
    words: Annotated[int, typer.Option(help="Most words of lore for one request.")] = DEFAULTS.words,
) -> None:
    """Answer OpenAI's chat API in front of the model server, with the world's facts added."""
    from rag.service import serve as run_service

    place = open_workspace()
    url = model_url or _model_server(place) or DEFAULTS.model_url
    values = {"port": port, "host": host, "model_url": url, "entries": entries, "words": words}
    run_service(place, validated(WorldConfig, values, "serve"), world)


def _model_server(workspace: Workspace) -> str | None:
    """Return the address of the model server of this home, where its file says that there is one."""
    path = workspace.servers / "model.json"
    state = read_json(path) if path.is_file() else {}
    return str(state["url"]) if state.get("health") in ("starting", "up") else None
