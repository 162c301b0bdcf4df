import pytest
from continuity_drafts import entry, found, kinds

ORRIN = entry(
    "Orrin Stace",
    "Orrin, born in 128, was keeper of the lamp. He is left-handed, and he cut off his own right hand. "
    "He was blind in the left eye. His house by the harbour burned when he was twenty.",
    "Orrin",
)
FOOT = entry("Rudge", "A paymaster with a wooden foot. He is sixty.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Orrin laid the hook where his left hand had been.", [("limb", "sure")]),
        ("Orrin laid the hook where his right hand had been.", []),
        ("Orrin had lost his left hand in the storm.", [("limb", "sure")]),
        ("Orrin took the cup in his right hand.", [("limb", "sure")]),
        ("Orrin took the cup in his left hand.", []),
        ("Orrin had nothing in his right hand.", [("limb", "sure")]),
        ("Orrin remembered the cup in his right hand.", []),
        ("Orrin put the cup in the boy's right hand.", []),
        ("Orrin was right-handed.", [("limb", "sure")]),
        ("Orrin was not right-handed.", []),
        ("Orrin was blind in the right eye.", [("limb", "sure")]),
        ("Orrin took the rope in both hands.", [("limb", "sure")]),
        ("Orrin gave the boy both hands of cards.", []),
        ("Orrin watched the boy take the rope with both hands.", []),
    ],
)
def test_which_limb_is_missing_or_blind_and_which_hand_is_used(text: str, expected: list[tuple[str, str]]) -> None:
    assert [one for one in kinds(text, [ORRIN]) if one[1] == "sure"] == expected


def test_a_made_limb_is_not_a_whole_one() -> None:
    assert kinds("Rudge stood on his two good feet.", [FOOT]) == [("limb", "sure")]
    assert kinds("Rudge stood on his one good foot.", [FOOT]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rudge was forty years old.", [("age", "sure")]),
        ("Rudge was sixty-one.", []),
        ("Rudge had just turned forty.", [("age", "sure")]),
        ("When Rudge was five he stole a goat.", []),
        ("Rudge was five minutes late.", []),
        ("Rudge, twelve, sat down.", [("age", "sure")]),
        ("Forty-year-old Rudge sat down.", [("age", "sure")]),
        ("At forty, Rudge ran away to sea.", [("age", "look at this")]),
        ("Rudge was forty miles from home.", []),
    ],
)
def test_an_age_that_is_years_off(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text, [FOOT]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was the year 158. Orrin was thirty.", []),
        ("It was the year 158. Orrin was fifty.", [("age", "sure")]),
        ("Orrin was fifty.", []),
        ("In the year 150 it rained. In the year 178 Orrin was fifty.", []),
        ("Orrin was born in the year 131.", [("age", "sure")]),
        ("The house by the harbour burned, they say, when Orrin was a boy of nine.", [("age", "look at this")]),
    ],
)
def test_an_age_follows_from_the_year_of_birth_and_the_year_of_the_story(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert kinds(text, [ORRIN]) == expected


def test_an_age_with_its_year_tells_the_year_of_birth() -> None:
    tamsin = entry("Tamsin", "She is thirty-two in the year 204.")
    assert found("In the year 180 Tamsin was eight.", [tamsin]) == []
    assert kinds("In the year 180 Tamsin was thirty-two.", [tamsin]) == [("age", "sure")]
