import json
from collections import Counter

import pytest

from benchmarks.continuity import DRAFTS, drafts, measured, own_stories, worlds

WORLDS = worlds()


def test_the_planted_set_is_what_its_readme_says() -> None:
    rows = [json.loads(line) for line in DRAFTS.read_text(encoding="utf-8").splitlines()]
    texts = {world: " ".join(entry.text for entry in entries) for world, entries in WORLDS.items()}
    names = {world: {entry.name for entry in entries} for world, entries in WORLDS.items()}
    assert Counter(row["planted"] is not None for row in rows) == {True: 92, False: 80}
    for row in rows:
        assert 60 <= len(row["text"].split()) <= 200, row["id"]
        if planted := row["planted"]:
            assert row["text"].count(planted["draft_quote"]) == 1, row["id"]
            assert set(planted["entries"]) <= names[row["world"]], row["id"]
            assert planted["kind"] == "name" or planted["entry_quote"] in texts[row["world"]], row["id"]


@pytest.mark.parametrize(("report", "least_recall"), [(False, 0.8), (True, 0.6)])
def test_sure_findings_are_right_and_most_contradictions_are_found(report: bool, least_recall: float) -> None:
    result = measured(drafts(report), WORLDS)
    assert result["precision_sure"] >= 0.9
    assert result["recall"] >= least_recall
    assert result["sure_false_alarms_per_1000_words"] <= 0.3


def test_the_sample_authors_own_stories_raise_no_alarm() -> None:
    assert own_stories(WORLDS["sample"])["findings"] == []
