"""Write: one brief, answered by the base model and by the author's voice side by side as they write."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Any

import gradio as gr

from style_tuner import drafting, history, measuring, takes
from style_tuner.config import SamplingConfig, validated
from style_tuner.errors import ConfigError, ServerError
from style_tuner.serving import lore, server
from style_tuner.serving import world as service
from style_tuner.serving.state import ServerState
from style_tuner.serving.voices import BASE
from style_tuner.tabs import views, write_view
from style_tuner.tabs.common import Page, choice, inform, labels, named_runs
from style_tuner.takes import Take
from style_tuner.workspace import Workspace

PURPOSE = "Ask for a scene and read it twice: from the base model, and from the model that learned your voice."
HINT = (
    "Ctrl-Enter writes · Esc stops · Ctrl-→ next variant · Ctrl-← previous variant · Ctrl-S keeps the marked draft "
    "(click a draft to mark it)"
)
DEFAULTS = SamplingConfig()
PULSE = 0.4
"""Seconds between two looks at a draft that is being written."""


def base_of(state: ServerState) -> str:
    """Return the name of the base model; that of a server run elsewhere is the first that it serves."""
    return BASE if BASE in state.models else next(iter(state.models))


def write(
    workspace: Workspace,
    prompt: str,
    voice: str | None,
    use_world: bool,
    world: str | None,
    temperature: float,
    top_p: float,
    max_tokens: float,
    seed: str,
    compare: bool = True,
    blind: bool = False,
) -> str:
    """Start the answers and return their take; they go on, on disk, if the page goes away."""
    values: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "max_tokens": int(max_tokens)}
    if seed.strip() and not seed.strip().isdecimal():
        raise ConfigError(f"The seed {seed!r} is no whole number: correct it, or leave it empty.")
    chosen_seed = int(seed) if seed.strip() else random.randrange(2**31)
    place = world if use_world else None
    if use_world and not world:
        raise ServerError("No world is chosen: choose one under Settings, or switch the world off.")
    state = drafting.running_server(workspace)
    write_view.refuse_long(prompt, state.context_length, values["max_tokens"])
    base = base_of(state)
    if not compare and not voice:
        raise ServerError(
            "No voice is served yet: merge one on the tab Models and start the server again; or switch on Compare "
            "with base, and the base model writes."
        )
    models = (base, voice) if voice and voice != base else (base,)
    models = models if compare else models[-1:]
    sampling = validated(SamplingConfig, values, "The settings")
    blind = blind and compare
    return drafting.ask(workspace, prompt, models, sampling, chosen_seed, place, base, blind).take.id


def stop(workspace: Workspace) -> None:
    """End the answers that are being written."""
    for writing in takes.being_written(workspace):
        writing.stop()


def _shown(workspace: Workspace, take_id: str | None) -> Take:
    """Return the take on the page: the one chosen, else the newest."""
    ids = takes.take_ids(workspace)
    if not ids:
        raise ServerError("There is no draft yet: say what happens in the scene, and press Write.")
    return takes.load(workspace, take_id if take_id in ids else ids[0])


def next_variant(workspace: Workspace, take_id: str | None, blind: bool) -> str:
    """Return the next variant of the shown draft; after the newest, have a new one written."""
    take = _shown(workspace, take_id)
    family = history.variants(workspace, take.id)
    later = family[family.index(take.id) + 1 :]
    if later:
        return later[0]
    if takes.being_written(workspace):
        raise ServerError("A draft is still being written: wait for its end, or stop it, then ask for the next.")
    return drafting.again(workspace, take, random.randrange(2**31), blind).take.id


def previous_variant(workspace: Workspace, take_id: str | None) -> str:
    """Return the variant before the shown draft, or the draft itself if it is the first."""
    take = _shown(workspace, take_id)
    family = history.variants(workspace, take.id)
    return family[max(0, family.index(take.id) - 1)]


def keep(workspace: Workspace, take_id: str | None, compare: bool, place: int) -> float:
    """Write the draft in the left (0) or right (-1) column to a file of its own; return a stamp of the change."""
    take = _shown(workspace, take_id)
    number, _ = write_view.places(take, compare)[place]
    path = history.keep(workspace, take, number)
    inform(f"The draft is kept in {path}", title="Kept")
    return time.time()


def choose(workspace: Workspace, take_id: str | None, place: int | None) -> float:
    """Keep the choice of a blind reading; return a stamp of the change."""
    history.choose(workspace, _shown(workspace, take_id), place)
    return time.time()


def pick(_: Workspace, event: gr.EventData) -> str:
    """Return the draft that was clicked in the history."""
    return str(event.take)


def choices(workspace: Workspace, voice: str | None, world: str | None) -> tuple[Any, Any]:
    """Return the voices that are served, and the worlds."""
    state = server.state(workspace)
    served = list(state.models) if state else []
    voices = [name for name in served if state and name != base_of(state)]
    found = service.state(workspace)
    worlds = list(lore.worlds(found.url)) if found else []
    named = named_runs(workspace, voices)
    return (
        gr.Dropdown(choices=named, value=voice if voice in voices else next(iter(voices), None)),
        gr.Dropdown(choices=worlds, value=world if world in worlds else next(iter(worlds), None)),
    )


def _served_stamp(workspace: Workspace) -> Any:
    state, found = server.state(workspace), service.state(workspace)
    names = labels(workspace)
    return names, state and (state.health, sorted(state.models)), found and sorted(lore.worlds(found.url))


def _takes_stamp(workspace: Workspace) -> Any:
    going = [writing.take.id for writing in takes.being_written(workspace)]
    return history.summaries(workspace), going, str(measuring.measured_against(workspace))


def hold(workspace: Workspace, take_id: str | None) -> Any:
    """Choose the newest draft until one is chosen, so that no newer one takes its place under the reader's eyes."""
    ids = takes.take_ids(workspace)
    return gr.skip() if take_id in ids else next(iter(ids), None)


