"""What was done to a world: `history`, `undo`, `redo`, `restore`."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any
from urllib.parse import quote

import typer

from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument
from style_tuner.workspace import open_workspace

EntryOption = Annotated[str | None, typer.Option("--entry", help="Show all versions of the entry with this id.")]


def history(
    world: WorldArgument,
    entry: EntryOption = None,
    change: Annotated[int | None, typer.Option(help="Show the entries before and after this change.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most changes or entries shown.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show what was done to a world, the latest first."""
    if entry is not None:
        found = _ask("GET", world, f"/entries/{quote(entry, safe='')}/history")
        lines = [_version_line(version) for version in found["versions"]]
    elif change is not None:
        found = _ask("GET", world, f"/history/{change}?limit={limit}")
        lines = [line for one in found["entries"] for line in _difference_lines(one)]
    else:
        found = _ask("GET", world, f"/history?limit={limit}")
        lines = [_change_line(one) for one in found["changes"]] or ["Nothing was done to this world yet."]
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines))


def undo(world: WorldArgument, as_json: JsonOption = False) -> None:
    """Undo the last change of a world; nothing is lost by it."""
    done = _ask("POST", world, "/undo")
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else f"Undone: {done['undone']}.")


def redo(world: WorldArgument, as_json: JsonOption = False) -> None:
    """Do again what was undone last."""
    done = _ask("POST", world, "/redo")
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else f"Done again: {done['redone']}.")


def restore(
    world: WorldArgument,
    entry: Annotated[str, typer.Argument(help="Id of the entry.", show_default=False)],
    version: Annotated[int, typer.Argument(help="Number of the version, as `history --entry` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Make an entry what it was in one of its versions."""
    done = _ask("POST", world, f"/entries/{quote(entry, safe='')}/restore", {"version": version})
    said = f"{done['entry']['name']} is what it was in version {version}."
    typer.echo(json.dumps(done, ensure_ascii=False) if as_json else said)


def _ask(method: str, world: str, path: str, body: Any = None) -> dict[str, Any]:
    from rag.service import asking

    with asking(open_workspace(), OWNER_SECONDS) as ask:
        return ask(method, f"/worlds/{quote(world, safe='')}{path}", body)


def _when(written: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(written))


def _change_line(change: dict[str, Any]) -> str:
    undone = " (undone)" if change["undone"] else ""
    return f"{change['number']:6}  {_when(change['written'])}  {change['about']}{undone}"


def _version_line(version: dict[str, Any]) -> str:
    text = "(deleted)" if version["deleted"] else version["entry"]["text"]
    return f"{version['number']:6}  {_when(version['written'])}  {version['about']}\n        {text}"


def _difference_lines(one: dict[str, Any]) -> list[str]:
    """Return an entry's name, and what of it was (-) and what is (+)."""
    before, after = one["before"] or {}, one["after"] or {}
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key) and key != "id"]
    lines = [one["name"] + ("" if before and after else " (new)" if after else " (deleted)")]
    for key in changed:
        lines += [f"  {sign} {key}: {row[key]}" for sign, row in (("-", before), ("+", after)) if row.get(key)]
    return lines
