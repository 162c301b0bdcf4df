"""What a run learns from: the passages of this workspace, or rows of another format from a file or the Hub."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import gradio as gr
from markupsafe import Markup

from style_tuner import stages
from style_tuner.config import RowsConfig, TrainingConfig, load_training_config
from style_tuner.dataset.formats import load_splits
from style_tuner.dataset.inspection import inspect
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.dataset.sources import SUFFIXES, is_hub_dataset
from style_tuner.errors import DatasetError, StyleTunerError
from style_tuner.tabs import views
from style_tuner.tabs.common import HIDDEN, uploaded_name
from style_tuner.tabs.estimate import trainable
from style_tuner.tabs.train_settings import SETTINGS, overrides, recipe_path, written
from style_tuner.workspace import Workspace, new_folder, read_json, storage_errors, time_stamp

PASSAGES, ROWS = "My passages", "Rows of my own"
FORMATS = list(get_args(RowsConfig.model_fields["format"].annotation))
FAULTS_SHOWN = 8


@dataclass(frozen=True)
class Wanted:
    """A run as it is asked for: its recipe, what is changed of it, and the rows it is given beside it.

    `dataset` is None where it takes those of the recipe or of the workspace, empty where others are still to be named.
    """

    recipe: str
    changes: tuple[str, ...] = ()
    dataset: str | None = None

    def config(self) -> TrainingConfig:
        """Return the settings that it will have."""
        return load_training_config(recipe_path(self.recipe), self.changes)

    def arguments(self) -> list[str]:
        """Return the flags of the command that starts it."""
        sets = [part for change in self.changes for part in ("--set", change)]
        return ["--config", self.recipe, *sets, *(["--dataset", self.dataset] if self.dataset else [])]

    def rows(self, workspace: Workspace) -> str | None:
        """Return where its rows are, None where nothing was prepared; raise where they are still to be named."""
        if self.dataset == "":
            raise DatasetError("Name the rows to learn from: a file, a folder, or a dataset of the Hub (owner/name).")
        config = self.config()
        if self.dataset or config.rows.source:
            return stages.rows_source(workspace, config, self.dataset)
        folder = latest_dataset(workspace)
        return str(folder) if folder else None


def wanted(recipe: str, *values: Any) -> Wanted:
    """Return the run that the controls ask for: the values of the settings, then those of the source."""
    changes = overrides(recipe, *values[: len(SETTINGS)])
    source = values[len(SETTINGS) :]
    if not source:
        return Wanted(recipe, tuple(changes))
    kind, place, *how = source
    rows = load_training_config(recipe_path(recipe)).rows
    if kind == PASSAGES:
        return Wanted(recipe, (*changes, *(["rows.source=null"] if rows.source else [])))
    place = (place or "").strip()
    for (key, before), now in zip(_reading(rows).items(), how, strict=True):
        if now != before:
            changes.append(f"rows.{key}={_value(key, now)}")
    here = Path(place).expanduser()
    place = str(here.resolve()) if place and here.exists() else place
    return Wanted(recipe, tuple(changes), None if place == rows.source else place)


def _reading(rows: RowsConfig) -> dict[str, Any]:
    """Return what the controls show of how rows are read."""
    return {
        "format": rows.format,
        "validation_size": rows.validation_size or 0,
        "system_prompt": rows.system_prompt,
        "template": rows.template or "",
        "response_template": rows.response_template or "",
    }


def _value(key: str, now: Any) -> str:
    if key == "validation_size":
        return written(int(now) if now and now >= 1 else now or None)
    return written(now or ("" if key == "system_prompt" else None))


def show_recipe(recipe: str) -> tuple[Any, ...]:
    """Return the source that a recipe brings: rows of its own, where it names some or a format of them."""
    path = recipe_path(recipe)
    rows = load_training_config(path).rows
    source = _of_run(path) or rows.source or ""
    own = bool(source) or rows.format not in ("auto", "chat")
    return ROWS if own else PASSAGES, source, *_reading(rows).values()


def _of_run(recipe: Path) -> str:
    """Return the rows of the run whose settings a recipe repeats; none where it learned from prepared passages."""
    settings = recipe.with_name("settings.json")
    source = str(read_json(settings)["dataset"]) if settings.is_file() else ""
    return "" if (Path(source) / "dataset.json").is_file() else source


def upload(workspace: Workspace, files: list[str] | None) -> str:
    """Keep uploaded rows in the workspace and return where: the file, or the folder of several parts."""
    if not files:
        raise DatasetError(f"No file has come: choose one ({', '.join(SUFFIXES)}).")
    folder = new_folder(workspace.rows, time_stamp())
    with storage_errors(folder):
        kept = [Path(shutil.move(file, folder / uploaded_name(file))) for file in files]
    return str(kept[0] if len(kept) == 1 else folder)


def refuse_faulty(config: TrainingConfig, source: str) -> None:
    """Raise what is wrong with rows on this disk before anything is started; those of the Hub are read by the run."""
    if not is_hub_dataset(source):
        load_splits(source, config.rows, config.seed)


def show_rows(_: Workspace, recipe: str, *values: Any) -> str:
    """Return what is known of rows on this disk; a dataset of the Hub waits for the button."""
    try:
        config, source = _asked(recipe, *values)
    except StyleTunerError:  # the estimate beside it says what is missing
        return ""
    if source and is_hub_dataset(source):
        text = "A dataset of the Hub. To download it and look through it, press Check these rows; the run does so too."
        return str(views.sentence(text, "caption"))
    return _told(config, source)


def check(_: Workspace, recipe: str, *values: Any) -> str:
    """Look through the rows: their format and faults, how long they are, and what of the first one is learned."""
    config, source = _asked(recipe, *values)
    if not source:
        raise DatasetError(f"These are the passages of this workspace, checked already: choose {ROWS!r} first.")
    return _told(config, source)


def _asked(recipe: str, *values: Any) -> tuple[TrainingConfig, str | None]:
    asked = wanted(recipe, *values)
    config = asked.config()
    return config, config.rows.source if asked.dataset is None else asked.dataset


def _told(config: TrainingConfig, source: str | None) -> str:
    try:
        return str(_report(config, source)) if source else ""
    except StyleTunerError as error:
        return str(views.sentence(str(error), "bad"))


def _report(config: TrainingConfig, source: str) -> Markup:
    reports = inspect(source, config.rows)
    rows = [(one.part, one.format, f"{one.rows:,}", len(one.faults) or "none") for one in reports]
    name = source if is_hub_dataset(source) else Path(source).name
    said = views.table(f"Rows of {name}", ["Part", "Format", "Good rows", "Faults"], rows, numbers="cd")
    notes = [f"{one.part}: {note}" for one in reports for note in one.warnings]
    said += Markup("").join(views.sentence(note, "caption") for note in notes)
    faults = _few([fault.removeprefix(f"{one.name}, ") for one in reports for fault in one.told])
    if not faults:
        return said
    lead = "Left out, because they say the same as others:" if trainable(config, source) else "To be mended:"
    return said + views.sentence(lead, "caption") + views.bullets(faults)


def _few(faults: Sequence[str]) -> list[str]:
    more = len(faults) - FAULTS_SHOWN
    return [*faults[:FAULTS_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]


def build(config: TrainingConfig) -> tuple[list[Any], dict[str, Any]]:
    """Lay out the choice of what is learned; return its controls in order, and its other parts by name."""
    part: dict[str, Any] = {}
    kind = gr.Dropdown([PASSAGES, ROWS], value=PASSAGES, label="Learn from")
    reading = _reading(config.rows)
    with gr.Column(visible=False) as part["group"]:
        place = gr.Textbox(
            label="File, folder, or dataset of the Hub", max_lines=1,
            placeholder="rows.jsonl, a folder with train.csv, or owner/name",
        )  # fmt: skip
        with gr.Row():
            part["upload"] = gr.UploadButton(
                "Choose files", file_types=list(SUFFIXES), file_count="multiple", size="sm"
            )
            part["check"] = gr.Button("Check these rows", size="sm")
        part["report"] = gr.HTML()
        with gr.Accordion("How the rows are read: told from their columns", open=False):
            form = gr.Dropdown(FORMATS, value=reading["format"], label="Format")
            size = gr.Number(
                reading["validation_size"], label="Rows to validate on (under 1: a share; 0: the part that is there)",
                minimum=0,
            )  # fmt: skip
            system = gr.Textbox(reading["system_prompt"], label="System message of rows that bring none", max_lines=3)
            template = gr.Textbox(
                reading["template"], label="Text of a row, its columns in braces", lines=2, max_lines=8,
                placeholder="Title: {title}\n\n{text}",
            )  # fmt: skip
            mark = gr.Textbox(reading["response_template"], label="The reply begins after", max_lines=2)
    hidden: Any = HIDDEN
    kind.change(lambda now: gr.Column(visible=now == ROWS), kind, part["group"], **hidden)
    return [kind, place, form, size, system, template, mark], part
