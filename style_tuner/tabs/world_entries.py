"""The entries of a world on the page: by kind, searched, written, and every version of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import gradio as gr

from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.serving import lore
from style_tuner.serving import world as service
from style_tuner.tabs import views, world_drafts
from style_tuner.tabs.common import HIDDEN, Page, choice, inform, refilled
from style_tuner.tabs.world_drafts import NEW, Desk
from style_tuner.tabs.world_form import KINDS, entry_of, held, show_entry, versions
from style_tuner.tabs.world_parts import ask, need, stamp, url, warn
from style_tuner.workspace import Workspace, slug

EMPTY = "This world has no entries yet: drop files with notes, or write the first entry."
NEW_ENTRY = ("New entry", "")
MOST_SHOWN = 300
"""Rows of the list; a larger world is searched."""


def entries(workspace: Workspace, world: str | None) -> list[Entry]:
    """Return the entries of the chosen world."""
    state = service.state(workspace)
    return lore.entries(state.url, world) if state and world else []


def show_entries(
    workspace: Workspace, world: str | None, search: str | None, chosen: str | None, desk: Desk | None
) -> tuple[str, Any]:
    """Return the entries by kind, and the choice of one."""
    table, choices, value = _list(workspace, world, search, chosen, desk)
    return table, refilled(choices, value, chosen)


def _list(
    workspace: Workspace, world: str | None, search: str | None, chosen: str | None, desk: Desk | None
) -> tuple[str, list[tuple[str, str]], str | None]:
    """Return the list, and what can be chosen: what fits the search, and what is not saved yet."""
    unsaved = world_drafts.of_world(desk, world)
    found = entries(workspace, world)
    words = (search or "").casefold().split()
    kept = [entry for entry in found if all(word in _searched(entry) for word in words)]
    kept.sort(key=lambda entry: (entry.kind, entry.name.casefold()))
    rows = [(entry.kind, entry.name, ", ".join(entry.aliases), _when(entry)) for entry in kept[:MOST_SHOWN]]
    head = f"{len(kept)} of {len(found)} entries" + (f", the first {MOST_SHOWN}" if len(kept) > MOST_SHOWN else "")
    table = views.scrolling(views.table(head, ["Kind", "Name", "Also called", "Sent"], rows))
    if not found:
        table = views.sentence(EMPTY if world else "", "empty")
    choices = [(f"{entry.kind}: {entry.name}", entry.id) for entry in kept]
    first = next((entry_id for _, entry_id in choices), NEW if world else None)
    there = {entry_id for _, entry_id in choices} | {NEW}
    choices += [(f"not saved: {draft['values'][0]}", key) for key, draft in unsaved.items() if key not in there]
    value = chosen if world and chosen is not None and chosen in (there | set(unsaved)) else first
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


def choose(
    workspace: Workspace, world: str | None, chosen: str | None, opened: Mapping[str, Any] | None, desk: Desk | None
) -> Any:
    """Return the form of the entry that was chosen, or leave the form alone where it shows that one already."""
    if opened and (opened["world"], opened["id"]) == (world or "", chosen or NEW):
        return gr.skip()
    return show_entry(workspace, world, chosen, desk)


def save(
    workspace: Workspace,
    world: str | None,
    search: str | None,
    opened: Mapping[str, Any] | None,
    desk: Desk | None,
    *values: Any,
) -> Any:
    """Keep what is in the form as the entry that it shows, or as a new one; return the list and the form then.

    Where somebody else saved that entry meanwhile nothing is written, and both are shown.
    """
    return _save(workspace, world, search, opened, desk, values, over=False)


def save_over(
    workspace: Workspace,
    world: str | None,
    search: str | None,
    opened: Mapping[str, Any] | None,
    desk: Desk | None,
    *values: Any,
) -> Any:
    """Put what is in the form in the place of what somebody else saved, as far as the author was shown that."""
    return _save(workspace, world, search, opened, desk, values, over=True)


def _save(
    workspace: Workspace,
    world: str | None,
    search: str | None,
    opened: Mapping[str, Any] | None,
    desk: Desk | None,
    values: Sequence[Any],
    over: bool,
) -> Any:
    shown_in = (opened or {}).get("world") or need(world)
    name, kind = values[0].strip(), (values[1] or "").strip() or "note"
    if not name or not values[3].strip():
        raise WorldError("An entry needs a name and a text: fill in both, then press Save entry.")
    entry_id = (opened or {}).get("id", NEW)
    edited = (opened or {}).get("seen" if over else "version", 0)
    past = versions(workspace, shown_in, entry_id)
    base = Entry.from_row(past[0]["entry"]) if past else None
    if base is None:
        base = Entry(_free_id(name, kind, entries(workspace, shown_in)), name, "")
    kept = entry_of(base, values)
    path = ("worlds", shown_in, "entries", kept.id)
    try:
        told = lore.ask(url(workspace), "PUT", *path, body=asdict(kept), version=edited)
    except WorldError:
        if held(versions(workspace, shown_in, kept.id)) == edited:
            raise
        gr.Warning("It was changed elsewhere meanwhile, and nothing was written over: look at both.", title="Not saved")
        desk = world_drafts.with_draft(desk, shown_in, entry_id, edited, values)
        return shown(workspace, shown_in, search, entry_id, desk, True)
    inform(f"{kept.name} is saved.", "Saved")
    warn(told["warnings"], "Saved, but look at this")
    return shown(workspace, shown_in, search, kept.id, world_drafts.without_draft(desk, shown_in, entry_id), True)


def drop(
    workspace: Workspace, world: str | None, search: str | None, opened: Mapping[str, Any] | None, desk: Desk | None
) -> Any:
    """Throw away what was typed and show what is saved."""
    entry_id = (opened or {}).get("id", NEW)
    return shown(workspace, world, search, entry_id, world_drafts.without_draft(desk, world, entry_id), True)


def shown(
    workspace: Workspace,
    world: str | None,
    search: str | None,
    chosen: str | None,
    desk: Desk | None,
    cleared: bool = False,
) -> tuple[Any, ...]:
    """Return the list and the form as they are now; `cleared` says that the desk is not what the browser has."""
    table, choices, value = _list(workspace, world, search, chosen, desk)
    return table, gr.Dropdown(choices=choices, value=value), *show_entry(workspace, world, value, desk, cleared)


def _free_id(name: str, kind: str, known: Sequence[Entry]) -> str:
    """Return the id of a new entry; one of the same name and kind is not replaced by it."""
    if any(entry.name.casefold() == name.casefold() and entry.kind == kind for entry in known):
        raise WorldError(
            f"There is an entry {name!r} of the kind {kind} already: choose it in the list to change it, or give the "
            "new one another name or kind."
        )
    taken = {entry.id for entry in known}
    return next(one for one in (slug(name), slug(f"{name} {kind}"), slug(f"{name} {kind} 2")) if one not in taken)


def delete(
    workspace: Workspace, world: str | None, search: str | None, opened: Mapping[str, Any] | None, desk: Desk | None
) -> Any:
    """Take the entry in the form out of the world; its versions are kept, and Undo brings it back."""
    entry_id = (opened or {}).get("id", NEW)
    if not entry_id:
        raise WorldError("No entry is chosen: choose one from the list first.")
    ask(workspace, "DELETE", world, "entries", entry_id)
    inform("Undo, below the list, brings it back.", "Deleted")
    return shown(workspace, world, search, None, world_drafts.without_draft(desk, world, entry_id), True)


def restore(
    workspace: Workspace,
    world: str | None,
    search: str | None,
    opened: Mapping[str, Any] | None,
    desk: Desk | None,
    version: str | None,
) -> Any:
    """Make the chosen version of an entry the one that holds; what is typed and not saved stays beside it."""
    entry_id = (opened or {}).get("id", NEW)
    if not entry_id or not version:
        raise WorldError("No version is chosen: choose one of the earlier versions first.")
    ask(workspace, "POST", world, "entries", entry_id, "restore", body={"version": int(version)})
    return shown(workspace, world, search, entry_id, desk)


def build(
    page: Page, chosen: gr.Dropdown, search: gr.Textbox, table: gr.HTML, desk: gr.BrowserState
) -> Callable[[Any], None]:
    """Lay out the form of an entry, connect it with the list, and return what shows both anew after an event."""
    entry = choice("Entry")
    opened, notice = gr.JSON(None, visible=False), gr.HTML()
    with gr.Row():
        over = gr.Button("Put mine in its place", size="sm", visible=False)
        back_to = gr.Button("Discard what is not saved", size="sm", visible=False)
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
    form: list[Any] = [name, kind, aliases, text, always, keys, priority, book, first, last, facts, links]
    shows = [*form, version, opened, desk, notice, over, back_to]
    also = [chosen.change, search.change]
    page.follow(stamp, show_entries, [table, entry], [chosen, search, entry, desk], also)
    # One queue, so that what another world's form would show never comes after what the author chose there.
    either = partial(gr.on, [entry.change, chosen.change])
    page.on(either, choose, [chosen, entry, opened, desk], shows, trigger_mode="always_last", show_progress="hidden")
    page.on(new.click, lambda _: NEW, [], entry)
    everything, now = [table, entry, *shows], [chosen, search, opened, desk]
    page.on(keep.click, save, [*now, *form], everything)
    page.on(over.click, save_over, [*now, *form], everything)
    page.on(back_to.click, drop, now, everything)
    page.on(gone.click, delete, now, everything)
    page.on(back.click, restore, [*now, version], everything)
    typed = [part.input for part in form] + [part.blur for part in form if part is not always]
    gr.on(typed, None, [desk, opened, notice, *form], [desk, notice, back_to], js=world_drafts.KEEP, **HIDDEN)
    return lambda event: page.on(event.then, shown, [chosen, search, entry, desk], everything, **HIDDEN)
