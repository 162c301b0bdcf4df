"""Finished drafts are measured in the background, once, and the result stays with the take."""

import time

import pytest
from takes_on_disk import BASE_TEXT, put

from style_tuner import measuring, takes
from style_tuner.config import SAMPLES
from style_tuner.records import ChatExample, Message
from style_tuner.voice.author import voice_of
from style_tuner.voice.profile import build_profile, profile_to_json
from style_tuner.voice.verification import verifier
from style_tuner.workspace import Workspace, write_json, write_jsonl

TAKE = "20261121-100000-01"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a dataset of two stories by the sample author."""
    workspace = Workspace(tmp_path_factory.mktemp("measuring"), "default")
    stories = sorted((SAMPLES / "manuscripts").glob("*.txt"))[:2]
    words = " ".join(story.read_text(encoding="utf-8") for story in stories).split()
    passages = [" ".join(words[start : start + 300]) for start in range(0, len(words), 300)]
    examples = [ChatExample((Message("user", "Go on."), Message("assistant", text))) for text in passages]
    folder = workspace.datasets / "20261121-090000"
    for name, part in (("train", examples[2:]), ("validation", examples[1:2]), ("heldout", examples[:1])):
        write_jsonl(folder / f"{name}.jsonl", (example.row() for example in part))
    write_json(folder / "profile.json", profile_to_json(build_profile(passages)))
    write_json(folder / "dataset.json", {})
    return workspace


def own_passage(workspace: Workspace, words: int) -> str:
    dataset = measuring.measured_against(workspace)
    return " ".join(" ".join(voice_of(dataset).training).split()[:words])


def wait(workspace: Workspace) -> takes.Take:
    while measuring.measuring(workspace, takes.load(workspace, TAKE)):
        time.sleep(0.05)
    return takes.load(workspace, TAKE)


def test_a_finished_take_is_measured_once_and_long_drafts_get_a_score(prepared: Workspace) -> None:
    assert measuring.measuring(prepared, put(prepared, TAKE, texts=(BASE_TEXT, own_passage(prepared, 400))))
    short, copied = (column.measure for column in wait(prepared).columns)
    assert (short.score, short.message) == (None, "")
    assert short.copied < 0.5
    assert copied.copied > 0.95
    assert copied.low <= copied.score <= copied.high
    path = takes.folder(prepared) / f"{TAKE}.jsonl"
    before = path.read_text()
    assert before.count('"measure"') == 2
    assert not measuring.measuring(prepared, takes.load(prepared, TAKE))
    assert path.read_text() == before


def test_nothing_is_measured_before_there_is_a_whole_dataset(workspace: Workspace) -> None:
    take = put(workspace, TAKE)
    assert not measuring.measuring(workspace, take)
    (workspace.datasets / "20261121-095900").mkdir(parents=True)
    assert measuring.measured_against(workspace) is None
    assert not measuring.measuring(workspace, take)
    assert takes.load(workspace, TAKE).columns[0].measure is None


def test_why_a_draft_has_no_score_is_kept_and_tried_again_by_the_next_start_of_the_page(
    prepared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(texts: object, panel: object) -> None:
        raise measuring.StyleTunerError("The training text has too few words: add manuscripts.")

    monkeypatch.setattr(measuring, "_pending", {})
    put(prepared, TAKE, texts=(own_passage(prepared, 300), BASE_TEXT))
    measuring._author.cache_clear()
    for kept in measuring.measured_against(prepared).glob("verifier-*.npz"):
        kept.unlink()
    with monkeypatch.context() as broken:
        broken.setattr(verifier, "fit_verifier", refuse)
        measured = wait(prepared).columns[0].measure
    assert "too few words" in measured.message
    assert measured.copied > 0.95
    assert not measuring.measuring(prepared, takes.load(prepared, TAKE))
    measuring._author.cache_clear()
    monkeypatch.setattr(measuring, "_pending", {})
    measured = wait(prepared).columns[0].measure
    assert measured.message == ""
    assert measured.score is not None
