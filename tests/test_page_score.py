"""The tab Score: where a draft comes from, and what is shown of a score."""

import re
import time
from pathlib import Path

import pytest
from takes_on_disk import put
from voice_prose import MODERN

from style_tuner import jobs, score_report
from style_tuner.errors import DatasetError, JobError
from style_tuner.tabs import score, score_view
from style_tuner.tabs.common import clear_failed, last_state
from style_tuner.workspace import Workspace, time_stamp, write_json, write_text

SENTENCES = [
    {"text": "He <went>.", "paragraph": 0, "distance": -0.2, "level": 0, "reasons": ()},
    {"text": "She ran.", "paragraph": 0, "distance": 2.5, "level": 3, "reasons": ("you never open with an adverb",)},
    {"text": "So.", "paragraph": 1, "distance": 1.0, "level": 1, "reasons": ()},
]
SCORE = {
    "words": 400,
    "score": 31.0,
    "low": 12.0,
    "high": 52.0,
    "verdict": "This leans towards other authors' voices.",
    "comparisons": {"pacing": 40.0},
    "gates": [],
    "notes": ["12 words of lists were left out."],
    "figures": [{"name": "Pacing", "unit": "in 1,000", "labels": ["verbs"], "own": [20.0], "draft": [40.0]}],
}
VALUE = {
    "models": {"draft": SCORE},
    "heat_map": [SENTENCES],
    "copying": {"share": 0.1, "longest": 9, "spans": [{"sentence": "9 words in a row as in ‘A’, passage 2"}]},
    "generic": {"summary": "Some of this reads like a model.", "findings": [{"sentence": "‘tapestry’ 4 times."}]},
}


def test_drafts_of_the_tab_write_that_are_long_enough_can_be_chosen(workspace: Workspace) -> None:
    put(workspace, "20261121-100000-01", ("Too short.", MODERN))
    (choice,) = score.kept_drafts(workspace).choices
    assert choice[0].startswith("elena")
    assert score.take_text(workspace, choice[1]) == MODERN
    assert score.take_text(workspace, None) == {"__type__": "update"}


def test_a_file_is_opened_as_a_manuscript_is(workspace: Workspace, tmp_path) -> None:
    path = write_text(tmp_path / "draft.md", "# One\n\nShe *ran* home.\n\n# Two\n\nNobody came.\n")
    assert "She ran home." in score.file_text(workspace, str(path))
    assert "Nobody came." in score.file_text(workspace, str(path))


def test_a_score_is_shown_with_its_heat_map_pairs_copies_and_generic_writing(workspace: Workspace) -> None:
    write_json(workspace.scores / "20261121-100000-1.json", VALUE)
    head, heat, plot, explained = score.show(workspace, None)
    assert "31" in head and "between 12 and 52" in head and "12 words of lists" in head
    assert "hears the manner, not the sense" in head
    assert "He &lt;went&gt;." in heat
    assert "Further than 99 in 100 of your own sentences: you never open with an adverb." in heat
    assert heat.count("tabindex='0'") == 2
    assert "verbs: your own writing 20.0, draft 40.0" in explained
    assert "passage 2" in explained and "tapestry" in explained
    assert plot.visible is False


def test_what_the_number_does_not_hear_is_said_beside_it_and_in_the_report_but_not_where_there_is_none() -> None:
    refused = SCORE | {"score": None, "low": None, "high": None, "verdict": "No score: this is verse."}
    for shown, said in ((SCORE, True), (refused, False)):
        assert ("not the sense" in score_view.big(shown, "draft")) is said
        page = score_report.document("A", VALUE | {"models": {"draft": shown}})
        assert ("not the sense" in page) is said


