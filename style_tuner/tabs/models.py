"""Models: the trained voices, merging and checking them, and the server that writes with them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from style_tuner import jobs
from style_tuner.config import ServingConfig, validated
from style_tuner.errors import JobError, ModelError
from style_tuner.records import Run
from style_tuner.serving import server
from style_tuner.serving.engines import choose_engine
from style_tuner.serving.state import ServerState
from style_tuner.serving.voices import Voice, voices_of
from style_tuner.stages import trained_runs
from style_tuner.tabs import score_view, views
from style_tuner.tabs.common import Page, changed, last_line, listing
from style_tuner.workspace import PROJECT_ROOT, Workspace, move_to_bin, read_tail

PURPOSE = "Keep the voices you have trained, and start the server that writes with them."
DEFAULTS = ServingConfig()


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else 0


def _row(workspace: Workspace, run: Run, served: dict[str, str]) -> list[str]:
    folder = workspace.runs / run.id
    base, tuned = (run.result.get(key) for key in ("base_validation_loss", "tuned_validation_loss"))
    losses = f"{base:.3f} → {tuned:.3f}" if base is not None and tuned is not None else ""
    merged = folder / "merged" / "config.json"
    states = [
        views.STATES[run.status],
        *(["merged"] if merged.is_file() else []),
        *(["served"] if run.id in served else []),
    ]
    return [run.id, ", ".join(states), score_view.newest_of(workspace, run.id), losses, views.size(_size(folder))]


def show_runs(workspace: Workspace, chosen: str | None) -> tuple[Any, ...]:
    """Return the table of voices, the choice of one, and whether there is any to merge, check or delete."""
    ids = trained_runs(workspace)
    buttons = [gr.Button(interactive=bool(ids)) for _ in range(3)]
    if not ids:
        empty = "No voice yet: train one on the tab Train. The server can already be started with the base model alone."
        return str(views.sentence(empty, "empty")), gr.Dropdown(choices=[], value=None), *buttons
    state = server.state(workspace)
    rows = [_row(workspace, jobs.load(workspace, run_id), state.models if state else {}) for run_id in ids]
    headers = ["Voice", "State", "Voice score", "Loss, base → tuned", "Size on disk"]
    value = chosen if chosen in ids else ids[0]
    return str(views.table("Voices", headers, rows, numbers="cde")), gr.Dropdown(choices=ids, value=value), *buttons


def show_failed(workspace: Workspace, chosen: str | None) -> tuple[Any, Any]:
    """Return the training runs that left no voice, searches for a learning rate among them."""
    found = _voiceless(workspace)
    choices = [(f"{run.id}, {views.STATES[run.status]}", run.id) for run in found]
    ids = [run.id for run in found]
    title = f"Runs that left no voice ({len(ids)})"
    value = chosen if chosen in ids else next(iter(ids), None)
    return gr.Accordion(title, visible=bool(ids)), gr.Dropdown(choices=choices, value=value)


def _voiceless(workspace: Workspace) -> list[Run]:
    voices = trained_runs(workspace)
    return [run for run in jobs.runs(workspace) if run.stage in jobs.RESUMABLE and run.id not in voices]


def _stamp(workspace: Workspace) -> Any:
    state = server.state(workspace)
    runs = [(run_id, jobs.load(workspace, run_id).status) for run_id in trained_runs(workspace)]
    folders = [changed(workspace.runs / run_id / "merged" / "config.json") for run_id, _ in runs]
    return runs, folders, listing(workspace.scores), state and (state.health, sorted(state.models))


def _need(chosen: str | None) -> str:
    if not chosen:
        raise JobError("There is no voice yet: train one on the tab Train first.")
    return chosen


def merge(workspace: Workspace, chosen: str | None) -> None:
    """Start the merge as a job."""
    run = jobs.load(workspace, _need(chosen))
    if run.status in ("queued", "running"):
        raise JobError(f"The run {run.id} is still going: wait for it, or stop it on the tab Train.")
    if not (workspace.runs / run.id / "adapter").is_dir():
        raise ModelError(
            f"The run {run.id} has no trained voice to merge: let it train, or resume it on the tab Train."
        )
    jobs.start(workspace, "merge", ["--run", run.id])


def check(workspace: Workspace, chosen: str | None) -> str:
    """Check the merged model's folder, in a process of its own: it loads an ML library, and the page does not."""
    folder = workspace.runs / _need(chosen) / "merged"
    if not folder.is_dir():
        raise ModelError(f"The voice {chosen} is not merged yet, so there is no model folder to check: press Merge.")
    command = [sys.executable, "-m", "style_tuner", "check-model", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL)
    if not done.stdout.strip():
        raise ModelError(done.stderr.strip().splitlines()[-1])
    found = json.loads(done.stdout.strip().splitlines()[-1])
    head = "The merged model is complete." if found["ok"] else "The merged model has faults."
    return str(views.sentence(head, "good" if found["ok"] else "bad") + views.bullets(found["findings"]))


def delete(workspace: Workspace, chosen: str | None) -> None:
    """Move a run with its voice to the bin."""
    run = jobs.load(workspace, _need(chosen))
    state = server.state(workspace)
    if run.status in ("queued", "running"):
        raise JobError(f"The run {run.id} is still going: stop it on the tab Train first.")
    if state is not None and run.id in state.models:
        raise JobError(f"The voice {run.id} is being served: stop the server first.")
    gr.Info(f"Moved to the bin: {move_to_bin(workspace, workspace.runs / run.id)}")


