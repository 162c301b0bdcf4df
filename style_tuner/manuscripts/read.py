"""Read an uploaded file into a manuscript: chapters with their titles, and notes on everything that was changed."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts.blocks import (
    Block,
    assemble,
    find_headings,
    split_title,
    tidy,
    without_first,
    words_of,
)
from style_tuner.manuscripts.cuts import Cut
from style_tuner.manuscripts.pandoc import MARKDOWN, convert
from style_tuner.manuscripts.plain import decode, plain_blocks
from style_tuner.manuscripts.words_in import read_inside, with_places
from style_tuner.records import Chapter, Manuscript
from style_tuner.workspace import slug

SUFFIXES = (".txt", ".md", ".docx", ".odt", ".epub")
LARGEST_FILE = 50 * 1024 * 1024
"""Largest file that is read, in bytes; the page's upload limit says the same."""

_FRONT_MATTER = re.compile(r"\A---\n((?:[A-Za-z][\w -]*:.*\n|[ \t]+.*\n|- .*\n)+?)(?:---|\.\.\.)\n")
_GARBLED = re.compile("â€[™œ\u009d\u009c\u0099“”˜¦]|Ã[©¨¶¤¼]|\ufffd")


@dataclass
class _Source:
    """A file taken apart: its blocks, its title if it says one, the words that were in it, and notes."""

    blocks: list[Block]
    title: str
    words_in: Counter[str]
    left_out_words: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def read_manuscript(path: Path, title: str | None = None) -> Manuscript:
    """Read a `.txt`, `.md`, `.docx`, `.odt` or `.epub` file.

    `notes` of the result say which encoding was found, what was left out (footnotes, images, comments), and any
    difference between the words in the file and those in the chapters. Raises `ManuscriptError`, with the remedy, for
    a file that is missing, empty, too large, of another kind, or without words.
    """
    return parse_manuscript(read_bytes(path), path, title)


def read_bytes(path: Path, named: Path | None = None) -> bytes:
    """Return the bytes of a file that may be a manuscript; raises `ManuscriptError` where it cannot be one.

    `named` is what the user calls the file, where `path` is a temporary copy.
    """
    named = named or path
    if named.suffix.lower() not in SUFFIXES:
        ending = f"ends in {named.suffix!r}" if named.suffix else "has no ending"
        raise ManuscriptError(f"{named.name} {ending}: save the manuscript as {', '.join(SUFFIXES[:-1])} or .epub.")
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ManuscriptError(
                f"{named.name} has {size / 2**20:,.0f} MB, more than the {LARGEST_FILE // 2**20} MB that are read: "
                "save it without pictures, or in parts."
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise ManuscriptError(f"{path} does not exist: check the name of the file.") from None
    except (PermissionError, IsADirectoryError) as error:
        raise ManuscriptError(f"{path} cannot be read ({error.strerror}): name a file that you may read.") from None
    if not data.strip():
        raise ManuscriptError(f"{named.name} is empty ({size} bytes): save the manuscript again and add that file.")
    return data


def parse_manuscript(data: bytes, path: Path, title: str | None = None) -> Manuscript:
    """Make a manuscript of a file's bytes; `path` gives its name and kind and is not read."""
    suffix = path.suffix.lower()
    if suffix == ".txt":
        source = _read_text(data, path)
    elif suffix == ".md":
        source = _read_markdown(data, path)
    else:
        source = _read_document(data, path, suffix)
    blocks = find_headings(source.blocks)
    own_title = source.title
    if not own_title:
        own_title, blocks = split_title(blocks)
    elif blocks and blocks[0].text.casefold() == own_title.casefold():
        blocks = without_first(blocks, Cut(blocks[0].text, "repeated title"))
    chapters, removed = assemble(blocks)
    if not any(re.search(r"\w", chapter.text) for chapter in chapters):
        raise ManuscriptError(f"{path.name} holds no words: check that the right file was saved, and add it again.")
    notes = [*source.notes, *_difference(source, own_title, chapters)]
    name = title or own_title or path.stem.replace("_", " ").strip()
    if title and own_title and title != own_title:
        notes.append(f"The file gives its title as “{own_title}”.")
    return Manuscript(slug(path.stem), name, chapters, source_name=path.name, notes=tuple(notes), removed=removed)


def _read_text(data: bytes, path: Path) -> _Source:
    text, encoding = decode(data, path.name)
    return _Source(plain_blocks(text), "", words_of(text), notes=[f"Encoding: {encoding}.", *_garbled(text)])


def _read_markdown(data: bytes, path: Path) -> _Source:
    text, encoding = decode(data, path.name)
    text = tidy(text)
    words_in = words_of(html.unescape(re.sub(r"\[\^[^\]]*\]", " ", text)))
    notes = [f"Encoding: {encoding}.", *_garbled(text)]
    front = _FRONT_MATTER.match(text)
    title, left_out = "", Counter[str]()
    if front:
        text = text[front.end() :]
        found = re.search(r"^title:\s*(.+)$", front[1], re.MULTILINE)
        title = found[1].strip().strip("\"'") if found else ""
        left_out = words_of(front[1])
        notes.append("The front matter (the lines between --- at the top) is left out of the text.")
    converted = convert(path, text, MARKDOWN)
    if front and converted.blocks:
        first, cut = converted.blocks[0], Cut(front[1].strip(), "front matter")
        converted.blocks[0] = replace(first, cuts=(cut, *first.cuts))
    left_out += words_of("\n".join(converted.left_out_text))
    return _Source(converted.blocks, title, words_in, left_out, notes + _left_out_notes(converted.left_out))


def _read_document(data: bytes, path: Path, suffix: str) -> _Source:
    inside = read_inside(data, path.name, suffix)
    converted = convert(path, with_places(data) if inside.placed else data, suffix[1:], inside.placed)
    notes = _left_out_notes(converted.left_out)
    notes += [f"{what.capitalize()}: {number:,}." for what, number in inside.hidden.items() if number]
    left_out = words_of("\n".join(converted.left_out_text))
    return _Source(converted.blocks, converted.title, words_of(inside.text), left_out, notes)


def _left_out_notes(left_out: Counter[str]) -> list[str]:
    return [
        f"{what[0].upper()}{what[1:]} left out of the text: {number:,}; the uploaded file keeps them."
        for what, number in left_out.items()
    ]


def only_counts_removed(note: str) -> bool:
    """Say whether a note only counts what `Manuscript.removed` holds piece by piece."""
    return "left out" in note or note.startswith("Tracked deletions")


def _garbled(text: str) -> list[str]:
    """Tell of characters that an earlier program damaged, with a place to look at."""
    found = list(_GARBLED.finditer(text))
    if not found:
        return []
    place = " ".join(text[max(0, found[0].start() - 20) : found[0].end() + 20].split())
    return [f"{len(found):,} damaged characters, the first in “{place}”: save the file again from its source as UTF-8."]


def _difference(source: _Source, title: str, chapters: Sequence[Chapter]) -> list[str]:
    """Compare the words in with the words out, and tell what differs."""
    out = words_of("\n".join([title, *(part for chapter in chapters for part in (chapter.title, chapter.text))]))
    missing = source.words_in - (out + source.left_out_words)
    added = out - source.words_in
    notes = []
    if missing:
        few = ", ".join(f"“{word}”" for word in list(missing)[:8])
        notes.append(
            f"Words of the file that are not in the text: {missing.total():,}, among them {few}. Compare them."
        )
    if added and not source.title:
        few = ", ".join(f"“{word}”" for word in list(added)[:8])
        notes.append(f"Words of the text that are not in the file as such: {added.total():,}, among them {few}.")
    return notes
