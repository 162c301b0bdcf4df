"""Manuscripts: bring writing in, look at what was read, and cut it into passages to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import jobs
from style_tuner.config import SAMPLES, DatasetConfig, PageConfig, load_training_config
from style_tuner.errors import DatasetError, ManuscriptError, StyleTunerError
from style_tuner.manuscripts.cuts import plural
from style_tuner.manuscripts.read import SUFFIXES, only_counts_removed
from style_tuner.manuscripts.store import delete_manuscript, import_file, list_manuscripts
from style_tuner.records import Chapter, Manuscript, Removed
from style_tuner.stages import default_config, manuscript_files
from style_tuner.tabs import dataset_view, recipes, views
from style_tuner.tabs.common import Page, choice, inform, last_line, listing, run_stamp, tell, uploaded_name
from style_tuner.workspace import Workspace

PURPOSE = "Bring in what you have written; it is cut into passages that a model can learn your voice from."
LIMIT = PageConfig().max_file_size.upper().replace("MB", " MB")


def _stamp(workspace: Workspace) -> Any:
    return listing(workspace.manuscripts, depth=2)


def add(workspace: Workspace, files: Sequence[str | Path]) -> None:
    """Import files one by one; a file that cannot be read is told of, and the others are kept."""
    for file in files:
        try:
            import_file(workspace, Path(file), uploaded_name(file))
        except StyleTunerError as error:
            tell(error)


def upload(workspace: Workspace, files: list[str] | None) -> None:
    """Import what was dropped; no copy stays behind in the folder of uploads."""
    add(workspace, files or [])
    for file in files or []:
        Path(file).unlink(missing_ok=True)


def show_list(workspace: Workspace, chosen: str | None) -> tuple[str, Any, Any]:
    """Return the table, the choice of one manuscript, and whether there is anything to prepare."""
    found = list_manuscripts(workspace)
    if not found:
        empty = views.sentence("Drop a manuscript here, or try the sample author.", "empty")
        return str(empty), gr.Dropdown(choices=[], value=None), gr.Button(interactive=False)
    titles = dataset_view.told_apart(found)
    rows = [(titles[m.id], f"{m.words:,}", len(m.chapters), _state(m)) for m in found]
    total = f"{len(found)} {'manuscript' if len(found) == 1 else 'manuscripts'}, {sum(m.words for m in found):,} words"
    table = views.table(total, ["Title", "Words", "Chapters", "State"], rows, numbers="bc")
    choices = [(title, name) for name, title in titles.items()]
    listed = Markup("<div class='titles'>{}</div>").format(table)
    value = chosen if chosen in {m.id for m in found} else found[0].id
    return str(listed), gr.Dropdown(choices=choices, value=value), gr.Button(interactive=True)


def _state(manuscript: Manuscript) -> str:
    notes = [note for note in manuscript.notes if not note.startswith("Encoding: UTF-8")]
    if manuscript.removed:
        notes = [f"{_counted(manuscript.removed)} removed.", *(note for note in notes if not only_counts_removed(note))]
    return " ".join(notes) or "clean"


def _counted(removed: Sequence[Removed]) -> str:
    """Return the pieces by their kind: `3 footnotes, 1 comment`."""
    counts = Counter(piece.reason for piece in removed)
    return ", ".join(f"{count:,} {plural(reason) if count > 1 else reason}" for reason, count in counts.items())


def _find(workspace: Workspace, chosen: str | None) -> Manuscript:
    for manuscript in list_manuscripts(workspace):
        if manuscript.id == chosen:
            return manuscript
    raise ManuscriptError("No manuscript is chosen: drop a file on the left, or choose one from the list.")


def show_one(workspace: Workspace, chosen: str | None) -> tuple[Any, str]:
    """Return the chapters of the chosen manuscript, and everything that reading noted of it."""
    if not chosen:
        return gr.Dropdown(choices=[], value=None, visible=False), ""
    manuscript = _find(workspace, chosen)
    titles = [
        (f"{n}. {c.title or 'Untitled'} ({c.words:,} words)", n - 1) for n, c in enumerate(manuscript.chapters, 1)
    ]
    notes = Markup("<div class='caption'>{}</div>").format(views.bullets(manuscript.notes))
    return gr.Dropdown(choices=titles, value=0, visible=True), str(notes)


def show_chapter(workspace: Workspace, chosen: str | None, number: int | None) -> str:
    """Return the text of one chapter, and struck through what was taken out of it."""
    if not chosen or number is None:
        return ""
    manuscript = _find(workspace, chosen)
    number = min(number, len(manuscript.chapters) - 1)
    removed = [piece for piece in manuscript.removed if piece.chapter == number]
    said = f"Struck through is what was taken out of this chapter: {_counted(removed)}." if removed else ""
    return str(
        (views.sentence(said, "caption") if said else Markup(""))
        + Markup("<div class='chapter' tabindex='0'>{}</div>").format(
            views.prose(_struck(manuscript.chapters[number], removed))
        )
    )


def _struck(chapter: Chapter, removed: Sequence[Removed]) -> Markup:
    """Return a chapter's text with each piece that was taken out at its place."""
    parts = []
    for number, paragraph in enumerate([*chapter.text.split("\n\n"), ""]):
        line, end = Markup(""), 0
        for piece in (piece for piece in removed if piece.paragraph == number):
            struck = Markup("<del title='Taken out: {}'>{}</del>").format(piece.reason, piece.text)
            if piece.offset is None:
                parts.append(struck)
            else:
                line += Markup.escape(paragraph[end : piece.offset]) + struck
                end = piece.offset
        parts.append(line + Markup.escape(paragraph[end:]))
    return Markup("\n\n").join(parts[:-1])


