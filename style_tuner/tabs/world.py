"""World: the facts of a fictional world, and what of them would be sent along with a prompt."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner.config import SAMPLES, WorldConfig, validated
from style_tuner.errors import ServerError, WorldError
from style_tuner.records import Entry, Hit, Message
from style_tuner.serving import world as service
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, choice, uploaded_name
from style_tuner.workspace import Workspace, slug

PURPOSE = "Keep the facts of your world; those that a prompt needs are sent along with it, so that red hair stays red."
SAMPLE_WORLD = "Sample world"
REASONS = {
    "always-on": "always sent",
    "mention": "named in the prompt",
    "meaning": "close in meaning",
    "keywords": "shares words",
}
DEFAULTS = WorldConfig()


def _url(workspace: Workspace) -> str:
    state = service.state(workspace)
    if state is None:
        raise ServerError("The World service is off: press Start World service.")
    return state.url


def _need(world: str | None) -> str:
    if not world:
        raise WorldError("No world is chosen: create one, or try the sample world.")
    return world


def start(workspace: Workspace, world: str | None, port: float) -> service.WorldState:
    """Start the service in front of the model server."""
    return service.start(workspace, validated(WorldConfig, {"port": int(port)}, "The World service's settings"), world)


def stop(workspace: Workspace) -> None:
    """Stop the service; the worlds stay."""
    service.stop(workspace)


def create(workspace: Workspace, name: str, port: float) -> Any:
    """Make an empty world and choose it."""
    if not name.strip():
        raise WorldError("The new world has no name yet: type one, then press Create world.")
    if "/" in name or not name.strip(". "):  # no address of the service can hold such a name
        raise WorldError(f"A world cannot be named {name.strip()!r}: use letters, digits, spaces and dashes.")
    url = start(workspace, None, port).url
    service.create_world(url, name.strip())
    return gr.Dropdown(choices=list(service.worlds(url)), value=name.strip())


def index(workspace: Workspace, world: str, folder: Path, port: float) -> tuple[Any, str]:
    """Import a folder of notes into a world, and say what became of them."""
    url = start(workspace, world, port).url
    report = service.index_folder(workspace, world, folder)
    head = f"{report.imported} entries new or changed, {report.unchanged} as they were."
    skipped = [f"{name} was left out: {reason}" for name, reason in report.skipped]
    said = views.sentence(head) + (views.bullets(skipped) if skipped else Markup(""))
    source = "FOLDER" if folder.is_relative_to(tempfile.gettempdir()) else str(folder)
    said += views.command(shlex.join(["python", "-m", "rag", "index", world, "--input", source]))
    return gr.Dropdown(choices=list(service.worlds(url)), value=world), str(said)


def sample(workspace: Workspace, port: float) -> tuple[Any, str]:
    """Import the sample author's world."""
    return index(workspace, SAMPLE_WORLD, SAMPLES / "world", port)


def upload(workspace: Workspace, world: str | None, files: Sequence[str] | None, port: float) -> tuple[Any, str]:
    """Import uploaded notes into the chosen world."""
    with tempfile.TemporaryDirectory() as folder:
        for file in files or []:
            shutil.move(file, Path(folder) / uploaded_name(file))
        return index(workspace, _need(world), Path(folder), port)


def _stamp(workspace: Workspace) -> Any:
    state = service.state(workspace)
    return state and (state.pid, sorted(service.worlds(state.url).items()))


def settings_title(port: float | None, up: int | None) -> str:
    """Return the title of the settings: the port where the service is up, else the one that it would get."""
    return f"Settings: port {up or int(port or DEFAULTS.port)}"


