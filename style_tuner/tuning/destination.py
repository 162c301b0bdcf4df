"""The place that something large is written to: looked at before anything long begins, and left open to others."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from style_tuner.errors import StorageError


def check_destination(output: Path, size: int = 0) -> None:
    """Raise a `StorageError` where the new file or folder `output` of so many bytes could not be written."""
    if output.exists() or output.is_symlink():
        raise StorageError(f"{output} exists and is not overwritten: name another place, or move it away.")
    check_room(output.absolute().parent, size)


def check_room(folder: Path, size: int) -> None:
    """Raise a `StorageError` where no files of so many bytes could be written to a folder, which need not be there."""
    there = next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())
    if not there.is_dir():
        raise StorageError(f"{folder} cannot be written, because {there} is a file: name another place.")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise StorageError(
            f"{there} cannot be written ({error.strerror}): give this user the right to write there, or name another "
            "place."
        ) from error
    if free < size:
        raise StorageError(
            f"About {size / 1e9:.3f} GB are to be written to {folder}, and its disk has {free / 1e9:.3f} GB free: free "
            "some space, or name another place."
        )


def unfinished(output: Path) -> Path:
    """Return the folder that a merge writes to until it is done, and finds again where it was interrupted."""
    return output.with_name(f".{output.name}-merging")


def let_others_read(folder: Path) -> None:
    """Give a new folder and its files the modes of the user's umask: some were made for this user alone."""
    mask = os.umask(0o077)  # can only be read by setting it; the stricter one, since others may write meanwhile
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