def test_base_voice_and_own_writing_stand_side_by_side_in_the_same_colours_everywhere() -> None:
    from style_tuner import charts
    from style_tuner.tabs import plots

    base = SCORE | {"figures": [SCORE["figures"][0] | {"draft": [60.0]}]}
    value = {"models": {"base": base, "elena": SCORE}, "comparison": {"base": base, "tuned": SCORE, "own": SCORE}}
    shown = score_view.explained(value, "elena")
    assert "verbs: your own writing 20.0, base 60.0, elena 40.0" in shown
    drawn = plots.matches(["Pacing"], {"base": [40.0], "voice": [50.0], "your own": [90.0]})
    assert [bar.marker.color for bar in drawn.data] == [charts.BASE, charts.VOICE, charts.OWN]
    bars = re.findall(r"width:([\d.]+)%;background:(#\w+)", shown)
    assert bars == [("33.3", charts.OWN), ("100.0", charts.BASE), ("66.7", charts.VOICE)]
    other_words = base | {"figures": [base["figures"][0] | {"labels": ["nouns"]}]}
    shown = score_view.explained(value | {"models": {"base": other_words, "elena": SCORE}}, "elena")
    assert "verbs: your own writing 20.0, base –, elena 40.0" in shown


def test_the_scale_of_the_gap_is_explained() -> None:
    found = {"base": SCORE, "tuned": SCORE, "own": SCORE, "gap_closed": 0.4, "verdict": "Closer."}
    assert "0 % is" in score_view.comparison({"comparison": found})
    assert "0 % is" not in score_view.comparison({"comparison": found | {"gap_closed": None}})


def test_scores_of_earlier_versions_are_still_shown() -> None:
    old = {"models": {"draft": {key: SCORE[key] for key in ("words", "score", "low", "high", "verdict", "gates")}}}
    assert score_view.heat(old) == "" == score_view.explained(old, "draft")


def test_progress_is_shown_while_a_score_is_worked_out_and_not_after(workspace: Workspace) -> None:
    with jobs.job(workspace, "score") as own:
        own.report(1, 3, "Fetching your voice")
        text, stop = score.progress(workspace)
        assert "Fetching your voice" in text
        assert "Working for" in text
        assert stop.visible
    text, stop = score.progress(workspace)
    assert text == ""
    assert not stop.visible


def test_while_a_new_score_is_worked_out_the_last_one_is_called_the_former(workspace: Workspace) -> None:
    with jobs.job(workspace, "score"):
        assert "first score" in score.show(workspace, None)[0]
    write_json(workspace.scores / "20200102-100000-1.json", VALUE)
    assert "former" not in score.show(workspace, None)[0]
    with jobs.job(workspace, "score"):
        assert "former score, of 02.01. 10:00" in score.show(workspace, None)[0]
        write_json(workspace.scores / f"{time_stamp()}-1.json", VALUE)
        assert "former" not in score.show(workspace, None)[0]


def test_a_score_that_is_stopped_ends_and_is_called_stopped(workspace: Workspace, tmp_path: Path) -> None:
    draft = write_text(tmp_path / "draft.txt", MODERN)
    run = jobs.start(workspace, "score", [str(draft)])
    score.stop(workspace)
    while (ended := jobs.load(workspace, run.id)).status in ("queued", "running"):
        time.sleep(0.02)
    assert (ended.status, ended.ended is None) == ("stopped", False)
    assert "no score" in ended.message
    assert not jobs.is_alive(run)
    with pytest.raises(JobError, match="No score"):
        score.stop(workspace)


def test_what_failed_is_shown_until_it_is_cleared_away_or_something_newer_is_there(workspace: Workspace) -> None:
    for _ in range(2):
        with pytest.raises(DatasetError), jobs.job(workspace, "score"):
            raise DatasetError("There is nothing to score.")
    text, button = last_state(workspace, ("score",))
    assert text.count("There is nothing to score.") == 1
    assert button.visible
    clear_failed(workspace, ("score",))
    assert jobs.runs(workspace) == []
    assert len(list(workspace.bin.rglob("run.json"))) == 2
    text, button = last_state(workspace, ("score",))
    assert (text, button.visible) == ("", False)
    with jobs.job(workspace, "score"):
        pass
    assert not last_state(workspace, ("score",))[1].visible