def prepare(workspace: Workspace, recipe: str, least: float, most: float, share: float) -> None:
    """Start the preparation as a job."""
    if not list_manuscripts(workspace):
        raise DatasetError("There is nothing to prepare yet: drop a manuscript on the left, or try the sample author.")
    if jobs.active(workspace) and run_stamp(workspace, "prepare")[1] in ("queued", "running"):
        raise DatasetError("A dataset is being prepared already: wait for it to end.")
    arguments = ["--config", recipe]
    before = load_training_config(recipes.path_of(recipe)).dataset
    now = {"min_tokens": int(least), "max_tokens": int(most), "split": share}
    for key, value in now.items():
        if value != getattr(before, key):
            arguments += ["--" + key.replace("_", "-"), str(value)]
    jobs.start(workspace, "prepare", arguments)


def settings_title(dataset: DatasetConfig) -> str:
    """Return the defaults in a line."""
    share = f"{dataset.split:.0%}/{1 - dataset.split:.0%}".replace("%", "")
    return f"Settings: {dataset.min_tokens}–{dataset.max_tokens} tokens, {share}"


def show_settings(recipe: str) -> tuple[Any, float, float, float]:
    """Return the settings that a recipe brings."""
    dataset = load_training_config(recipes.path_of(recipe)).dataset
    return gr.Accordion(label=settings_title(dataset)), dataset.min_tokens, dataset.max_tokens, dataset.split


def _settings(page: Page) -> list[Any]:
    recipe = recipes.label(default_config())
    dataset = load_training_config(recipes.path_of(recipe)).dataset
    with gr.Accordion(settings_title(dataset), open=False) as fold:
        choice = gr.Dropdown(recipes.choices(), value=recipe, label="Prepare for")
        least = gr.Number(dataset.min_tokens, label="Shortest passage (tokens)", precision=0, minimum=16)
        most = gr.Number(dataset.max_tokens, label="Longest passage (tokens)", precision=0, minimum=32)
        share = gr.Slider(0.6, 0.98, dataset.split, step=0.01, label="Share for training, the rest for validation")
    choice.change(show_settings, choice, [fold, least, most, share], api_visibility="private")
    return [choice, least, most, share]


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=5):
            drop = gr.File(
                label="Drop manuscripts here",
                file_count="multiple",
                file_types=list(SUFFIXES),
                height=150,
            )
            gr.HTML(str(views.sentence(f"{', '.join(SUFFIXES)}; up to {LIMIT} each.", "caption")))
            sample = gr.Button("Try the sample author", size="sm")
            table = gr.HTML()
            button = gr.Button("Prepare dataset", variant="primary", interactive=False)
            settings = _settings(page)
        with gr.Column(scale=6):
            chosen = choice("Manuscript")
            chapter = choice("Chapter", visible=False)
            text = gr.HTML()
            noted = gr.HTML()
            delete = gr.Button("Delete to bin", size="sm")
    page.on(drop.upload, upload, [drop], None).then(lambda: None, None, drop, api_visibility="private")
    page.on(sample.click, lambda workspace: add(workspace, manuscript_files(SAMPLES / "manuscripts")), [], None)
    page.follow(_stamp, show_list, [table, chosen, button], [chosen])
    page.on(chosen.change, show_one, [chosen], [chapter, noted], show_progress="hidden")
    gr.on(
        [chosen.change, chapter.change],
        page.bind(show_chapter),
        [page.workspace, chosen, chapter],
        text,
        show_progress="hidden",
        api_visibility="private",
    )
    page.on(delete.click, lambda workspace, one: _delete(workspace, one), [chosen], None)
    page.on(button.click, prepare, settings, None)
    dataset_view.build(page)
    last_line(page, "prepare")


def _delete(workspace: Workspace, chosen: str | None) -> None:
    place = delete_manuscript(workspace, _find(workspace, chosen).id)
    inform(f"Moved to the bin: {place}")
