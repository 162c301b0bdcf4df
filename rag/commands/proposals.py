"""What the manuscripts propose: `propose`, `review`, `names`."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any
from urllib.parse import quote

import typer

from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument
from style_tuner.errors import WorldError
from style_tuner.workspace import open_workspace

POLL_SECONDS = 0.2
FIRST_QUOTE = 160
"""Characters of a quote in a line of the list."""

Ids = Annotated[list[str] | None, typer.Option(help="Id of a proposal; may be given several times.")]


def propose(
    world: WorldArgument,
    workspace: Annotated[str, typer.Option(help="Workspace whose manuscripts are read.")] = "default",
    manuscript: Annotated[
        list[str] | None, typer.Option(help="Id of a manuscript to read; all of them without it.")
    ] = None,
    least_mentions: Annotated[int | None, typer.Option(min=1, help="Propose names that stand so often.")] = None,
    with_model: Annotated[
        bool, typer.Option("--with-model", help="Let the served model write the texts, from the quotes alone.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read manuscripts and propose entries for a world; nothing enters it before you accept it."""
    from rag.service import asking

    path = f"/worlds/{quote(world, safe='')}/proposals"
    asked: dict[str, Any] = {"workspace": workspace, "manuscripts": manuscript or "all", "with_model": with_model}
    if least_mentions is not None:
        asked["least_mentions"] = least_mentions
    with asking(open_workspace(), OWNER_SECONDS) as ask:
        run, told = ask("POST", path, asked)["run"], ""
        while run["state"] == "running":
            if run["step"] != told and not as_json:
                told = run["step"]
                typer.echo(f"{told} …", err=True)
            time.sleep(POLL_SECONDS)
            run = ask("GET", f"{path}/run", None)["run"]
    if run["state"] == "failed":
        raise WorldError(run["message"])
    if as_json:
        typer.echo(json.dumps({"world": world, "run": run}, ensure_ascii=False))
        return
    for note in run["notes"]:
        typer.echo(note, err=True)
    typer.echo(f"{world}: {run['message']}")
    if run["proposed"]:
        typer.echo(f"Look through them: python -m rag review {world!r}")


def review(
    world: WorldArgument,
    accept: Ids = None,
    reject: Ids = None,
    reopen: Ids = None,
    show: Annotated[str | None, typer.Option(help="Show one proposal with all its quotes.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            help="Change before accepting: KEY=VALUE, where KEY is name, kind, text, aliases (commas between), into "
            "(id of the entry to add it to) or a field; an empty value leaves a field out."
        ),
    ] = None,
    take_all: Annotated[bool, typer.Option("--all", help="Accept all that are pending, as they are.")] = False,
    state: Annotated[str, typer.Option(help="Which to list: pending, accepted or rejected.")] = "pending",
    as_json: JsonOption = False,
) -> None:
    """List what is proposed for a world, or decide on it."""
    if change and len(accept or ()) != 1:
        raise WorldError("--change goes with one --accept: name the proposal that is changed.")
    changes = changes_of(change or [])
    from rag.service import asking

    base = f"/worlds/{quote(world, safe='')}/proposals"
    done: list[dict[str, Any]] = []
    with asking(open_workspace(), OWNER_SECONDS) as ask:
        for one in accept or ():
            done.append(ask("POST", f"{base}/{quote(one, safe='')}/accept", {"changes": changes}))
        for verb, ids in (("reject", reject), ("reopen", reopen)):
            done += [ask("POST", f"{base}/{quote(one, safe='')}/{verb}", None) for one in ids or ()]
        if take_all:
            done.append(ask("POST", f"{base}/accept", {}))
        if show is not None:
            done.append(ask("GET", f"{base}/{quote(show, safe='')}", None))
        found = ask("GET", f"{base}?state={quote(state, safe='')}", None) if not done else None
    if as_json:
        typer.echo(json.dumps(found if found is not None else {"world": world, "done": done}, ensure_ascii=False))
    elif found is None:
        typer.echo("\n".join(line for one in done for line in _done_lines(one, show is not None)))
    else:
        typer.echo("\n".join(_list_lines(world, found, state)))


def names(world: WorldArgument, as_json: JsonOption = False) -> None:
    """List the names that the last reading found, with their mentions."""
    from rag.service import asking

    with asking(open_workspace(), OWNER_SECONDS) as ask:
        found = ask("GET", f"/worlds/{quote(world, safe='')}/names", None)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name in found["names"]:
        other = f" (also {', '.join(name['aliases'])})" if name["aliases"] else ""
        typer.echo(f"{name['mentions']:6} {name['kind']:9} {name['name']}{other}, first in {_where(name['first'])}")
    if not found["names"]:
        typer.echo(f"No names yet: read the manuscripts with `python -m rag propose {world!r}`.")


def changes_of(pairs: list[str]) -> dict[str, Any]:
    """Return what `--change KEY=VALUE` asks for."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise WorldError(f"--change {pair!r} must have the form KEY=VALUE, such as eyes=grey.")
        key, value = key.strip(), value.strip()
        if key in ("name", "kind", "text", "into"):
            changes[key] = value
        elif key == "aliases":
            changes[key] = [alias.strip() for alias in value.split(",") if alias.strip()]
        else:
            changes.setdefault("fields", {})[key] = value
    return changes


def _list_lines(world: str, found: dict[str, Any], state: str) -> list[str]:
    lines = []
    for row in found["proposals"]:
        lines.append(f"{row['id']}: {row['name']} ({row['kind']}, {row['mentions']} mentions). {row['about']}")
        lines += [f"    {field}: {value}" for field, value in row["fields"].items()]
        lines += [f"    {fact['field']}: {fact['value']} (left out: {fact['left_out']})" for fact in _left_out(row)]
        lines += [f"    {fact['field']}: {fact['value']}? The quotes differ." for fact in row["disputed"]]
    counts = ", ".join(f"{number} {known}" for known, number in found["counts"].items())
    if not found["proposals"]:
        lines.append(f"Nothing is {state}. To read the manuscripts: python -m rag propose {world!r}")
    return [*lines, f"{counts}."]


def _left_out(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [fact for fact in row["facts"] if fact["left_out"]]


def _done_lines(one: dict[str, Any], full: bool) -> list[str]:
    if "accepted" in one:
        return [f"{len(one['accepted'])} proposals accepted; `python -m rag undo` takes them back in one step."]
    if "entry" in one:
        return [
            f"{one['entry']['name']}: {'a new entry' if one['new'] else 'added to your entry'} {one['entry']['id']}."
        ]
    row = one["proposal"]
    lines = [f"{row['name']}: {row['state']}. {row['about']}"]
    if full:
        lines.append(f"    {row['text']}")
        for fact in (*row["facts"], *row["disputed"]):
            lines.append(f"    {fact['field']}: {fact['value']}")
            lines += [f"        “{quoted['text']}” {_where(quoted)}" for quoted in fact["quotes"]]
        lines += [f"    “{quoted['text'][:FIRST_QUOTE]}” {_where(quoted)}" for quoted in row["quotes"]]
    return lines


def _where(quoted: dict[str, Any]) -> str:
    return f"{quoted['title']}, chapter {quoted['chapter']}, paragraph {quoted['paragraph']}"
