"""The model server on the tab Models: start and stop, how it stands, what it does, and whether a model will fit."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import registry
from style_tuner.config import STARTER_MODEL, ServingConfig, is_hub_name, resolve_model, validated
from style_tuner.errors import StyleTunerError
from style_tuner.hardware import hardware
from style_tuner.serving import server
from style_tuner.serving.engines import choose_engine, servable
from style_tuner.serving.fits import Needs, local_shape, needs
from style_tuner.serving.load import last_load, load_file
from style_tuner.serving.state import ServerState
from style_tuner.serving.voices import Voice, default_base, voices_of
from style_tuner.tabs import estimate as estimates
from style_tuner.tabs import views
from style_tuner.tabs.common import Page, changed
from style_tuner.tuning.memory import GIBIBYTE, ModelShape
from style_tuner.workspace import Workspace, read_tail

DEFAULTS = ServingConfig()
WORDS_PER_TOKEN = 0.75
"""English words to a token, about, of Llama's tokenizers."""


def _config(engine: str, port: float, memory: float, longest: float) -> ServingConfig:
    values = {"engine": engine, "port": int(port), "gpu_memory": memory, "max_model_len": int(longest or 0) or None}
    return validated(ServingConfig, values, "The server's settings")


def start(
    workspace: Workspace, engine: str, port: float, memory: float, base: str | None = None, longest: float = 0
) -> None:
    """Start the model server with every voice that it can serve, those of later among them."""
    server.start(workspace, _config(engine, port, memory, longest), base or "")


def stop(workspace: Workspace) -> None:
    """Stop the model server."""
    server.stop(workspace)


def show(workspace: Workspace) -> tuple[Any, ...]:
    """Return how the server stands, its log, and which buttons can be pressed."""
    state = server.state(workspace)
    running = state is not None and state.running
    log = read_tail(Path(state.log), 40) if state and state.log else ""
    own = running and state is not None and not state.external
    again = "Start again" if state is not None and state.health == "failed" else "Start server"
    said = str(_describe(workspace, state))
    return said, log, gr.Button(again, interactive=not running), gr.Button(interactive=bool(own))


def stamp(workspace: Workspace) -> Any:
    """Return a stamp of the server and of the voices that it may serve."""
    state = server.state(workspace)
    voices = sorted((name, str(voice.merged)) for name, voice in voices_of(workspace).items())
    if state is None:
        return voices, None
    files = changed(Path(state.log or "/"), load_file(workspace))
    return voices, (state.health, state.message, sorted(state.models), sorted(state.refused), files)


def _describe(workspace: Workspace, state: ServerState | None) -> Markup:
    if state is None:
        text = "The server is off. Start it to write: base model and voices are then reached by name."
        return views.sentence(text, "empty")
    if state.health == "failed":
        return views.sentence(f"The server failed. {state.message}", "bad")
    if state.health == "starting":
        crashed = views.sentence(state.message, "bad") if "crashed" in state.message else Markup("")
        return crashed + views.sentence(f"Starting {state.engine} at {state.url}; loading the models takes a moment.")
    rows = [(_named(workspace, name), _origin(workspace, name, folder)) for name, folder in state.models.items()]
    head = views.sentence(f"Up: {state.engine} at {state.url}.", "good") + _load(workspace, state)
    told = views.sentence(not_served(workspace, state), "caption")
    return head + views.table("Served", ["Name", "From"], rows) + told + views.command(_command(workspace, state))


def _named(workspace: Workspace, name: str) -> str:
    own = registry.label_of(workspace, name).name
    return f"{own} ({name})" if own else name


def _origin(workspace: Workspace, name: str, folder: str) -> str:
    return "this workspace" if (workspace.runs / name).is_dir() else Path(folder).name


def _command(workspace: Workspace, state: ServerState) -> str:
    parts = ["--url", state.url]
    if not state.external:
        parts = ["--engine", state.engine, "--port", str(state.port), "--detach"]
    return shlex.join(["python", "-m", "style_tuner", "serve", "--workspace", workspace.name, *parts])


def _load(workspace: Workspace, state: ServerState) -> Markup:
    """Return what the engine does now and takes, as far as it can be measured."""
    pairs: list[tuple[str, str]] = []
    found = None if state.external else last_load(workspace)
    if found is not None:
        if found.running is not None:
            waiting = f", {found.waiting} waiting" if found.waiting else ""
            pairs.append((f"being written{waiting}", "1 draft" if found.running == 1 else f"{found.running} drafts"))
        if found.tokens_per_second is not None:
            pairs.append(("tokens/s", f"{found.tokens_per_second:.0f}"))
        pairs.append(("of main memory", views.size(found.memory)))
        if gpus := hardware().gpus:
            used = f"{gpus[0].memory_used / GIBIBYTE:.1f} of {gpus[0].memory_total / GIBIBYTE:.0f} GB"
            pairs.append(("of the GPU's memory, all programs together", used))
    if state.context_length:
        words = round(state.context_length * WORDS_PER_TOKEN, -2)
        pairs.append(("of prompt and draft together at most", f"about {words:,.0f} words"))
    return views.facts(pairs) if pairs else Markup("")


