import pytest
from continuity_drafts import WORLD, entry, found, kinds

MARTIN, MARTEN = entry("Martin Sorrel", "A schoolmaster."), entry("Marten Sorrel", "A miller.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Elana Voss sat down.", [("name", "sure")]),
        ("Elena Vass sat down.", [("name", "sure")]),
        ("She went to Tharssis.", [("name", "sure")]),
        ("She went to Thrasis.", [("name", "sure")]),
        ("She saw Elana there.", [("name", "look at this")]),
        ("She saw Elena there.", []),
        ("Elana came. Elana saw. Elana went.", []),
        ("She saw the Elenas of this world.", []),
        ("She had a lark in a cage.", []),
        ("ELENA VOS", []),
        ("She met Martin Sorrel and Marten Sorrel.", []),
        ("Reef after reef went by.", []),
    ],
)
def test_a_name_one_letter_off(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text, [*WORLD, MARTIN, MARTEN]) == expected


def test_a_name_that_an_entry_writes_is_no_misspelling() -> None:
    assert found("She saw Elana there.", [*WORLD, entry("Kit", "Her friend is Elana.")]) == []


def test_the_finding_points_at_the_word() -> None:
    text = "It rained. She met Elana Voss."
    (one,) = found(text)
    assert text[one.start : one.end] == "Elana"
    assert one.sentence == "The draft writes Elana; the world has Elena."


GREAVE = entry("Hollis Greave", "Chief bailiff of the Count.", "the Hound")
LISLE = entry("Perpetua Lisle", "The oldest clerk in the building.", "Perpetua")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was for the wife of Hollis Grieve.", [("name", "sure")]),
        ("It was Perpetua Lyle who kept the list.", [("name", "look at this")]),
        ("It was Hollis Grant who kept the list.", []),
        ("It was Judith Grieve who kept the list.", []),
        ("It was for the wife of Hollis Greave.", []),
    ],
)
def test_a_second_name_two_letters_off_beside_its_first_name(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text, [*WORLD, GREAVE, LISLE]) == expected
