"""Pieces of HTML that several tabs show; text from users and files is always escaped (markupsafe)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from style_tuner import jobs
from style_tuner.jobs import Progress
from style_tuner.records import Run
from style_tuner.workspace import Workspace, read_tail

STATES = {
    "queued": "waiting",
    "running": "running",
    "done": "done",
    "stopped": "stopped",
    "failed": "failed",
    "interrupted": "interrupted",
}


LOADING = '<p class="sentence caption">Loading…</p>'
"""What stands in a place until the disk was first read; never that there is nothing, for that is not known yet."""


def sentence(text: str, kind: str = "") -> Markup:
    """Return a paragraph; `kind` is `bad`, `good`, `caption`, `empty` or nothing."""
    return Markup('<p class="sentence {}">{}</p>').format(kind, text)


def purpose(text: str) -> str:
    """Return the one sentence that says what a tab is for."""
    return str(Markup('<p class="purpose">{}</p>').format(text))


def prose(text: str) -> Markup:
    """Return running text in the serif, its line breaks kept."""
    return Markup('<div class="prose-text">{}</div>').format(text)


def details(title: str, text: str) -> Markup:
    """Return folded text, such as a log."""
    return Markup('<details class="more"><summary>{}</summary><pre>{}</pre></details>').format(title, text)


def table(caption: str, headers: Sequence[str], rows: Iterable[Sequence[object]], numbers: str = "") -> Markup:
    """Return a table; `numbers` names the columns (by letter, a = first) that are aligned right."""
    right = {ord(letter) - ord("a") for letter in numbers}

    def cells(tag: str, values: Sequence[object]) -> Markup:
        made = (
            Markup("<{} class='{}'>{}</{}>").format(Markup(tag), "number" if i in right else "", value, Markup(tag))
            for i, value in enumerate(values)
        )
        return Markup("<tr>{}</tr>").format(Markup("").join(made))

    body = Markup("").join(cells("td", row) for row in rows)
    return Markup(
        "<div class='scroll'><table class='data'><caption>{}</caption><thead>{}</thead><tbody>{}</tbody></table></div>"
    ).format(caption, cells("th", headers), body)


def scrolling(content: Markup, height: int = 30) -> Markup:
    """Return content in a box of its own that scrolls where it is higher than so many lines of text."""
    return Markup("<div style='max-height: {}rem; overflow-y: auto'>{}</div>").format(height, content)


def facts(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Return a row of figures, each with what it is."""
    made = (Markup("<span><b>{}</b> {}</span>").format(value, what) for what, value in pairs)
    return Markup("<div class='facts'>{}</div>").format(Markup("").join(made))


def bullets(lines: Iterable[str]) -> Markup:
    """Return a list of sentences."""
    return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(line) for line in lines))


def duration(seconds: float) -> str:
    """Return a length of time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def left(progress: Progress) -> str:
    """Return the time that a run still needs, in words, or nothing while unknown."""
    return "" if progress.seconds_left is None else f"{duration(progress.seconds_left)} left"


def when(moment: float) -> str:
    """Return a moment as day and time."""
    return time.strftime("%d %b %H:%M", time.localtime(moment))


def size(count: float) -> str:
    """Return a number of bytes with its unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def progress_bar(workspace: Workspace, run: Run) -> Markup:
    """Return what a run is at, how far it is, and the time left."""
    progress = jobs.progress(jobs.metrics(workspace, run.id))
    percent = round(100 * progress.share)
    words = " · ".join(filter(None, [f"{percent} %", left(progress), progress.what]))
    if run.status == "queued":
        words = run.message or "Waiting to start."
    return Markup(
        "<div class='sentence'>{}</div><div class='bar' role='progressbar' aria-label='Progress' aria-valuenow='{}' "
        "aria-valuemin='0' aria-valuemax='100'><div style='width:{}%'></div></div>"
    ).format(words, percent, percent)


def command(text: str) -> Markup:
    """Return the shell command that does the same as the page."""
    return Markup("<span class='command'>The same in a shell: <code>{}</code></span>").format(text)


def last_run(workspace: Workspace, run: Run) -> Markup:
    """Return how a run stands or ended, the command that does the same, and for a failed one its log."""
    state = f"{run.stage.capitalize()}, {when(run.created)}: {STATES[run.status]}."
    parts = [Markup("<div>{} {}</div>").format(state, run.message if run.status == "done" else "")]
    if run.status in ("queued", "running"):
        parts.append(progress_bar(workspace, run))
    elif run.status in ("failed", "interrupted"):
        parts.append(sentence(run.message, "bad"))
        parts.append(details("Show details", read_tail(workspace.runs / run.id / "log.txt") or "The log is empty."))
    elif run.message and run.status != "done":
        parts.append(sentence(run.message))
    parts.append(command(jobs.shell_command(run)))
    return Markup("<div class='last'>{}</div>").format(Markup("").join(parts))
