"""Notes written by hand: Markdown with front matter, one entry a file, and plain text with or without headings."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict
from typing import Any

import yaml

from rag.exchange.texts import BROKEN_EXPRESSION, broken
from rag.lore.lorebook import KEYS, Found, Notes, Remark, Skipped, entry_from
from style_tuner.errors import WorldError
from style_tuner.records import Entry

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"\A\s*#{1,6}[ \t]+(.{1,1000}?)[ \t#]{0,80}(?:\n|\Z)")
TITLES = re.compile(
    r"^(?:#{1,6}[ \t]+(?P<hashes>\S.{0,300}?)[ \t#]{0,80}|==+[ \t]*(?P<equals>[^=\s][^=\n]{0,300}?)[ \t]{0,80}==+|"
    r"(?P<underlined>\S[^\n]{0,99})\n(?:={3,}|-{3,})[ \t]*|(?<=\n\n)(?P<capitals>[^\W\d_a-z][^a-z\n]{1,59})(?=\n))$",
    re.MULTILINE,
)
"""Lines that begin an entry in plain text: `# Name`, `== Name ==`, underlined, or in capitals between blank lines."""
log = logging.getLogger(__name__)


def parse_note(text: str, fallback_name: str, source: str = "") -> Entry:
    """Return the entry that a note describes; the name comes from the front matter, the first heading or the file.

    Raises `WorldError` with the reason where the note cannot be read.
    """
    return read_note(text, fallback_name, source).entry


def read_note(text: str, fallback_name: str, source: str = "") -> Found:
    """Return the entry that a note describes, and which of its values the note speaks of: of all with front matter."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    matter = FRONT_MATTER.match(text)
    if matter is None and re.match(r"---[ \t]*\n", text):
        raise WorldError("its front matter has no closing `---` line")
    values = _front_matter(matter.group(1)) if matter else {}
    body = text[matter.end() :] if matter else text
    heading = HEADING.match(body)
    if heading and values.get("name") in (None, heading.group(1)):
        body = body[heading.end() :]
    values.setdefault("name", heading.group(1) if heading else fallback_name.replace("_", " ").replace("-", " "))
    values.pop("text", None)
    unused = sorted(set(values) - set(KEYS))
    if unused:
        log.info("%s: the keys %s are not used.", source or values["name"], ", ".join(unused))
    used = {key: values[key] for key in KEYS if key in values}
    told = KEYS if matter else ("name", "text")
    return Found(entry_from({**used, "text": body}), source, told, own_id=bool(used.get("id")))


def _front_matter(text: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        raise WorldError(f"its front matter is not YAML{where}: {getattr(error, 'problem', error)}") from None
    if not isinstance(values, dict):
        raise WorldError("its front matter must hold `key: value` lines")
    return values


def read_markdown(text: str, file: str, stem: str) -> Notes:
    """Read one Markdown note."""
    found = read_note(text, stem, file)
    faulty = any(map(broken, found.entry.keys))
    return Notes((found,), remarks=(Remark(BROKEN_EXPRESSION, (found.entry.name,)),) if faulty else ())


def read_plain(text: str, file: str, stem: str) -> Notes:
    """Read plain text: one entry, or one for each heading where there are several; what stands before is one, too."""
    text = "\n\n" + text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    titles = [title for title in TITLES.finditer(text) if (title["capitals"] or "A").isupper()]
    name = " ".join(stem.replace("_", " ").replace("-", " ").split())
    pieces: list[tuple[str, str]] = []
    if len(titles) < 2 and not (titles and not text[: titles[0].start()].strip()):
        pieces.append((name, text))
    else:
        if (before := text[: titles[0].start()]).strip():
            pieces.append((name, before))
        ends = [*(title.start() for title in titles[1:]), len(text)]
        for title, end in zip(titles, ends, strict=True):
            called = next(group for group in title.groups() if group)
            pieces.append((called.title() if title["capitals"] else called, text[title.end() : end]))
    found: list[Found] = []
    skipped: list[Skipped] = []
    for called, piece in pieces:
        try:
            entry = entry_from({"name": called, "text": piece})
            found.append(Found(entry, f"{file}, {called!r}", ("name", "text")))
        except WorldError as error:
            skipped.append(Skipped(f"{file}, {called!r}", str(error)))
    return Notes(tuple(found), tuple(skipped))


def write_note(entry: Entry) -> str:
    """Return a Markdown note of all that an entry holds, which reads back as the same entry."""
    empty = asdict(Entry(id="", name="", text=""))
    values = {key: value for key, value in asdict(entry).items() if key != "text" and value != empty[key]}
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    matter = yaml.dump(values, Dumper=dumper, allow_unicode=True, sort_keys=False, width=1_000_000)
    heading = HEADING.match(entry.text)
    title = f"# {entry.name}\n\n" if heading and heading.group(1) == entry.name else ""
    return f"---\n{matter}---\n{title}{entry.text}\n"
