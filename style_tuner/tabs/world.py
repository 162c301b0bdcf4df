"""World: the facts of a fictional world, and what of them would be sent along with a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from style_tuner.config import SAMPLES, WorldConfig, validated
from style_tuner.errors import ServerError, WorldError
from style_tuner.serving import lore
from style_tuner.serving import world as service
from style_tuner.tabs import (
    views,
    world_check,
    world_drafts,
    world_entries,
    world_exchange,
    world_history,
    world_passages,
    world_prompt,
    world_review,
    world_shelf,
)
from style_tuner.tabs.common import Page, choice, inform, refilled
from style_tuner.tabs.world_exchange import SAMPLE_WORLD, sample_files, uploaded
from style_tuner.tabs.world_parts import ask, look, need, stamp, warn
from style_tuner.workspace import Workspace

PURPOSE = "Keep the facts of your world; those that a prompt needs are sent along with it, so that red hair stays red."
PRESENT = "What becomes true in a later chapter, or has ceased to be, is not sent. No chapter: the end of the story."
DROP = "Drop Markdown or text notes, SillyTavern or NovelAI lorebooks, character cards, or tables here"
DEFAULTS = WorldConfig()


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
    lore.create_world(url, name.strip())
    return gr.Dropdown(choices=list(lore.worlds(url)), value=name.strip())


def bring_in(workspace: Workspace, world: str, files: Mapping[str, bytes], source: str, port: float) -> tuple[Any, str]:
    """Import files into a world, made if it is new, and say what became of them."""
    url = start(workspace, world, port).url
    said = world_exchange.bring_in(url, world, files, source)
    return gr.Dropdown(choices=list(lore.worlds(url)), value=world), said


def sample(workspace: Workspace, port: float) -> tuple[Any, str]:
    """Import the sample author's world."""
    return bring_in(workspace, SAMPLE_WORLD, sample_files(), str(SAMPLES / "world"), port)


def upload(workspace: Workspace, world: str | None, files: Sequence[str] | None, port: float) -> tuple[Any, str]:
    """Import uploaded files into the chosen world."""
    return bring_in(workspace, need(world), uploaded(files), "FILES", port)


def set_present(workspace: Workspace, world: str | None, book: str, chapter: float | None) -> None:
    """Keep where the author is writing now: what is not true yet there is not sent."""
    body = {"book": book, "chapter": int(chapter) if chapter else None}
    warn(ask(workspace, "PUT", world, "present", body=body)["notes"], "The book")
    inform(f"Chapter {int(chapter)}" if chapter else "The end of the story", title="You are writing here now")


def show_notes(workspace: Workspace, world: str | None) -> str:
    """Return what is amiss with the index of the chosen world, and how far its making has come."""
    state = service.state(workspace)
    found = lore.ask(state.url, "GET", "worlds")["worlds"] if state else []
    lines: list[str] = []
    for one in (row for row in found if row["name"] == world):
        if going := one["indexing"]:
            lines.append(f"Indexing: {going['done']:,} of {going['total']:,}; names and words are found meanwhile.")
        lines += one["notes"]
    return "".join(str(views.sentence(line, "caption")) for line in lines)


def index_anew(workspace: Workspace, world: str | None) -> None:
    """Make the index of the chosen world anew from its entries."""
    done = ask(workspace, "POST", world, "index")
    inform(f"The index of {done['entries']} entries is made anew.", title="Index")


def show_present(workspace: Workspace, world: str | None) -> tuple[str, int | None]:
    """Return the book and the chapter that the author is writing now."""
    told = look(workspace, world, "present")
    return told.get("book", ""), told.get("chapter")


def present_stamp(workspace: Workspace) -> Any:
    """Return a stamp of where each world's author is writing now; what else changes leaves what is typed as it is."""
    state = service.state(workspace)
    found = lore.ask(state.url, "GET", "worlds")["worlds"] if state else []
    return [(one["name"], one["present"]) for one in found]


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
        found = lore.worlds(state.url)
    except ServerError as error:
        return str(views.sentence(str(error), "bad")), gr.skip(), on, off, fold
    value = chosen if chosen in found else state.world or next(iter(found), None)
    models = f"the models at {state.model_url}" if state.model_url else "the models of the tab Models"
    text = f"The World service is up at {state.url}/v1, in front of {models}."
    return str(views.sentence(text, "good")), refilled(list(found), value, chosen), on, off, fold


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    head = gr.HTML()
    desk = gr.BrowserState({}, storage_key=world_drafts.STORAGE_KEY, secret=world_drafts.STORAGE_KEY)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=5):
            chosen = choice("World")
            _build_service(page, head, chosen)
            search = gr.Textbox(label="Search entries", max_lines=1)
            table = gr.HTML()
            changed = world_history.build(page, chosen)
            world_exchange.build_export(page, chosen)
            world_shelf.build(page, chosen, desk)
        with gr.Column(scale=5):
            show_anew = world_entries.build(page, chosen, search, table, desk)
            for event in changed:
                show_anew(event)
        with gr.Column(scale=5):
            world_prompt.build(page, chosen)
            with gr.Accordion("Check a draft against this world", open=False):
                world_check.build(page, chosen)
            with gr.Accordion("Entries proposed from your manuscripts", open=False):
                world_review.build(page, chosen)
            with gr.Accordion("Search your manuscripts", open=False):
                world_passages.build(page, chosen)


def _build_service(page: Page, head: gr.HTML, chosen: gr.Dropdown) -> None:
    """Lay out the service's buttons, the author's place in the story, and what brings entries in."""
    with gr.Row():
        on = gr.Button("Start World service", size="sm")
        off = gr.Button("Stop World service", size="sm", interactive=False)
        try_sample = gr.Button("Try the sample world", size="sm")
    with gr.Accordion(settings_title(None, None), open=False) as fold:
        port = gr.Number(DEFAULTS.port, label="Port of the World service", precision=0)
        anew = gr.Button("Make the index anew", size="sm")
    with gr.Accordion("Where you are writing now", open=False):
        with gr.Row():
            book = gr.Textbox(label="Book", max_lines=1, min_width=110)
            chapter = gr.Number(None, label="Chapter", precision=0, minimum=0, min_width=80)
        gr.HTML(str(views.sentence(PRESENT, "caption")))
        here = gr.Button("Write here", size="sm")
    with gr.Accordion("Add a world, notes or lorebooks", open=False):
        name = gr.Textbox(label="Name of the new world", max_lines=1)
        make = gr.Button("Create world", size="sm")
        drop = gr.File(label=DROP, file_count="multiple", file_types=world_exchange.ACCEPTED, height=130)
    said, notes = gr.HTML(), gr.HTML()
    page.follow(stamp, show_notes, notes, [chosen], [chosen.change])
    page.on(anew.click, index_anew, [chosen], None)
    page.follow(stamp, show_service, [head, chosen, on, off, fold], [chosen, port], [port.change])
    page.follow(present_stamp, show_present, [book, chapter], [chosen], [chosen.change])
    page.on(on.click, start, [chosen, port], None)
    page.on(off.click, stop, [], None)
    page.on(here.click, set_present, [chosen, book, chapter], None)
    page.on(try_sample.click, sample, [port], [chosen, said])
    page.on(make.click, create, [name, port], chosen)
    dropped = page.on(drop.upload, upload, [chosen, drop, port], [chosen, said])
    dropped.then(lambda: None, None, drop, api_visibility="private")
