"""Write: one prompt, answered by the base model and by the author's voice side by side as they write."""

from __future__ import annotations

import random
import shlex
from collections.abc import Iterator
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import drafting, takes
from style_tuner.config import SamplingConfig, validated
from style_tuner.errors import ConfigError, ServerError
from style_tuner.serving import server
from style_tuner.serving import world as service
from style_tuner.serving.state import ServerState
from style_tuner.serving.voices import BASE
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, listing
from style_tuner.tabs.world import REASONS
from style_tuner.takes import Column, Take
from style_tuner.workspace import Workspace

PURPOSE = "Ask for a scene and read it twice: from the base model, and from the model that learned your voice."
DEFAULTS = SamplingConfig()
ENDS = {"stop": "", "length": "cut at the longest reply", "stopped": "stopped", "failed": "broke off", "": "writing…"}


def base_of(state: ServerState) -> str:
    """Return the name of the base model; that of a server run elsewhere is the first that it serves."""
    return BASE if BASE in state.models else next(iter(state.models))


def _line(column: Column) -> Markup:
    parts = [f"{column.words:,} words", ENDS.get(column.finish_reason, column.finish_reason)]
    text = " · ".join(filter(None, parts))
    return views.sentence(text, "caption") + (views.sentence(column.message, "bad") if column.message else Markup(""))


def _column(take: Take, number: int) -> tuple[str, str]:
    """Return prose and line of one column."""
    if number >= len(take.columns):
        text = "Train a voice and serve it, and it writes here, beside the base model."
        return str(views.sentence(text, "empty")), ""
    column = take.columns[number]
    head = "Base" if number == 0 else "Your voice"
    title = Markup("<h3>{} <small class='caption'>{}</small></h3>").format(head, column.model)
    return str(title + views.prose(column.text)), str(_line(column))


def _facts(take: Take) -> str:
    if take.request.world is None:
        return str(views.sentence("Written without the world: no facts were sent along.", "caption"))
    sources = {name for column in take.columns for name in column.sources}
    rows = [(fact["name"], REASONS[fact["reason"]], fact["text"]) for fact in take.request.facts]
    if not rows and not sources:
        return str(views.sentence(f"No entry of {take.request.world} fits this prompt, so none was sent.", "caption"))
    return str(views.table(f"Facts sent from {take.request.world}", ["Entry", "Why", "Text"], rows))


def _command(workspace: Workspace, take: Take) -> Markup:
    """Return the commands that would write the same drafts in a shell."""
    asked, made = take.request, []
    for model in asked.models:
        parts = ["python", "-m", "style_tuner", "generate", asked.prompt, "--model", model]
        parts += ["--workspace", workspace.name, *(["--world", asked.world] if asked.world else [])]
        parts += ["--seed", str(asked.seed), "--temperature", f"{asked.sampling.temperature:g}"]
        made.append(shlex.join([*parts, "--max-tokens", str(asked.sampling.max_tokens)]))
    return Markup("<div class='last'><div>Asked: {}</div>{}</div>").format(
        asked.prompt, Markup("<br>").join(views.command(line) for line in made)
    )


def show(workspace: Workspace, take: Take, going: bool) -> tuple[Any, ...]:
    """Return both columns with their lines, the facts, which buttons can be pressed, and the command."""
    columns = [part for number in (0, 1) for part in _column(take, number)]
    buttons = gr.Button(interactive=not going), gr.Button(interactive=going)
    return *columns, _facts(take), *buttons, take.id, str(_command(workspace, take))


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
) -> Iterator[tuple[Any, ...]]:
    """Start both answers and show them as they come; they go on, on disk, if the page goes away."""
    values = {"temperature": temperature, "top_p": top_p, "max_tokens": int(max_tokens)}
    if seed.strip() and not seed.strip().isdecimal():
        raise ConfigError(f"The seed {seed!r} is no whole number: correct it, or leave it empty.")
    chosen_seed = int(seed) if seed.strip() else random.randrange(2**31)
    place = world if use_world else None
    if use_world and not world:
        raise ServerError("No world is chosen: choose one, or switch the world off.")
    base = base_of(drafting.running_server(workspace))
    models = (base, voice) if voice and voice != base else (base,)
    sampling = validated(SamplingConfig, values, "The settings")
    writing = drafting.ask(workspace, prompt, models, sampling, chosen_seed, place)
    while writing.going:
        yield show(workspace, writing.take, True)
        writing.wait(0.3)
    yield show(workspace, takes.load(workspace, writing.take.id), False)


