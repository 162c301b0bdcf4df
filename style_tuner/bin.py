"""What was taken away in a workspace: where it lay, how it comes back, and how its space is freed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from style_tuner.errors import StorageError
from style_tuner.workspace import Workspace, new_folder, read_json, storage_errors, time_stamp, write_json

ORIGIN = "origin.json"


@dataclass(frozen=True)
class Binned:
    """One thing in the bin: its folder there, its name, where it lay, when it was moved (seconds since 1970), bytes.

    `where` is the folder it lay in, as seen from the workspace.
    """

    id: str
    name: str
    lay: Path
    where: str
    moved: float
    bytes: int


def move_to_bin(workspace: Workspace, path: Path) -> Path:
    """Move a file or folder of the workspace to its bin and return where it lies now."""
    with storage_errors(workspace.bin):
        folder = new_folder(workspace.bin, f"{time_stamp()}-{path.name}")
        lay = path.resolve().relative_to(workspace.root.resolve())
        write_json(folder / ORIGIN, {"path": lay.as_posix(), "moved": time.time()})
        return Path(shutil.move(str(path), folder / path.name))


def contents(workspace: Workspace) -> list[Binned]:
    """Return what lies in the bin, the last thing first; what is half moved in or out is left out."""
    found = []
    for folder in sorted(workspace.bin.iterdir(), reverse=True) if workspace.bin.is_dir() else []:
        if (folder / ORIGIN).is_file():
            origin = read_json(folder / ORIGIN)
            lay = workspace.root / origin["path"]
            if (folder / lay.name).exists():
                where = str(PurePosixPath(origin["path"]).parent)
                found.append(Binned(folder.name, lay.name, lay, where, origin["moved"], size(folder / lay.name)))
    return found


def put_back(workspace: Workspace, identity: str) -> Path:
    """Move a thing of the bin back to where it lay and return that path; nothing that is there now is replaced."""
    one = _one(workspace, identity)
    if one.lay.exists():
        raise StorageError(
            f"{one.name} cannot go back to {one.lay}, because something of that name is there now: move that to the "
            "bin first, then put this back."
        )
    inside = one.lay.relative_to(workspace.root).parts[:2]
    if (
        len(inside) == 2
        and one.lay != workspace.root.joinpath(*inside)
        and not workspace.root.joinpath(*inside).exists()
    ):
        raise StorageError(f"{one.name} belongs to {inside[1]}, which is not there now: put {inside[1]} back first.")
    with storage_errors(one.lay):
        one.lay.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(str(workspace.bin / identity / one.name), one.lay)
        shutil.rmtree(workspace.bin / identity)
    return one.lay


def delete_for_good(workspace: Workspace, identities: Iterable[str]) -> int:
    """Delete things of the bin, which cannot be undone, and return the bytes that this frees."""
    freed = 0
    for one in [_one(workspace, identity) for identity in identities]:
        with storage_errors(workspace.bin):
            shutil.rmtree(workspace.bin / one.id)
        freed += one.bytes
    return freed


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; files that go away meanwhile count for nothing."""
    total = 0
    for file in (path, *path.rglob("*")) if path.is_dir() else (path,):
        try:
            total += file.lstat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _one(workspace: Workspace, identity: str) -> Binned:
    found = next((one for one in contents(workspace) if one.id == identity), None)
    if found is None:
        raise StorageError(
            f"The bin holds no {identity!r}: it was put back or deleted meanwhile. Choose from the list."
        )
    return found
