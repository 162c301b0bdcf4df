"""Write with several models at once; every piece is kept on disk as it comes, whatever happens to page or server.

A take is one request and its answers: `drafts/takes/<time>.jsonl`, whose first line is the request; the lines after
it are pieces of text by column, and at the end of each column how it ended. What becomes of it later is added below:
what was measured of a draft, where it was kept, and which one the author chose in a blind reading.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from style_tuner.config import SamplingConfig
from style_tuner.errors import StyleTunerError
from style_tuner.records import Message
from style_tuner.serving.client import ChatStream, stream_chat
from style_tuner.serving.voices import BASE
from style_tuner.workspace import Workspace, append_jsonl, read_jsonl, time_stamp, write_jsonl

STOPPED = "stopped"


@dataclass(frozen=True)
class Request:
    """What is asked of every model of a take; `world` is None where no facts are sent along.

    `base` names the base model among the models where it is not the first of several. `variant_of` is the first take
    of the same brief. `blind_order` is filled for a blind reading: the models' places, as A and B stand on the page.
    """

    prompt: str
    messages: tuple[Message, ...]
    models: tuple[str, ...]
    sampling: SamplingConfig
    seed: int | None = None
    world: str | None = None
    facts: tuple[dict[str, Any], ...] = ()
    base: str = ""
    variant_of: str | None = None
    blind_order: tuple[int, ...] = ()

    def is_base(self, model: str) -> bool:
        """Say whether a model is the base model and not a voice."""
        return model == (self.base or (self.models[0] if len(self.models) > 1 else BASE))


@dataclass(frozen=True)
class Measure:
    """What was measured of a draft against a dataset; `message` says why where that was not possible.

    `copied` is the share of words in verbatim spans of the author's passages. `score` is None for too short a draft.
    """

    dataset: str
    copied: float | None = None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    message: str = ""


@dataclass
class Column:
    """One model's answer as far as it has come; `finish_reason` is empty while it is being written.

    `kept` is the name of the file that the author had it written to.
    """

    model: str
    text: str = ""
    finish_reason: str = ""
    message: str = ""
    sources: tuple[str, ...] = ()
    kept: str = ""
    measure: Measure | None = None

    @property
    def words(self) -> int:
        """Number of white-space separated words."""
        return len(self.text.split())


@dataclass
class Take:
    """One request with its answers, read from disk or being written.

    `choice` is the column that sounded more like the author in a blind reading; None, once judged, is "can't tell".
    """

    id: str
    request: Request
    columns: list[Column] = field(default_factory=list)
    judged: bool = False
    choice: int | None = None

    @property
    def done(self) -> bool:
        """Say whether every answer has ended."""
        return all(column.finish_reason for column in self.columns)

    @property
    def order(self) -> tuple[int, ...]:
        """Return the columns as they stand on the page, from left to right."""
        return self.request.blind_order or tuple(range(len(self.columns)))

    @property
    def hidden(self) -> bool:
        """Say whether the names are hidden: before the choice, unless an answer that broke off leaves none to make."""
        whole = (column.text.strip() and column.finish_reason != "failed" for column in self.columns)
        return bool(self.request.blind_order) and not self.judged and (not self.done or all(whole))


class Writing:
    """A take that is being written: one thread a model, each piece on disk before it is shown."""

    def __init__(self, path: Path, take: Take, ask: Callable[[str], ChatStream]) -> None:
        self.take = take
        self._path = path
        self._ask = ask
        self._stop = threading.Event()
        self._news = threading.Condition()
        # In the order of the page: were the base model always asked first, a blind reader would know it by that.
        self._threads = [threading.Thread(target=self._write, args=[n], daemon=True) for n in take.order]
        for thread in self._threads:
            thread.start()

    @property
    def going(self) -> bool:
        """Say whether any model is still writing."""
        return not self._stop.is_set() and not self.take.done

    def stop(self) -> None:
        """End all answers where they are; each upstream is closed, so that the server stops generating."""
        self._stop.set()
        with self._news:
            self._news.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until there is something new, at most so long."""
        with self._news:
            self._news.wait(seconds)

    def _keep(self, number: int, **values: Any) -> None:
        append_jsonl(self._path, {"column": number, **values})
        with self._news:
            self._news.notify_all()

    def _write(self, number: int) -> None:
        column = self.take.columns[number]
        reason, message = STOPPED, ""
        try:
            with self._ask(column.model) as stream:
                column.sources = stream.sources
                while not self._stop.is_set() and (piece := next(stream, None)) is not None:
                    column.text += piece
                    self._keep(number, text=piece)
                if not self._stop.is_set():
                    reason = stream.finish_reason
        except StyleTunerError as error:
            reason, message = "failed", str(error)
        try:
            self._keep(number, finish_reason=reason, message=message, sources=list(column.sources))
        finally:  # told only when it is on disk, from which everyone reads it
            column.message, column.finish_reason = message, reason
            with self._news:
                self._news.notify_all()


