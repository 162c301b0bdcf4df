"""From a dataset to a score with everything beside it; what is fitted is kept and found again."""

import io
import json
import textwrap

import numpy as np
import pytest
from typer.testing import CliRunner
from voice_prose import ESSAYIST, FRENCH, MODERN

from style_tuner import jobs, score_report, stages
from style_tuner.__main__ import app
from style_tuner.config import SAMPLES, STARTER_CONFIG, load_training_config
from style_tuner.manuscripts.store import import_file
from style_tuner.scoring import lines, score_files, score_texts
from style_tuner.tabs import score_view
from style_tuner.voice import keep
from style_tuner.voice.author import voice_of
from style_tuner.voice.segment import words
from style_tuner.voice.verification.panel import load_panel
from style_tuner.workspace import open_workspace, write_text


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    workspace = open_workspace("default", tmp_path_factory.mktemp("home"))
    for path in stages.manuscript_files(SAMPLES / "manuscripts"):
        import_file(workspace, path)
    with jobs.job(workspace, "prepare") as own:
        return workspace, stages.prepare_workspace(workspace, load_training_config(STARTER_CONFIG), own)


@pytest.fixture(scope="module")
def author(place):
    return voice_of(place[1])


def test_what_is_fitted_is_kept_and_gives_the_same_score_again(place, author):
    found = score_texts(author, [MODERN])
    files = sorted(place[1].glob("*.npz"))
    assert [path.name.split("-")[0] for path in files] == ["sentences", "verifier"]
    times = [path.stat().st_mtime_ns for path in files]
    assert score_texts(voice_of(place[1]), [MODERN]) == found
    assert [path.stat().st_mtime_ns for path in files] == times


def test_a_kept_file_that_is_broken_or_of_another_key_is_made_anew(tmp_path):
    panel = load_panel()
    assert keep.kept(tmp_path, "value", "a", panel, lambda: (1, 2)) == (1, 2)
    (tmp_path / "value-a.npz").write_bytes(b"broken")
    assert keep.kept(tmp_path, "value", "a", panel, lambda: (3,)) == (3,)
    assert keep.kept(tmp_path, "value", "a", panel, lambda: pytest.fail("kept already")) == (3,)
    assert keep.kept(tmp_path, "value", "b", panel, lambda: (4,)) == (4,)
    assert [path.name for path in tmp_path.iterdir()] == ["value-b.npz"]


def test_only_records_of_this_package_are_made_from_a_kept_file():
    tree = json.dumps(["record", "subprocess", "Popen", {"args": "true"}]).encode()
    buffer = io.BytesIO()
    np.savez(buffer, tree=np.frombuffer(tree, dtype=np.uint8))
    with pytest.raises(ValueError, match="no module of this package"):
        keep.unpack(buffer.getvalue(), load_panel())


def test_what_is_kept_comes_back_as_it_was(author):
    known = author.verifier
    back = keep.unpack(keep.pack(known), known.panel)
    assert back.panel is known.panel
    assert (back.weights == known.weights).all()
    assert (back.bands, back.traits, back.calibrations) == (known.bands, known.traits, known.calibrations)


def test_a_score_is_placed_among_own_held_out_passages_of_its_length(author):
    assert author.score([MODERN])["percentile"] == 0
    assert author.score(author.held_out[:4])["percentile"] is None  # copied, and the check on copying decides
    for length in (250, 500, 1000):
        places = [author.own.percentile(value, length) for value in (-99.0, 99.0)]
        assert places == [0, 100]
    assert author.own.percentile(0.0, 10_000) is None


def test_the_comparisons_come_with_own_and_draft_values_in_pairs(author):
    figures = author.score([ESSAYIST])["figures"]
    assert len(figures) == 4
    assert all(len(figure["labels"]) == len(figure["own"]) == len(figure["draft"]) for figure in figures)
    lengths = figures[1]
    assert sum(lengths["own"]) == pytest.approx(100)
    assert sum(lengths["draft"]) == pytest.approx(100)
    assert lengths["draft"][-1] > 30 > 5 > lengths["own"][-1]


VERSE = "\n".join(["The tide goes out", "And leaves the shore", "The boats lie down", "And sail no more"] * 25)
LIST = "\n".join(f"- {number} barrels of tar, {number} coils of rope" for number in range(80))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no text"),
        ("Only a few words of mine.", "Insufficient: 6 words say"),
        ("Rain.", "Insufficient: 1 word says"),
        ("stone " * 600, "one word over and over"),
        (FRENCH, "French"),
        (VERSE, "verse"),
        (LIST, "list"),
    ],
    ids=["empty", "short", "single", "one word", "French", "verse", "list"],
)
def test_what_cannot_be_scored_gets_a_clear_answer_and_no_number(author, text, said):
    result = score_texts(author, [text])
    assert result["models"]["draft"]["score"] is None
    assert said in result["verdict"]
    assert any(said in line for line in lines(result))
    assert "Not checked" in result["generic"]["summary"]
    assert not any("Nothing in these" in line or "stands far" in line for line in lines(result))


