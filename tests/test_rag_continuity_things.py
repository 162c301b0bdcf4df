import pytest
from continuity_drafts import entry, found, kinds

from rag.continuity.numbers import value_of

BULL = entry("Lucan Amory", "He bred the white bull Alderman.", "Amory")
FALL = entry("The Fall of the Bridge", "It fell on 9 November 151, killing fourteen people.", kind="event")
MILL = entry("Sorrel's Mill", "A mill with a red wheel. It was built in 60.", kind="place")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("22", 22),
        ("1,250", 1250),
        ("twenty-two", 22),
        ("five-and-twenty", 25),
        ("a hundred and fourteen", 114),
        ("three hundred and sixty-five", 365),
        ("two thousand", 2000),
        ("forty", 40),
    ],
)
def test_numbers_in_words(words: str, value: int) -> None:
    assert value_of(words) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Lark lay there with her three masts.", [("number", "sure")]),
        ("The Lark had three tall masts.", [("number", "sure")]),
        ("The Lark had two tall masts.", []),
        ("The Lark was forty feet long.", [("number", "sure")]),
        ("Three masts stood behind the Lark.", []),
        ("They passed the four gates of Tharsis.", [("number", "sure")]),
        ("They passed two of the nine gates of Tharsis.", []),
        ("They passed another two gates of Tharsis.", []),
        ("The Fall of the Bridge killed forty people.", [("number", "sure")]),
    ],
)
def test_numbers_that_belong_to_a_thing(text: str, expected: list[tuple[str, str]]) -> None:
    from continuity_drafts import WORLD

    assert kinds(text, [*WORLD, FALL]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Lark showed her green hull.", [("colour", "sure")]),
        ("The Lark showed her grey hull.", []),
        ("The Lark was painted green.", [("colour", "sure")]),
        ("A green hull lay beside the Lark.", []),
        ("Syrtis was grey in the rain.", []),
        ("She led the black bull Alderman.", [("colour", "sure")]),
        ("She led the white bull Alderman.", []),
        ("Sorrel's Mill and its green wheel stood still.", [("colour", "look at this")]),
    ],
)
def test_colours_of_things(text: str, expected: list[tuple[str, str]]) -> None:
    from continuity_drafts import WORLD

    amory = "Amory watched. " if "Alderman" in text else ""
    assert kinds(amory + text, [*WORLD, BULL, MILL]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Lark was built in 2120.", [("year", "sure")]),
        ("The Lark was built in the year 2101.", []),
        ("In the year 2120 the Lark was built.", [("year", "sure")]),
        ("The Lark was built before 2120.", []),
        ("If the Lark had been built in 2120 she would float.", [("year", "look at this")]),
    ],
)
def test_years_of_what_happened(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


def test_the_year_in_an_events_name() -> None:
    frost = entry("The Great Frost", "For nine weeks of the winter of 77 the river was solid.", kind="event")
    (one,) = found("It cracked in the Great Frost of 83.", [frost])
    assert one.sentence == "The draft dates The Great Frost to the year 83; the world says 77."
    assert found("It cracked in the Great Frost of 77.", [frost]) == []