def stop(workspace: Workspace, take_id: str | None) -> None:
    """End the answers that are being written."""
    writing = takes.writing(workspace, take_id or "")
    if writing is not None:
        writing.stop()


def choices(workspace: Workspace, voice: str | None, world: str | None) -> tuple[Any, Any]:
    """Return the voices that are served, and the worlds."""
    state = server.state(workspace)
    served = list(state.models) if state else []
    voices = [name for name in served if state and name != base_of(state)]
    found = service.state(workspace)
    worlds = list(service.worlds(found.url)) if found else []
    return (
        gr.Dropdown(choices=voices, value=voice if voice in voices else next(iter(voices), None)),
        gr.Dropdown(choices=worlds, value=world if world in worlds else next(iter(worlds), None)),
    )


def _stamp(workspace: Workspace) -> Any:
    state, found = server.state(workspace), service.state(workspace)
    return state and (state.health, sorted(state.models)), found and sorted(service.worlds(found.url))


def _take_stamp(workspace: Workspace) -> Any:
    newest = next(iter(takes.take_ids(workspace)), "")
    return listing(takes.folder(workspace)), takes.writing(workspace, newest) is not None


def _title(take: Take) -> str:
    day, clock = take.id.split("-")[:2]
    return f"{day[6:]}.{day[4:6]}. {clock[:2]}:{clock[2:4]} · {take.request.prompt[:60]}"


def show_history(workspace: Workspace) -> Any:
    """Return the choice of earlier drafts, the newest chosen."""
    ids = takes.take_ids(workspace)[:100]
    found = [(_title(takes.load(workspace, one)), one) for one in ids]
    return gr.Dropdown(choices=found, value=ids[0] if ids else None)


def show_take(workspace: Workspace, take_id: str | None) -> tuple[Any, ...]:
    """Return the chosen draft, the newest until one is chosen, or what stands there before the first."""
    ids = takes.take_ids(workspace)
    take_id = take_id if take_id in ids else next(iter(ids), None)
    if take_id is None:
        text = "Say above what happens, and press Write. Both answers appear here, and every draft is kept."
        off = gr.Button(interactive=False)
        return str(views.sentence(text, "empty")), "", "", "", "", gr.Button(interactive=True), off, None, ""
    going = takes.writing(workspace, take_id) is not None
    return show(workspace, takes.load(workspace, take_id), going)


def _settings() -> list[Any]:
    title = f"Settings: temperature {DEFAULTS.temperature}, top-p {DEFAULTS.top_p}, {DEFAULTS.max_tokens} tokens"
    with gr.Accordion(title, open=False):
        temperature = gr.Slider(0, 2, DEFAULTS.temperature, step=0.05, label="Temperature (higher is bolder)")
        top_p = gr.Slider(0.05, 1, DEFAULTS.top_p, step=0.01, label="Top-p (share of the likely words)")
        most = gr.Number(DEFAULTS.max_tokens, label="Longest reply (tokens)", precision=0, minimum=1)
        seed = gr.Textbox("", label="Seed (empty: another one each time)", max_lines=1)
    return [temperature, top_p, most, seed]


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    current = gr.State(None)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=8):
            prompt = gr.Textbox(label="Prompt", lines=4, elem_classes="prose-input", placeholder="What happens?")
            with gr.Row():
                button = gr.Button("Write", variant="primary", elem_id="write-button")
                stop_button = gr.Button("Stop", interactive=False, elem_id="stop-button")
        with gr.Column(scale=4):
            voice = gr.Dropdown(label="Voice to write with", choices=[])
            with gr.Row():
                use_world = gr.Checkbox(label="Use the world", value=False, min_width=120)
                world = gr.Dropdown(label="World to use", choices=[], min_width=160)
            settings = _settings()
    with gr.Row(elem_classes="columns"):
        with gr.Column():
            base_text = gr.HTML()
            base_line = gr.HTML()
        with gr.Column():
            voice_text = gr.HTML()
            voice_line = gr.HTML()
    facts = gr.HTML()
    history = gr.Dropdown(label="Earlier drafts", choices=[])
    last = gr.HTML()
    shown = [base_text, base_line, voice_text, voice_line, facts, button, stop_button, current, last]
    inputs = [prompt, voice, use_world, world, *settings]
    page.follow(_stamp, choices, [voice, world], [voice, world])
    page.follow(lambda workspace: takes.take_ids(workspace), show_history, history)
    page.follow(_take_stamp, show_take, shown, [history], [history.change])
    page.on(button.click, write, inputs, shown, show_progress="minimal")
    page.on(stop_button.click, stop, [current], None)
