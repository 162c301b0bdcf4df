"""Read a document's words straight from its zipped XML, to hold what pandoc made of it against."""

from __future__ import annotations

import itertools
import posixpath
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from urllib.parse import unquote
from xml.etree import ElementTree

from style_tuner.errors import ManuscriptError

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_ODT_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_ODT_PLACES = re.compile(
    r"<text:change\s[^>]*?(?:/>|>\s*</text:change>)|<office:annotation(?:\s[^>]*)?(?<!/)>.*?</office:annotation>",
    re.DOTALL,
)
LARGEST_UNPACKED = 500_000_000
"""Bytes of all files in a document together; more is a mistake or an attack."""


@dataclass
class Inside:
    """The words in a document's own XML, notes included, and what a reader of its text would not see."""

    text: str = ""
    hidden: Counter[str] = field(default_factory=Counter)
    placed: list[tuple[str, str]] = field(default_factory=list)
    """Of an .odt: what stood at each mark that `with_places` sets, with the reason why it is no text."""


def read_inside(data: bytes, name: str, suffix: str) -> Inside:
    """Return the words of a `.docx`, `.odt` or `.epub`; raises `ManuscriptError` where it is none or far too big."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > LARGEST_UNPACKED:
                raise ManuscriptError(
                    f"{name} unpacks to {size / 1e6:,.0f} MB, more than the {LARGEST_UNPACKED / 1e6:,.0f} MB that "
                    "are read: save it without pictures, or in parts."
                )
            return {".docx": _docx, ".odt": _odt, ".epub": _epub}[suffix](archive)
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, RuntimeError, NotImplementedError) as error:
        raise ManuscriptError(
            f"{name} is not a readable {suffix} file ({error}): it may be damaged, protected by a password or of "
            f"another kind. Open it in the program it was written with and save it again as {suffix}, or as .txt."
        ) from error


def _docx(archive: zipfile.ZipFile) -> Inside:
    names = set(archive.namelist())
    inside = Inside()
    body = ElementTree.fromstring(archive.read("word/document.xml"))
    parts = [body]
    for note in ("word/footnotes.xml", "word/endnotes.xml"):
        if note in names:
            parts.append(ElementTree.fromstring(archive.read(note)))
    for element in body.iter():
        if element.tag in (f"{_WORD}ins", f"{_WORD}moveTo"):
            inside.hidden["tracked insertions accepted"] += 1
        elif element.tag in (f"{_WORD}del", f"{_WORD}moveFrom"):
            inside.hidden["tracked deletions accepted"] += 1
    if "word/comments.xml" in names:
        comments = ElementTree.fromstring(archive.read("word/comments.xml"))
        inside.hidden["comments left out"] += len(comments.findall(f"{_WORD}comment"))
    inside.text = "\n".join(_docx_text(part) for part in parts)
    return inside


def _docx_text(element: ElementTree.Element) -> str:
    if element.tag in (f"{_WORD}del", f"{_WORD}moveFrom", f"{_WORD}instrText"):
        return ""
    if element.tag == f"{_WORD}t":
        return element.text or ""
    if element.tag in (f"{_WORD}tab", f"{_WORD}br", f"{_WORD}cr"):
        return " "
    if element.tag == f"{_WORD}noBreakHyphen":
        return "-"
    if element.tag.endswith("}AlternateContent"):  # the same text box twice, for new and for old readers
        return "".join(_docx_text(child) for child in list(element)[:1])
    text = "".join(_docx_text(child) for child in element)
    return f"{text}\n" if element.tag == f"{_WORD}p" else text


def _odt(archive: zipfile.ZipFile) -> Inside:
    body = ElementTree.fromstring(archive.read("content.xml"))
    inside = Inside()
    inside.hidden["tracked deletions accepted"] += len(list(body.iter(f"{_ODT_TEXT}deletion")))
    inside.hidden["tracked insertions accepted"] += len(list(body.iter(f"{_ODT_TEXT}insertion")))
    inside.hidden["comments left out"] += sum(element.tag.endswith("}annotation") for element in body.iter())
    inside.text = _odt_text(body)
    deleted = {
        region.get(f"{_ODT_TEXT}id", ""): _odt_text(piece)
        for region in body.iter(f"{_ODT_TEXT}changed-region")
        for piece in region.iter(f"{_ODT_TEXT}deletion")
    }
    for element in body.iter():  # in the order in which `with_places` meets them
        if element.tag == f"{_ODT_TEXT}change":
            inside.placed.append(("tracked deletion", deleted.get(element.get(f"{_ODT_TEXT}change-id", ""), "")))
        elif element.tag.endswith("}annotation"):
            inside.placed.append(("comment", "\n".join(_odt_text(part) for part in element.iter(f"{_ODT_TEXT}p"))))
    return inside


def with_places(data: bytes) -> bytes:
    """Return an .odt with a mark in place of each deletion and comment, which pandoc would pass over in silence."""
    count = itertools.count()
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as archive, zipfile.ZipFile(written, "w") as marked:
        for entry in archive.infolist():
            part = archive.read(entry)
            if entry.filename == "content.xml":
                text = _ODT_PLACES.sub(lambda _: f"\ue000{next(count)}\ue001", part.decode("utf-8"))
                part = text.encode("utf-8")
            marked.writestr(entry, part)
    return written.getvalue()


def _odt_text(element: ElementTree.Element) -> str:
    if element.tag == f"{_ODT_TEXT}tracked-changes" or element.tag.endswith("}annotation"):
        text = ""
    elif element.tag in (f"{_ODT_TEXT}s", f"{_ODT_TEXT}tab", f"{_ODT_TEXT}line-break"):
        text = " "
    elif element.tag == f"{_ODT_TEXT}note-citation":
        text = ""
    else:
        text = (element.text or "") + "".join(_odt_text(child) + (child.tail or "") for child in element)
    return f"{text}\n" if element.tag in (f"{_ODT_TEXT}p", f"{_ODT_TEXT}h") else text


def _epub(archive: zipfile.ZipFile) -> Inside:
    container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
    package_path = next(item.attrib["full-path"] for item in container.iter() if item.tag.endswith("}rootfile"))
    package = ElementTree.fromstring(archive.read(package_path))
    items = {item.attrib["id"]: item.attrib for item in package.iter() if item.tag.endswith("}item")}
    spine = [items[item.attrib["idref"]] for item in package.iter() if item.tag.endswith("}itemref")]
    inside, texts = Inside(), []
    for item in spine:
        if "nav" in item.get("properties", "").split():
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(package_path), unquote(item["href"])))
        parser = _Text()
        parser.feed(archive.read(path).decode("utf-8", errors="replace"))
        texts.append("".join(parser.found))
    inside.text = "\n".join(texts)
    return inside


class _Text(HTMLParser):
    """Collects the words of an XHTML page; tags between words part them, tags inside a word do not."""

    _INLINE = frozenset(re.findall(r"\w+", "a abbr b bdo big cite code em font i q s small span strong sub sup tt u"))
    _SKIPPED = frozenset(("head", "script", "style"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._skipping = 0
        self._in_note_mark = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipping += tag in self._SKIPPED
        self._in_note_mark = self._in_note_mark or (
            tag == "a" and any("noteref" in (value or "") for _, value in attrs)
        )
        if tag not in self._INLINE:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._skipping -= tag in self._SKIPPED
        self._in_note_mark = self._in_note_mark and tag != "a"
        if tag not in self._INLINE:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipping and not self._in_note_mark:
            self.found.append(re.sub(r"\s+", " ", data))
