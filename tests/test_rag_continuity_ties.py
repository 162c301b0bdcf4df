import pytest
from continuity_drafts import WORLD, entry, found, kinds

BAKER = entry("Tobin Crane", "Sets type for his sister's paper. A compositor.", "Tobin", links=("Philippa Crane",))
PRINTER = entry("Philippa Crane", "Owner of a newspaper. She is inky.", "the printer", "Philippa")
WIDOW = entry("Mirrin Sayle", "Her husband Peter was drowned. She was the mother of Tam.", "Mirrin")
CHILD = entry("Tam", "She has the ferry.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Elena looked at her cousin Marcus.", [("relation", "sure")]),
        ("Elena looked at her brother Marcus.", []),
        ("Marcus was the husband of Elena.", [("relation", "sure")]),
        ("Marcus, Elena's brother, sat down.", []),
        ("Marcus, Elena's uncle, sat down.", [("relation", "sure")]),
        ("Marcus was not the husband of Elena.", []),
        ("Elena looked at her cousin Silas.", []),
        ("Elena spoke in her mother tongue to Marcus.", []),
    ],
)
def test_relatives_of_another_kind(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


def test_a_relation_is_read_from_either_entry_and_told_once() -> None:
    (one,) = found("Philippa smiled at her husband Tobin.", [BAKER, PRINTER])
    assert one.sentence == "The draft makes Tobin Crane Philippa's spouse; the world says sibling."
    assert one.world_quote == "Sets type for his sister's paper."


def test_a_husband_or_mother_of_another_name() -> None:
    entries = [WIDOW, CHILD, *WORLD]
    assert kinds("Mirrin waited for her husband Wilfred.", entries) == [("relation", "sure")]
    assert kinds("Mirrin waited for her husband Peter.", entries) == []
    assert kinds("Elena was Tam's mother.", entries) == [("relation", "sure")]
    assert kinds("Mirrin was Tam's mother.", entries) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Elena Voss, the baker, sat down.", [("occupation", "sure")]),
        ("Elena Voss, a pilot, sat down.", []),
        ("Elena was a baker.", [("occupation", "sure")]),
        ("Elena had been a baker.", [("occupation", "look at this")]),
        ("Elena was a poet.", [("occupation", "look at this")]),
        ("Elena was not a baker.", []),
        ("Elena was a baker's daughter.", []),
        ("Philippa was the printer of the paper.", []),
        ("Marcus was a baker.", []),
    ],
)
def test_another_trade_where_the_world_tells_one(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text, [*WORLD, PRINTER]) == expected
