"""What all tabs share: following the workspace on disk, and errors that end as a sentence."""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import escape

from style_tuner import jobs, registry
from style_tuner.bin import move_to_bin
from style_tuner.errors import StyleTunerError
from style_tuner.records import Run
from style_tuner.tabs import views
from style_tuner.workspace import Workspace, open_workspace

Stamp = Callable[[Workspace], Any]
HIDDEN = {"show_progress": "hidden", "api_visibility": "private"}


def tell(error: StyleTunerError) -> None:
    """Show an error's sentence for as long as it takes to read it twice."""
    gr.Warning(str(escape(error)), duration=25, title="This did not work")


def inform(text: str, title: str = "Done") -> None:
    """Show for a moment what was done; the text is never markup."""
    gr.Info(str(escape(text)), title=title)


def in_words(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show an error of the user's kind as a sentence on the page and leave every output as it is."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*values: Any) -> Iterator[Any]:
            try:
                yield from function(*values)
            except StyleTunerError as error:
                tell(error)
                yield gr.skip()

        return stream

    @functools.wraps(function)
    def call(*values: Any) -> Any:
        try:
            return function(*values)
        except StyleTunerError as error:
            tell(error)
            return gr.skip()

    return call


def choice(label: str, **options: Any) -> gr.Dropdown:
    """Lay out a choice among what is on disk.

    What was chosen may be gone by the time it is sent, with its run or its workspace: it is left to the callback then,
    where Gradio itself would end with an error.
    """
    return gr.Dropdown([], label=label, allow_custom_value=True, **options)


def refilled(choices: Sequence[Any], value: Any, chosen: Any) -> Any:
    """Return new choices; the chosen one is set only where it has to be another than it was when this was asked for.

    The author may have chosen something else meanwhile, which an answer that is late must not take back.
    """
    return gr.update(choices=list(choices)) if value == chosen else gr.update(choices=list(choices), value=value)


@dataclass
class Page:
    """The controls that every tab needs, and what each tab wants to be told of.

    One timer looks at the disk every two seconds. A tab is rendered again only when its stamp (any value that changes
    when there is something new) is not what it was, so that an idle page stays still under the reader's eyes.
    """

    home: Path
    workspace: gr.Dropdown
    stamps: list[tuple[Stamp, gr.State]] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    """Folders that the page may serve files from: those of the workspaces opened so far."""
    remembered: list[tuple[str, list[Any]]] = field(default_factory=list)
    """What the author's browser keeps until it is closed, as a script returns it, and the controls that it fills."""
    job: Any = None
    """The strip, which says when its job is pressed."""
    filled: list[Any] = field(default_factory=list)
    """Everything that callbacks fill, which a switch of the workspace empties."""

    def open(self, name: str) -> Workspace:
        """Return the chosen workspace; its exports can be downloaded from now on."""
        workspace = open_workspace(name, self.home)
        if str(workspace.exports) not in self.exports:
            self.exports.append(str(workspace.exports))
        return workspace

    def bind(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function(workspace, ...)` as a callback whose first input is the workspace's name."""
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def stream(name: str, *values: Any) -> Iterator[Any]:
                yield from function(self.open(name), *values)

            return in_words(stream)
        return in_words(functools.wraps(function)(lambda name, *values: function(self.open(name), *values)))

    def on(self, event: Any, function: Callable[..., Any], inputs: Sequence[Any], outputs: Any, **options: Any) -> Any:
        """Call `function(workspace, *inputs)` on an event; where there are no outputs, its answer is dropped."""
        options = {"api_visibility": "private"} | options
        bound = self.bind(function)
        self._fills(outputs)
        called = bound if outputs is not None else functools.wraps(bound)(lambda *values: bound(*values) and None)
        return event(called, [self.workspace, *inputs], outputs, **options)

    def follow(
        self,
        stamp: Stamp,
        render: Callable[..., Any],
        outputs: Any,
        inputs: Sequence[Any] = (),
        also: Sequence[Any] = (),
    ) -> None:
        """Call `render(workspace, *inputs)` when the page loads, whenever the stamp changes, and on the events `also`.

        All of these are one queue, so that an older answer never overwrites a newer one. Until the first answer comes,
        an empty place for text that leads the outputs says that it is loading: on a busy machine that takes seconds.
        """
        lead = self._fills(outputs)[0]
        if isinstance(lead, gr.HTML) and not lead.value:
            lead.value = views.LOADING
        state = gr.State(None)
        self.stamps.append((stamp, state))
        events = [state.change, *also]
        given = [self.workspace, *inputs]
        gr.on(events, self.bind(render), given, outputs, trigger_mode="always_last", **HIDDEN)

    def _fills(self, outputs: Any) -> list[Any]:
        """Remember what a callback fills, and return it as a list."""
        listed = [] if outputs is None else list(outputs) if isinstance(outputs, Sequence) else [outputs]
        self.filled += [part for part in listed if part not in self.filled]
        return listed

    def remember(self, key: str, parts: list[Any], empty: list[Any]) -> None:
        """Keep what is in these controls in the author's browser, so that it is there again after a reload."""
        self.remembered.append((f"() => JSON.parse(sessionStorage.getItem('{key}') ?? '{json.dumps(empty)}')", parts))
        keep = f"(...values) => {{ sessionStorage.setItem('{key}', JSON.stringify(values)); return []; }}"
        gr.on([part.change for part in parts], None, parts, None, js=keep, **HIDDEN)

    def start(self, demo: gr.Blocks, timer: gr.Timer) -> None:
        """Begin to follow the disk; called once, after all tabs are built."""

        def look(name: str) -> list[Any]:
            workspace = self.open(name)
            return [(name, _stamped(stamp, workspace)) for stamp, _ in self.stamps]

        states = [state for _, state in self.stamps]
        triggers = [demo.load, timer.tick, self.workspace.change]
        for kept, parts in self.remembered:
            demo.load(None, None, parts, js=kept, show_progress="hidden", api_visibility="private")
        shown = [part for part in self.filled if _of_workspace(part)]
        empty = json.dumps([part.value if isinstance(part, gr.HTML) else None for part in shown])
        self.workspace.change(None, None, shown, js=f"() => {empty}", show_progress="hidden", api_visibility="private")
        gr.on(triggers, in_words(look), [self.workspace], states, **HIDDEN)


def _of_workspace(part: Any) -> bool:
    """Say whether a part shows what is in one workspace: words, a file, or a choice that is laid out without any."""
    return isinstance(part, gr.HTML | gr.File) or (isinstance(part, gr.Dropdown) and not part.choices)


def _stamped(stamp: Stamp, workspace: Workspace) -> Any:
    """Return the stamp; an error is a stamp too, so that it is told once and not at every look."""
    try:
        return stamp(workspace)
    except StyleTunerError as error:
        return str(error)


def uploaded_name(path: str | Path) -> str:
    """Return the name that an uploaded file has on the author's disk: browsers send a quotation mark in it as `%22`."""
    return Path(path).name.replace("%22", '"')


def labels(workspace: Workspace) -> Any:
    """Return a stamp of the names that runs were given."""
    return [(path.parent.name, changed(path)) for path in sorted(workspace.runs.glob("*/label.json"))]


def named_runs(workspace: Workspace, ids: Iterable[str]) -> list[tuple[str, str]]:
    """Return runs as choices: each by the author's name for it, where it has one."""
    return [(registry.shown(workspace, one), one) for one in ids]


def changed(*paths: Path) -> tuple[int, ...]:
    """Return a stamp of files and folders: their times of change, 0 for what is not there."""
    found = []
    for path in paths:
        try:
            found.append(path.stat().st_mtime_ns)
        except FileNotFoundError:
            found.append(0)
    return tuple(found)


def listing(folder: Path, depth: int = 1) -> tuple[Any, ...]:
    """Return a stamp of a folder: names and times of change of what is in it, down to `depth` levels."""
    if not folder.is_dir():
        return ()
    rows: list[Any] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                rows.append((entry.name, *changed(Path(entry.path))))
                if depth > 1 and entry.is_dir():
                    rows.append(listing(Path(entry.path), depth - 1))
    return tuple(sorted(rows, key=str))


def newest_run(workspace: Workspace, *stages: str) -> Run | None:
    """Return the newest run of any of these stages."""
    return next((run for run in jobs.runs(workspace) if run.stage in stages), None)


def run_stamp(workspace: Workspace, *stages: str) -> Any:
    """Return a stamp of the newest run of these stages: how it stands and what it reported."""
    run = newest_run(workspace, *stages)
    return run and (run.id, run.status, run.message, *changed(workspace.runs / run.id / "metrics.jsonl"))


def last_line(page: Page, *stages: str) -> None:
    """Put what happened last, with the command that does the same, at the bottom of a tab."""
    place, button = gr.HTML(), gr.Button("Clear this away", size="sm", visible=False, elem_classes="narrow")
    page.follow(
        lambda workspace: run_stamp(workspace, *stages),
        lambda workspace: last_state(workspace, stages),
        [place, button],
    )
    page.on(button.click, lambda workspace: clear_failed(workspace, stages), [], None)


def last_state(workspace: Workspace, stages: Sequence[str]) -> tuple[str, Any]:
    """Return how the newest run of these stages stands, and whether what failed can be cleared away."""
    run = newest_run(workspace, *stages)
    if run is None:
        return "", gr.Button(visible=False)
    return str(views.last_run(workspace, run)), gr.Button(visible=_failed(run))


def clear_failed(workspace: Workspace, stages: Sequence[str]) -> None:
    """Move all runs of these stages that came to nothing to the bin: no older fault takes the newest's place."""
    for run in jobs.runs(workspace):
        if run.stage in stages and _failed(run):
            place = move_to_bin(workspace, workspace.runs / run.id)
            inform(f"Moved to the bin: {place}")


def _failed(run: Run) -> bool:
    """Say whether a run came to nothing; one that can be resumed is looked after on its own tab."""
    return run.stage not in jobs.RESUMABLE and run.status in ("failed", "interrupted", "stopped")
