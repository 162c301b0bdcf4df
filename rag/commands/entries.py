"""What is in a world: `index`, `search`, `entries`, `delete`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument
from style_tuner.config import SAMPLES
from style_tuner.errors import WorldError
from style_tuner.workspace import open_workspace

if TYPE_CHECKING:
    from rag.service import Ask

ASKED_SECONDS, TOLD_SECONDS = 0.1, 10.0
"""How often a command asks how far the index has come, and how often it tells."""


def index(
    world: WorldArgument,
    folder: Annotated[
        Path | None,
        typer.Option("--input", help="Folder of notes or lorebooks to import; without it the index is rebuilt."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import a folder of notes or lorebooks into a world, or rebuild the world's index."""
    from rag.commands.exchange import bring
    from rag.service import asking

    if folder is None:
        with asking(open_workspace(), OWNER_SECONDS) as ask:
            if world not in [known["name"] for known in ask("GET", "/worlds", None)["worlds"]]:
                raise WorldError(
                    f"There is no world named {world!r}: name a folder of notes with --input "
                    f"(the sample's is {SAMPLES / 'world'})."
                )
            rebuilt = ask("POST", f"/worlds/{quote(world, safe='')}/index", None)
            wait_for_index(ask, world)
        typer.echo(json.dumps(rebuilt) if as_json else f"{world}: index of {rebuilt['entries']} entries rebuilt.")
        return
    bring(world, [folder], dry_run=False, as_json=as_json)


def wait_for_index(ask: Ask, world: str) -> None:
    """Wait until a world's entries are indexed, saying how far that has come; breaking off loses nothing."""
    told = time.monotonic()
    while True:
        found = next(known for known in ask("GET", "/worlds", None)["worlds"] if known["name"] == world)
        progress = found["indexing"]
        if progress is None:
            for note in found["notes"]:
                typer.echo(f"Note: {note}", err=True)
            return
        if time.monotonic() - told > TOLD_SECONDS:
            told = time.monotonic()
            typer.echo(f"Indexed {progress['done']:,} of {progress['total']:,} entries.", err=True)
        time.sleep(ASKED_SECONDS)


def search(
    world: WorldArgument,
    query: Annotated[str, typer.Argument(help="A request as you would write it.", show_default=False)],
    book: Annotated[str, typer.Option(help="Book in which the request stands.")] = "",
    chapter: Annotated[int | None, typer.Option(min=1, help="Chapter in which the request stands.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show which entries a request would get, and why."""
    from rag.service import asking

    with asking(open_workspace(), OWNER_SECONDS) as ask:
        found = ask(
            "POST", f"/worlds/{quote(world, safe='')}/search", {"query": query, "book": book, "chapter": chapter}
        )
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for note in found["notes"]:
        typer.echo(f"Note: {note}", err=True)
    texts = {hit["entry"]["id"]: hit["entry"]["text"] for hit in found["hits"]}
    shown = found["inspection"]
    for row in shown["entries"]:
        told = f": {texts[row['id']]}" if row["sent"] else f" is not sent, {row['cut']}"
        typer.echo(f"{row['reason']:9} {row['score']:5.2f}  {row['name']} ({row['why']}){told}")
    for sentence in (*shown["keys_off"], shown["room"]["note"]):
        if sentence:
            typer.echo(f"Note: {sentence}", err=True)
    if not found["hits"]:
        typer.echo("No entry fits.")


def entries(world: WorldArgument, as_json: JsonOption = False) -> None:
    """List the entries of a world."""
    from rag.service import asking

    with asking(open_workspace(), OWNER_SECONDS) as ask:
        found = ask("GET", f"/worlds/{quote(world, safe='')}/entries", None)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for entry in found["entries"]:
        typer.echo(f"{entry['id']:24} {entry['kind']:10} {entry['name']}: {entry['text']}")


def delete(
    world: WorldArgument,
    entry: Annotated[str, typer.Argument(help="Id of the entry, as `entries` shows it.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Take an entry out of a world; `undo` brings it back."""
    from rag.service import asking

    with asking(open_workspace(), OWNER_SECONDS) as ask:
        done = ask("DELETE", f"/worlds/{quote(world, safe='')}/entries/{quote(entry, safe='')}", None)
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else f"{done['entry']['name']} is deleted.")
