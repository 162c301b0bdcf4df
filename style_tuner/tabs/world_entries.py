"""The entries of a world on the page: by kind, searched, written, and every version of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.serving import lore
from style_tuner.tabs import views
from style_tuner.tabs.common import HIDDEN, Page, choice, inform
from style_tuner.tabs.world_parts import ask, look, need, stamp, url
from style_tuner.workspace import Workspace, slug

EMPTY = "This world has no entries yet: drop files with notes, or write the first entry."
NEW_ENTRY = ("New entry", "")
KINDS = ["character", "place", "thing", "rule", "event", "note"]
NEW = ""
"""What is chosen while a new entry is written."""
MOST_SHOWN = 300
"""Rows of the list; a larger world is searched."""


def entries(workspace: Workspace, world: str | None) -> list[Entry]:
    """Return the entries of the chosen world."""
    return [Entry.from_row(row) for row in look(workspace, world, "entries").get("entries", [])]


def show_entries(workspace: Workspace, world: str | None, search: str | None, chosen: str | None) -> tuple[str, Any]:
    """Return the entries by kind, and the choice of one."""
    table, choices, value = _list(workspace, world, search, chosen)
    return table, gr.Dropdown(choices=choices, value=value)


def _list(
    workspace: Workspace, world: str | None, search: str | None, chosen: str | None
) -> tuple[str, list[tuple[str, str]], str]:
    found = entries(workspace, world)
    words = (search or "").casefold().split()
    kept = [entry for entry in found if all(word in _searched(entry) for word in words)]
    kept.sort(key=lambda entry: (entry.kind, entry.name.casefold()))
    if not found:
        return str(views.sentence(EMPTY if world else "", "empty")), [NEW_ENTRY], NEW
    rows = [(entry.kind, entry.name, ", ".join(entry.aliases), _when(entry)) for entry in kept[:MOST_SHOWN]]
    head = f"{len(kept)} of {len(found)} entries" + (f", the first {MOST_SHOWN}" if len(kept) > MOST_SHOWN else "")
    table = views.scrolling(views.table(head, ["Kind", "Name", "Also called", "Sent"], rows))
    choices = [(f"{entry.kind}: {entry.name}", entry.id) for entry in kept]
    ids = [entry.id for entry in kept]
    value = chosen if chosen is not None and chosen in (NEW, *ids) else next(iter(ids), NEW)
    return str(table), [*choices, NEW_ENTRY], value


def _searched(entry: Entry) -> str:
    return " ".join((entry.name, entry.facts, *entry.aliases, *entry.keys)).casefold()


def _when(entry: Entry) -> str:
    """Say when an entry is sent, where that is not simply when it is needed."""
    chapters = (
        f"chapters {entry.from_chapter} to {entry.to_chapter}"
        if entry.from_chapter and entry.to_chapter
        else f"from chapter {entry.from_chapter}"
        if entry.from_chapter
        else f"to chapter {entry.to_chapter}"
        if entry.to_chapter
        else ""
    )
    return ", ".join(filter(None, ["always" if entry.always_on else "", entry.book, chapters]))


def show_entry(workspace: Workspace, world: str | None, chosen: str | None) -> tuple[Any, ...]:
    """Return the fields of the chosen entry, and its earlier versions."""
    found = next((entry for entry in entries(workspace, world) if entry.id == chosen), None)
    if found is None:
        return "", "note", "", "", False, "", 0, "", None, None, "", "", gr.Dropdown(choices=[], value=None)
    versions = look(workspace, world, "entries", found.id, "history").get("versions", [])
    lines = "\n".join(f"{name}: {value}" for name, value in found.fields.items())
    return (
        *(found.name, found.kind, ", ".join(found.aliases), found.text, found.always_on),
        *("\n".join(found.keys), found.priority, found.book, found.from_chapter, found.to_chapter, lines),
        ", ".join(found.links),
        gr.Dropdown(choices=[(_version(one), str(one["number"])) for one in versions], value=None),
    )


def _version(one: dict[str, Any]) -> str:
    """Say in one line when a version was written, and how it began."""
    text = "deleted" if one["deleted"] else one["entry"]["text"]
    return f"{views.when(one['written'])}: {text[:60]}"


def save(workspace: Workspace, world: str | None, search: str | None, chosen: str | None, *values: Any) -> Any:
    """Keep the chosen entry as it is in the form, or make a new one; return the list and the form as they are then."""
    name, kind, aliases, text, always, keys, priority, book, first, last, facts, links = values
    if not name.strip() or not text.strip():
        raise WorldError("An entry needs a name and a text: fill in both, then press Save entry.")
    known = entries(workspace, world)
    same = next((entry for entry in known if chosen and entry.id == chosen), None)
    kept = replace(
        same or Entry(_free_id(name.strip(), (kind or "").strip() or "note", known), name.strip(), ""),
        name=name.strip(),
        text=text.strip(),
        kind=(kind or "").strip() or "note",
        aliases=listed(aliases.split(",")),
        always_on=always,
        keys=listed(keys.splitlines()),
        priority=int(priority or 0),
        book=book.strip(),
        from_chapter=int(first) if first else None,
        to_chapter=int(last) if last else None,
        fields=as_facts(facts),
        links=listed(links.split(",")),
    )
    saved = lore.put_entry(url(workspace), need(world), kept)
    inform(f"{saved.name} is saved.", "Saved")
    return shown(workspace, world, search, saved.id)


def shown(workspace: Workspace, world: str | None, search: str | None, chosen: str | None) -> tuple[Any, ...]:
    """Return the list and the form as they are now."""
    table, choices, value = _list(workspace, world, search, chosen)
    return table, gr.Dropdown(choices=choices, value=value), *show_entry(workspace, world, value)


def _free_id(name: str, kind: str, known: Sequence[Entry]) -> str:
    """Return the id of a new entry; one of the same name and kind is not replaced by it."""
    if any(entry.name.casefold() == name.casefold() and entry.kind == kind for entry in known):
        raise WorldError(
            f"There is an entry {name!r} of the kind {kind} already: choose it in the list to change it, or give the "
            "new one another name or kind."
        )
    taken = {entry.id for entry in known}
    return next(one for one in (slug(name), slug(f"{name} {kind}"), slug(f"{name} {kind} 2")) if one not in taken)


def listed(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts that are not empty."""
    return tuple(part.strip() for part in parts if part.strip())


