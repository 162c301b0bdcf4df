"""Runs as the author keeps them: `voices`, `label`, `compare`, `clean-up`, `bin`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from style_tuner.commands.options import JsonOption, WorkspaceOption, answer
from style_tuner.workspace import existing_workspace

RunArgument = Annotated[str, typer.Argument(help="Id of a training run.", show_default=False)]


def voices(workspace: WorkspaceOption = "default", as_json: JsonOption = False) -> None:
    """List training runs with their name, losses, score, size and note."""
    from style_tuner import bin as recycled
    from style_tuner import registry

    place = existing_workspace(workspace)
    rows: list[dict[str, Any]] = [
        {
            "run": one.run.id,
            "name": one.label.name,
            "note": one.label.note,
            "pinned": one.label.pinned,
            "state": one.run.status,
            "base": one.base,
            "loss_before": one.loss_before,
            "loss_after": one.loss_after,
            "score": one.score,
            "bytes": recycled.size(place.runs / one.run.id),
        }
        for one in registry.entries(place)
    ]
    answer(as_json, rows, "\n".join(map(_line, rows)) or "No voice yet: `train` makes one.")


def _line(row: dict[str, Any]) -> str:
    losses = f"{row['loss_before']:.3f} -> {row['loss_after']:.3f}" if row["loss_before"] and row["loss_after"] else ""
    told = [f"{row['run']:28}", f"{row['state']:11}", f"{losses:14}", f"{row['score'] or 'not scored':24}"]
    told += [f"{row['bytes'] / 1e6:8.1f} MB", row["base"], row["name"], "pinned" if row["pinned"] else "", row["note"]]
    return "  ".join(part for part in told if part).rstrip()


def label(
    run: RunArgument,
    name: Annotated[str | None, typer.Option(help="Name to show; an empty one takes it away.")] = None,
    note: Annotated[str | None, typer.Option(help="Note.")] = None,
    pin: Annotated[bool | None, typer.Option("--pin/--unpin", help="First in the list, and never cleaned up.")] = None,
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Name a run, note something of it, or pin it; what is not given stays."""
    from style_tuner import registry

    place = existing_workspace(workspace)
    before = registry.label_of(place, run)
    kept = registry.set_label(
        place,
        run,
        before.name if name is None else name,
        before.note if note is None else note,
        before.pinned if pin is None else pin,
    )
    answer(as_json, asdict(kept), f"{run}: {kept.name or 'no name'}{', pinned' if kept.pinned else ''}. {kept.note}")


def compare(
    one: RunArgument, other: RunArgument, workspace: WorkspaceOption = "default", as_json: JsonOption = False
) -> None:
    """Show in what two runs differ."""
    from style_tuner import registry

    place = existing_workspace(workspace)
    rows = registry.compare(registry.entry(place, one), registry.entry(place, other))
    answer(as_json, rows, "\n".join(f"{what:34} {left:28} {right}" for what, left, right in rows))


def clean_up(
    for_good: Annotated[
        bool, typer.Option("--for-good", help="Delete instead of moving to the bin; cannot be undone.")
    ] = False,
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """Take away saved states that no run needs any more, and what interrupted merges left; voices stay."""
    from style_tuner import registry

    place = existing_workspace(workspace)
    half = [str(folder) for folder in registry.disk_use(place).half_merged]
    freed = registry.clean_up(place, for_good)
    what = "deleted" if for_good else "moved to the bin"
    among = f" Interrupted merges among it: {', '.join(half)}." if half else ""
    value = {"bytes": freed, "for_good": for_good, "interrupted_merges": half}
    answer(as_json, value, f"{freed / 1e6:.1f} MB {what}.{among}")


def list_bin(
    put_back: Annotated[str | None, typer.Option(help="Id of what is to lie where it lay again.")] = None,
    delete: Annotated[str | None, typer.Option(help="Id of what is to be deleted for good.")] = None,
    add: Annotated[str | None, typer.Option(help="Id of a run to move to the bin.")] = None,
    workspace: WorkspaceOption = "default",
    as_json: JsonOption = False,
) -> None:
    """List what lies in the bin, put something back, or delete it for good."""
    from style_tuner import bin as recycled
    from style_tuner import jobs
    from style_tuner.errors import JobError

    place = existing_workspace(workspace)
    if add:
        if jobs.load(place, add).status in ("queued", "running"):
            raise JobError(f"The run {add} is still going: stop it first.")
        recycled.move_to_bin(place, place.runs / add)
    if put_back:
        recycled.put_back(place, put_back)
    if delete:
        recycled.delete_for_good(place, [delete])
    lying = [asdict(one) | {"lay": one.where} for one in recycled.contents(place)]
    rows = [f"{one['id']:52}  {one['bytes'] / 1e6:8.1f} MB  from {one['lay']}" for one in lying]
    answer(as_json, lying, "\n".join(rows) or "The bin is empty.")
