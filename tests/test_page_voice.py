"""The tab Voice: what it shows, what it lets an author change, and what can be taken away."""

import json
from pathlib import Path

import browser
import pytest

from style_tuner.config import SAMPLES, DatasetConfig
from style_tuner.dataset.chat_jsonl import read_examples
from style_tuner.dataset.prepare import prepare, write_dataset
from style_tuner.dataset.system_prompt import edited_prompt
from style_tuner.errors import DatasetError, StorageError
from style_tuner.manuscripts.store import import_file, list_manuscripts
from style_tuner.records import Chapter
from style_tuner.tabs import voice
from style_tuner.voice import drawings, fingerprint
from style_tuner.voice.author import texts_of
from style_tuner.voice.profile import build_profile
from style_tuner.workspace import Workspace, read_json, write_json

CONFIG = DatasetConfig(min_tokens=120, max_tokens=400)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    place = Workspace(tmp_path_factory.mktemp("voice"), "default")
    for file in sorted(SAMPLES.glob("manuscripts/*.txt"))[:3]:
        import_file(place, file)
    made = prepare(list_manuscripts(place), CONFIG, lambda text: len(text.split()))
    write_dataset(made, place.datasets / "20261121-000000-prepare", "some/model", CONFIG)
    return place


def test_the_tab_shows_every_plot_with_axis_titles_and_a_sentence(workspace: Workspace) -> None:
    found = voice.measured(workspace)
    named = fingerprint.chapters(list_manuscripts(workspace))
    assert found and len(named) == 12
    drawn = [drawings.density(name, found.profile) for name in voice.DENSITIES]
    drawn += [drawings.rhythm(*named[fingerprint.longest_chapter(named)], found.profile)]
    for one in drawn:
        assert one.figure.layout.xaxis.title.text and one.figure.layout.yaxis.title.text
        assert len(one.sentence.split()) > 8
    for one in (drawings.punctuation(found.profile), drawings.openings(found.profile)):
        assert one.figure.layout.xaxis.title.text and one.sentence.startswith("Furthest from other novels: ")
    assert len(voice.render(workspace)) == 8 + 2 * 6
    assert sum(passage.typical for passage in found.passages) == 3 == len(found.passages) / 2


def test_the_strip_has_a_bar_for_each_sentence_and_knows_speech() -> None:
    bars = drawings.strip('She rose. "Is it late, or is it early?" asked Ann.\n\nNobody knew.', "double")
    assert [(bar.words, bar.spoken) for bar in bars] == [(2, False), (9, True), (2, False)]
    assert bars[1].begins == '"Is it late, or is it early?" asked'


def test_a_chapter_with_more_sentences_than_room_is_drawn_on_average(workspace: Workspace) -> None:
    found = voice.measured(workspace)
    assert found
    text = "\n\n".join('He went down to the old quay. He waited.\n\n"No," she said.' for _ in range(1000))
    drawn = drawings.rhythm(Chapter("", text), "Book", found.profile)
    assert drawn and sum(len(trace.x) for trace in drawn.figure.data) == drawings.MOST_BARS
    places = sorted(place for trace in drawn.figure.data for place in trace.x)
    assert {trace.width for trace in drawn.figure.data} == {10}
    assert places[0] == 5.5 and places[-1] == 2995.5
    assert all(3 <= height <= 5 for trace in drawn.figure.data for height in trace.y)
    assert "3,000 sentences of 2 to 7 words, 4 on average" in drawn.sentence
    assert "Each bar is the mean of 10 sentences in a row." in drawn.sentence
    mean = [shape for shape in drawn.figure.layout.shapes if shape.y0 == found.profile.sentence_length]
    assert [shape.line.color for shape in mean] == [drawings.HALO, drawings.MEAN]


def test_the_tab_says_how_much_was_measured_and_each_list_names_its_own_largest(workspace: Workspace) -> None:
    head, *_ = voice.render(workspace)
    found = voice.measured(workspace)
    every = sum(manuscript.words for manuscript in list_manuscripts(workspace))
    assert found and f"Measured on {found.profile.words:,} of the {every:,} words" in head
    captions = str(fingerprint.favourites(found.profile)).split("The largest, “")[1:]
    lists = [found.profile.favourite_words, found.profile.favourite_phrases]
    for caption, favourites in zip(captions, filter(None, lists), strict=True):
        assert caption.split("”")[0] in {one.text for one in favourites}


