"""The form of an entry on the page: what it shows of an entry, and the entry that is made of what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.tabs import views, world_drafts
from style_tuner.tabs.world_drafts import BLANK, NEW, Desk
from style_tuner.tabs.world_parts import look
from style_tuner.workspace import Workspace

KINDS = ["character", "place", "thing", "rule", "event", "note"]


def values_of(entry: Entry) -> tuple[Any, ...]:
    """Return an entry as the form shows it."""
    facts = "\n".join(f"{name}: {value}" for name, value in entry.fields.items())
    return (
        *(entry.name, entry.kind, ", ".join(entry.aliases), entry.text, entry.always_on),
        *("\n".join(entry.keys), entry.priority, entry.book, entry.from_chapter, entry.to_chapter, facts),
        ", ".join(entry.links),
    )


def versions(workspace: Workspace, world: str | None, entry_id: str) -> list[dict[str, Any]]:
    """Return all versions of an entry, the latest first, none for one that was never saved."""
    if entry_id == NEW:
        return []
    try:
        return list(look(workspace, world, "entries", entry_id, "history").get("versions", []))
    except WorldError:
        return []


def held(found: Sequence[dict[str, Any]]) -> int:
    """Return the number of the version that holds, 0 where there is none."""
    return found[0]["number"] if found and not found[0]["deleted"] else 0


def show_entry(
    workspace: Workspace, world: str | None, chosen: str | None, desk: Desk | None, cleared: bool = False
) -> tuple[Any, ...]:
    """Return the form of the chosen entry, with what was typed and not saved, if there is such; and its versions.

    The desk goes back to the browser only where it is another (`cleared`): meanwhile more may have been typed there.
    """
    entry_id = chosen or NEW
    past = versions(workspace, world, entry_id)
    now = held(past)
    saved = values_of(Entry.from_row(past[0]["entry"])) if now else BLANK
    kept = world_drafts.of_world(desk, world)
    draft = kept.pop(entry_id, None)
    if draft is not None and list(draft["values"]) == list(saved):
        desk, draft, cleared = world_drafts.without_draft(desk, world, entry_id), None, True
    based = draft["version"] if draft is not None else now
    others = [one["values"][0].strip() or "a new entry" for one in kept.values()]
    values = tuple(draft["values"]) if draft is not None else saved
    changed = past[0] if past and based != now else None
    return (
        *values,
        gr.Dropdown(choices=[(_version(one), str(one["number"])) for one in past], value=None),
        world_drafts.opened(world, entry_id, based, now, saved),
        (desk or {}) if cleared else gr.skip(),
        world_drafts.notice(changed, values if draft is not None else None, saved, others),
        gr.Button(visible=draft is not None and changed is not None),
        gr.Button(visible=draft is not None),
    )


def _version(one: dict[str, Any]) -> str:
    """Say in one line when a version was written, and how it began."""
    text = "deleted" if one["deleted"] else one["entry"]["text"]
    return f"{views.when(one['written'])}: {text[:60]}"


def entry_of(entry: Entry, values: Sequence[Any]) -> Entry:
    """Return an entry with what the form holds; what the form has no place for stays."""
    name, kind, aliases, text, always, keys, priority, book, first, last, facts, links = values
    return replace(
        entry,
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
