"""What another program wrote and this one has no use for, kept with an entry so that it can be given back.

In `Entry.foreign`, under the format's name, lie the values as they were written. Values that are told from the entry
itself are left out where the entry gives them back exactly; where it does not, both are kept: what was written, and
what the entry says for it. While the entry still says so, what was written is given back, else what it says now.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rag.exchange.texts import SortedKeys

NOTE = "style_tuner"
"""Key under which lies what is not the other program's: file, place in it, and what the entry said at import."""
Value = Mapping[str, Any]
Place = tuple[str, ...]
"""Where a value lies in nested objects."""
NOTHING = object()


def same(one: Any, other: Any) -> bool:
    """Say whether two values are the same JSON: 1, 1.0 and true are not."""
    if type(one) is not type(other) or isinstance(one, str | bool | int):
        return type(one) is type(other) and bool(one == other)
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def value_at(values: Any, place: Place) -> Any:
    """Return the value at a place, or NOTHING."""
    for key in place:
        if not isinstance(values, Mapping) or key not in values:
            return NOTHING
        values = values[key]
    return values


def keep(raw: Value, said: Mapping[Place, Any], keys: tuple[Place, SortedKeys] | None, note: Value) -> dict[str, Any]:
    """Return what to keep of the values of one entry; `said` is what the entry gives back for some of them."""
    values = dict(raw)
    differs = {}
    more: dict[str, Any] = {}
    for place, value in said.items():
        if same_at(raw, place, value):
            if len(place) == 1:
                del values[place[0]]
        elif keys is not None and place == keys[0]:
            more["keys"] = [list(pair) for pair in keys[1].pairs]
        else:
            differs[".".join(place)] = value
    if differs:
        more["said"] = differs
    return {**values, NOTE: {**note, **more}}


def same_at(raw: Value, place: Place, value: Any) -> bool:
    """Say whether this value is written at this place."""
    written = value_at(raw, place)
    return written is not NOTHING and same(written, value)


def note_of(kept: Any) -> dict[str, Any]:
    """Return where kept values come from, empty for values written by hand."""
    note = kept.get(NOTE) if isinstance(kept, Mapping) else None
    return note if isinstance(note, dict) else {}


def give_back(kept: Value, says: Mapping[Place, Any], keys: Place | None) -> dict[str, Any]:
    """Return an entry's values as they were written, with what the entry says by now."""
    note = note_of(kept)
    values = {key: copy.deepcopy(value) for key, value in kept.items() if key != NOTE}
    said = note["said"] if isinstance(note.get("said"), dict) else {}
    for place, value in says.items():
        name = ".".join(place)
        if place == keys and isinstance(note.get("keys"), list):
            if not _changed(note["keys"], value):
                continue
            value = _merged(note["keys"], value)
        elif name in said and same(said[name], value):
            continue
        inside = values
        for key in place[:-1]:
            if not isinstance(inside.get(key), dict):
                inside[key] = {}
            inside = inside[key]
        inside[place[-1]] = value
    return values


def _changed(pairs: Sequence[Any], now: Sequence[str]) -> bool:
    return {ours for _, ours in pairs if ours is not None} != set(now)


def _merged(pairs: Sequence[Any], now: Sequence[str]) -> list[str]:
    """Return the keys as they were written, without those that are gone, and those that are new after them."""
    known = {ours for _, ours in pairs}
    return [raw for raw, ours in pairs if ours is None or ours in now] + [key for key in now if key not in known]