def test_an_edited_system_prompt_waits_for_the_next_dataset_and_can_be_taken_back(workspace: Workspace) -> None:
    measured, said = voice.render_prompt(workspace)
    assert measured.startswith("You are a fiction author") and "Written from the measurements" in said
    shown, said = voice.keep(workspace, "You write of the sea.")
    assert shown == "You write of the sea." == edited_prompt(workspace)
    assert "applies from the next Prepare dataset on" in said and measured in said
    facts = read_json(workspace.datasets / "20261121-000000-prepare" / "dataset.json")
    assert facts["system_prompt"] == measured
    assert voice.go_back(workspace)[0] == measured
    assert edited_prompt(workspace) is None
    voice.keep(workspace, "You write of fog.")
    assert voice.keep(workspace, f" {measured}\n")[0] == measured
    assert edited_prompt(workspace) is None


def test_before_there_is_a_dataset_the_tab_says_what_to_do(tmp_path: Path) -> None:
    empty = Workspace(tmp_path, "default")
    assert "press Prepare dataset" in voice.render(empty)[0]
    for refuse in (lambda: voice.keep(empty, "You write."), lambda: voice.export(empty, None)):
        with pytest.raises(DatasetError, match="press Prepare dataset"):
            refuse()


def test_a_dataset_of_an_earlier_version_is_measured_again(workspace: Workspace, tmp_path: Path) -> None:
    old = Workspace(tmp_path, "default")
    folder = old.datasets / "20251121-000000-prepare"
    source = workspace.datasets / "20261121-000000-prepare"
    new = read_json(source / "profile.json")
    later = {"rhythm", "dialogue_tags", "distributions", "mtld", "adverbs", "opening_kinds"}
    write_json(folder / "profile.json", {key: value for key, value in new.items() if key not in later})
    facts = read_json(source / "dataset.json")
    write_json(folder / "dataset.json", {key: value for key, value in facts.items() if key != "measured_prompt"})
    (folder / "train.jsonl").write_bytes((source / "train.jsonl").read_bytes())
    found = voice.measured(old)
    assert found and found.profile == build_profile(texts_of(read_examples(folder / "train.jsonl")))
    assert found.passages == () and found.measured_prompt == found.system_prompt
    assert "prepare again" in str(fingerprint.quotes(found.passages, {}))


def test_the_exported_page_needs_nothing_else_and_its_text_is_never_markup(workspace: Workspace) -> None:
    found = voice.measured(workspace)
    page = fingerprint.document(found.profile, "Write <b>so</b>.", list_manuscripts(workspace), found.passages)
    assert "Write &lt;b&gt;so&lt;/b&gt;." in page
    assert page.count("Plotly.newPlot(") >= 7
    assert "<script src" not in page and "<link" not in page
    for heading in ("Rhythm of a chapter", "Favourite words", "Most typical of you", "Least typical of you"):
        assert heading in page


def test_a_picture_without_a_browser_is_refused_with_the_remedy(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fingerprint, "BROWSERS", ("chromium", "google-chrome"))
    with pytest.raises(StorageError, match="needs Chrome, Chromium or Edge"):
        fingerprint.write_picture("<html></html>", tmp_path / "voice.png")
    assert list(tmp_path.iterdir()) == []


def test_the_picture_is_cut_where_the_page_ends(tmp_path: Path, monkeypatch) -> None:
    from PIL import Image

    monkeypatch.setattr(fingerprint, "BROWSERS", (str(browser.find()),))

    page = "<html><body style='margin:0;background:#fff'><div style='height:300px;background:#a00'></div></body></html>"
    with Image.open(fingerprint.write_picture(page, tmp_path / "voice.png")) as image:
        assert image.size == (fingerprint.PICTURE_WIDTH, 340)
        assert image.convert("RGB").getpixel((10, 10)) == (170, 0, 0)


def test_the_command_writes_what_the_page_exports_and_overwrites_nothing(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from style_tuner.__main__ import app

    page = tmp_path / "voice.html"
    command = ["profile", "--input", str(SAMPLES / "manuscripts"), "--html", str(page), "--json"]
    result = CliRunner().invoke(app, command)
    figures = json.loads(result.stdout)
    assert {"rhythm", "dialogue_tags", "mtld", "passages", "system_prompt", "distributions"} <= figures.keys()
    assert len(figures["passages"]) == 6
    assert figures["system_prompt"] in page.read_text(encoding="utf-8").replace("&#39;", "'")
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code != 0 and "is not overwritten" in str(refused.exception or refused.output)
