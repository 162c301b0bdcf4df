"""Files packed into one: a zipped folder of notes or lorebooks, and the CHARX form of a character card."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from style_tuner.errors import WorldError

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
"""A file with something in it, and an empty one."""
LARGEST_UNPACKED = 200_000_000
"""Bytes that are unpacked of one file, however small it is packed."""
MOST_FILES = 100_000
CARD = "card.json"
"""Where a CHARX file has its card; what else is in it are pictures and sounds."""


def unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Give each file that is packed, with its name; hidden ones and folders are passed over."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not _hidden(member)]
            names = {member.filename for member in members}
            if "[Content_Types].xml" in names or "mimetype" in names:
                raise WorldError("it is a document, not a folder of notes: save it as Markdown or plain text")
            if CARD in names:
                members = [member for member in members if member.filename == CARD]
            if len(members) > MOST_FILES:
                raise WorldError(f"it holds {len(members):,} files, more than {MOST_FILES:,}: bring them in in parts")
            left = LARGEST_UNPACKED
            for member in members:
                with archive.open(member) as stream:
                    content = stream.read(left + 1)  # what the file says of its size need not be true
                left -= len(content)
                if left < 0:
                    raise WorldError(f"what is packed in it is larger than {LARGEST_UNPACKED // 1_000_000} MB")
                yield member.filename, content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WorldError(f"it cannot be unpacked ({error}): pack it anew, without a password") from None


def leads_outside(name: str) -> bool:
    """Say whether the path of a packed file leads out of the folder that was packed."""
    return ".." in PurePosixPath(name.replace("\\", "/")).parts


def _hidden(member: zipfile.ZipInfo) -> bool:
    if leads_outside(member.filename):
        return False
    parts = PurePosixPath(member.filename).parts
    return member.is_dir() or any(part.startswith((".", "__MACOSX")) for part in parts)