def as_facts(lines: str) -> dict[str, str]:
    """Return the lines `eyes: grey` as facts by name."""
    facts = {}
    for line in filter(str.strip, lines.splitlines()):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not value.strip():
            raise WorldError(f"The fact {line.strip()!r} has no name or no value: write it as `eyes: grey`.")
        facts[name.strip()] = value.strip()
    return facts


def delete(workspace: Workspace, world: str | None, search: str | None, chosen: str | None) -> Any:
    """Take the chosen entry out of the world; its versions are kept, and Undo brings it back."""
    if not chosen:
        raise WorldError("No entry is chosen: choose one from the list first.")
    ask(workspace, "DELETE", world, "entries", chosen)
    inform("Undo, below the list, brings it back.", "Deleted")
    return shown(workspace, world, search, None)


def restore(
    workspace: Workspace, world: str | None, search: str | None, chosen: str | None, version: str | None
) -> Any:
    """Make the chosen version of an entry the one that holds."""
    if not chosen or not version:
        raise WorldError("No version is chosen: choose one of the earlier versions first.")
    ask(workspace, "POST", world, "entries", chosen, "restore", body={"version": int(version)})
    return shown(workspace, world, search, chosen)


def build(page: Page, chosen: gr.Dropdown, search: gr.Textbox, table: gr.HTML) -> Callable[[Any], None]:
    """Lay out the form of an entry, connect it with the list, and return what shows both anew after an event."""
    entry = choice("Entry")
    name = gr.Textbox(label="Name", max_lines=1)
    with gr.Row():
        kind = gr.Dropdown(KINDS, value="note", label="Kind", allow_custom_value=True, min_width=110)
        aliases = gr.Textbox(label="Also called (comma between)", max_lines=1)
    text = gr.Textbox(label="Text", lines=7, elem_classes="prose-input")
    always = gr.Checkbox(label="Always send this entry")
    with gr.Row():
        first = gr.Number(None, label="From chapter", precision=0, minimum=0, min_width=80)
        last = gr.Number(None, label="To chapter", precision=0, minimum=0, min_width=80)
        book = gr.Textbox(label="Only in the book", max_lines=1, min_width=110)
    with gr.Accordion("Facts, links and key words", open=False):
        facts = gr.Textbox(label="Facts, one a line, such as eyes: grey", lines=3)
        links = gr.Textbox(label="Belongs with (names of entries, comma between)", max_lines=1)
        keys = gr.Textbox(label="Further words that call it up, one a line; /regular expressions/ too", lines=2)
        priority = gr.Number(0, label="Priority (the higher goes first)", precision=0)
    with gr.Row():
        keep = gr.Button("Save entry", size="sm")
        new = gr.Button("New entry", size="sm")
        gone = gr.Button("Delete entry", size="sm")
    with gr.Accordion("Earlier versions of this entry", open=False):
        version = choice("Version")
        back = gr.Button("Go back to this version", size="sm")
    form = [name, kind, aliases, text, always, keys, priority, book, first, last, facts, links]
    filled = [*form, version]
    page.follow(stamp, show_entries, [table, entry], [chosen, search, entry], [chosen.change, search.change])
    page.on(entry.change, show_entry, [chosen, entry], filled, show_progress="hidden")
    page.on(new.click, lambda _: NEW, [], entry)
    everything = [table, entry, *filled]
    page.on(keep.click, save, [chosen, search, entry, *form], everything)
    page.on(gone.click, delete, [chosen, search, entry], everything)
    page.on(back.click, restore, [chosen, search, entry, version], everything)
    return lambda event: page.on(event.then, shown, [chosen, search, entry], everything, **HIDDEN)