def show_service(workspace: Workspace, chosen: str | None, port: float | None = None) -> tuple[Any, ...]:
    """Return how the service stands, the worlds to choose from, its two buttons, and the title of its settings."""
    state = service.state(workspace)
    fold = gr.Accordion(label=settings_title(port, state.port if state else None))
    if state is None:
        text = "The World service is off. Start it to see your worlds, or try the sample world."
        on, off = gr.Button(interactive=True), gr.Button(interactive=False)
        return str(views.sentence(text, "empty")), gr.Dropdown(choices=[], value=None), on, off, fold
    on, off = gr.Button(interactive=False), gr.Button(interactive=True)
    try:
        found = service.worlds(state.url)
    except ServerError as error:
        return str(views.sentence(str(error), "bad")), gr.skip(), on, off, fold
    value = chosen if chosen in found else state.world or next(iter(found), None)
    models = f"the models at {state.model_url}" if state.model_url else "the models of the tab Models"
    text = f"The World service is up at {state.url}/v1, in front of {models}."
    return str(views.sentence(text, "good")), gr.Dropdown(choices=list(found), value=value), on, off, fold


def _entries(workspace: Workspace, world: str | None) -> list[Entry]:
    state = service.state(workspace)
    return service.entries(state.url, world) if state and world else []


def show_entries(workspace: Workspace, world: str | None, search: str | None, chosen: str | None) -> tuple[str, Any]:
    """Return the entries by kind, and the choice of one."""
    found = _entries(workspace, world)
    words = (search or "").casefold().split()
    kept = [e for e in found if all(word in f"{e.name} {e.text} {' '.join(e.aliases)}".casefold() for word in words)]
    kept.sort(key=lambda entry: (entry.kind, entry.name.casefold()))
    if not found:
        text = "This world has no entries yet: drop Markdown notes, or write the first entry." if world else ""
        return str(views.sentence(text, "empty")), gr.Dropdown(choices=[], value=None)
    rows = [(e.kind, e.name, ", ".join(e.aliases), "always sent" if e.always_on else "") for e in kept]
    table = views.table(f"{len(kept)} of {len(found)} entries", ["Kind", "Name", "Also called", ""], rows)
    choices = [(f"{entry.kind}: {entry.name}", entry.id) for entry in kept]
    value = chosen if chosen in [entry.id for entry in kept] else (kept[0].id if kept else None)
    return str(table), gr.Dropdown(choices=choices, value=value)


def show_entry(workspace: Workspace, world: str | None, chosen: str | None) -> tuple[Any, ...]:
    """Return the fields of the chosen entry."""
    found = next((entry for entry in _entries(workspace, world) if entry.id == chosen), None)
    if found is None:
        return "", "note", "", "", False
    return found.name, found.kind, ", ".join(found.aliases), found.text, found.always_on


def save(workspace: Workspace, world: str | None, name: str, kind: str, aliases: str, text: str, always: bool) -> str:
    """Keep the entry as it is in the form; one of another name becomes a new entry."""
    if not name.strip() or not text.strip():
        raise WorldError("An entry needs a name and a text: fill in both, then press Save entry.")
    known = [part.strip() for part in aliases.split(",") if part.strip()]
    url, place = _url(workspace), _need(world)
    same = [entry for entry in service.entries(url, place) if entry.name == name.strip()]
    before = same[0] if same else Entry(slug(name), name.strip(), "")
    kept = replace(before, text=text.strip(), kind=kind.strip() or "note", aliases=tuple(known), always_on=always)
    gr.Info(f"{kept.name} is saved.", title="Saved")
    return service.put_entry(url, place, kept).id


def delete(workspace: Workspace, world: str | None, chosen: str | None) -> None:
    """Take the chosen entry out of the world."""
    if not chosen:
        raise WorldError("No entry is chosen: choose one from the list first.")
    service.delete_entry(_url(workspace), _need(world), chosen)


def hits(found: Sequence[Hit], caption: str) -> Markup:
    """Return entries with the reason why each was chosen."""
    rows = (
        Markup("<dt><b>{}</b> <small class='caption'>{}, fit {:.2f}</small></dt><dd>{}</dd>").format(
            hit.entry.name, REASONS[hit.reason], hit.score, hit.entry.text
        )
        for hit in found
    )
    return Markup("<h4>{}</h4><dl class='hits'>{}</dl>").format(caption, Markup("").join(rows))


