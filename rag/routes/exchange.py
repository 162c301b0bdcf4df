"""Worlds brought along and taken away over HTTP: files of other programs come in, and go out again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path, PurePath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from rag.exchange.arriving import Plan, plan
from rag.exchange.pictures import with_card
from rag.exchange.reading import LARGEST_FILE, read_data
from rag.exchange.sending import unpacked
from rag.exchange.writing import Exported, export, known_format
from rag.lore.lorebook import Found, Notes, Remark, Skipped, joined
from rag.lore.shelf import check_world_name
from rag.lore.store import check_length
from rag.routes.books import about_new_books
from rag.worlds import Worlds
from style_tuner.errors import WorldError

LONGEST_SOURCE = 80
"""Characters of the names of files in a sentence of the history."""
MEDIA = {".json": "application/json", ".lorebook": "application/json", ".csv": "text/csv", ".zip": "application/zip"}


class PackedNotes(BaseModel):
    """What the command line read from files on this machine, packed."""

    packed: str
    source: str = ""
    dry_run: bool = False


def routes(worlds: Worlds) -> APIRouter:
    """Return the routes for import and export under `/worlds`."""
    router = APIRouter(prefix="/worlds")

    @router.post("/{world}/import")
    def import_files(
        world: str, files: Annotated[list[UploadFile], File()], dry_run: Annotated[bool, Form()] = False
    ) -> dict[str, Any]:
        named = [(PurePath(file.filename or "unnamed").name, file.file.read(LARGEST_FILE + 1)) for file in files]
        read = joined([read_data(name, data) for name, data in named])
        return bring_in(worlds, world, read, ", ".join(name for name, _ in named), dry_run)

    @router.post("/{world}/import/notes")
    def import_notes(world: str, body: PackedNotes) -> dict[str, Any]:
        return bring_in(worlds, world, unpacked(body.packed), body.source, body.dry_run)

    @router.get("/{world}/export")
    def export_world(world: str, format: str = "markdown", character: str = "", report: bool = False) -> Response:
        done = export(world, list(worlds.entries(world).values()), known_format(format), character)
        remarks = [asdict(remark) for remark in done.remarks]
        if report:
            files = [{"name": name, "text": text} for name, text in done.files]
            return JSONResponse({"world": world, "name": done.name, "files": files, "left_out": remarks})
        ending = Path(done.name).suffix
        return Response(done.one_file, media_type=MEDIA[ending], headers=_headers(done, ending))

    @router.post("/{world}/export/picture")
    def export_into_picture(
        world: str, picture: Annotated[UploadFile, File()], character: Annotated[str, Form()] = ""
    ) -> Response:
        done = export(world, list(worlds.entries(world).values()), "card", character)
        text = done.files[0][1]
        card = with_card(picture.file.read(), text.encode(), str(json.loads(text).get("spec", "")))
        return Response(card, media_type="image/png", headers=_headers(done, ".png"))

    return router


def _headers(done: Exported, ending: str) -> dict[str, str]:
    """Return the name of the file, and what its format has no place for as percent-encoded JSON."""
    return {
        "Content-Disposition": f'attachment; filename="{Path(done.name).stem}{ending}"',
        "X-World-Left-Out": quote(json.dumps(_short(done.remarks), ensure_ascii=False)),
    }


def _short(remarks: Sequence[Remark]) -> list[str]:
    """Return remarks with numbers for names, so that they fit into a header."""
    return [f"{remark.text} ({len(remark.names)} entries)" if remark.names else remark.text for remark in remarks]


def bring_in(worlds: Worlds, world: str, read: Notes, source: str, dry_run: bool) -> dict[str, Any]:
    """Write what was read into a world as one change of its history, or only say what that would do."""
    check_world_name(world)
    read = _of_sane_length(read)
    known = worlds.entries(world) if world in worlds.names() else {}
    planned = plan(read.found, known)
    if not dry_run and planned.entries:
        worlds.put(world, planned.entries, f"Import of {{entries}} from {_short_name(source)}" if source else "")
    warnings = [*worlds.warnings(planned.entries), *about_new_books(worlds, world, planned.entries)]
    return {"world": world, "dry_run": dry_run, **_report(read, planned), "warnings": warnings}


def _of_sane_length(read: Notes) -> Notes:
    """Leave out the entries that are whole books."""
    found: list[Found] = []
    skipped: list[Skipped] = []
    for one in read.found:
        try:
            check_length(one.entry)
            found.append(one)
        except WorldError as error:
            skipped.append(Skipped(one.source, str(error)))
    return replace(read, found=tuple(found), skipped=(*read.skipped, *skipped))


def _short_name(source: str) -> str:
    """Return the names of files as a sentence of the history holds them."""
    source = source.replace("{", "(").replace("}", ")")
    return source if len(source) <= LONGEST_SOURCE else source[:LONGEST_SOURCE] + "…"


def _report(read: Notes, planned: Plan) -> dict[str, Any]:
    changes = [arrival.change for arrival in planned.arrivals]
    return {
        "imported": len(changes) - changes.count("unchanged"),
        "new": changes.count("new"),
        "changed": changes.count("changed"),
        "unchanged": changes.count("unchanged"),
        "skipped": [asdict(one) for one in (*read.skipped, *planned.skipped)],
        "remarks": [asdict(one) for one in (*read.remarks, *planned.remarks)],
        "formats": read.formats,
        "entries": [
            {
                "id": one.entry.id,
                "name": one.entry.name,
                "kind": one.entry.kind,
                "change": one.change,
                "source": one.source,
            }
            for one in planned.arrivals
        ],
    }
