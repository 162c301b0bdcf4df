"""What is in a world: `index`, `search`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument
from style_tuner.config import SAMPLES
from style_tuner.errors import WorldError
from style_tuner.workspace import open_workspace


def index(
    world: WorldArgument,
    folder: Annotated[
        Path | None,
        typer.Option("--input", help="Folder of Markdown notes to import; without it the index is rebuilt."),
    ] = None,
    as_json: JsonOption = False,
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


def search(
    world: WorldArgument,
    query: Annotated[str, typer.Argument(help="A request as you would write it.", show_default=False)],
    as_json: JsonOption = False,
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