def start(workspace: Workspace, engine: str, port: float, memory: float) -> None:
    """Start the model server with every voice that it can serve."""
    values = {"engine": engine, "port": int(port), "gpu_memory": memory}
    server.start(workspace, validated(ServingConfig, values, "The server's settings"))


def stop(workspace: Workspace) -> None:
    """Stop the model server."""
    server.stop(workspace)


def show_server(workspace: Workspace) -> tuple[Any, ...]:
    """Return how the server stands, its log, and which buttons can be pressed."""
    state = server.state(workspace)
    running = state is not None and state.running
    log = read_tail(Path(state.log), 40) if state and state.log else ""
    own = running and state is not None and not state.external
    return str(_describe(workspace, state)), log, gr.Button(interactive=not running), gr.Button(interactive=bool(own))


def _describe(workspace: Workspace, state: ServerState | None) -> Markup:
    if state is None:
        text = "The server is off. Start it to write: base model and voices are then reached by name."
        return views.sentence(text, "empty")
    if state.health == "failed":
        return views.sentence(f"The server failed. {state.message}", "bad")
    if state.health == "starting":
        return views.sentence(f"Starting {state.engine} at {state.url}; loading the models takes a moment.")
    rows = [(name, Path(folder).name if name == "base" else "this workspace") for name, folder in state.models.items()]
    head = views.sentence(f"Up: {state.engine} at {state.url}.", "good")
    start = (
        ["--url", state.url] if state.external else ["--engine", state.engine, "--port", str(state.port), "--detach"]
    )
    same = views.command(shlex.join(["python", "-m", "style_tuner", "serve", "--workspace", workspace.name, *start]))
    told = views.sentence(_not_served(workspace, state), "caption")
    return head + views.table("Served", ["Name", "From"], rows) + told + same


def _not_served(workspace: Workspace, state: ServerState) -> str:
    """Say which voices the server does not have and why; of a server that is run elsewhere that is not known."""
    if state.external:
        return state.message
    missing = [voice for name, voice in voices_of(workspace).items() if name not in state.models]
    unmerged = [voice.name for voice in missing if state.engine == "transformers" and voice.merged is None]
    others = [voice for voice in missing if voice.name not in unmerged]
    foreign = [voice.name for voice in others if voice.base_model() not in (None, state.base_model)]
    new = [voice.name for voice in others if voice.name not in foreign and _made(voice) > state.started]
    reasons = (
        (unmerged, "Not merged: {}. Merge them, then start the server again."),
        (foreign, "Trained on another base model: {}. Start the server with that model to write with them."),
        (new, "Trained since the start: {}. Stop and start the server to write with it."),
    )
    return " ".join(sentence.format(", ".join(names)) for names, sentence in reasons if names)


def _made(voice: Voice) -> float:
    """Return when a voice was last trained or merged, seconds since the epoch."""
    files = (voice.adapter and voice.adapter / "adapter_config.json", voice.merged and voice.merged / "config.json")
    return max(file.stat().st_mtime for file in files if file)


def _engine() -> str:
    return "vLLM" if choose_engine(DEFAULTS) == "vllm" else "transformers"


def build(page: Page) -> None:
    """Lay out the tab."""
    gr.HTML(views.purpose(PURPOSE))
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7):
            table = gr.HTML()
            chosen = gr.Dropdown(label="Voice", choices=[])
            with gr.Row():
                merge_button = gr.Button("Merge", interactive=False)
                check_button = gr.Button("Check", interactive=False)
                delete_button = gr.Button("Delete to bin", interactive=False)
            checked = gr.HTML()
            with gr.Accordion("Runs that left no voice", open=False, visible=False) as failed_fold:
                failed = gr.Dropdown(label="Run", choices=[])
                failed_button = gr.Button("Delete run to bin", size="sm")
        with gr.Column(scale=5):
            head = gr.HTML()
            with gr.Row():
                start_button = gr.Button("Start server", variant="primary")
                stop_button = gr.Button("Stop server", interactive=False)
            title = f"Settings: engine {DEFAULTS.engine} ({_engine()} here), port {DEFAULTS.port}"
            with gr.Accordion(title, open=False):
                engine = gr.Dropdown(["auto", "vllm", "transformers"], value=DEFAULTS.engine, label="Engine")
                port = gr.Number(DEFAULTS.port, label="Port", precision=0, minimum=1, maximum=65535)
                memory = gr.Slider(0.1, 1, DEFAULTS.gpu_memory, step=0.05, label="Share of the GPU's memory (vLLM)")
            with gr.Accordion("Show details", open=False):
                log = gr.Textbox(label="Server log", lines=14, max_lines=14, interactive=False)
    page.follow(_stamp, show_runs, [table, chosen, merge_button, check_button, delete_button], [chosen])
    page.follow(lambda w: [(run.id, run.status) for run in _voiceless(w)], show_failed, [failed_fold, failed], [failed])
    page.follow(_server_stamp, show_server, [head, log, start_button, stop_button])
    page.on(merge_button.click, merge, [chosen], None)
    page.on(check_button.click, check, [chosen], checked)
    page.on(delete_button.click, delete, [chosen], None)
    page.on(failed_button.click, delete, [failed], None)
    page.on(start_button.click, start, [engine, port, memory], None)
    page.on(stop_button.click, stop, [], None)
    last_line(page, "merge")


def _server_stamp(workspace: Workspace) -> Any:
    state = server.state(workspace)
    voices = sorted((name, str(voice.merged)) for name, voice in voices_of(workspace).items())
    return voices, state and (state.health, state.message, sorted(state.models), changed(Path(state.log or "/")))
