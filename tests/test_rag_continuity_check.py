import re
from collections.abc import Iterator

import pytest
from continuity_drafts import WORLD, entry, found, kinds

from rag.continuity import check
from rag.continuity.check import check_draft
from rag.continuity.names import NameFinder, beings_of
from rag.continuity.sentences import sentences_of, speech
from rag.continuity.view import View
from style_tuner.records import END_OF_STORY, Moment


@pytest.mark.parametrize(
    ("text", "entries", "note"),
    [
        ("", WORLD, "The draft is empty"),
        (" \n\t", WORLD, "The draft is empty"),
        ("Elena's eyes were brown.", (), "no entries yet"),
        ("It rained all day.", WORLD, "names nobody and nothing"),
        ("艾琳娜的眼睛是棕色的。" * 20, WORLD, "does not look like English"),
        ("Elena setzte sich an den Tisch und sah mit ihren braunen Augen aus dem Fenster. " * 5, WORLD, "English"),
    ],
)
def test_what_cannot_be_checked_is_said(text: str, entries: tuple[object, ...], note: str) -> None:
    checked = check_draft(text, entries, END_OF_STORY)  # type: ignore[arg-type]
    assert checked.findings == ()
    assert any(note in one for one in checked.notes)


def test_names_are_checked_in_other_languages_too() -> None:
    text = (
        "Elana Voss setzte sich an den Tisch und sah aus dem Fenster auf die nasse Gasse hinaus, in der ein Hund lag. "
    )
    assert kinds(text + "Dann nahm der Mann den Hut, ging zur Tür und sagte kein Wort mehr zu den anderen.") == [
        ("name", "sure")
    ]


def test_mark_up_does_not_hide_a_contradiction_nor_move_its_place() -> None:
    text = "# Three\n\n<p>*Elena* sat.</p> Her **brown** eyes [closed](http://x.y/z)."
    (one,) = found(text)
    assert text[one.start : one.end].startswith("Her **brown** eyes")
    assert one.quote == "Her **brown** eyes [closed](http://x.y/z)."


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Elena sat down. Her\nbrown eyes\nwere shut.\n\nIt rained.", "Her\nbrown eyes"),
        ("Elena sat down.\nElena's  brown\teyes closed.", "Elena's  brown\teyes"),
        ("Elena sat down.\r\n\r\nElena's brown\r\neyes closed.", "Elena's brown\r\neyes"),
    ],
)
def test_lines_may_be_broken_anywhere(text: str, part: str) -> None:
    (one,) = found(text)
    assert text[one.start : one.end] == part


def test_the_character_that_masks_names_may_stand_in_a_draft() -> None:
    assert kinds("§ 4. Elena's eyes were brown. §§§") == [("eyes", "sure")]


def test_the_same_contradiction_is_told_once_with_how_often_it_comes() -> None:
    (one,) = found("Elena's eyes were brown. It rained. Elena's eyes were brown. Elena's brown eyes closed.")
    assert (one.start, one.again) == (0, 2)


def test_only_entries_that_hold_at_the_chapter_count() -> None:
    before = entry("Rafe Calloway", "He has grey eyes.", "Rafe", to_chapter=14)
    after = entry("Rafe Calloway Blinded", "He has brown eyes of glass.", "Rafe Calloway", "Rafe", from_chapter=15)
    assert found("Rafe's eyes were grey.", [before, after], 3) == []
    (one,) = found("Rafe's eyes were grey.", [before, after], 20)
    assert one.entry_name == "Rafe Calloway Blinded"


def test_only_entries_of_the_book_count() -> None:
    first = entry("Kit", "He has grey eyes.", book="One")
    text = "Kit's eyes were brown."
    assert check_draft(text, [first], Moment(book="Two", chapter=1)).findings == ()
    assert len(check_draft(text, [first], Moment(book="One", chapter=1)).findings) == 1


def test_an_imported_entry_of_no_kind_is_somebody_if_it_says_he_or_she() -> None:
    kit = entry("Kit", "Kit has grey eyes. He is a baker, sixty years old.", kind="note")
    text = "Kit was forty years old. Kit, the tailor, sat down. Kit's eyes were brown."
    assert [one.kind for one in found(text, [kit])] == ["age", "occupation", "eyes"]
    oath = entry("The Oath", "It was sworn by a baker, sixty years old.", kind="note")
    assert found("The Oath, the tailor, sat down.", [oath]) == []


def test_two_who_share_a_name_are_not_mixed_up() -> None:
    one, other = entry("Joss Averill", "He has grey eyes.", "Joss"), entry("Josselin Ware", "He has blue eyes.", "Joss")
    assert found("Joss's eyes were brown.", [one, other]) == []
    assert kinds("Joss Averill sat down. Joss's eyes were brown.", [one, other]) == [("eyes", "look at this")]


def test_findings_come_in_the_order_of_the_draft() -> None:
    text = "Elena was bald. The Lark was painted green. Elena's eyes were brown."
    assert [one.kind for one in found(text)] == ["hair", "colour", "eyes"]


@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, "Elena " * 30_000, "“" * 5_000, "her brown eyes " * 5_000, "(((" * 20_000, "twenty-two " * 20_000],
)
def test_a_draft_that_is_no_prose_does_not_hang(text: str) -> None:
    # A pattern that goes back over all of it takes minutes here.
    assert check_draft(text, WORLD, END_OF_STORY).words == len(text.split())


def test_sentences_know_where_they_stand_and_what_is_spoken() -> None:
    text = '“Who goes?” said Mr. Reed. He ran.\n\nShe saw "it" and "that." It was Dr. No.'
    pieces = sentences_of(text)
    assert [one.text for one in pieces] == [
        "“Who goes?” said Mr. Reed.",
        "He ran.",
        'She saw "it" and "that."',
        "It was Dr. No.",
    ]
    assert all(text[one.start :].startswith(one.text) for one in pieces)
    assert [one.paragraph for one in pieces] == [0, 0, 1, 1]
    assert pieces[0].is_spoken(3)
    assert not pieces[0].is_spoken(15)


def test_speech_in_single_quotes_is_known_where_no_double_ones_are() -> None:
    text = "‘Elena's eyes are brown,’ he said. Elena's eyes were shut."
    assert [text[start:end] for start, end in speech(text)] == ["‘Elena's eyes are brown,’"]
    assert kinds(text) == [("eyes", "look at this")]


def test_the_years_of_a_draft_are_read_once_however_much_it_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    pattern = check._YEAR

    class Counting:
        def finditer(self, text: str) -> Iterator[re.Match[str]]:
            read.append(len(text))
            return pattern.finditer(text)

    monkeypatch.setattr(check, "_YEAR", Counting())
    text = "Elena Voss looked up with her brown eyes. " * 200
    assert check_draft(text, WORLD, END_OF_STORY).findings[0].again == 199
    assert sum(read) < 2 * len(text)


def test_the_story_is_in_the_one_year_that_it_has_told_so_far() -> None:
    text = "Elena came. In the year 160 she went. Joss stayed. In the year 161 it rained. It was the year 160."
    years = check.StoryYears(View(text, NameFinder(beings_of(WORLD, END_OF_STORY))))
    places = [text.index(word) for word in ("Elena", "she", "Joss", "rained", "It was")]
    assert [years.at(place) for place in places] == [None, 160, 160, None, None]
