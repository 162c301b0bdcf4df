"""The registry of training runs: what each was made of and came to, its name, note and pin, and what it takes on disk.

Name, note and pin lie in `label.json` of the run's folder, which nobody else writes: `run.json` is the job's own.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from style_tuner import jobs, scores
from style_tuner.bin import contents, move_to_bin, size
from style_tuner.errors import JobError
from style_tuner.records import Run
from style_tuner.tuning.destination import unfinished
from style_tuner.workspace import Workspace, read_json, storage_errors, write_json

LONGEST_NAME = 60
LONGEST_NOTE = 4000


@dataclass(frozen=True)
class Label:
    """What the author says of a run: a name to show, a note, and whether it is pinned."""

    name: str = ""
    note: str = ""
    pinned: bool = False


@dataclass(frozen=True)
class Entry:
    """One training run as it stands; `settings` are those it was started with, empty before it began."""

    run: Run
    label: Label
    settings: dict[str, Any]
    base: str
    data: str
    loss_before: float | None
    loss_after: float | None
    score: str

    @property
    def name(self) -> str:
        """What it is called: the author's name for it, else its id."""
        return self.label.name or self.run.id


def label_of(workspace: Workspace, run_id: str) -> Label:
    """Return what the author says of a run."""
    path = _label_file(workspace, run_id)
    return Label(**read_json(path)) if path.is_file() else Label()


def shown(workspace: Workspace, run_id: str) -> str:
    """Return what a run is called in a list: the author's name for it, and its id."""
    name = label_of(workspace, run_id).name
    return f"{name} ({run_id})" if name else run_id


def set_label(workspace: Workspace, run_id: str, name: str, note: str, pinned: bool) -> Label:
    """Keep what the author says of a run; a name that another run has is refused."""
    jobs.load(workspace, run_id)
    label = Label(" ".join(name.split()), note.strip(), pinned)
    for value, most, what in ((label.name, LONGEST_NAME, "name"), (label.note, LONGEST_NOTE, "note")):
        if len(value) > most:
            raise JobError(f"The {what} has {len(value)} characters: shorten it to {most}.")
    for other in _registered(workspace):
        if label.name and other != run_id and label.name in (other, label_of(workspace, other).name):
            raise JobError(f"Another run, {other}, is called {label.name!r} already: choose another name.")
    write_json(_label_file(workspace, run_id), asdict(label))
    return label


def _label_file(workspace: Workspace, run_id: str) -> Path:
    return workspace.runs / run_id / "label.json"


def _registered(workspace: Workspace) -> list[str]:
    return [run.id for run in jobs.runs(workspace) if run.stage in jobs.RESUMABLE]


def entries(workspace: Workspace) -> list[Entry]:
    """Return the training runs and searches for a learning rate, pinned ones first, then the newest."""
    found = [entry(workspace, run_id) for run_id in _registered(workspace)]
    return sorted(found, key=lambda one: not one.label.pinned)


def entry(workspace: Workspace, run_id: str) -> Entry:
    """Return one run of the registry."""
    run = jobs.load(workspace, run_id)
    path = workspace.runs / run_id / "settings.json"
    kept: dict[str, Any] = read_json(path) if path.is_file() else {"config": {}, "dataset": ""}
    settings = dict(kept["config"])
    return Entry(
        run=run,
        label=label_of(workspace, run_id),
        settings=settings,
        base=Path(str(settings.get("base_model", "")).removesuffix("/merged")).name,
        data=_data(workspace, str(kept["dataset"]), run),
        loss_before=run.result.get("base_validation_loss"),
        loss_after=run.result.get("tuned_validation_loss"),
        score=scores.newest_of(workspace, run_id),
    )


def _data(workspace: Workspace, dataset: str, run: Run) -> str:
    """Say what a run learned from: how many rows of which data."""
    if not dataset:
        return ""
    path = Path(dataset)
    name = f"passages of {_day(path.name)}" if path.parent == workspace.datasets else path.name
    rows = run.result.get("rows")
    return f"{rows:,} rows, {name}" if rows else name


