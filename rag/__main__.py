"""Command line of the World: index notes, search them, serve them to editors."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from style_tuner.config import SAMPLES, WorldConfig, validated
from style_tuner.errors import StyleTunerError, WorldError
from style_tuner.workspace import Workspace, open_workspace, read_json

OWNER_SECONDS = 15
"""How long to wait for another command's lock, or for a service that is just starting."""


def _possible(world: str | None) -> str | None:
    """Refuse a name that no world can have before anything is asked or opened."""
    from rag.store import check_world_name

    return world if world is None else check_world_name(world)


app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
World = Annotated[str, typer.Argument(help="Name of the world.", show_default=False, callback=_possible)]
DEFAULTS = WorldConfig()


@app.callback()
def prepare(verbose: Annotated[bool, typer.Option("--verbose", help="Say more.")] = False) -> None:
    """Index notes about a world, search them, and serve them to editors."""
    logging.basicConfig(format="%(message)s", level=logging.DEBUG if verbose else logging.WARNING, stream=sys.stderr)
    logging.getLogger("rag").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it comes in with the embedding model, unused
    for variable in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(variable, "1")


@app.command()
def index(
    world: World,
    folder: Annotated[
        Path | None,
        typer.Option("--input", help="Folder of Markdown notes to import; without it the index is rebuilt."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Import a folder of notes into a world, or rebuild the world's index."""
    from rag.lorebook import read_notes
    from rag.service import asking

    if folder is None:
        with asking(open_workspace(), OWNER_SECONDS) as ask:
            if world not in [known["name"] for known in ask("GET", "/worlds", None)["worlds"]]:
                raise WorldError(
                    f"There is no world named {world!r}: name a folder of notes with --input "
                    f"(the sample's is {SAMPLES / 'world'})."
                )
            rebuilt = ask("POST", f"/worlds/{quote(world, safe='')}/index", None)
        typer.echo(json.dumps(rebuilt) if as_json else f"{world}: index of {rebuilt['entries']} entries rebuilt.")
        return
    notes = read_notes(folder)
    with asking(open_workspace(), OWNER_SECONDS) as ask:
        path = f"/worlds/{quote(world, safe='')}/entries"
        done = ask("POST", path, {"entries": [asdict(entry) for entry in notes.entries]})
    done["skipped"] = [*map(asdict, notes.skipped), *done["skipped"]]
    if as_json:
        typer.echo(json.dumps(done, ensure_ascii=False))
    else:
        for note in done["skipped"]:
            typer.echo(f"Skipped {note['name']}: {note['reason']}.", err=True)
        typer.echo(
            f"{world}: {done['imported']} entries new or changed, {done['unchanged']} unchanged, "
            f"{len(done['skipped'])} skipped."
        )
    if done["skipped"]:
        raise typer.Exit(1)


@app.command()
def search(
    world: World,
    query: Annotated[str, typer.Argument(help="A request as you would write it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show which entries a request would get, and why."""
    from rag.service import asking

    with asking(open_workspace(), OWNER_SECONDS) as ask:
        found = ask("POST", f"/worlds/{quote(world, safe='')}/search", {"query": query})
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for hit in found["hits"]:
        typer.echo(f"{hit['reason']:9} {hit['score']:5.2f}  {hit['entry']['name']}: {hit['entry']['text']}")
    for hit in found["left_out"]:
        typer.echo(f"no room   {hit['score']:5.2f}  {hit['entry']['name']}")
    if not found["hits"]:
        typer.echo("No entry fits.")


@app.command()
def serve(
    world: Annotated[
        str | None,
        typer.Argument(help="World of requests that name none.", show_default=False, callback=_possible),
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


def main() -> None:
    """Run the command line; an error of the user's kind is one sentence and status 1."""
    try:
        app()
    except StyleTunerError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
