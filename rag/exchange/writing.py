"""A world as files of another program's format, with what that format has no place for said."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rag.exchange import cards, notes, novelai, sillytavern, tables
from rag.exchange.kept import note_of
from rag.lore.lorebook import Remark
from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.workspace import slug

Format = Literal["markdown", "sillytavern", "novelai", "card", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
ENDINGS = {"sillytavern": ".json", "novelai": ".lorebook", "card": ".json", "csv": ".csv", "markdown": ".zip"}
ELSEWHERE = "What these entries keep of {formats} is not in this file: export to that format or to Markdown, too"


@dataclass(frozen=True)
class Exported:
    """The files of an export, each with its name and text, and what to know about them."""

    name: str
    files: tuple[tuple[str, str], ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def one_file(self) -> bytes:
        """The export as one file: several notes are packed into one."""
        if len(self.files) == 1 and not self.name.endswith(".zip"):
            return self.files[0][1].encode()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.files:
                archive.writestr(name, text)
        return packed.getvalue()


def known_format(format: str) -> Format:
    """Return the format if it is one that can be written, else raise a `WorldError`."""
    for known in FORMATS:
        if format.casefold() == known:
            return known
    raise WorldError(f"The format {format!r} cannot be written: choose one of {', '.join(FORMATS)}.")


def export(world: str, entries: Sequence[Entry], format: Format, character: str = "") -> Exported:
    """Return a world's entries as files; `character` names the one whose card to write."""
    if not entries:
        raise WorldError(f"The world {world!r} has no entries: there is nothing to export yet.")
    name = slug(world) + ENDINGS[format]
    if format == "markdown":
        return Exported(name, tuple((f"{entry.id}.md", notes.write_note(entry)) for entry in entries))
    if format == "csv":
        return Exported(name, ((name, tables.write(entries)),))
    value, written = {
        "sillytavern": lambda: sillytavern.write(entries),
        "novelai": lambda: novelai.write(entries),
        "card": lambda: cards.write(entries, character),
    }[format]()
    remarks = (*written.remarks, *_kept_elsewhere(entries, format))
    return Exported(name, ((name, _json(value)),), remarks)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _kept_elsewhere(entries: Sequence[Entry], format: str) -> tuple[Remark, ...]:
    """Say which entries came from other programs, whose values this format has no place for."""
    programs = {"sillytavern": "SillyTavern", "novelai": "NovelAI", "card": "character cards"}
    others: dict[str, list[str]] = {}
    for entry in entries:
        for other in entry.foreign:
            if other != format and note_of(entry.foreign[other]):
                others.setdefault(programs.get(other, other), []).append(entry.name)
    return tuple(Remark(ELSEWHERE.format(formats=other), tuple(names)) for other, names in others.items())