def show_history(workspace: Workspace, take_id: str | None) -> str:
    """Return the history, the shown draft marked in it."""
    return write_view.tree(history.summaries(workspace), take_id, takes.folder(workspace))


def show_take(workspace: Workspace, take_id: str | None, compare: bool) -> tuple[Any, ...]:
    """Return the shown draft, or what stands there before the first: in the order of `build`'s outputs."""
    busy = bool(takes.being_written(workspace))
    buttons = gr.Button(interactive=not busy), gr.Button(interactive=busy)
    ids = takes.take_ids(workspace)
    if not ids:
        empty, off = str(views.sentence(write_view.EMPTY, "empty")), gr.Button(interactive=False)
        nothing = "", "", off, gr.Column(visible=False), empty, "", gr.Button(visible=False)
        return "", *nothing, gr.Row(visible=False), "", "", *buttons, off, off, "", gr.Timer(active=False)
    take = _shown(workspace, take_id)
    scoring = measuring.measuring(workspace, take)
    known = measuring.measured_against(workspace) is not None
    unmeasured = "scoring…" if scoring else "could not be scored" if known else "no voice measured yet"
    shown = write_view.places(take, compare)
    left, right = (write_view.draft(workspace, take, *shown[place], unmeasured) for place in (0, -1))
    drafts = [take.columns[shown[place][0]] for place in (0, -1)]
    keepable = [gr.Button(visible=True, interactive=bool(one.finish_reason and one.text.strip())) for one in drafts]
    going, family = not take.done, history.variants(workspace, take.id)
    return (
        write_view.asked(take, family),
        *left, keepable[0], gr.Column(visible=len(shown) > 1), *right, keepable[1],
        gr.Row(visible=take.hidden and take.done),
        write_view.verdict(workspace, take),
        write_view.facts(take),
        *buttons,
        gr.Button(interactive=take.id != family[0]),
        gr.Button(interactive=not busy or take.id != family[-1]),
        write_view.commands(workspace, take),
        gr.Timer(active=going or scoring),
    )  # fmt: skip