_writing: dict[Path, Writing] = {}


def folder(workspace: Workspace) -> Path:
    """Return where the takes of a workspace lie."""
    return workspace.drafts / "takes"


def start(workspace: Workspace, url: str, request: Request, headers: dict[str, str] | None = None) -> Writing:
    """Ask all models at once and return while they write."""
    stamp, number = time_stamp(), 1
    while (path := folder(workspace) / f"{stamp}-{number:02d}.jsonl").exists():
        number += 1
    for ended in [known for known, writing in _writing.items() if not writing.going]:
        del _writing[ended]
    write_jsonl(path, [asdict(request) | {"sampling": request.sampling.model_dump()}])

    def ask(model: str) -> ChatStream:
        return stream_chat(url, model, request.messages, request.sampling, request.seed, headers)

    take = Take(path.stem, request, [Column(model) for model in request.models])
    _writing[path] = writing = Writing(path, take, ask)
    return writing


def writing(workspace: Workspace, take_id: str) -> Writing | None:
    """Return the take if this process is writing it at the moment."""
    found = _writing.get(folder(workspace) / f"{take_id}.jsonl")
    return found if found and found.going else None


def being_written(workspace: Workspace | None = None) -> list[Writing]:
    """Return the takes that this process is writing, of one workspace or of all."""
    place = workspace and folder(workspace)
    return [found for path, found in list(_writing.items()) if found.going and place in (None, path.parent)]


def take_ids(workspace: Workspace) -> list[str]:
    """Return all takes, the newest first."""
    return sorted((path.stem for path in folder(workspace).glob("*.jsonl")), reverse=True)


def load(workspace: Workspace, take_id: str) -> Take:
    """Return a take as far as it is on disk; columns whose writer is gone count as stopped."""
    going = writing(workspace, take_id) is not None  # asked first: it may end while its file is read
    rows = read_jsonl(folder(workspace) / f"{take_id}.jsonl")
    if not rows or "messages" not in rows[0]:
        raise StyleTunerError(f"The draft {take_id!r} is not there any more, or its file has been changed.")
    request = _request(rows[0])
    take = Take(take_id, request, [Column(model) for model in request.models])
    for row in rows[1:]:
        if "choice" in row:
            take.judged, take.choice = True, row["choice"]
        else:
            _read_into(take.columns[row["column"]], row)
    if not going:
        for column in take.columns:
            column.finish_reason = column.finish_reason or STOPPED
    return take


def add(workspace: Workspace, take_id: str, **row: Any) -> None:
    """Add to the file of a take what became of it."""
    append_jsonl(folder(workspace) / f"{take_id}.jsonl", row)


def _read_into(column: Column, row: dict[str, Any]) -> None:
    column.text += row.get("text", "")
    column.kept = row.get("kept", column.kept)
    if "measure" in row:
        column.measure = Measure(**row["measure"])
    if "finish_reason" in row:
        column.finish_reason, column.message = row["finish_reason"], row["message"]
        column.sources = tuple(row["sources"])


def _request(row: dict[str, Any]) -> Request:
    messages = tuple(Message(**message) for message in row["messages"])
    lists = {name: tuple(row.get(name, ())) for name in ("models", "facts", "blind_order")}
    return Request(**{**row, **lists, "messages": messages, "sampling": SamplingConfig(**row["sampling"])})
