"""Keep manuscripts in the workspace: the upload byte for byte, its cleaned text, and its chapters; nothing overwritten.

`manuscripts/<id>/v0001/` holds `original.<ext>`, `cleaned.txt` and `manuscript.json`. A version is written in a hidden
folder and renamed when it is complete, so that what is listed is always whole.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from filelock import BaseFileLock, FileLock

from style_tuner.bin import move_to_bin
from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts.read import parse_manuscript, read_bytes
from style_tuner.records import Chapter, Manuscript, Removed
from style_tuner.workspace import (
    Workspace,
    newest,
    read_json,
    slug,
    storage_errors,
    write_bytes,
    write_json,
    write_text,
)


def import_file(workspace: Workspace, path: Path, name: str | None = None) -> Manuscript:
    """Add a file to the workspace and return it: a new manuscript, or a new version of one of that file name.

    A text that shares next to nothing with those of its name is a manuscript of its own, `chapter-1-2` beside
    `chapter-1`.

    `name` is the file's name where `path` is a temporary copy, or its path below an imported folder, whose parts all
    count: `n1/chapter.txt` and `n2/chapter.txt` are two manuscripts, `n1-chapter` and `n2-chapter`. The same bytes as
    the newest version are not kept twice: that version is returned. Raises `ManuscriptError`, or `StorageError` with
    the older versions untouched.
    """
    inside = Path(name or path.name)
    named = path.with_name(inside.name)
    data = read_bytes(path, named)
    identity = _identity(inside)
    digest = hashlib.sha256(data).hexdigest()
    manuscript = replace(parse_manuscript(data, named), source_name=inside.as_posix())
    with _lock(workspace):
        folder, before = _place(workspace, identity, manuscript)
        if before and read_json(before / "manuscript.json")["sha256"] == digest:
            return _load(before)
        notes, version = list(manuscript.notes), 1
        if before:
            version = int(before.name[1:]) + 1
            notes.append(f"Version {version} of “{folder.name}”: it takes the place of the one before, which is kept.")
        elif folder.name != identity:
            notes.append(
                f"Another text has this file name already, as “{identity}”: this one is kept beside it as "
                f"“{folder.name}”."
            )
        if twin := _twin(workspace, folder.name, manuscript):
            notes.append(f"It has the same text as “{twin}”: each passage of the two is learned once.")
        manuscript = replace(manuscript, id=folder.name, version=version, notes=tuple(notes))
        return _write(folder, manuscript, data, digest, named.suffix.lower())


def _place(workspace: Workspace, identity: str, manuscript: Manuscript) -> tuple[Path, Path | None]:
    """Return the folder for a manuscript, and the newest version of it that is there already."""
    new = None
    for number in itertools.count(1):
        folder = workspace.manuscripts / (identity if number == 1 else f"{identity}-{number}")
        before = newest(folder, "v*")
        if before is None:
            new = new or folder
            if number > 1:
                return new, None
        elif _same_work(_load(before), manuscript):
            return folder, before
    raise AssertionError


def _twin(workspace: Workspace, own: str, manuscript: Manuscript) -> str | None:
    """Return the id of another manuscript that says the same word for word, and remember this one.

    A hash leads to it, for thousands of texts would take long to read at each import.
    """
    words = _words(manuscript)
    place = workspace.root / ".texts" / hashlib.sha256(" ".join(words).encode()).hexdigest()
    known = place.read_text(encoding="utf-8").split() if place.is_file() else []
    if own not in known:
        write_text(place, "\n".join([*known, own]))
    for other in known:
        version = newest(workspace.manuscripts / other, "v*")
        if other != own and version and _words(_load(version)) == words:
            return other
    return None


def _words(manuscript: Manuscript) -> list[str]:
    return re.findall(r"\w+", " ".join(chapter.text for chapter in manuscript.chapters).casefold())


def _same_work(one: Manuscript, other: Manuscript) -> bool:
    """Say whether two texts are versions of one work: a tenth of the shorter one's runs of four words are in both."""
    texts = [_words(manuscript) for manuscript in (one, other)]
    length = min(4, *map(len, texts))
    runs = [{tuple(words[at : at + length]) for at in range(len(words) - length + 1)} for words in texts]
    return len(runs[0] & runs[1]) >= 0.1 * min(map(len, runs))


def _identity(inside: Path) -> str:
    """Return a file-safe id; a long one, which `slug` may have cut, ends in a hash of the whole."""
    whole = inside.with_suffix("").as_posix()
    short = slug(whole)
    return short if len(short) < 60 else f"{short[:47]}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def _lock(workspace: Workspace) -> BaseFileLock:
    """Let one import at a time choose its version number."""
    with storage_errors(workspace.root):
        workspace.root.mkdir(parents=True, exist_ok=True)
        return FileLock(workspace.root / ".import.lock")


def _write(folder: Path, manuscript: Manuscript, data: bytes, digest: str, suffix: str) -> Manuscript:
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".import-", dir=folder))
        try:
            write_bytes(unfinished / f"original{suffix}", data)
            write_text(unfinished / "cleaned.txt", cleaned_text(manuscript))
            write_json(unfinished / "manuscript.json", _to_json(manuscript, digest))
            unfinished.chmod(0o755)
            unfinished.rename(folder / f"v{manuscript.version:04d}")
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            if not any(folder.iterdir()):
                folder.rmdir()
            raise
    return manuscript


def cleaned_text(manuscript: Manuscript) -> str:
    """Return a manuscript as one text: title, then each chapter's heading and paragraphs."""
    parts = [manuscript.title]
    for chapter in manuscript.chapters:
        parts += filter(None, (chapter.title, chapter.text))
    return "\n\n".join(parts) + "\n"


def _to_json(manuscript: Manuscript, digest: str) -> dict[str, object]:
    return {
        "id": manuscript.id,
        "title": manuscript.title,
        "version": manuscript.version,
        "source_name": manuscript.source_name,
        "sha256": digest,
        "words": manuscript.words,
        "notes": list(manuscript.notes),
        "chapters": [
            {"title": chapter.title, "words": chapter.words, "text": chapter.text} for chapter in manuscript.chapters
        ],
        "removed": [asdict(piece) for piece in manuscript.removed],
    }


def _load(folder: Path) -> Manuscript:
    values = read_json(folder / "manuscript.json")
    return Manuscript(
        id=values["id"],
        title=values["title"],
        chapters=tuple(Chapter(chapter["title"], chapter["text"]) for chapter in values["chapters"]),
        version=values["version"],
        source_name=values["source_name"],
        notes=tuple(values["notes"]),
        removed=tuple(Removed(**piece) for piece in values.get("removed", ())),  # older versions did not keep it
    )


def list_manuscripts(workspace: Workspace) -> list[Manuscript]:
    """Return the newest version of each manuscript, by id."""
    if not workspace.manuscripts.is_dir():
        return []
    folders = sorted(path for path in workspace.manuscripts.iterdir() if path.is_dir())
    return [_load(version) for folder in folders if (version := newest(folder, "v*"))]


def delete_manuscript(workspace: Workspace, manuscript_id: str) -> Path:
    """Move a manuscript with all its versions to the bin and return where it lies now."""
    folder = workspace.manuscripts / manuscript_id
    if folder.parent != workspace.manuscripts or not folder.is_dir() or not newest(folder, "v*"):
        known = ", ".join(manuscript.id for manuscript in list_manuscripts(workspace)) or "none yet"
        raise ManuscriptError(f"There is no manuscript {manuscript_id!r}. The workspace has: {known}.")
    return move_to_bin(workspace, folder)
