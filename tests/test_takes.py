"""Drafts that are written side by side are kept piece by piece, and end when they are told to."""

import threading
from collections.abc import Iterator

import pytest

from style_tuner import takes
from style_tuner.config import SamplingConfig
from style_tuner.errors import ServerError, StyleTunerError
from style_tuner.records import Message
from style_tuner.workspace import Workspace, read_jsonl, write_jsonl


class Stream(Iterator[str]):
    """A model's reply that waits for leave before each piece, and knows whether it was closed."""

    def __init__(self, pieces: list[str], leave: threading.Semaphore, fail: bool = False) -> None:
        self.pieces, self.leave, self.fail = pieces, leave, fail
        self.sources, self.finish_reason, self.closed = ("Elena",), "stop", False

    def __next__(self) -> str:
        self.leave.acquire(timeout=5)
        if not self.pieces and self.fail:
            raise ServerError("The model server gave up in mid-reply.")
        if not self.pieces:
            raise StopIteration
        return self.pieces.pop(0)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


@pytest.fixture
def write(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    def begin(**streams: Stream) -> takes.Writing:
        monkeypatch.setattr(takes, "stream_chat", lambda _url, model, *_: streams[model])
        request = takes.Request("Rain.", (Message("user", "Rain."),), tuple(streams), SamplingConfig(), 7, "w")
        return takes.start(workspace, "http://127.0.0.1:1/v1", request)

    return begin


def finish(writing: takes.Writing) -> None:
    while writing.going:
        writing.wait(0.05)


def test_both_models_write_at_once_and_all_is_on_disk(workspace: Workspace, write) -> None:
    leave = threading.Semaphore(6)
    writing = write(base=Stream(["It ", "rained."], leave), voice=Stream(["Rain, ", "again."], leave))
    finish(writing)
    take = takes.load(workspace, writing.take.id)
    assert [column.text for column in take.columns] == ["It rained.", "Rain, again."]
    assert [column.finish_reason for column in take.columns] == ["stop", "stop"]
    assert take.columns[0].sources == ("Elena",)
    assert take.request == writing.take.request
    assert takes.take_ids(workspace) == [take.id]


def test_stop_ends_both_and_closes_the_upstream(workspace: Workspace, write) -> None:
    leave = threading.Semaphore(2)
    streams = {name: Stream(["One "] * 50, leave) for name in ("base", "voice")}
    writing = write(**streams)
    while sum(column.words for column in writing.take.columns) < 2:
        writing.wait(0.05)
    takes.writing(workspace, writing.take.id).stop()
    assert takes.writing(workspace, writing.take.id) is None
    leave.release(2)
    for thread in writing._threads:
        thread.join(5)
    assert all(stream.closed for stream in streams.values())
    take = takes.load(workspace, writing.take.id)
    assert [column.finish_reason for column in take.columns] == ["stopped", "stopped"]
    assert all(column.text for column in take.columns) or sum(column.words for column in take.columns) >= 2


def test_what_came_before_a_server_died_is_kept_with_the_reason(workspace: Workspace, write) -> None:
    leave = threading.Semaphore(5)
    writing = write(base=Stream(["It "], leave, fail=True), voice=Stream(["Rain."], leave))
    finish(writing)
    base, voice = takes.load(workspace, writing.take.id).columns
    assert (base.text, base.finish_reason) == ("It ", "failed")
    assert "gave up" in base.message
    assert (voice.text, voice.finish_reason) == ("Rain.", "stop")


def test_a_take_whose_writer_is_gone_counts_as_stopped(workspace: Workspace, write) -> None:
    leave = threading.Semaphore(3)
    writing = write(base=Stream(["It ", "rained."], leave))
    finish(writing)
    path = takes.folder(workspace) / f"{writing.take.id}.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    assert len(read_jsonl(path)) == 2
    column = takes.load(workspace, writing.take.id).columns[0]
    assert (column.text, column.finish_reason) == ("It ", "stopped")


def test_a_take_of_an_earlier_version_still_loads(workspace: Workspace) -> None:
    asked = {
        "prompt": "Rain.",
        "messages": [{"role": "user", "content": "Rain."}],
        "models": ["meta/llama", "voice"],
        "sampling": {"temperature": 0.9, "top_p": 0.95, "max_tokens": 400},
        "seed": 1,
        "world": None,
        "facts": [],
    }
    end = {"finish_reason": "stop", "message": "", "sources": []}
    rows = [asked, {"column": 0, "text": "It rained."}, {"column": 0, **end}, {"column": 1, **end}]
    write_jsonl(takes.folder(workspace) / "20260101-000000-01.jsonl", rows)
    take = takes.load(workspace, "20260101-000000-01")
    assert (take.columns[0].text, take.done, take.hidden) == ("It rained.", True, False)
    assert take.order == (0, 1)
    assert [take.request.is_base(model) for model in take.request.models] == [True, False]
    assert (take.request.variant_of, take.columns[0].kept, take.columns[0].measure) == (None, "", None)


def test_a_missing_draft_is_a_sentence(workspace: Workspace) -> None:
    with pytest.raises(StyleTunerError, match="not there any more"):
        takes.load(workspace, "20260101-000000-01")