def test_a_score_that_a_check_decides_has_no_interval_and_says_each_text_once(author):
    result = score_texts(author, [author.training[3]] * 5)
    said = "\n".join(lines(result))
    assert "by a check" in said and "90 % interval" not in said
    for found in (result["copying"]["spans"], [line for line in lines(result) if "words in a row" in line]):
        shown = [one if isinstance(one, str) else one["text"] for one in found]
        assert len(shown) == len(set(shown))
    assert "held at" in score_view.big(result["models"]["draft"], "draft")


def test_a_pasted_draft_keeps_its_line_ends(place):
    path = write_text(place[0].drafts / "pasted" / "1.txt", VERSE + "\n")
    with jobs.job(place[0], "score") as own:
        assert "verse" in score_files(place[0], [path], place[1], own)["verdict"]


def test_a_pasted_draft_has_the_score_of_the_same_text_in_a_file(place, author, tmp_path):
    """Wrapped lines without blank ones between the paragraphs, as many a text comes."""
    wrapped = "\n".join("\n".join(textwrap.wrap(block, 70)) for block in MODERN.split("\n\n"))
    paths = [write_text(folder / "2.txt", wrapped + "\n") for folder in (place[0].drafts / "pasted", tmp_path)]
    found = []
    for path in paths:
        with jobs.job(place[0], "score") as own:
            found.append(score_files(place[0], [path], place[1], own)["models"]["draft"])
    assert found[0] == found[1]
    assert found[0]["comparisons"]


@pytest.mark.parametrize("name", ["verse.txt", "verse.md"])
def test_verse_in_a_file_gets_no_number_either(place, tmp_path, name):
    path = write_text(tmp_path / name, VERSE + "\n")
    with jobs.job(place[0], "score") as own:
        result = score_files(place[0], [path], place[1], own)
    assert result["models"]["draft"]["score"] is None
    assert "verse" in result["verdict"]


def test_mark_up_is_left_out_and_said_so(author):
    plain = author.score([MODERN])
    marked = author.score(["".join(f"<p class='x'>{block}</p>\n\n" for block in MODERN.split("\n\n"))])
    assert (marked["words"], marked["score"]) == (plain["words"], plain["score"])
    assert any("mark-up" in note for note in marked["notes"])


def test_a_text_of_250_to_1000_words_has_a_number_and_says_how_little_it_rests_on(author):
    found = author.score([MODERN])
    assert 250 <= len(words(MODERN)) < 1000
    assert found["low"] <= found["score"] <= found["high"]
    assert f"It rests on {found['words']} words only" in found["verdict"]


def test_copied_words_are_shown_with_the_chapter_they_are_from(author):
    result = score_texts(author, [author.training[3]])
    span = result["copying"]["spans"][0]
    assert result["copying"]["share"] > 0.9
    assert ", chapter " in span["source"] and span["source"] in span["sentence"]
    assert any(span["sentence"] in line for line in lines(result))


def test_generic_writing_is_shown_beside_the_score_and_is_no_part_of_it(author):
    stock = "It was a testament to the tapestry of shadows, a symphony of whispers and a delicate dance. " * 4
    result = score_texts(author, [f"{MODERN}\n\n{stock}"])
    assert result["generic"]["findings"]
    assert not score_texts(author, [MODERN])["generic"]["findings"]
    assert "generic" not in json.dumps(result["models"])


def test_the_report_shows_every_sentence_and_escapes_what_was_written(author):
    result = score_texts(author, [MODERN + "\n\nHe wrote 3 < 4 & went <b home."])
    page = score_report.document("my <draft>", result)
    every = [one for draft in result["heat_map"] for one in draft]
    assert "my &lt;draft&gt;" in page and "<b home" not in page
    assert page.count("tabindex='0'") == sum(bool(one["level"] or one["reasons"]) for one in every)
    assert "http" not in page


def test_the_command_prints_the_verdict_and_writes_the_marked_draft(place, author, tmp_path, monkeypatch):
    monkeypatch.setenv("STYLE_TUNER_HOME", str(place[0].home))
    draft = write_text(tmp_path / "draft.txt", MODERN)
    answer = CliRunner().invoke(app, ["score", str(draft), "--html", str(tmp_path / "marked.html")])
    assert answer.exit_code == 0, answer.output
    assert "does not read as your voice" in answer.output and "the furthest" in answer.output
    assert "class='heat'" in (tmp_path / "marked.html").read_text(encoding="utf-8")
    answer = CliRunner().invoke(app, ["score", str(draft), "--json"])
    assert {"models", "verdict", "heat_map", "copying", "generic", "path"} <= set(
        json.loads(answer.output.splitlines()[-1])
    )
    answer = CliRunner().invoke(app, ["score", "--models", "base,v", "--html", str(tmp_path / "x.html")])
    assert answer.exit_code == 2
