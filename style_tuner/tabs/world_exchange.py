"""Worlds brought along and taken away on the page: files of notes and of other programs come in, and go out again."""

from __future__ import annotations

import io
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.config import SAMPLES
from style_tuner.serving import lore
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, uploaded_name
from style_tuner.tabs.world_parts import SHELL, ask, need
from style_tuner.workspace import Workspace, new_folder, time_stamp, write_bytes

FORMATS = {
    "Markdown notes, one an entry": "markdown",
    "SillyTavern World Info": "sillytavern",
    "NovelAI lorebook": "novelai",
    "Character card": "card",
    "Table (CSV)": "csv",
}
ACCEPTED = [".md", ".txt", ".json", ".lorebook", ".scenario", ".story", ".png", ".charx", ".csv", ".tsv", ".zip"]
SAMPLE_WORLD = "Sample world"
NAMES_SHOWN = 5


def bring_in(url: str, world: str, files: Mapping[str, bytes], source: str) -> str:
    """Send files to the service and return what became of each."""
    sent = [("files", (name, data)) for name, data in files.items()]
    report = lore.ask(url, "POST", "worlds", world, "import", files=sent)
    formats: dict[str, list[str]] = {}
    for name, found in report["formats"].items():
        formats.setdefault(found, []).append(name)
    lines = [f"Read as {found}: {_some(names)}." for found, names in formats.items() if len(files) > len(names)]
    lines += [f"{one['name']} was left out: {one['reason']}." for one in report["skipped"]]
    lines += [_remark(one) for one in report["remarks"]]
    lines += report.get("warnings", [])
    head = f"{report['new']} new entries, {report['changed']} changed, {report['unchanged']} as they were."
    if len(formats) == 1:
        head += f" Read as {next(iter(formats))}."
    said = views.sentence(head) + (views.bullets(lines) if lines else Markup(""))
    return str(said + views.command(shlex.join([*SHELL, "import", world, source])))


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _remark(one: Mapping[str, Any]) -> str:
    return f"{one['text']}: {_some(one['names'])}." if one["names"] else f"{one['text']}."


def sample_files() -> dict[str, bytes]:
    """Return the notes of the sample author's world."""
    return {path.name: path.read_bytes() for path in sorted((SAMPLES / "world").glob("*.md"))}


def uploaded(files: Sequence[str] | None) -> dict[str, bytes]:
    """Return what was dropped, by the names that the files had."""
    return {uploaded_name(file): Path(file).read_bytes() for file in files or []}


def export(workspace: Workspace, world: str | None, kind: str) -> tuple[Any, str]:
    """Write the world for another program into the exports and offer it."""
    chosen = FORMATS[kind]
    told = ask(workspace, "GET", world, "export", format=chosen, report=True)
    folder = new_folder(workspace.exports, f"{time_stamp()}-world")
    path = write_bytes(folder / told["name"], _one_file(told["name"], told["files"]))
    lines = [_remark(one) for one in told["left_out"]]
    same = views.command(shlex.join([*SHELL, "export", need(world), "--format", chosen, "--output", told["name"]]))
    said = views.sentence("What this format has no place for:") + views.bullets(lines) if lines else Markup("")
    return gr.File(str(path), visible=True), str(said + same)


def _one_file(name: str, files: Sequence[Mapping[str, str]]) -> bytes:
    if len(files) == 1 and not name.endswith(".zip"):
        return files[0]["text"].encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file["name"], file["text"])
    return packed.getvalue()


def build_export(page: Page, chosen: gr.Dropdown) -> None:
    """Lay out the export."""
    with gr.Accordion("Take this world elsewhere", open=False):
        kind = gr.Dropdown(list(FORMATS), value=next(iter(FORMATS)), label="For", filterable=False)
        button = gr.Button("Export world", size="sm")
        file = gr.File(label="Exported world", interactive=False, visible=False)
        said = gr.HTML()
    page.on(button.click, export, [chosen, kind], [file, said])
