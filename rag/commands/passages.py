"""Passages of manuscripts as a second source: `passages`."""

from __future__ import annotations

import json
import textwrap
import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

import typer

from rag.commands.entries import ASKED_SECONDS, TOLD_SECONDS
from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument
from style_tuner.workspace import open_workspace

if TYPE_CHECKING:
    from rag.service import Ask


def passages(
    world: WorldArgument,
    workspace: Annotated[
        str | None, typer.Option(help="Workspace whose manuscripts are indexed.", show_default=False)
    ] = None,
    manuscript: Annotated[
        list[str] | None, typer.Option(help="Id of a manuscript, in the order of the books; without it all.")
    ] = None,
    search: Annotated[str | None, typer.Option(help="Find passages instead, as a scene or in your words.")] = None,
    unlink: Annotated[str | None, typer.Option(help="Take the passages of this manuscript out of the world.")] = None,
    book: Annotated[str, typer.Option(help="Find only what stands before this moment: the book …")] = "",
    chapter: Annotated[int | None, typer.Option(min=1, help="… and its chapter.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most passages found.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Index passages of manuscripts for a world, or search them; without options, list what is indexed."""
    from rag.service import asking

    path = f"/worlds/{quote(world, safe='')}/passages"
    with asking(open_workspace(), OWNER_SECONDS) as ask:
        if search is not None:
            asked = {"q": search, "limit": limit, "book": book} | ({"chapter": chapter} if chapter else {})
            answer = ask("GET", f"{path}/search?{urlencode(asked)}", None)
        elif unlink is not None:
            place = quote(workspace or "default", safe="")
            answer = ask("DELETE", f"{path}/{place}/{quote(unlink, safe='')}", None)
        elif workspace is not None or manuscript:
            body = {"workspace": workspace or "default", "manuscripts": manuscript or None}
            answer = ask("POST", path, body)
            _wait(ask, path)
        else:
            answer = ask("GET", path, None)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    for note in answer.get("notes", []):
        typer.echo(f"Note: {note}", err=True)
    lines = [_found(one) for one in answer["passages"]] if search is not None else _linked(answer)
    typer.echo("\n".join(lines) or ("No passage fits." if search is not None else "No manuscript is indexed yet."))


def _wait(ask: Ask, path: str) -> None:
    """Wait until the passages are indexed, saying how far that has come; breaking off loses nothing."""
    told = time.monotonic()
    while (progress := ask("GET", path, None)["indexing"]) is not None:
        if time.monotonic() - told > TOLD_SECONDS:
            told = time.monotonic()
            typer.echo(f"Indexed {progress['done']:,} of {progress['total']:,} passages.", err=True)
        time.sleep(ASKED_SECONDS)


def _found(passage: dict[str, Any]) -> str:
    title = f" ({passage['title']})" if passage["title"] else ""
    where = f"{passage['book']}, chapter {passage['chapter']}{title}, paragraph {passage['place']}"
    return f"{where}\n{textwrap.indent(passage['text'], '    ')}\n"


def _linked(answer: dict[str, Any]) -> list[str]:
    changed = {one["manuscript"]: one for one in answer.get("indexed", [])}
    lines = []
    for one in answer["manuscripts"]:
        done = changed.get(one["manuscript"])
        news = f" ({done['new']:,} new, {done['gone']:,} gone)" if done else ""
        lines.append(f"{one['title']}, version {one['version']}: {one['passages']:,} passages{news}")
    return lines
