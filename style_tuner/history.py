"""What became of takes: the variants of a brief, the drafts that were kept, and the choices of blind readings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from style_tuner import takes
from style_tuner.errors import StorageError, StyleTunerError
from style_tuner.takes import Take
from style_tuner.workspace import Workspace, slug, storage_errors, write_text


class Summary(NamedTuple):
    """One take in the history; `brief` is the first take of its brief.

    `reading` is empty where the names were never hidden, else `open` before the choice, then `voice`, `base` or
    `unsure`.
    """

    id: str
    brief: str
    prompt: str
    kept: bool
    reading: str


def summaries(workspace: Workspace) -> list[Summary]:
    """Return all takes that can be read, the newest first; each file is read again only when it has changed."""
    found = []
    for take_id in takes.take_ids(workspace):
        path = takes.folder(workspace) / f"{take_id}.jsonl"
        summary = _summary(workspace, take_id, path.stat().st_mtime_ns if path.exists() else 0)
        if summary is not None:
            found.append(summary)
    return found


@lru_cache(maxsize=8192)
def _summary(workspace: Workspace, take_id: str, _changed: int) -> Summary | None:
    try:
        take = takes.load(workspace, take_id)
    except StyleTunerError:
        return None
    kept = any(column.kept for column in take.columns)
    return Summary(take_id, take.request.variant_of or take_id, take.request.prompt, kept, _reading(take))


def _reading(take: Take) -> str:
    if not take.request.blind_order:
        return ""
    if not take.judged:
        return "open"
    if take.choice is None:
        return "unsure"
    return "base" if take.request.is_base(take.columns[take.choice].model) else "voice"


def variants(workspace: Workspace, take_id: str) -> list[str]:
    """Return the takes of the same brief, the oldest first."""
    found = summaries(workspace)
    brief = next((one.brief for one in found if one.id == take_id), take_id)
    return sorted(one.id for one in found if one.brief == brief)


def keep(workspace: Workspace, take: Take, number: int) -> Path:
    """Write one draft of a take to a file of its own and return it; no file is ever overwritten.

    Its name says nothing of the model. A draft that was kept before stays in the file it is in, even if the author
    has changed that since.
    """
    column = take.columns[number]
    if not column.finish_reason:
        raise StyleTunerError("This draft is still being written: stop it, or wait for its end, then keep it.")
    if not column.text.strip():
        raise StyleTunerError("There is no text to keep: this draft is empty.")
    if column.kept and kept_file(workspace, column.kept).exists():
        return kept_file(workspace, column.kept)
    stem = f"{take.id[:8]}-{slug(take.request.prompt)[:40].strip('-')}"
    path = _new_file(workspace, stem)
    write_text(path, column.text.strip() + "\n")
    takes.add(workspace, take.id, column=number, kept=path.name)
    return path


def kept_file(workspace: Workspace, name: str) -> Path:
    """Return where a kept draft lies."""
    return workspace.drafts / "kept" / name


def _new_file(workspace: Workspace, stem: str) -> Path:
    """Return a file that was not there before and now is, empty: nobody else can take its name."""
    for number in range(1, 10_000):
        path = kept_file(workspace, f"{stem}.txt" if number == 1 else f"{stem}-{number}.txt")
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                continue
            return path
    raise StorageError(f"{workspace.drafts / 'kept'} holds too many drafts named {stem!r}: move some away.")


def choose(workspace: Workspace, take: Take, place: int | None) -> None:
    """Keep which draft sounded more like the author: 0 for A, 1 for B, None for "can't tell"."""
    if not take.hidden or not take.done:
        raise StyleTunerError("There is nothing to choose between here: the names are known, or it is being written.")
    takes.add(workspace, take.id, choice=None if place is None else take.order[place])


def tally(workspace: Workspace) -> str:
    """Say how the blind readings went so far, or nothing before the first."""
    found = [one.reading for one in summaries(workspace) if one.reading in ("voice", "base", "unsure")]
    if not found:
        return ""
    readings = "reading" if len(found) == 1 else "readings"
    unsure = f" In {found.count('unsure')} you could not tell." if "unsure" in found else ""
    return f"You chose your voice in {found.count('voice')} of {len(found)} blind {readings}.{unsure}"
