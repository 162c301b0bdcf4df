"""Read lore from files of any known format, told by what is in them; what cannot be read is named and left out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.exchange import archives, books, cards, notes, novelai, pictures, sillytavern, tables
from rag.lore.lorebook import Notes, Remark, Skipped, joined
from style_tuner.errors import ManuscriptError, WorldError
from style_tuner.manuscripts.plain import decode

LARGEST_FILE = 200_000_000
"""Bytes; room for a lorebook of 50,000 long entries."""
LARGEST_NOTE = 2_000_000
"""Bytes; a larger note is a manuscript rather than a note about one thing."""
MARKDOWN = (".md", ".markdown", ".mdown")
PLAIN = (".txt", ".text")
TABLES = (".csv", ".tsv", ".tab")
JSON = (".json", ".lorebook", ".scenario", ".story")
PICTURES = (".png", ".apng")
PACKED = (".zip", ".charx")
READ = (*MARKDOWN, *PLAIN, *TABLES, *JSON, *PICTURES, *PACKED)
KNOWN_FORMATS = (
    "a lorebook of SillyTavern or NovelAI, a character card, a table (CSV) with the columns `name` and `text`, "
    "Markdown notes or plain text"
)
NAMES = ("comment", "displayName", "name")
KEYS = ("key", "keys")
"""Under which the programs write the name of an entry."""
LONGEST_NUMBER = 300
"""Digits of a whole number; no lorebook counts so far."""
NOT_A_NUMBER = "A value that is no number (NaN, Infinity or one with no end of digits) is read as missing"
NOT_LORE = "Not read, for it holds no lore of a known format"


def read_lore(path: Path) -> Notes:
    """Read one file, or every file of a known format in a folder and in the folders below it."""
    if not path.exists():
        raise WorldError(f"There is no file or folder {path}: name {KNOWN_FORMATS}, or a folder of such files.")
    if path.is_file():
        return _read_path(path, path.name)
    inside = [(file, file.relative_to(path)) for file in sorted(path.rglob("*")) if file.is_file()]
    files = [(file, name) for file, name in inside if not any(part.startswith(".") for part in name.parts)]
    read = joined([_read_path(file, str(name), in_folder=True) for file, name in files])
    if not read.found and not read.skipped:
        raise WorldError(f"The folder {path} holds no lore: put {KNOWN_FORMATS} there.")
    return read


def _read_path(path: Path, name: str, in_folder: bool = False) -> Notes:
    if in_folder and path.suffix.lower() not in READ:
        return Notes(remarks=(Remark(NOT_LORE, (name,)),))
    try:
        if path.stat().st_size > LARGEST_FILE:
            return Notes(skipped=(Skipped(name, _too_large(LARGEST_FILE)),))
        data = path.read_bytes()
    except OSError as error:
        return Notes(skipped=(Skipped(name, f"it cannot be read: {error.strerror}"),))
    return read_data(name, data, in_folder)


def read_data(name: str, data: bytes, in_folder: bool = False, unpacked: bool = False) -> Notes:
    """Read the bytes of one file, or of all that are packed in it.

    In a folder, a picture without a card is no fault. What was unpacked is not unpacked again.
    """
    try:
        if data.startswith(archives.SIGNATURES) and not unpacked:
            return _packed(name, data)
        label, read = _read(name, data)
    except pictures.NoCardError as error:
        return Notes(remarks=(Remark(NOT_LORE, (name,)),)) if in_folder else _left_out(name, str(error))
    except (WorldError, ManuscriptError) as error:
        return _left_out(name, str(error))
    if not (read.found or read.skipped or read.remarks):
        return _left_out(name, "it holds no entries")
    return Notes(read.found, read.skipped, read.remarks, {name: label})


def _packed(name: str, data: bytes) -> Notes:
    if len(data) > LARGEST_FILE:
        raise WorldError(_too_large(LARGEST_FILE))
    parts: list[Notes] = []
    for inside, content in archives.unpacked(data):
        if archives.leads_outside(inside):
            parts.append(_left_out(inside, "its path leads out of the packed folder: pack it anew"))
        elif Path(inside).suffix.lower() in READ:
            called = name if inside == archives.CARD else inside
            parts.append(read_data(called, content, in_folder=True, unpacked=True))
        else:
            parts.append(Notes(remarks=(Remark(NOT_LORE, (inside,)),)))
    read = joined(parts)
    return read if read.found or read.skipped or read.remarks else _left_out(name, "it holds no files")


def _left_out(name: str, reason: str) -> Notes:
    return Notes(skipped=(Skipped(name, reason),))


def _read(name: str, data: bytes) -> tuple[str, Notes]:
    """Return the format of a file and what is in it."""
    if len(data) > LARGEST_FILE:
        raise WorldError(_too_large(LARGEST_FILE))
    ending, stem = Path(name).suffix.lower(), Path(name).stem
    if data.startswith(pictures.SIGNATURE):
        label, read = _json(parsed(decode(pictures.text_in(data), "the card in the picture")[0]), name)
        return f"{label} in a picture", read
    text, encoding = decode(data, Path(name).name)
    value = _as_json(text, ending)
    if value is not None:
        return _json(value, name)
    if ending in JSON:
        raise WorldError(f"it is none of the formats that are known: {KNOWN_FORMATS}")
    is_note = ending in MARKDOWN or text.startswith("---\n") or text.startswith("---\r\n")
    if not is_note and (ending in TABLES or tables.delimiter_of(text)):
        label, read = "table", tables.read(text, name)
    else:
        if len(data) > LARGEST_NOTE:
            raise WorldError(_too_large(LARGEST_NOTE) + ": split it into notes about one thing each")
        if "\0" in text:
            raise WorldError("it is not text")
        if is_note:
            label, read = "Markdown", notes.read_markdown(text, name, stem)
        else:
            label, read = "plain text", notes.read_plain(text, name, stem)
    if not encoding.startswith(("UTF", "ASCII")):
        seen = Remark(f"Read as {encoding}: see whether letters with accents are right", (name,))
        read = joined([read, Notes(remarks=(seen,))])
    return label, read


def _json(value: Any, name: str) -> tuple[str, Notes]:
    without = _take_out_nan(value)
    label, read = _known_json(value, name)
    return label, joined([read, Notes(remarks=(Remark(NOT_A_NUMBER, without),))]) if without else read


def _take_out_nan(value: Any) -> tuple[str, ...]:
    """Put nothing in the place of each NaN, and return the names of the entries that had one."""
    named: list[str] = []
    left: list[tuple[Any, str]] = [([value], "the file itself")]
    while left:
        inside, name = left.pop()
        if isinstance(inside, dict):
            name = _called(inside) or name
        for key, one in list(inside.items() if isinstance(inside, dict) else enumerate(inside)):
            if isinstance(one, dict | list):
                left.append((one, name))
            elif one != one:  # only NaN is another than itself
                inside[key] = None
                named.append(name)
    return tuple(dict.fromkeys(named))


def _called(row: Mapping[str, Any]) -> str:
    """Return what an entry of a lorebook would be called: by its name, else by the first of its keys."""
    named = next((row[key] for key in NAMES if isinstance(row.get(key), str) and row[key].strip()), "")
    keys: list[Any] = next((row[key] for key in KEYS if isinstance(row.get(key), list)), [])
    return named or books.first_plain([key for key in keys if isinstance(key, str)])


def _known_json(value: Any, name: str) -> tuple[str, Notes]:
    if isinstance(value, Mapping) and (cards.is_one(value) and not novelai.is_one(value)):
        return cards.label(value), cards.read(value, name)
    if novelai.is_one(value):
        return novelai.LABEL, novelai.read(value, name)
    if sillytavern.is_one(value):
        return sillytavern.LABEL, sillytavern.read(value, name)
    raise WorldError(f"its JSON is none of the formats that are known: {KNOWN_FORMATS}")


def _as_json(text: str, ending: str) -> Any | None:
    """Return the value of a file that is JSON, None for one that is not; raises where it is meant to be and broken."""
    begins = text.lstrip()[:1]
    if ending not in JSON and begins not in ("{", "["):
        return None
    try:
        return parsed(text)
    except WorldError:
        if ending not in JSON and not text.lstrip().startswith(('{"', "{\n", "{\r", "[{")):
            return None
        raise


def parsed(text: str) -> Any:
    """Return the value of JSON text, or raise a `WorldError` that says where it breaks off."""
    try:
        value = json.loads(text.lstrip("\ufeff"), parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
        if "\\ud" in text or "\\uD" in text:  # half of a character that takes two cannot be kept in any file
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
        return value
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}: {error.msg}" if text.rstrip()[-1:] in ("}", "]") else "it breaks off"
        raise WorldError(f"its JSON is damaged ({where}): export or download it anew") from None
    except RecursionError:
        raise WorldError("its JSON lies too deep in itself: no lorebook is like that") from None


def _no_number(word: str) -> float:
    return math.nan


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else math.nan


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else math.nan


def _too_large(limit: int) -> str:
    return f"it is larger than {limit // 1_000_000} MB"


def read_all(paths: Sequence[Path]) -> Notes:
    """Read several files and folders."""
    return joined([read_lore(path) for path in paths])
