"""A draft checked against a world: `check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument
from style_tuner.errors import WorldError
from style_tuner.workspace import open_workspace


def check(
    world: WorldArgument,
    draft: Annotated[
        str, typer.Argument(help="Text file of the draft; - reads it from the input.", show_default=False)
    ],
    chapter: Annotated[
        int | None, typer.Option(min=0, help="Chapter of the draft. Default: where you are writing now.")
    ] = None,
    book: Annotated[str, typer.Option(help="Book of the draft, in a world of several.")] = "",
    with_model: Annotated[
        bool, typer.Option("--with-model", help="Ask the served model, too; what it says is marked as its opinion.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say where a draft contradicts the world: whose eyes, which hand, who is dead, whose sister, how many masts."""
    from rag.service import asking

    body = {"text": read_draft(draft), "book": book, "chapter": chapter, "with_model": with_model}
    with asking(open_workspace(), OWNER_SECONDS) as ask:
        checked = ask("POST", f"/worlds/{quote(world, safe='')}/check", body)
    typer.echo(json.dumps(checked, ensure_ascii=False) if as_json else "\n".join(report(checked)))


def read_draft(name: str) -> str:
    """Return a draft's text; a file that is no plain text is refused with the remedy."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise WorldError(f"The draft {name!r} cannot be read ({error.strerror}): name a text file.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WorldError(
            f"The draft {name!r} is no plain text in UTF-8: save it as plain text and try again."
        ) from None
    if "\x00" in text:
        raise WorldError(f"The draft {name!r} is no plain text: save it as plain text and try again.")
    return text


def report(checked: dict[str, Any]) -> list[str]:
    """Return the findings as lines to read, the sure ones first."""
    lines = []
    for certainty, heading in (("sure", "Contradicts the world"), ("look at this", "Look at this")):
        chosen = [one for one in checked["findings"] if one["certainty"] == certainty]
        if chosen:
            lines += [f"{heading}:", ""]
        for one in chosen:
            again = f" ({one['again']} more like it)" if one["again"] else ""
            reason = f" Not sure: {one['reason']}." if one["reason"] else ""
            lines += [
                f"  line {one['line']}: {one['sentence']}{again}{reason}",
                f"    the draft: {' '.join(one['quote'].split())}",
                f"    {one['entry_name']}: {' '.join(one['world_quote'].split())}",
                "",
            ]
    lines += checked["notes"]
    at = f" at chapter {checked['chapter']}" if checked["chapter"] is not None else ""
    if checked["findings"]:
        found = len(checked["findings"])
        lines.append(f"{found} {'place' if found == 1 else 'places'} to look at, {checked['sure']} of them sure.")
    elif checked["entries_named"]:
        number = checked["entries_named"]
        lines.append(f"Nothing contradicts the {number} {'entry' if number == 1 else 'entries'} that it names{at}.")
    return lines
