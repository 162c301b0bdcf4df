"""What a command read from files, on its way to the World service: packed, for lorebooks repeat themselves."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from rag.lore.lorebook import KEYS, Found, Notes, Remark, Skipped, entry_from
from style_tuner.errors import WorldError

LARGEST_UNPACKED = 1_000_000_000
"""Bytes; 50,000 entries of a lorebook have a tenth of it."""


def packed(read: Notes) -> str:
    """Return what was read as one line of text, a small part of its size."""
    values = {
        "found": [{**vars(one), "entry": vars(one.entry)} for one in read.found],
        "skipped": [vars(one) for one in read.skipped],
        "remarks": [vars(one) for one in read.remarks],
        "formats": dict(read.formats),
    }
    return base64.b64encode(zlib.compress(json.dumps(values).encode(), 1)).decode()


def unpacked(text: str) -> Notes:
    """Return what was read, each entry checked as any other that comes over HTTP."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(base64.b64decode(text, validate=True), LARGEST_UNPACKED)
        values = json.loads(data) if unpacking.eof else None
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise WorldError("What was sent is not what the command `import` packs: send files to the import itself.")
    found: list[Found] = []
    skipped = [Skipped(str(one["name"]), str(one["reason"])) for one in _rows(values, "skipped")]
    for number, row in enumerate(_rows(values, "found"), 1):
        source = str(row.get("source") or f"entry {number}")
        try:
            entry = entry_from(row["entry"] if isinstance(row.get("entry"), dict) else {})
        except WorldError as error:
            skipped.append(Skipped(source, str(error)))
            continue
        told = tuple(key for key in row.get("told", KEYS) if key in KEYS)
        found.append(Found(entry, source, told, row.get("own_id") is True, row.get("labelled") is True))
    remarks = tuple(Remark(str(one["text"]), tuple(map(str, one["names"]))) for one in _rows(values, "remarks"))
    formats = {str(name): str(label) for name, label in dict(values.get("formats", {})).items()}
    return Notes(tuple(found), tuple(skipped), remarks, formats)


def _rows(values: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = values.get(key, [])
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