def _settings() -> tuple[gr.Dropdown, gr.Dropdown, list[Any]]:
    title = f"Settings: temperature {DEFAULTS.temperature}, top-p {DEFAULTS.top_p}, {DEFAULTS.max_tokens} tokens"
    with gr.Accordion(title, open=False):
        voice = choice("Voice to write with")
        world = choice("World to use")
        temperature = gr.Slider(0, 2, DEFAULTS.temperature, step=0.05, label="Temperature (higher is bolder)")
        top_p = gr.Slider(0.05, 1, DEFAULTS.top_p, step=0.01, label="Top-p (share of the likely words)")
        most = gr.Number(DEFAULTS.max_tokens, label="Longest reply (tokens)", precision=0, minimum=1)
        seed = gr.Textbox("", label="Seed (empty: another one each time)", max_lines=1)
    return voice, world, [temperature, top_p, most, seed]


def _draft_column(marked: str) -> tuple[gr.Column, list[Any]]:
    with gr.Column(elem_classes=["draft", *([marked] if marked else [])], min_width=260) as box:
        text = gr.HTML()
        line = gr.HTML()
        button = gr.Button("Keep", size="sm", interactive=False, elem_classes="keep")
    return box, [text, line, button]


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    current, touched = gr.State(None), gr.State(0.0)
    pulse = gr.Timer(PULSE, active=False)
    with gr.Row(elem_classes=["columns", "write-page"]):
        with gr.Column(scale=9):
            prompt = gr.Textbox(label="Brief", lines=3, elem_classes="prose-input", placeholder="What happens?")
            with gr.Row(elem_classes="switches"):
                button = gr.Button("Write", variant="primary", elem_id="write-button", min_width=110)
                stop_button = gr.Button("Stop", interactive=False, elem_id="stop-button", min_width=110)
                compare = gr.Checkbox(label="Compare with base", value=True, min_width=120)
                blind = gr.Checkbox(label="Blind", value=False, min_width=80)
                use_world = gr.Checkbox(label="Use the world", value=False, min_width=120)
                gr.HTML(write_view.FOLD_BUTTON, js_on_load=write_view.FOLD, elem_classes="fold-button", min_width=80)
            asked = gr.HTML()
            with gr.Row(elem_classes="columns"):
                left_box, left = _draft_column("")
                _, right = _draft_column("marked")
            with gr.Row(visible=False, elem_classes="switches") as choice_row:
                chosen = [gr.Button(f"{letter} sounds more like me", min_width=150) for letter in "AB"]
                chosen.append(gr.Button("Can't tell", min_width=110))
            verdict = gr.HTML()
            with gr.Row(elem_classes="switches"):
                previous = gr.Button("Previous variant", size="sm", elem_id="previous-button", interactive=False)
                following = gr.Button("Next variant", size="sm", elem_id="next-button", interactive=False)
            gr.HTML(str(views.sentence(HINT, "caption")))
        with gr.Column(scale=3, min_width=250, elem_classes="drawer"):
            with gr.Accordion("Sources sent"):
                facts = gr.HTML()
            with gr.Accordion("History"):
                past = gr.HTML(js_on_load=write_view.SHOW_TAKE)
            voice, world, settings = _settings()
    last = gr.HTML()
    page.follow(_served_stamp, choices, [voice, world], [voice, world])
    shown = [asked, *left, left_box, *right, choice_row, verdict, facts, button, stop_button, previous, following, last]
    again = [current.change, touched.change, compare.change, pulse.tick]
    page.follow(_takes_stamp, show_take, [*shown, pulse], [current, compare], again)
    page.follow(_takes_stamp, hold, current, [current])
    page.follow(_takes_stamp, show_history, past, [current], [current.change, touched.change])
    inputs = [prompt, voice, use_world, world, *settings, compare, blind]
    page.remember("write", [prompt, use_world], ["", False])
    page.on(button.click, write, inputs, current)
    page.on(stop_button.click, stop, [], None)
    page.on(following.click, next_variant, [current, blind], current)
    page.on(previous.click, previous_variant, [current], current)
    page.on(past.click, pick, [], current)
    for place, (_, _, keep_button) in ((0, left), (-1, right)):
        page.on(keep_button.click, partial(keep, place=place), [current, compare], touched)
    for answer, choice_button in zip((0, 1, None), chosen, strict=True):
        page.on(choice_button.click, partial(choose, place=answer), [current], touched)
    page.on(compare.change, lambda _, on: gr.Checkbox(interactive=on), [compare], blind, show_progress="hidden")
