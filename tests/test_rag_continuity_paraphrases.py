"""Contradictions told in other words, of a world that the rules were not made on: most of each kind are found."""

import re
from collections.abc import Sequence

import pytest
from continuity_drafts import entry, found, kinds

IVO = entry(
    "Ivo Marlin",
    "Ivo was born in Quillon, a fisherman's son. He keeps a house on Tanner Street. He is sixty-one.",
    "Ivo",
)
SABLE = entry(
    "Sable Okoro",
    "She lost her left hand at the mill and wears a hook. She lives in Brackwater. She is nineteen.",
    "Sable",
)
DUNCAN = entry(
    "Duncan Pyle", "Duncan is blind in the right eye and lost his right arm in the war. Aged forty.", "Duncan"
)
PETRA = entry(
    "Petra Vane", "Petra was born at Cold Harbour. Her rooms in Quillon are full of maps. She is twelve.", "Petra"
)
QUILLON = entry("Quillon", "A walled town with seven gates and a keep of ninety steps.", kind="place")
BRACK = entry("Brackwater", "A village of mud and herons, with two chapels.", kind="place")
TANNER = entry("Tanner Street", "A street of dye works with thirty chimneys.", kind="place")
HARBOUR = entry("Cold Harbour", "A fishing place far away from anywhere.", kind="place")
MARSH = entry("Marsh Lane", "A lane of leaning houses.", kind="place")
MARKET = entry("Herring Market", "The fish is sold here at dawn.", kind="place")
INN = entry("The Blue Pig", "An inn on the market's northern side, with eleven beds.", "Blue Pig", kind="place")
MILL = entry("Sorrow Mill", "It stands on the west bank of the river, and has four wheels.", kind="place")
SHIP = entry("The Petrel", "A schooner with two masts and six guns.", "Petrel", kind="thing")
WORLD = (IVO, SABLE, DUNCAN, PETRA, QUILLON, BRACK, TANNER, HARBOUR, MARSH, MARKET, INN, MILL, SHIP)

PARAPHRASES = {
    "born": (
        "place",
        [
            "Ivo had been born in Brackwater.",
            "Ivo Marlin was not a Quillon man. He had been born in Brackwater, under a leaking roof.",
            "Petra was a quiet girl. She was born on Tanner Street.",
            "Ivo, born in Cold Harbour, knew nets.",
            "Petra was a native of Brackwater.",
            "Ivo was Brackwater born and bred.",
            "Petra had come into the world at Quillon, in a thunderstorm.",
            "Ivo first saw the light in Cold Harbour.",
            "It was no secret that Petra Vane had been born in Marsh Lane.",
            "Ivo was born and raised in Brackwater.",
        ],
    ),
    "lives": (
        "place",
        [
            "Ivo lived in Marsh Lane now.",
            "Sable lived in Quillon, above a baker.",
            "Ivo had his house in Marsh Lane.",
            "Sable was a careful woman. She lives on Tanner Street.",
            "Sable had her home in Cold Harbour.",
            "Ivo dwelt in Brackwater.",
            "Petra kept rooms in Brackwater, up four flights.",
            "Ivo made his home in Cold Harbour.",
            "He knew where to look. Ivo Marlin’s house in Marsh Lane was dark.",
            "Sable lodged in Marsh Lane with a widow.",
        ],
    ),
    "side": (
        "place",
        [
            "The Blue Pig stood on the south side of Herring Market.",
            "The Blue Pig was on the southern side of the market.",
            "The Blue Pig lay along the eastern edge of Herring Market.",
            "They met at the Blue Pig, on the south side of the market.",
            "Sorrow Mill stood on the east bank of the river.",
            "Sorrow Mill was built on the eastern bank of the river.",
            "The Blue Pig looked out from the market’s southern side.",
            "The Blue Pig has always been on the south side of the Herring Market.",
            "Nobody lived near Sorrow Mill, on the east side of the river.",
            "The Blue Pig, at the southern end of the market, was shut.",
        ],
    ),
    "limb": (
        "limb",
        [
            "Sable wiped the hook on her right arm.",
            "Sable lifted the hook at the end of her right arm.",
            "Duncan’s left sleeve was pinned up.",
            "Duncan pinned his empty left sleeve to his coat.",
            "Duncan had a patch over his left eye.",
            "Duncan wore a black patch on his left eye.",
            "Sable rubbed the stump of her right wrist.",
            "Duncan’s left sleeve hung empty.",
            "“Well?” said Sable. She put both hands on the table.",
            "Where Sable’s right hand should have been there was a hook.",
        ],
    ),
    "age": (
        "age",
        [
            "Ivo was forty, and looked it.",
            "Sable was a girl of twelve.",
            "At forty Ivo had nothing but a boat.",
            "Petra walked home. At seventeen she had the lane to herself.",
            "Ivo was forty years old that winter.",
            "Duncan was a man of sixty.",
            "Petra, a child of six, laughed.",
            "Sable turned thirty on the Sunday.",
            "Ivo was in his forties.",
            "Petra did not run. She was seventeen, she had boots on.",
        ],
    ),
    "number": (
        "number",
        [
            "There were five gates in Quillon.",
            "There are eighty steps in the keep at Quillon.",
            "Quillon had nine gates.",
            "They counted forty chimneys on Tanner Street.",
            "The Petrel was a big ship with three masts.",
            "The Petrel came in at noon. She had three masts.",
            "The Petrel carried ten guns.",
            "All five gates of Quillon were shut.",
            "Sorrow Mill turned slowly. It had six wheels.",
            "Brackwater had three chapels.",
        ],
    ),
}  # fmt: skip
FAITHFUL = [
    "Ivo was born in Quillon. As a boy he lived in Brackwater with an aunt.",
    "Ivo had lived in Cold Harbour for a year before he kept the house on Tanner Street.",
    "Sable once lived in Quillon. Petra lived in her rooms in Quillon.",
    "At nineteen Ivo had gone to sea; at thirty he came back.",
    "“I was born in Brackwater,” said the carter. He had lived in Marsh Lane.",
    "The Blue Pig stood on the north side of Herring Market. A church stood on the south side of the market.",
    "Petra saw the Blue Pig from the south side of the market.",
    "Sable wiped the hook on her left arm with her right hand. Duncan’s right sleeve was empty.",
    "The captain had a hook on his right arm. Sable looked at it.",
    "Duncan looked at the patch over the captain’s left eye.",
    "Ivo was in his sixties. Petra was a girl of twelve. Sable, at nineteen, was tired.",
    "There were two carts in the gates of Quillon and five men in the inn at Brackwater.",
    "The Petrel had two masts; the other one had three masts, and ten guns.",
    "“Well?” said Sable to the captain. He put both hands on the table.",
    "Ivo was not a Quillon fisherman. The man he hated was; he had been born in Brackwater.",
    "Ivo lived for the sea, and for nothing in Brackwater.",
    "At forty he had been happy, Ivo thought.",
    "Two of the seven gates in Quillon were open, and five gates stayed shut.",
    "Petra spent the summer in Brackwater. She lived in a tent.",
    "Sable hung her coat on the hook on the right arm of the bench. Duncan sewed a patch on the left eye of the doll.",
    "Duncan, a boy and a dog came in. Petra, a girl, and Ivo went out. She was forty.",
    "Duncan took off his left glove, and his left sleeve was wet.",
]


