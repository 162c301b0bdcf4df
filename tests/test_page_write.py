"""Write: a blind reading hides the names on the whole page, variants follow each other, and keys do what they say."""

import time

import gradio as gr
import pytest
from takes_on_disk import BASE_TEXT, VOICE_TEXT, put
from test_takes import Stream

from style_tuner import drafting, history, takes
from style_tuner.config import SamplingConfig
from style_tuner.errors import ServerError, StyleTunerError
from style_tuner.serving.state import ServerState
from style_tuner.tabs import page as pages
from style_tuner.tabs import theme, write, write_view
from style_tuner.workspace import Workspace

FIRST, SECOND = "20261121-100000-01", "20261121-100001-01"
UP = ServerState("http://127.0.0.1:9/v1", "transformers", models={"base": "", "elena": ""}, health="up")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A model server that answers at once; the list names the models in the order in which they were asked."""
    import threading

    asked: list[str] = []

    def stream(_url: str, model: str, *_: object) -> Stream:
        asked.append(model)
        return Stream([f"{model} wrote this."], threading.Semaphore(9))

    monkeypatch.setattr(drafting.server, "state", lambda _: UP)
    monkeypatch.setattr(takes, "stream_chat", stream)
    return asked


def ask(workspace: Workspace, compare: bool = True, blind: bool = False, voice: str | None = "elena") -> takes.Take:
    take_id = write.write(workspace, "Ede rows.", voice, False, None, 1, 0.9, 9, "", compare, blind)
    return finished(workspace, take_id)


def finished(workspace: Workspace, take_id: str) -> takes.Take:
    while not (take := takes.load(workspace, take_id)).done:
        time.sleep(0.02)
    return take


def rendered(workspace: Workspace, take_id: str) -> list[object]:
    """Everything that the page gets of a take; parts of Gradio by what is set on them."""
    parts = [*write.show_take(workspace, take_id, True), write.show_history(workspace, take_id)]
    return [
        part if isinstance(part, str) else (type(part), part.visible, getattr(part, "interactive", 0)) for part in parts
    ]


def test_before_the_choice_the_page_is_the_same_whichever_model_wrote_which(workspace: Workspace) -> None:
    put(workspace, FIRST, texts=(BASE_TEXT, VOICE_TEXT), blind_order=(0, 1))
    one = rendered(workspace, FIRST)
    for number, score in enumerate((3.0, 88.0)):
        measure = {"dataset": "d", "copied": score / 100, "score": score, "low": 1.0, "high": 90.0}
        takes.add(workspace, FIRST, column=number, measure=measure)
    assert rendered(workspace, FIRST) == one
    put(workspace, FIRST, texts=(VOICE_TEXT, BASE_TEXT), blind_order=(1, 0))
    assert rendered(workspace, FIRST) == one
    text = " ".join(part for part in one if isinstance(part, str))
    assert text.index(BASE_TEXT) < text.index(VOICE_TEXT)
    assert not [name for name in ("elena", "Base", "base", "Your voice") if name in text]


def test_a_choice_shows_the_names_and_the_tally_and_keeping_does_not(workspace: Workspace) -> None:
    put(workspace, FIRST, blind_order=(1, 0))
    write.keep(workspace, FIRST, True, place=0)
    shown = " ".join(part for part in rendered(workspace, FIRST) if isinstance(part, str))
    kept = takes.load(workspace, FIRST).columns[1].kept
    assert kept in shown
    assert "elena" not in shown
    write.choose(workspace, None, 1)
    shown = " ".join(part for part in rendered(workspace, FIRST) if isinstance(part, str))
    assert "A: Your voice" in shown
    assert "B: Base" in shown
    assert "You chose B: the base model." in shown
    assert "You chose your voice in 0 of 1 blind reading." in shown


def test_a_blind_reading_asks_in_the_order_of_the_page(workspace: Workspace, served: list[str], monkeypatch) -> None:
    monkeypatch.setattr(drafting.random, "sample", lambda *_: [1, 0])
    take = ask(workspace, blind=True)
    assert take.request.blind_order == (1, 0)
    assert take.hidden
    assert take.order == (1, 0)  # the threads start in it; which of the two the server hears first is theirs
    assert sorted(served) == ["base", "elena"]
    with pytest.raises(ServerError, match="needs two drafts"):
        ask(workspace, blind=True, voice=None)


def test_without_comparing_only_the_voice_is_asked_and_shown(workspace: Workspace, served: list[str]) -> None:
    take = ask(workspace, compare=False)
    assert served == ["elena"]
    assert write_view.places(take, True) == [(0, "Your voice")]
    both = ask(workspace)
    assert [name for _, name in write_view.places(both, True)] == ["Base", "Your voice"]
    assert write_view.places(both, False) == [(1, "Your voice")]
    hidden = put(workspace, "20991121-100000-01", blind_order=(1, 0))
    assert write_view.places(hidden, False) == [(1, "A"), (0, "B")]
    with pytest.raises(ServerError, match="No voice is served"):
        ask(workspace, compare=False, voice=None)


def test_next_goes_to_the_next_variant_and_after_the_newest_writes_one(workspace: Workspace, served: list[str]) -> None:
    with pytest.raises(ServerError, match="no draft yet"):
        write.next_variant(workspace, None, False)
    first = put(workspace, FIRST, models=("base", "elena"))
    put(workspace, SECOND, variant_of=FIRST)
    assert write.next_variant(workspace, FIRST, False) == SECOND
    assert served == []
    third = finished(workspace, write.next_variant(workspace, SECOND, True))
    assert sorted(served) == ["base", "elena"]
    assert third.request.variant_of == FIRST
    assert third.request.messages == first.request.messages
    assert third.request.seed not in (None, first.request.seed)
    assert sorted(third.request.blind_order) == [0, 1]
    assert history.variants(workspace, third.id) == [FIRST, SECOND, third.id]
    assert write.previous_variant(workspace, third.id) == SECOND
    assert write.previous_variant(workspace, FIRST) == FIRST


def test_a_draft_that_is_being_written_shows_its_words_and_can_be_stopped_but_not_kept(
    workspace: Workspace, served: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    leave = threading.Semaphore(2)
    streams = {name: Stream(["One two "] * 9, leave) for name in ("base", "elena")}
    monkeypatch.setattr(takes, "stream_chat", lambda _url, model, *_: streams[model])
    take_id = write.write(workspace, "Ede rows.", "elena", False, None, 1, 0.9, 9, "")
    while sum(column.words for column in takes.load(workspace, take_id).columns) < 4:
        time.sleep(0.02)
    shown = write.show_take(workspace, take_id, True)
    assert any("words so far" in part for part in shown if isinstance(part, str))
    pulse = next(part for part in shown if isinstance(part, gr.Timer))
    assert pulse.active
    with pytest.raises(StyleTunerError, match="still being written"):
        write.keep(workspace, take_id, True, place=-1)
    with pytest.raises(ServerError, match="still being written"):
        write.next_variant(workspace, take_id, False)
    write.stop(workspace)
    leave.release(2)
    for stopped in streams.values():
        while not stopped.closed:
            time.sleep(0.02)
    shown = write.show_take(workspace, take_id, True)
    assert not next(part for part in shown if isinstance(part, gr.Timer)).active


def test_a_draft_that_broke_off_says_what_to_do_and_shows_the_servers_log(
    workspace: Workspace, served: list[str], tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    log = tmp_path / "server.log"
    log.write_text("<b>Out of memory</b>")
    monkeypatch.setattr(drafting.server, "state", lambda _: replace(UP, log=str(log), health="failed"))
    put(workspace, FIRST)
    message = "The model server closed the connection: look at its log."
    takes.add(workspace, FIRST, column=1, finish_reason="failed", message=message, sources=[])
    shown = " ".join(part for part in rendered(workspace, FIRST) if isinstance(part, str))
    assert message in shown
    assert "Show details" in shown
    assert "&lt;b&gt;Out of memory" in shown
    put(workspace, FIRST, texts=("", "Rain."), reason="failed")
    _, _, left, _, _, _, right, *_ = write.show_take(workspace, FIRST, True)[1:]
    assert [left.interactive, right.interactive] == [False, True]


def test_every_key_presses_a_button_of_the_page(workspace: Workspace) -> None:
    demo, _ = pages.build(workspace.name, workspace.home)
    ids = {block.elem_id for block in demo.blocks.values() if isinstance(block, gr.Button)}
    for name in ("write-button", "stop-button", "next-button", "previous-button"):
        assert name in ids
        assert f"'{name}'" in theme.KEYS
    kept = [block for block in demo.blocks.values() if "keep" in (getattr(block, "elem_classes", None) or [])]
    assert len(kept) == 2


def test_a_seed_is_drawn_where_none_is_given_and_kept_with_the_take(workspace: Workspace, served: list[str]) -> None:
    made = [drafting.draft(workspace, "Ede rows.", "base", SamplingConfig(), None, None) for _ in range(2)]
    newest = max(takes.take_ids(workspace))
    kept = takes.load(workspace, newest).request.seed
    assert made[0].seed != made[1].seed
    assert made[1].seed == kept
    assert f"--seed {kept} " in write_view.commands(workspace, takes.load(workspace, newest))


def test_a_take_without_a_seed_is_repeated_without_one(workspace: Workspace) -> None:
    shown = write_view.commands(workspace, put(workspace, FIRST, seed=None))
    assert "--temperature" in shown
    assert "--seed" not in shown


def test_a_brief_that_no_model_could_read_is_refused_and_not_kept(
    workspace: Workspace, served: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = "She rowed on. " * 20_000
    with pytest.raises(ServerError, match=r"60,000 words, and about 6,000 fit"):
        write.write(workspace, brief, "elena", False, None, 1, 0.9, 900, "")
    short = ServerState(UP.url, "transformers", models=UP.models, health="up", context_length=4_000)
    monkeypatch.setattr(drafting.server, "state", lambda _: short)
    with pytest.raises(ServerError, match=r"about 2,400 fit"):
        write.write(workspace, brief[: 14 * 1_000], "elena", False, None, 1, 0.9, 800, "")
    assert takes.take_ids(workspace) == []
    assert served == []
    finished(workspace, write.write(workspace, brief[: 14 * 700], "elena", False, None, 1, 0.9, 800, ""))


def test_a_long_brief_is_folded_where_it_is_shown_again(workspace: Workspace) -> None:
    put(workspace, FIRST, prompt="She rowed on. " * 2_000)
    take = takes.load(workspace, FIRST)
    shown, folded = write_view.asked(take, [FIRST]).split("<details", 1)
    assert len(shown) < 2_000
    assert "Show the whole brief (6,000 words)" in folded
    assert write_view.commands(workspace, take).startswith("<div class='last'><details")
    assert "<details" not in write_view.asked(put(workspace, SECOND), [SECOND])
