"""Plain text: find its encoding, undo hard wrapping, and cut it into blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts.blocks import Block, paragraph_or_break, tidy
from style_tuner.manuscripts.lines import LEAST_WIDTH, line_ends_meant

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "a zipped file such as .docx, .odt or .epub"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Word document (.doc)"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
)
_WESTERN = ["cp1252", "mac_roman", "latin_1", "utf_16_le", "utf_16_be"]
_NAMES = {"utf_8": "UTF-8", "cp1252": "Windows-1252", "latin_1": "Latin-1", "mac_roman": "Mac Roman"}
_LONGEST_WRAPPED_LINE = 110
_WRAP_SLACK = 12


def decode(data: bytes, name: str) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding; raises `ManuscriptError` where it is not text."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding.upper().replace("-SIG", " with byte order mark")
            except UnicodeDecodeError as error:
                raise ManuscriptError(
                    f"{name} begins as {encoding} text but breaks it at byte {error.start}: open it in your editor "
                    "and save it again as UTF-8."
                ) from None
    for signature, what in _SIGNATURES:
        if data.startswith(signature) and (signature != b"MZ" or b"\x00" in data[:256]):
            raise ManuscriptError(
                f"{name} is {what}, not plain text: give it its own ending again, or save it as .docx or .txt."
            )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guess(data, name)
    if "\x00" in text:
        return _guess(data, name)
    return _without_control_characters(text, name), "UTF-8"


def _guess(data: bytes, name: str) -> tuple[str, str]:
    """Ask charset-normalizer; Western encodings first, which it cannot tell from their rarer cousins."""
    from charset_normalizer import from_bytes

    western = [encoding for encoding in _WESTERN if b"\x00" in data or not encoding.startswith("utf")]
    best = from_bytes(data, cp_isolation=western).best()
    if best is None or best.chaos > 0.1:
        best = from_bytes(data).best()
    if best is None or best.chaos > 0.2:
        raise ManuscriptError(
            f"{name} is not readable text in any known encoding: open it in the program it was written with and save "
            "it as UTF-8 text or .docx."
        )
    text = _without_control_characters(str(best), name)
    return text, _NAMES.get(best.encoding, best.encoding.replace("_", "-").upper())


def _without_control_characters(text: str, name: str) -> str:
    strange = len(re.findall(r"[\x00-\x08\x0e-\x1b\x7f]", text))
    if strange > 10 and strange > len(text) / 100:
        raise ManuscriptError(
            f"{name} is a binary file, not text: {strange:,} of its {len(text):,} characters are control characters. "
            "Save the manuscript as .txt, .docx, .odt or .epub."
        )
    return text


def plain_blocks(text: str) -> list[Block]:
    """Cut plain text into paragraphs and scene breaks; headings are found later."""
    lines = tidy(text).split("\n")
    filled = [line.rstrip() for line in lines if line.strip()]
    width = _wrap_width(filled)
    found: list[Block] = []
    group: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            group.append(line.rstrip())
            continue
        paragraphs = group if width is None else _unwrap(group, width)
        found.extend(filter(None, map(paragraph_or_break, paragraphs)))
        group = []
    return found


def _wrap_width(lines: Sequence[str]) -> int | None:
    """Return the column at which lines were wrapped by hand, or None where each line is a whole paragraph."""
    if not lines:
        return None
    lengths = sorted(len(line) for line in lines)
    width = lengths[int(len(lengths) * 0.98)]
    if width > _LONGEST_WRAPPED_LINE:
        return None
    return width


def _unwrap(lines: Sequence[str], width: int) -> list[str]:
    """Join the wrapped lines of one group; a deliberate break (the next word had room) is kept.

    After the end of a sentence it ends the paragraph, elsewhere it is a line of verse. A line that is indented further
    than others of its group begins a paragraph. A group that is verse or a list keeps all its lines.
    """
    if line_ends_meant(lines):
        return ["\n".join(lines)]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    paragraphs: list[str] = []
    previous = ""
    for line in lines:
        indented = len(line) - len(line.lstrip()) - margin >= 2
        text = line.strip()
        if not paragraphs or indented:
            paragraphs.append(text)
        elif width >= LEAST_WIDTH and len(previous) + 1 + len(text.split()[0]) > width - _WRAP_SLACK:
            paragraphs[-1] += f" {text}"
        elif re.search(r"[.!?…:][\"'”’)\]*_]*$", previous.rstrip()) or paragraph_or_break(text) == Block("break"):
            paragraphs.append(text)
        else:
            paragraphs[-1] += f"\n{text}"
        previous = line
    return paragraphs
