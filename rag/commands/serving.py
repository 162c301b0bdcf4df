"""The service: `serve`."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from rag.commands.options import possible
from style_tuner.config import EMBEDDING_VARIABLE, WORLD_KEY_VARIABLE, WorldConfig, validated
from style_tuner.workspace import open_workspace

log = logging.getLogger(__name__)
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
            help="Model server to pass requests on to, as http://127.0.0.1:8000/v1; without a path, /v1 is added. "
            "Default: the one started here, wherever it is."
        ),
    ] = None,
    entries: Annotated[int, typer.Option(help="Most entries for one request, besides always-on.")] = DEFAULTS.entries,
    words: Annotated[int, typer.Option(help="Most words of lore for one request.")] = DEFAULTS.words,
    passages: Annotated[
        int, typer.Option(help="Most earlier passages of the world's manuscripts for one request.")
    ] = DEFAULTS.passages,
    embedding_model: Annotated[
        str,
        typer.Option(
            envvar=EMBEDDING_VARIABLE,
            show_envvar=True,
            help="Folder or Hub name of the embedding model; without it the packaged all-MiniLM-L6-v2.",
        ),
    ] = DEFAULTS.embedding_model,
    reranker: Annotated[
        str, typer.Option(help="Folder or Hub name of a cross-encoder that orders the best entries anew.")
    ] = DEFAULTS.reranker,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar=WORLD_KEY_VARIABLE,
            show_envvar=False,
            help="Key that every request must bring. Better set as STYLE_TUNER_API_KEY: others see command lines.",
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(help="Origin of a web page that may call the service, as http://localhost:3000; repeatable."),
    ] = None,
    reply_seconds: Annotated[
        float, typer.Option(help="Longest silence of the model server before a request is given up.")
    ] = DEFAULTS.reply_seconds,
    max_request_bytes: Annotated[
        int, typer.Option(help="Largest request that is read, in bytes.")
    ] = DEFAULTS.max_request_bytes,
) -> None:
    """Answer OpenAI's API in front of the model server, with the world's facts added."""
    # Read when numpy is loaded: its threads spin while they wait, and take twice the time for such small products.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rag.front.upstream import completed
    from rag.service import serve as run_service

    if model_url and (url := completed(model_url)) != model_url:
        log.info("The model server is asked at %s: %s has no path.", url, model_url)
        model_url = url
    values = {"port": port, "host": host, "model_url": model_url, "entries": entries, "words": words}
    values |= {"api_key": api_key or None, "cors": tuple(cors or ()), "reply_seconds": reply_seconds}
    values |= {"max_request_bytes": max_request_bytes, "passages": passages, "embedding_model": embedding_model}
    values |= {"reranker": reranker}
    run_service(open_workspace(), validated(WorldConfig, values, "serve"), world)
