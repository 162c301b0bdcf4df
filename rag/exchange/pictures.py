"""Text inside PNG pictures, where character cards and lorebooks travel; nothing is unpacked beyond a limit."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator

from style_tuner.errors import WorldError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_TEXT = 30_000_000
"""Bytes of text that are taken out of one picture."""
KEYWORDS = ("ccv3", "chara", "naidata")
"""What programs call the text, the newest form of it first."""


class NoCardError(WorldError):
    """A picture that holds no text of a known program."""


def text_in(data: bytes) -> bytes:
    """Return the JSON in a picture, the newest form where it holds several."""
    found = {keyword: text for keyword, text in _texts(data) if keyword in KEYWORDS}
    for keyword in KEYWORDS:
        if keyword in found:
            try:
                return base64.b64decode(found[keyword], validate=False)
            except binascii.Error:
                raise WorldError(f"the text {keyword!r} in the picture is damaged: save the card anew") from None
    raise NoCardError("it is a picture without a character card or lorebook in it")


def with_card(picture: bytes, json_text: bytes, version: str) -> bytes:
    """Return a PNG picture with a card in it, instead of the ones that it held."""
    if not picture.startswith(SIGNATURE):
        raise WorldError("The picture is no PNG: save it as PNG first.")
    keyword = {"chara_card_v3": "ccv3"}.get(version, "chara")
    text = keyword.encode() + b"\0" + base64.b64encode(json_text)
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    parts = [SIGNATURE]
    for kind, body, whole in _chunks(picture):
        if kind == b"IEND":
            parts += [chunk, whole]
            return b"".join(parts)
        if not (kind == b"tEXt" and body.partition(b"\0")[0] in (b"ccv3", b"chara")):
            parts.append(whole)
    raise WorldError("The picture is cut off: fetch it anew.")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Give each part of a picture: its kind, what is in it, and the whole of it."""
    at = len(SIGNATURE)
    while at < len(data):
        if at + 12 > len(data):
            raise WorldError("the picture is cut off: fetch it anew")
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 12 + length
        if end > len(data):
            raise WorldError("the picture is cut off: fetch it anew")
        yield data[at + 4 : at + 8], data[at + 8 : end - 4], data[at:end]
        if data[at + 4 : at + 8] == b"IEND":
            return
        at = end


def _texts(data: bytes) -> Iterator[tuple[str, bytes]]:
    for kind, body, _ in _chunks(data):
        keyword, _, rest = body.partition(b"\0")
        if kind == b"tEXt":
            text = rest
        elif kind == b"zTXt":
            text = _unpacked(rest[1:])
        elif kind == b"iTXt" and len(rest) >= 2:
            packed, after = rest[0] == 1, rest[2:].split(b"\0", 2)
            text = (_unpacked(after[2]) if packed else after[2]) if len(after) == 3 else b""
        else:
            continue
        if len(text) > LARGEST_TEXT:
            raise WorldError(_too_large())
        yield keyword.decode("latin-1"), text


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(data, LARGEST_TEXT)
    except zlib.error:
        raise WorldError("the text in the picture is damaged: save the card anew") from None
    if unpacking.unconsumed_tail:
        raise WorldError(_too_large())
    return text


def _too_large() -> str:
    return f"the text in the picture is larger than {LARGEST_TEXT // 1_000_000} MB: no card is that large"
