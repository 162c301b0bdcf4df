import pytest
from continuity_drafts import WORLD, entry, kinds

BEES = entry("Annis Greave", "Keeps bees and a house in Rope Alley. She was born in Syrtis.", "Annis")
CLOCK = entry("The Long Clock", "A clock in Rope Alley with a long pendulum.", kind="thing")
ALLEY = entry("Rope Alley", "A narrow lane in Tharsis.", kind="place")
INN = entry("The Grey Heron", "Inn on the north side of the market.", kind="place")
MASTER = entry("Abel Crook", "He was master of the Fourth Pan on Tharsis.", "Abel")
OATH = entry("The Oath", "Sworn in Tharsis.", kind="rule")
PLACES = [OATH, *WORLD, BEES, CLOCK, ALLEY, INN, MASTER]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tharsis lies four miles south of Syrtis.", [("place", "sure")]),
        ("Tharsis lies four miles north of Syrtis.", []),
        ("The Grey Heron stood on the south side of the market.", [("place", "sure")]),
        ("The Grey Heron stood on the north side of the market.", []),
        ("Annis was born in Tharsis.", [("place", "sure")]),
        ("Annis was born in Syrtis.", []),
        ("Annis went to her house in Syrtis.", [("place", "sure")]),
        ("Annis went to her house in Tharsis.", []),
        ("He stood before the Long Clock in Syrtis.", [("place", "sure")]),
        ("He stood before the Long Clock in Tharsis.", []),
        ("He stood before the Long Clock in March.", []),
        ("Abel had been master of the Fourth Pan on Syrtis.", [("place", "sure")]),
        ("The Lark lay at Syrtis.", []),
        ("Annis drank tea in Syrtis.", []),
        ("The Oath in Syrtis was broken.", []),
    ],
)
def test_places(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text, PLACES) == expected