def _day(name: str) -> str:
    """Return the day of a folder that is named by the time it was made."""
    try:
        return datetime.strptime(name[:8], "%Y%m%d").strftime("%d %b")
    except ValueError:
        return name


def compare(one: Entry, other: Entry) -> list[tuple[str, str, str]]:
    """Return what differs between two runs, name by name, and their figures side by side whether or not they differ."""
    rows = [("data", one.data, other.data)] if one.data != other.data else []
    for key in sorted({*one.settings, *other.settings} - {"output_dir"}):
        values = [entry.settings.get(key) for entry in (one, other)]
        if values[0] != values[1]:
            rows += _differing(key, *values)
    figures = [("loss before training", "loss_before"), ("loss after training", "loss_after")]
    rows += [(what, _loss(getattr(one, key)), _loss(getattr(other, key))) for what, key in figures]
    return [*rows, ("voice score", one.score or "not scored", other.score or "not scored")]


def _differing(key: str, one: Any, other: Any) -> list[tuple[str, str, str]]:
    if isinstance(one, dict) and isinstance(other, dict):
        inner = sorted({*one, *other})
        return [
            (f"{key}.{name}", str(one.get(name)), str(other.get(name)))
            for name in inner
            if one.get(name) != other.get(name)
        ]
    return [(key, str(one), str(other))]


def _loss(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


@dataclass(frozen=True)
class DiskUse:
    """Bytes that a workspace's runs take, what of it can be cleaned up, by folder, and what lies in the bin.

    `half_merged` are those of the folders that an interrupted merge left, which merging again goes on from.
    """

    runs: int
    can_go: dict[Path, int]
    bin: int
    half_merged: tuple[Path, ...] = ()

    @property
    def freed(self) -> int:
        """Bytes that a clean-up takes away."""
        return sum(self.can_go.values())


def disk_use(workspace: Workspace) -> DiskUse:
    """Return what runs take of the disk, and what of it no run needs any more.

    These are the saved states of runs that are done, voices that others of the same run have replaced, and what an
    interrupted merge left. A run that can be resumed keeps its states, and a pinned one everything.
    """
    can_go: dict[Path, int] = {}
    half_merged = []
    for one in entries(workspace):
        if one.label.pinned:
            continue
        if one.run.status == "done":
            for folder in _spare(workspace, one):
                can_go[folder] = size(folder)
        if left := half_merge(workspace, one.run.id):
            can_go[left] = size(left)
            half_merged.append(left)
    in_bin = sum(one.bytes for one in contents(workspace))
    there = {folder: count for folder, count in can_go.items() if count}
    return DiskUse(size(workspace.runs), there, in_bin, tuple(half_merged))


def half_merge(workspace: Workspace, run_id: str) -> Path | None:
    """Return the folder that an interrupted merge of a run left; None where there is none, or one is going on."""
    folder = unfinished(workspace.runs / run_id / "merged")
    if not folder.is_dir():
        return None
    going = any(run.stage in ("merge", "export") and run.status == "running" for run in jobs.runs(workspace))
    return None if going else folder


def _spare(workspace: Workspace, one: Entry) -> list[Path]:
    """Return the folders of saved states of a run inside its own folder, and that of its earlier voices."""
    run = workspace.runs / one.run.id
    states = run / str(one.settings.get("output_dir", "checkpoints"))
    inside = sorted(states.glob("checkpoint-*")) if states.resolve().is_relative_to(run.resolve()) else []
    return [path for path in (*inside, run / "earlier") if path.is_dir() and not path.is_symlink()]


def clean_up(workspace: Workspace, for_good: bool) -> int:
    """Take away what no run needs any more, to the bin or for good; return its bytes."""
    found = disk_use(workspace)
    for folder in found.can_go:
        if for_good:
            with storage_errors(folder):
                shutil.rmtree(folder)
        else:
            move_to_bin(workspace, folder)
    return found.freed
