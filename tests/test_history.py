"""Variants belong to their brief, kept drafts overwrite nothing, and blind choices are counted."""

import pytest
from takes_on_disk import BASE_TEXT, VOICE_TEXT, put

from style_tuner import history, takes
from style_tuner.errors import StyleTunerError
from style_tuner.workspace import Workspace

FIRST, SECOND, THIRD, OTHER = (f"20261121-10000{number}-01" for number in range(4))


def test_variants_of_a_brief_are_listed_in_their_order_even_when_the_first_is_gone(workspace: Workspace) -> None:
    put(workspace, FIRST)
    put(workspace, OTHER)
    for variant in (SECOND, THIRD):
        put(workspace, variant, variant_of=FIRST)
    assert history.variants(workspace, THIRD) == [FIRST, SECOND, THIRD]
    assert history.variants(workspace, OTHER) == [OTHER]
    (takes.folder(workspace) / f"{FIRST}.jsonl").unlink()
    assert history.variants(workspace, SECOND) == [SECOND, THIRD]


def test_a_kept_draft_never_overwrites_and_is_marked(workspace: Workspace) -> None:
    path = history.keep(workspace, put(workspace, FIRST), 1)
    assert path.read_text() == VOICE_TEXT + "\n"
    assert path.parent == workspace.drafts / "kept"
    assert history.summaries(workspace)[0].kept
    path.write_text("The author went on in this file.")
    assert history.keep(workspace, takes.load(workspace, FIRST), 1) == path
    other = history.keep(workspace, takes.load(workspace, FIRST), 0)
    again = history.keep(workspace, put(workspace, SECOND), 0)
    assert len({path, other, again}) == 3
    assert path.read_text() == "The author went on in this file."
    assert other.read_text() == again.read_text() == BASE_TEXT + "\n"
    other.unlink()
    assert history.keep(workspace, takes.load(workspace, FIRST), 0).read_text() == BASE_TEXT + "\n"


def test_an_empty_draft_is_not_kept(workspace: Workspace) -> None:
    with pytest.raises(StyleTunerError, match="no text to keep"):
        history.keep(workspace, put(workspace, FIRST, texts=(" ", "Rain.")), 0)
    assert not (workspace.drafts / "kept").exists()


def test_blind_choices_are_kept_with_the_take_and_counted(workspace: Workspace) -> None:
    assert history.tally(workspace) == ""
    for take_id, order, place in ((FIRST, (1, 0), 0), (SECOND, (1, 0), 1), (THIRD, (0, 1), None)):
        take = put(workspace, take_id, blind_order=order)
        assert take.hidden
        history.choose(workspace, take, place)
    assert [one.reading for one in history.summaries(workspace)] == ["unsure", "base", "voice"]
    assert history.tally(workspace) == ("You chose your voice in 1 of 3 blind readings. In 1 you could not tell.")
    chosen = takes.load(workspace, FIRST)
    assert (chosen.judged, chosen.choice, chosen.hidden) == (True, 1, False)
    with pytest.raises(StyleTunerError, match="nothing to choose"):
        history.choose(workspace, chosen, 1)


def test_a_blind_reading_with_a_draft_that_broke_off_is_none(workspace: Workspace) -> None:
    take = put(workspace, FIRST, reason="failed", blind_order=(1, 0))
    assert not take.hidden
    with pytest.raises(StyleTunerError, match="nothing to choose"):
        history.choose(workspace, take, 0)
    assert history.tally(workspace) == ""


def test_a_file_that_was_changed_by_hand_does_not_hide_the_others(workspace: Workspace) -> None:
    put(workspace, FIRST)
    (takes.folder(workspace) / f"{SECOND}.jsonl").write_text("mine\n")
    assert [one.id for one in history.summaries(workspace)] == [FIRST]