@pytest.mark.parametrize(("kind", "sentences"), PARAPHRASES.values(), ids=PARAPHRASES)
def test_most_contradictions_are_found_in_other_words(kind: str, sentences: Sequence[str]) -> None:
    missed = [text for text in sentences if [one for one, _ in kinds(text, WORLD)] != [kind]]
    assert len(missed) <= 2, missed


@pytest.mark.parametrize("text", FAITHFUL)
def test_what_keeps_to_the_world_raises_no_sure_finding(text: str) -> None:
    assert [kind for kind, certainty in kinds(text, WORLD) if certainty == "sure"] == []


def test_a_number_in_a_title_is_no_name() -> None:
    keeper = entry("Meg Holt", "She minds the sluice.", "the keeper of Lock Nine")
    child = entry("Tuck", "Nine years old, with grey eyes.")
    assert kinds("Tuck was fourteen. Nine bells rang.", (keeper, child)) == [("age", "sure")]


def test_places_without_entries_may_lie_in_one_another() -> None:
    born = entry("Ada Crowe", "Ada was born on Merle.", "Ada")
    road = entry("The Road", "It runs from Merle to Little Sand.", kind="place")
    assert kinds("Ada was born on Little Sand.", (born, road)) == [("place", "look at this")]
    assert kinds("Ada was born on Nowhere.", (born, road)) == []


def test_whose_a_thing_is_may_begin_its_entry() -> None:
    horse = entry("Comet", "Ada Crowe's horse, a tall bay mare of eleven.", kind="thing")
    ada = entry("Ada Crowe", "A baker.", "Ada")
    assert kinds("Comet was a grey mare.", (horse, ada)) == [("colour", "sure")]


def test_an_age_told_with_its_year_is_read_with_that_year() -> None:
    ada = entry("Ada Crowe", "She took over the mill in 199 and is thirty-two in the year 204.", "Ada")
    assert kinds("It was the year 204. Ada did not walk. She was forty, and tired.", (ada,)) == [("age", "sure")]
    assert kinds("It was the year 212. Ada did not walk. She was forty, and tired.", (ada,)) == []


def test_what_would_be_if_somebody_were_small_is_no_statement() -> None:
    assert kinds("If Ada had been a small woman, the door would fit.", (entry("Ada", "Ada is very tall."),)) == []


@pytest.mark.parametrize(
    ("draft", "world", "said"),
    [
        ("three chapels", "two chapels", "chapels"),
        ("five arches", "nine arches", "arches"),
        ("six ferries", "two ferries", "ferries"),
    ],
)
def test_a_count_is_told_as_it_is_said(draft: str, world: str, said: str) -> None:
    (one,) = found(f"Merle had {draft}.", (entry("Merle", f"A town with {world}.", kind="place"),))
    assert re.fullmatch(rf"The draft gives Merle \d {said}; the world says \d\.", one.sentence)


def test_a_birthplace_is_told_in_a_plain_sentence() -> None:
    (one,) = found("Ivo was born in Brackwater.", WORLD)
    assert one.sentence == "The draft says Ivo was born in Brackwater; the world says Quillon."
