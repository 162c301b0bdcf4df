"""A zip with a voice, which is read back before it is called done."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from style_tuner.errors import StorageError
from style_tuner.tuning.checkpoints import disk_errors
from style_tuner.tuning.heads import head_of, lone_parts

README = "README.md"
INSTRUCTIONS = "## Serve it"
"""Heading of the README's part that says how to use the zip; what it names must be there."""
READABLE = 0o100644
"""Mode of a file that others may read, which a zip brings along."""
PARTS_HOLD = {
    "adapter": ("adapter_config.json", "adapter_model.safetensors"),
    "merged": ("config.json", "tokenizer.json"),
}
"""Folders of a voice, and the files without which no program loads them."""
_NAMED = re.compile(r"`([\w-]+/|[\w-]+\.\w+)`")


def write_zip(path: Path, top: str, texts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Write texts and files by name into the folder `top` of the new zip `path`; weights do not compress.

    It appears whole and read back, or not at all: a `StorageError` says what is wrong with it.
    """
    new = path.with_name(f".{path.name}")
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(new, "w") as archive:
                for name, text in texts.items():
                    archive.writestr(f"{top}/{name}", text)
                for name, file in files.items():
                    archive.write(file, f"{top}/{name}")
                for member in archive.infolist():  # some were written for this user alone
                    member.external_attr = READABLE << 16
            if fault := next(faults(new), None):
                raise StorageError(
                    f"The zip {path} did not come out whole, {fault}: nothing was kept. Check the run's own folders "
                    "with `check-model`, merge again where they are damaged, and export again."
                )
            new.rename(path)
        finally:
            new.unlink(missing_ok=True)


def faults(path: Path) -> Iterator[str]:
    """Say what is wrong with a voice's zip: checksums, weights, and what its own instructions name."""
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            yield f"{damaged} is not what was written"
            return
        names = {PurePosixPath(name) for name in archive.namelist()}
        for name in sorted(names):
            if name.suffix == ".safetensors":
                yield from _weight_faults(archive, str(name))
            elif name.name.endswith(".safetensors.index.json"):
                wanted = _named_in(archive.read(str(name)))
                lacking = sorted(file for file in wanted if name.parent / file not in names)
                yield from (f"{file} is missing, though {name} names it" for file in lacking)
                if not wanted:
                    yield f"{name} cannot be read"
        for readme in (name for name in names if name.name == README):
            told = archive.read(str(readme)).decode().partition(INSTRUCTIONS)[2]
            yield from _unfulfilled(told, readme.parent, names)


def _weight_faults(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    with archive.open(name) as stream:
        head = head_of(stream, archive.getinfo(name).file_size)
    if head is None:
        yield f"{name} is damaged or cut short"
    elif lone := lone_parts(set(head)):
        yield f"{name} holds {lone[0]} without its other half"


def _named_in(index: bytes) -> set[str]:
    """Return the weight files that an index names; none where it cannot be read."""
    try:
        return set(json.loads(index)["weight_map"].values())
    except (ValueError, KeyError, TypeError):
        return set()


def _unfulfilled(text: str, top: PurePosixPath, names: set[PurePosixPath]) -> Iterator[str]:
    """Say what the instructions name that is not in the zip."""
    for named in dict.fromkeys(_NAMED.findall(text)):
        folder = named.removesuffix("/")
        if not named.endswith("/"):
            needed: tuple[str, ...] = (named,)
        else:
            needed = tuple(f"{folder}/{file}" for file in PARTS_HOLD.get(folder, ()))
            if not any(name.suffix == ".safetensors" for name in names if name.parent == top / folder):
                yield f"{folder}/ holds no weights, though {README} names it"
        yield from (f"{file} is missing, though {README} needs it" for file in needed if top / file not in names)
