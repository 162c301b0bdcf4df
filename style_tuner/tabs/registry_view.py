"""All training runs on the tab Models: the table, names and notes, two side by side, and what can be cleaned up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import bin as recycled
from style_tuner import jobs, registry
from style_tuner.errors import JobError, StorageError
from style_tuner.registry import Entry
from style_tuner.serving import server
from style_tuner.serving.voices import has_voice
from style_tuner.tabs import views
from style_tuner.tabs.common import HIDDEN, Page, changed, choice, inform, listing
from style_tuner.tabs.train_settings import epochs
from style_tuner.workspace import Workspace

HEADERS = ["Run", "State", "Voice score", "Loss, base → own", "Size on disk", "Base model", "Learned from", "Settings"]
EMPTY = "No voice yet: train one on the tab Train. The server can already be started with the base model alone."
KEEP = "Keep name, note and pin"
NOTHING = "Nothing can go: only runs that are done and not pinned are cleaned up, and theirs is clean."
TO_BIN, FOR_GOOD = "Move to the bin: nothing is lost, and no space is freed", "Delete for good: cannot be undone"


def stamp(workspace: Workspace) -> Any:
    """Return a stamp of the registered runs, their labels, merged models and scores, and of what is served."""
    runs = [(run.id, run.status) for run in jobs.runs(workspace) if run.stage in jobs.RESUMABLE]
    files = [
        changed(workspace.runs / run / "merged" / "config.json", workspace.runs / run / "label.json") for run, _ in runs
    ]
    half = [registry.half_merge(workspace, run) for run, _ in runs]
    return runs, files, half, listing(workspace.scores), listing(workspace.bin), sorted(server.served(workspace))


def show(workspace: Workspace, chosen: str | None) -> tuple[Any, ...]:
    """Return the table of runs, the choice of one, and what it can be given to."""
    found = registry.entries(workspace)
    if not found:
        return str(views.sentence(EMPTY, "empty")), gr.Dropdown(choices=[], value=None), *buttons(workspace, None)
    served = server.served(workspace)
    rows = [_row(workspace, one, served) for one in found]
    table = views.scrolling(views.table("Runs", HEADERS, rows, numbers="cde"))
    value = _chosen(workspace, found, chosen)
    box = gr.Dropdown(choices=[(_named(workspace, one), one.run.id) for one in found], value=value)
    return str(table), box, *buttons(workspace, value)


def buttons(workspace: Workspace, chosen: str | None) -> tuple[Any, ...]:
    """Return which of Merge, Check and Delete the chosen run can be given to."""
    there = bool(chosen) and (workspace.runs / str(chosen)).is_dir()
    voice = there and has_voice(workspace.runs / str(chosen))
    merged = there and (workspace.runs / str(chosen) / "merged").is_dir()
    return tuple(gr.Button(interactive=one) for one in (voice and not merged, voice, there))


def _chosen(workspace: Workspace, found: Sequence[Entry], chosen: str | None) -> str | None:
    """Return the run that was chosen, else the first that has a voice, else the first."""
    ids = [one.run.id for one in found]
    voices = (run for run in ids if has_voice(workspace.runs / run))
    return chosen if chosen in ids else next(voices, ids[0])


def _named(workspace: Workspace, one: Entry) -> str:
    state = "" if one.run.status == "done" else f", {views.STATES[one.run.status]}"
    return f"{registry.shown(workspace, one.run.id)}{state}"


def _row(workspace: Workspace, one: Entry, served: Mapping[str, str]) -> list[object]:
    folder = workspace.runs / one.run.id
    losses = f"{one.loss_before:.3f} → {one.loss_after:.3f}" if one.loss_before and one.loss_after else ""
    states = [
        views.STATES[one.run.status],
        *(["pinned"] if one.label.pinned else []),
        *([] if has_voice(folder) or one.run.status in ("queued", "running") else ["no voice"]),
        *(["merged"] if (folder / "merged" / "config.json").is_file() else []),
        *(["half merged"] if registry.half_merge(workspace, one.run.id) else []),
        *(["served"] if one.run.id in served else []),
    ]
    size = views.size(recycled.size(folder))
    state, data, settings = (_wide(text) for text in (", ".join(states), one.data, _settings(one)))
    return [_name(one), state, one.score, losses, size, one.base, data, settings]


def _wide(text: str) -> Markup:
    """Return a cell that stays two lines high on a small screen, where the table is scrolled sideways instead."""
    return Markup("<span style='display: block; min-width: {}ch'>{}</span>").format(len(text) * 2 // 3, text)


def _name(one: Entry) -> Markup:
    parts = [Markup("{}").format(one.name)]
    if one.label.name:
        parts.append(Markup("<br><span class='caption'>{}</span>").format(one.run.id))
    if one.label.note:
        parts.append(
            Markup(
                "<span class='caption' style='display: block; white-space: normal; min-width: 12rem'>{}</span>"
            ).format(one.label.note)
        )
    return Markup("").join(parts)


def _settings(one: Entry) -> str:
    values = one.settings
    if not values:
        return ""
    size = "every weight" if values["method"] == "full" else f"rank {values['lora_r']}"
    rate = "a search for the rate" if one.run.stage == "sweep" else f"rate {values['learning_rate']:g}"
    return ", ".join([size, epochs(values["num_epochs"]), rate])


def label(workspace: Workspace, chosen: str | None) -> tuple[str, str, bool]:
    """Return name, note and pin of the chosen run."""
    if not chosen:
        return "", "", False
    kept = registry.label_of(workspace, chosen)
    return kept.name, kept.note, kept.pinned


def keep_label(workspace: Workspace, chosen: str | None, name: str, note: str, pinned: bool) -> None:
    """Keep name, note and pin of the chosen run."""
    if not chosen:
        raise JobError("There is no run yet: train one on the tab Train first.")
    registry.set_label(workspace, chosen, name, note, pinned)
    inform("Name, note and pin are kept.", title="Kept")


def show_comparison(workspace: Workspace, one: str | None, other: str | None) -> tuple[Any, ...]:
    """Return the choices of two runs that began to train, and what differs between them."""
    found = [one for one in registry.entries(workspace) if one.settings]
    names = {entry.run.id: entry for entry in found}
    ids = list(names)
    picked = [value if value in names else next(iter(ids[place:]), None) for place, value in enumerate((one, other))]
    choices = [(_named(workspace, entry), entry.run.id) for entry in found]
    boxes = [gr.Dropdown(choices=choices, value=value) for value in picked]
    if len(ids) < 2 or picked[0] == picked[1] or None in picked:
        return *boxes, str(views.sentence("Choose two different runs to see what differs.", "empty"))
    left, right = (names[str(value)] for value in picked)
    rows = registry.compare(left, right)
    return *boxes, str(views.table("What differs", ["", left.name, right.name], rows))


def show_disk(workspace: Workspace) -> tuple[str, Any, Any, Any]:
    """Return what the runs take of the disk, what can be cleaned up, and what lies in the bin with its buttons."""
    found = registry.disk_use(workspace)
    pairs = [
        ("in runs", views.size(found.runs)),
        ("can go", views.size(found.freed)),
        ("in the bin", views.size(found.bin)),
    ]
    half = [f"{path.parent.name} ({views.size(found.can_go.get(path, 0))} in {path})" for path in found.half_merged]
    runs = {path.relative_to(workspace.runs).parts[0] for path in found.can_go if path not in found.half_merged}
    said = [] if found.can_go else [NOTHING]
    if runs:
        said.append(
            f"What can go: saved states and replaced voices of {', '.join(sorted(runs))}. The voices stay; an earlier "
            "state of these runs can then no longer be chosen."
        )
    if half:
        said.append(
            f"Interrupted merges can go, too: {', '.join(half)}. Merge goes on from what is there; without it, it "
            "begins anew."
        )
    lying = [
        (f"{one.name}, {views.size(one.bytes)}, from {one.where}, {views.when(one.moved)}", one.id)
        for one in recycled.contents(workspace)
    ]
    where = views.sentence(f"The bin is {workspace.bin}.", "caption") if found.bin else Markup("")
    shown = str(views.facts(pairs) + views.sentence(" ".join(said)) + where)
    return (
        shown,
        gr.Button(interactive=bool(found.can_go)),
        gr.CheckboxGroup(lying, value=[], visible=bool(lying)),
        gr.Row(visible=bool(lying)),
    )


def clean_up(workspace: Workspace, how: str) -> None:
    """Take away what no run needs, as the author chose."""
    freed = views.size(registry.clean_up(workspace, how == FOR_GOOD))
    inform(f"Deleted: {freed}." if how == FOR_GOOD else f"Moved to the bin: {freed}.", title="Cleaned up")


def put_back(workspace: Workspace, chosen: Sequence[str]) -> None:
    """Put what is ticked back where it lay."""
    for identity in _ticked(chosen):
        inform(f"It lies at {recycled.put_back(workspace, identity)} again.", title="Put back")


def empty(workspace: Workspace, chosen: Sequence[str]) -> None:
    """Delete what is ticked for good."""
    inform(f"{views.size(recycled.delete_for_good(workspace, _ticked(chosen)))} are free again.", title="Deleted")


def _ticked(chosen: Sequence[str]) -> Sequence[str]:
    if not chosen:
        raise StorageError("Nothing in the bin is ticked: tick what you mean first.")
    return chosen


def build_label(page: Page, chosen: Any) -> None:
    """Lay out name, note and pin of the chosen run."""
    with gr.Accordion("Name, note and pin", open=False):
        name = gr.Textbox(label="Name to show", max_lines=1, max_length=registry.LONGEST_NAME)
        note = gr.Textbox(label="Note", lines=2, max_length=registry.LONGEST_NOTE)
        pinned = gr.Checkbox(label="Pinned: first in the list, and never cleaned up")
        button = gr.Button(KEEP, size="sm")
    page.on(chosen.change, label, [chosen], [name, note, pinned], **HIDDEN)
    page.on(button.click, keep_label, [chosen, name, note, pinned], None)


def build_comparison(page: Page) -> None:
    """Lay out two runs side by side."""
    with gr.Accordion("Compare two runs", open=False):
        with gr.Row():
            boxes = [choice(text) for text in ("Run", "With")]
        table = gr.HTML()
    page.follow(stamp, show_comparison, [*boxes, table], boxes, [box.input for box in boxes])


def build_disk(page: Page) -> None:
    """Lay out disk use and clean-up."""
    with gr.Accordion("Disk use and clean-up", open=False):
        use = gr.HTML()
        how = gr.Radio([TO_BIN, FOR_GOOD], value=TO_BIN, label="How")
        button = gr.Button("Clean up", size="sm", interactive=False)
        lying = gr.CheckboxGroup([], label="In the bin", visible=False)
        with gr.Row(visible=False) as of_bin:
            back = gr.Button("Put back what is ticked", size="sm")
            delete = gr.Button("Delete what is ticked for good", size="sm", variant="stop")
    page.follow(stamp, show_disk, [use, button, lying, of_bin])
    page.on(button.click, clean_up, [how], None)
    for pressed, work in ((back, put_back), (delete, empty)):
        done = page.on(pressed.click, work, [lying], None)
        page.on(done.then, show_disk, [], [use, button, lying, of_bin], **HIDDEN)
