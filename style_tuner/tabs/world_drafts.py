"""What is typed into the form of an entry and not saved yet: kept in the author's browser until she saves or drops it.

The form shows one entry, `opened`: its world, its id, the version that was edited and the one that holds. The desk is
what the browser keeps: by world and id, the version that was edited and what the form held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from style_tuner.tabs import views

NEW = ""
"""The id under which a new entry is kept until it has one."""
STORAGE_KEY = "style-tuner-drafts"
"""Where the browser keeps them, and what they are scrambled with: it has to be the same at the next start."""
BLANK: tuple[Any, ...] = ("", "note", "", "", False, "", 0, "", None, None, "", "")
"""The values of the form for a new entry."""
UNSAVED = str(views.sentence("Not saved yet. What you type is kept here until you save it.", "caption"))
KEEP = f"""(desk, opened, notice, ...values) => {{
    const {{world, id, version, saved}} = opened || {{world: "", id: "", version: 0, saved: {json.dumps(BLANK)}}};
    const same = values.every((value, at) => String(value ?? "") === String(saved[at] ?? ""));
    const kept = {{...desk[world], [id]: {{version, values}}}};
    if (same) delete kept[id];
    const unsaved = {json.dumps(UNSAVED)};
    const said = same ? (notice === unsaved ? "" : notice) : (notice || unsaved);
    return [{{...desk, [world]: kept}}, said, {{__type__: "update", visible: !same}}];
}}"""
"""Keeps the form in the browser while she types and when she leaves a field, unless it holds what is saved: the desk, a
word about it, and the button that drops it again. Pasting alone is told by Gradio only when the field is left.
"""
LABELS = (
    "Name",
    "Kind",
    "Also called",
    "Text",
    "Always send this entry",
    "Further words",
    "Priority",
    "Book",
    "From chapter",
    "To chapter",
    "Facts",
    "Belongs with",
)
"""What the values of the form are called, in their order."""

Desk = Mapping[str, Mapping[str, Mapping[str, Any]]]


def opened(world: str | None, entry_id: str, version: int, seen: int, saved: Sequence[Any]) -> dict[str, Any]:
    """Say what the form shows: an entry as it was in a version, and the version that was seen to hold, as saved."""
    return {"world": world or "", "id": entry_id, "version": version, "seen": seen, "saved": list(saved)}


def of_world(desk: Desk | None, world: str | None) -> dict[str, Mapping[str, Any]]:
    """Return what is not saved in a world, by id; a new entry written before there was a world belongs to each."""
    kept = desk or {}
    drafts = {**kept.get("", {}), **kept.get(world or "", {})}
    return {key: draft for key, draft in drafts.items() if len(draft["values"]) == len(LABELS)}


def with_draft(desk: Desk | None, world: str | None, entry_id: str, version: int, values: Sequence[Any]) -> Desk:
    """Return the desk with what the form holds."""
    kept = dict(desk or {})
    draft = {"version": version, "values": list(values)}
    return kept | {world or "": {**kept.get(world or "", {}), entry_id: draft}}


def without_draft(desk: Desk | None, world: str | None, entry_id: str) -> Desk:
    """Return the desk without what was typed for an entry."""
    places = {world or "", ""} if entry_id == NEW else {world or ""}
    return {
        name: {key: draft for key, draft in drafts.items() if not (name in places and key == entry_id)}
        for name, drafts in (desk or {}).items()
    }


def renamed(desk: Desk | None, world: str, name: str) -> Desk:
    """Return the desk with the drafts of a world under its other name."""
    return {name if key == world else key: drafts for key, drafts in (desk or {}).items()}


def notice(changed: Mapping[str, Any] | None, draft: Sequence[Any] | None, saved: Sequence[Any], others: Any) -> str:
    """Say what of the form is not saved, and what is there now where somebody else changed it meanwhile.

    `changed` is the version that holds where it is not the one that was edited: its time of writing and whether it is a
    deletion. `others` are the names of further entries that are not saved.
    """
    parts = []
    if draft is not None and changed is not None:
        parts.append(_conflict(changed, draft, saved))
    elif draft is not None:
        parts.append(Markup(UNSAVED))
    if others:
        parts.append(views.sentence(f"Also not saved yet: {', '.join(others)}. Choose it to go on.", "caption"))
    return str(Markup("").join(parts))


def _conflict(changed: Mapping[str, Any], draft: Sequence[Any], saved: Sequence[Any]) -> Markup:
    when = views.when(changed["written"])
    if changed["deleted"]:
        return views.sentence(f"This entry was deleted elsewhere ({when}). What you wrote is below, not saved.", "bad")
    head = (
        f"This entry was changed elsewhere ({when}) after you began. What you wrote is below, not saved. There is now:"
    )
    rows = [
        Markup("<dt>{}</dt><dd><ins>{}</ins></dd>").format(label, _shown(now))
        for label, mine, now in zip(LABELS, draft, saved, strict=True)
        if mine != now
    ]
    return views.sentence(head, "bad") + Markup("<dl class='hits'>{}</dl>").format(Markup("").join(rows))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value not in (None, "") else "nothing"