def not_served(workspace: Workspace, state: ServerState) -> str:
    """Say which voices the server does not have and why; of a server that is run elsewhere that is not known."""
    if state.external:
        return state.message
    missing = [voice for name, voice in voices_of(workspace).items() if name not in state.models]
    refused = [f"{voice.name}: {state.refused[voice.name]}" for voice in missing if voice.name in state.refused]
    missing = [voice for voice in missing if voice.name not in state.refused]
    unmerged = [voice for voice in missing if state.engine == "transformers" and voice.merged is None]
    whole = [voice for voice in missing if state.engine == "vllm" and voice.adapter is None]
    others = [voice for voice in missing if voice not in (*unmerged, *whole)]
    foreign = [voice for voice in others if voice.base_model() not in (None, state.base_model)]
    new = [voice for voice in others if voice not in foreign and workspace.name != state.workspace]
    coming = [voice for voice in others if voice not in (*foreign, *new)]
    again = "" if state.workspace == workspace.name else ", then start the server again"
    reasons = (
        (unmerged, f"Not merged: {{}}. Merge them{again}."),
        (whole, "Whole models, which vLLM serves one at a time: {}. Start the server with the engine transformers."),
        (foreign, "Trained on another base model: {}. Start the server with that model to write with them."),
        (new, "Not served, for the server was started for other voices: {}. Stop and start it to write with them."),
        (coming, "On the way: {}."),
    )
    sentences = [text.format(", ".join(voice.name for voice in voices)) for voices, text in reasons if voices]
    return " ".join([*refused, *sentences])


def estimate(
    workspace: Workspace, engine: str, port: float, memory: float, base: str | None = None, longest: float = 0
) -> str:
    """Return whether base model and voices will fit the memory, and the remedy where they will not."""
    try:
        found = _needs(workspace, _config(engine, port, memory, longest), base or default_base(workspace))
    except StyleTunerError as error:
        return str(views.sentence(str(error), "bad"))
    if found is None:
        return str(views.sentence("How much memory it takes is known once the model is on this disk.", "caption"))
    if fault := found.fault():
        return str(views.sentence(fault, "bad"))
    text = f"A start takes about {found.total:.1f} GB of memory; {found.where} has {found.have:.0f} GB for it."
    return str(views.sentence(text, "caption"))


def settings_title(engine: str, port: float | None, base: str | None = None) -> str:
    """Return the title of the settings, which says what they are while they are folded."""
    name = ""
    if engine == "auto":
        with suppress(StyleTunerError):  # said where the memory is told of, and when it is started
            name = f" ({'vLLM' if choose_engine(DEFAULTS) == 'vllm' else 'transformers'} here)"
    parts = [f"engine {'vLLM' if engine == 'vllm' else engine}{name}", f"port {int(port or 0)}"]
    return "Settings: " + ", ".join([*parts, *([Path(base).name] if base else [])])


def settle(
    workspace: Workspace, engine: str, port: float, memory: float, base: str | None = None, longest: float = 0
) -> tuple[str, Any]:
    """Return what a start with these settings takes, and their title."""
    fits = estimate(workspace, engine, port, memory, base, longest)
    return fits, gr.Accordion(label=settings_title(engine, port, base))


def _needs(workspace: Workspace, config: ServingConfig, base: str) -> Needs | None:
    model, engine = resolve_model(base), choose_engine(config)
    voices: list[Voice] = servable(list(voices_of(workspace).values()), engine, model)[0]
    models = [model, *(str(voice.merged) for voice in voices if voice.merged)]
    return needs(config, engine, models, _shape(model))


def _shape(model: str) -> ModelShape | None:
    return estimates.local_shape(model) if is_hub_name(model) else local_shape(model)


def _bases(workspace: Workspace, chosen: str | None) -> Any:
    """Offer the base models that voices were trained on, and the starter model."""
    found = [base for voice in voices_of(workspace).values() if (base := voice.base_model())]
    choices = [(Path(base).name, base) for base in dict.fromkeys([*found, str(STARTER_MODEL)])]
    return gr.Dropdown(choices=[("that of the newest voice", ""), *choices], value=chosen or "")


def build(page: Page) -> None:
    """Lay out the server's column."""
    head = gr.HTML()
    with gr.Row():
        start_button = gr.Button("Start server", variant="primary")
        stop_button = gr.Button("Stop server", interactive=False)
    fits = gr.HTML()
    with gr.Accordion(settings_title(DEFAULTS.engine, DEFAULTS.port), open=False) as fold:
        engine = gr.Dropdown(["auto", "vllm", "transformers"], value=DEFAULTS.engine, label="Engine")
        base = gr.Dropdown([("that of the newest voice", "")], value="", label="Base model", allow_custom_value=True)
        port = gr.Number(DEFAULTS.port, label="Port", precision=0, minimum=1, maximum=65535)
        memory = gr.Slider(0.1, 1, DEFAULTS.gpu_memory, step=0.05, label="Share of the GPU's memory (vLLM)")
        label = "Longest prompt and draft together, in tokens (vLLM; 0: as long as the memory allows)"
        longest = gr.Number(0, label=label, precision=0, minimum=0)
    with gr.Accordion("Show details", open=False):
        empty = "The server writes here once it was started."
        log = gr.Textbox(label="Server log", lines=14, max_lines=14, interactive=False, placeholder=empty)
    settings: list[Any] = [engine, port, memory, base, longest]
    page.follow(stamp, show, [head, log, start_button, stop_button])
    page.follow(lambda workspace: sorted(voices_of(workspace)), _bases, base, [base])
    page.follow(stamp_of_voices, settle, [fits, fold], settings, [part.change for part in settings])
    page.on(start_button.click, start, settings, None)
    page.on(stop_button.click, stop, [], None)


def stamp_of_voices(workspace: Workspace) -> Any:
    """Return a stamp of the voices and of what is merged."""
    return sorted((name, str(voice.merged)) for name, voice in voices_of(workspace).items())
