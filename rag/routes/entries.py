"""The entries of a world over HTTP: read, write, search, and see what a prompt would become."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as At
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from rag.errors import WrittenSinceError
from rag.front.faults import error_body
from rag.lore.lorebook import Skipped, entry_from, without_doubles
from rag.lore.store import check_length
from rag.retrieval.inspector import inspection
from rag.retrieval.retrieve import Retrieval
from rag.routes.books import about_book, about_new_books
from rag.worlds import Worlds
from style_tuner.errors import WorldError
from style_tuner.records import Entry, Hit, Moment
from style_tuner.workspace import slug

CONFLICT = 409


class EntryFields(BaseModel):
    """An entry as a client writes it; checked in full by the lorebook, so that notes and requests obey one rule."""

    model_config = ConfigDict(extra="forbid")

    name: str
    text: str
    id: str | None = None
    kind: str = "note"
    aliases: list[str] = []
    keys: list[str] = []
    always_on: bool = False
    priority: int = 0
    book: str = ""
    from_chapter: int | None = None
    to_chapter: int | None = None
    fields: dict[str, str] = {}
    links: list[str] = []
    foreign: dict[str, Any] = {}


class EntryList(BaseModel):
    """Entries to import at once, and what they are from."""

    entries: list[dict[str, Any]]
    source: str = Field("", max_length=200)


class Query(BaseModel):
    """A request to find entries for."""

    query: str
    book: str = ""
    chapter: int | None = Field(None, ge=1)


class Prompt(BaseModel):
    """A conversation to add facts to."""

    messages: list[dict[str, Any]]
    book: str = ""
    chapter: int | None = Field(None, ge=1)
    max_tokens: int | None = None


def routes(worlds: Worlds) -> APIRouter:
    """Return the routes under `/worlds`."""
    router = APIRouter(prefix="/worlds")

    @router.get("/{world}/entries")
    def list_entries(world: str) -> dict[str, Any]:
        return {"world": world, "entries": [asdict(entry) for entry in worlds.entries(world).values()]}

    @router.post("/{world}/entries")
    def import_entries(world: str, body: EntryList) -> dict[str, Any]:
        return import_into(worlds, world, body.entries, body.source)

    @router.put("/{world}/entries/{entry_id}", response_model=None)
    def put_entry(
        world: str, entry_id: str, body: EntryFields, version: Annotated[int | None, At(ge=0)] = None
    ) -> dict[str, Any] | JSONResponse:
        if slug(entry_id) != entry_id:
            raise WorldError(f"The id {entry_id!r} cannot be used: {slug(entry_id)!r} could.")
        entry = entry_from({**body.model_dump(), "id": entry_id})
        try:
            changed = worlds.put(world, [entry]) if version is None else _put_edited(worlds, world, entry, version)
        except WrittenSinceError as error:
            there = {"entry": asdict(error.now) if error.now else None, "version": error.version}
            return JSONResponse({**error_body(str(error), "written_since", CONFLICT), **there}, CONFLICT)
        number = worlds.history.version(world, entry_id)
        warnings = [*worlds.warnings([entry]), *about_new_books(worlds, world, [entry])]
        written = {"changed": bool(changed), "version": number, "warnings": warnings}
        return {"world": world, "entry": asdict(entry), **written}

    @router.delete("/{world}/entries/{entry_id}")
    def delete_entry(world: str, entry_id: str) -> dict[str, Any]:
        return {"world": world, "entry": asdict(worlds.delete(world, entry_id)), "deleted": True}

    @router.post("/{world}/index")
    def rebuild_index(world: str) -> dict[str, Any]:
        return {"world": world, "entries": worlds.rebuild(world), "indexing": progress_json(worlds, world)}

    @router.post("/{world}/search")
    def search(world: str, body: Query) -> dict[str, Any]:
        moment = Moment(body.book, body.chapter)
        found = worlds.search(world, body.query, moment=moment)
        shown = inspection(found, worlds.at(world, moment))
        return {**retrieval_json(found), **_with_notes(worlds, world, shown)}

    @router.post("/{world}/prompt")
    def prompt(world: str, body: Prompt) -> dict[str, Any]:
        messages, retrieval = worlds.prompt(world, body.messages, Moment(body.book, body.chapter), body.max_tokens)
        shown = worlds.inspector.prompts(world)[0]
        return {"messages": messages, **retrieval_json(retrieval), **_with_notes(worlds, world, shown)}

    return router


def _with_notes(worlds: Worlds, world: str, shown: dict[str, Any]) -> dict[str, Any]:
    """Return what was found with what to know of it: about the index, and about the book that it was found for."""
    about = about_book(worlds, world, shown["book"])
    return {"inspection": {**shown, "notes": about}, "notes": [*worlds.notes(world), *about]}


def _put_edited(worlds: Worlds, world: str, entry: Entry, version: int) -> bool:
    """Write an entry of which a version was edited, and bring the index in step."""
    changed = worlds.history.version(world, entry.id) != worlds.history.save(world, entry, version)
    worlds.put(world, [])
    return changed


def import_into(worlds: Worlds, world: str, rows: list[dict[str, Any]], named: str = "") -> dict[str, Any]:
    """Import entries given as plain values; those with a fault are left out and named with the reason.

    `warnings` is there only where an entry is longer than a prompt has room for, or its book may be misspelt.
    """
    read: list[tuple[str, Entry]] = []
    skipped: list[Skipped] = []
    for number, values in enumerate(rows, 1):
        source = f"entry {number} ({values.get('name')!r})"
        try:
            entry = entry_from(values)
            check_length(entry)
            read.append((source, entry))
        except WorldError as error:
            skipped.append(Skipped(source, str(error)))
    entries, doubles = without_doubles(read)
    about = f"Import of {{entries}} from {named}" if named else ""
    changed = worlds.put(world, entries, about)
    warnings = [*worlds.warnings(entries), *about_new_books(worlds, world, entries)]
    return {
        "world": world,
        "imported": changed,
        "unchanged": len(entries) - changed,
        "skipped": [asdict(one) for one in (*skipped, *doubles)],
        **({"warnings": warnings} if warnings else {}),
    }


def progress_json(worlds: Worlds, world: str) -> dict[str, int] | None:
    """Return how far the indexing of a world has come, None where nothing is being done."""
    progress = worlds.progress(world)
    return asdict(progress) if progress else None


def retrieval_json(retrieval: Retrieval) -> dict[str, Any]:
    """Return what was chosen, why, what the word budget left out, and how many words of lore that makes."""
    return {
        "hits": [_hit_json(hit) for hit in retrieval.hits],
        "left_out": [_hit_json(hit) for hit in retrieval.left_out],
        "words": retrieval.words,
    }


def _hit_json(hit: Hit) -> dict[str, Any]:
    """Return a hit without what its entry keeps for other programs, which may be the settings of a whole lorebook."""
    return asdict(replace(hit, entry=replace(hit.entry, foreign={})))