def test_prompt(workspace: Workspace, world: str | None, prompt: str) -> str:
    """Show what would be sent with a prompt, and why."""
    if not prompt.strip():
        raise WorldError("There is no prompt to test: write one as you would on the tab Write.")
    sent, found = service.prompt(_url(workspace), _need(world), [Message("user", prompt.strip())])
    same = views.command(shlex.join(["python", "-m", "rag", "search", _need(world), prompt.strip()]))
    if not found.hits:
        return str(views.sentence("No entry fits this prompt, so none is sent.") + same)
    shown = hits(found.hits, f"Sent: {len(found.hits)} entries, {found.words} words")
    if found.left_out:
        shown += hits(found.left_out, "Left out, because the room for facts is used up")
    whole = "\n\n".join(f"[{message.role}]\n{message.content}" for message in sent)
    return str(shown + views.details("Show the whole prompt as it is sent", whole) + same)


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    head = gr.HTML()
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=5):
            chosen = choice("World")
            with gr.Row():
                on = gr.Button("Start World service", size="sm")
                off = gr.Button("Stop World service", size="sm", interactive=False)
                try_sample = gr.Button("Try the sample world", size="sm")
            with gr.Accordion(settings_title(None, None), open=False) as fold:
                port = gr.Number(DEFAULTS.port, label="Port of the World service", precision=0)
            with gr.Accordion("Add a world or notes", open=False):
                name = gr.Textbox(label="Name of the new world", max_lines=1)
                make = gr.Button("Create world", size="sm")
                drop = gr.File(
                    label="Drop Markdown notes here",
                    file_count="multiple",
                    file_types=[".md"],
                    height=120,
                )
            said = gr.HTML()
            search = gr.Textbox(label="Search entries", max_lines=1)
            table = gr.HTML()
        entry, fields, buttons = _entry_form()
        with gr.Column(scale=5):
            prompt = gr.Textbox(label="Prompt to test", lines=4, elem_classes="prose-input")
            test = gr.Button("Test this prompt", variant="primary")
            result = gr.HTML()
    page.follow(_stamp, show_service, [head, chosen, on, off, fold], [chosen, port], [port.change])
    inputs = [chosen, search, entry]
    page.follow(_stamp, show_entries, [table, entry], inputs, [chosen.change, search.change])
    page.on(entry.change, show_entry, [chosen, entry], fields, show_progress="hidden")
    page.on(on.click, start, [chosen, port], None)
    page.on(off.click, stop, [], None)
    page.on(try_sample.click, sample, [port], [chosen, said])
    page.on(make.click, create, [name, port], chosen)
    uploaded = page.on(drop.upload, upload, [chosen, drop, port], [chosen, said])
    uploaded.then(lambda: None, None, drop, api_visibility="private")
    saved = page.on(buttons[0].click, save, [chosen, *fields], entry)
    deleted = page.on(buttons[1].click, delete, [chosen, entry], None)
    for event in (saved, deleted):
        page.on(event.then, show_entries, [chosen, search, entry], [table, entry], show_progress="hidden")
    page.on(test.click, test_prompt, [chosen, prompt], result)


def _entry_form() -> tuple[gr.Dropdown, list[Any], tuple[gr.Button, gr.Button]]:
    with gr.Column(scale=5):
        entry = choice("Entry")
        name = gr.Textbox(label="Name", max_lines=1)
        with gr.Row():
            kind = gr.Textbox("note", label="Kind", max_lines=1, min_width=90)
            aliases = gr.Textbox(label="Also called (comma between)", max_lines=1)
        text = gr.Textbox(label="Text", lines=7, elem_classes="prose-input")
        always = gr.Checkbox(label="Always send this entry")
        with gr.Row():
            buttons = gr.Button("Save entry", size="sm"), gr.Button("Delete entry", size="sm")
    return entry, [name, kind, aliases, text, always], buttons
