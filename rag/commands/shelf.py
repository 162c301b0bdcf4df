"""Which worlds there are: `worlds`, `rename`, `remove`, `unbin`, `backup`; and `present`, where the author writes."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument, possible
from style_tuner.errors import StorageError
from style_tuner.workspace import open_workspace, storage_errors


def worlds(
    binned: Annotated[bool, typer.Option("--bin", help="List the worlds in the bin.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the worlds."""
    found = _ask("GET", "/bin" if binned else "/worlds")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for world in found["worlds"]:
        typer.echo(_binned_line(world) if binned else _world_line(world))
        for note in world.get("notes", []):
            typer.echo(f"  {note}")
    if not found["worlds"]:
        typer.echo("The bin is empty." if binned else "There are no worlds yet.")


def rename(
    world: WorldArgument,
    name: Annotated[str, typer.Argument(help="Its new name.", show_default=False, callback=possible)],
    as_json: JsonOption = False,
) -> None:
    """Give a world another name; entries and history stay."""
    done = _ask("POST", f"/worlds/{quote(world, safe='')}/rename", {"name": name})
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else f"{world} is named {name} now.")


def remove(world: WorldArgument, as_json: JsonOption = False) -> None:
    """Put a world into the bin, with its history; `unbin` brings it back."""
    done = _ask("DELETE", f"/worlds/{quote(world, safe='')}")
    said = f"{world} is in the bin. Bring it back: python -m rag unbin {done['bin']['number']}"
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else said)


def unbin(
    number: Annotated[int, typer.Argument(help="Number of the world, as `worlds --bin` shows it.")],
    name: Annotated[str | None, typer.Option("--as", help="Another name for it.", callback=possible)] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a world back from the bin."""
    done = _ask("POST", f"/bin/{number}/restore", {"name": name})
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else f"{done['world']} is back.")


def present(
    world: WorldArgument,
    book: Annotated[str | None, typer.Option(help="Book that you are writing.")] = None,
    chapter: Annotated[int | None, typer.Option(min=1, help="Chapter that you are writing.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget it: everything has happened.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show or say where in the story you are writing now; what is true only later is not sent with your requests."""
    path = f"/worlds/{quote(world, safe='')}/present"
    now = _ask("GET", path)
    if clear or book is not None or chapter is not None:
        kept = {} if clear else {key: now[key] for key in ("book", "chapter")}
        given = {"book": book, "chapter": chapter}
        now = _ask("PUT", path, {**kept, **{key: value for key, value in given.items() if value is not None}})
    typer.echo(json.dumps(now, ensure_ascii=False) if as_json else f"{world}: {_moment(now)}")
    for note in now.get("notes", []):
        typer.echo(f"Note: {note}", err=True)


def backup(
    output: Annotated[
        Path | None, typer.Option(help="File to write; without it one with the date in the workspace's exports folder.")
    ] = None,
    workspace: Annotated[str, typer.Option(help="Workspace whose exports folder gets the copy.")] = "default",
    as_json: JsonOption = False,
) -> None:
    """Write a copy of all worlds with their histories, also while the service runs; nothing is overwritten."""
    if output is not None and output.exists():
        raise StorageError(f"{output} exists already: name another file; a backup overwrites nothing.")
    done = _ask("POST", "/backup", {"workspace": workspace})
    if output is not None:
        with storage_errors(output):
            output.parent.mkdir(parents=True, exist_ok=True)
            done["path"] = str(Path(shutil.move(done["path"], output)).resolve())
    said = f"{', '.join(done['worlds']) or 'No world yet'}: {done['bytes']:,} bytes in {done['path']}"
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else said)


def _ask(method: str, path: str, body: Any = None) -> dict[str, Any]:
    from rag.service import asking

    with asking(open_workspace(), OWNER_SECONDS) as ask:
        return ask(method, path, body)


def _moment(now: dict[str, Any]) -> str:
    chapter = f"chapter {now['chapter']}" if now["chapter"] else "the end"
    return f"{chapter} of {now['book'] or 'the story'}"


def _world_line(world: dict[str, Any]) -> str:
    return f"{world['name']}: {world['entries']:,} entries, at {_moment(world['present'])}"


def _binned_line(world: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(world["binned"]))
    return f"{world['number']:4}  {world['name']}: {world['entries']:,} entries, in the bin since {when}"
