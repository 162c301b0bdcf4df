"""Worlds brought along and taken away: `import`, `export`."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from rag.commands.entries import wait_for_index
from rag.commands.options import OWNER_SECONDS, JsonOption, WorldArgument
from style_tuner.errors import WorldError
from style_tuner.workspace import open_workspace, storage_errors, time_stamp, write_bytes, write_text

NAMES_SHOWN = 5
"""Names that a remark lists; the rest are counted."""


def import_(
    world: WorldArgument,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Lorebooks of SillyTavern or NovelAI, character cards, tables, notes, or folders of them.",
            show_default=False,
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would come in.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring entries along from files of other programs."""
    bring(world, files, dry_run, as_json)


def bring(world: str, files: Sequence[Path], dry_run: bool, as_json: bool) -> None:
    """Read files, write what is in them into a world, and say what came of it; status 1 where something was skipped."""
    from rag.exchange.reading import read_all
    from rag.exchange.sending import packed
    from rag.service import asking

    read = read_all(files)
    source = ", ".join(path.resolve().name for path in files)
    with asking(open_workspace(), OWNER_SECONDS) as ask:
        path = f"/worlds/{quote(world, safe='')}/import/notes"
        done = ask("POST", path, {"packed": packed(read), "source": source, "dry_run": dry_run})
        if done["imported"] and not dry_run:
            wait_for_index(ask, world)
    if as_json:
        typer.echo(json.dumps(done, ensure_ascii=False))
    else:
        _tell(done)
    if done["skipped"]:
        raise typer.Exit(1)


def _tell(done: dict[str, Any]) -> None:
    by_format: dict[str, list[str]] = {}
    for name, format in done["formats"].items():
        by_format.setdefault(format, []).append(name)
    _tell_remarks([{"text": f"Read as {format}", "names": names} for format, names in by_format.items()])
    for one in done["skipped"]:
        typer.echo(f"Skipped {one['name']}: {one['reason']}.", err=True)
    _tell_remarks(done["remarks"])
    for warning in done["warnings"]:
        typer.echo(f"Note: {warning}", err=True)
    if done["dry_run"]:
        for entry in done["entries"]:
            typer.echo(f"{entry['change']:9}  {entry['name']} ({entry['kind']}), from {entry['source']}")
    typer.echo(
        f"{done['world']}: {done['imported']} entries {'would be ' if done['dry_run'] else ''}new or changed, "
        f"{done['unchanged']} unchanged, {len(done['skipped'])} skipped."
    )


def _tell_remarks(remarks: Sequence[dict[str, Any]]) -> None:
    for remark in remarks:
        names, more = remark["names"][:NAMES_SHOWN], len(remark["names"]) - NAMES_SHOWN
        about = f": {', '.join(names)}" if names else ""
        typer.echo(f"{remark['text']}{about}{f' and {more} more' if more > 0 else ''}.", err=True)


def export(
    world: WorldArgument,
    format: Annotated[
        str, typer.Option(help="markdown, sillytavern, novelai, card or csv.", show_default=True)
    ] = "markdown",
    output: Annotated[
        Path | None,
        typer.Option(help="File to write (a folder for Markdown); it must not exist yet. Default: in the exports."),
    ] = None,
    character: Annotated[str, typer.Option(help="Whose card to write, where the world has several.")] = "",
    picture: Annotated[
        Path | None, typer.Option(help="A PNG picture: the card is written into a copy of it, the output.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a world's entries in the format of another program; nothing is overwritten."""
    from rag.exchange.writing import known_format
    from rag.service import asking

    known = known_format(format)
    if picture is not None and known != "card":
        raise WorldError("Only a character card goes into a picture: add --format card.")
    if output is not None and (output.exists() or output.is_symlink()):
        raise WorldError(f"{output} exists already, and an export overwrites nothing: name another --output.")
    place = open_workspace()
    with asking(place, OWNER_SECONDS) as ask:
        asked = urlencode({"format": known, "character": character, "report": "true"})
        done = ask("GET", f"/worlds/{quote(world, safe='')}/export?{asked}", None)
    name = Path(done["name"])
    ending = ".png" if picture is not None else "" if known == "markdown" else name.suffix
    path = output or _unused(place.exports / f"{name.stem}-{known}-{time_stamp()}{ending}")
    if picture is not None:
        _write_card(path, picture, done["files"][0]["text"])
    elif known == "markdown":
        _write_folder(path, done["files"])
    else:
        write_text(path, done["files"][0]["text"])
    if as_json:
        told = {"world": world, "format": known, "path": str(path), "left_out": done["left_out"]}
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    _tell_remarks(done["left_out"])
    typer.echo(f"{world}: written to {path}.")


def _unused(path: Path) -> Path:
    """Return the path, or one with a number where it exists."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return free


def _write_folder(path: Path, files: Sequence[dict[str, str]]) -> None:
    """Write a folder of notes; it has its name once all of them are in it."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            for file in files:
                (unfinished / file["name"]).write_text(file["text"], encoding="utf-8", newline="\n")
            unfinished.chmod(0o755)
            unfinished.rename(path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _write_card(path: Path, picture: Path, text: str) -> None:
    from rag.exchange.pictures import with_card

    if not picture.is_file():
        raise WorldError(f"There is no picture {picture}: name a PNG file with --picture.")
    write_bytes(path, with_card(picture.read_bytes(), text.encode(), str(json.loads(text).get("spec", ""))))
