import pytest
from continuity_drafts import entry, found, kinds

from style_tuner.records import Entry


@pytest.mark.parametrize(
    "text",
    [
        "Elena's eyes were brown.",
        "Elena looked up. Her brown eyes narrowed.",
        "Elena had brown eyes and a scar.",
        "Elena had eyes as brown as mud.",
        "Elena watched him with two brown eyes.",
        "Brown-eyed Elena sat down.",
        "Elena, whose eyes were brown, sat down.",
        "Elena's eyes were large and brown.",
        "Both Elena's eyes were brown.",
        "The light fell on Elena, who had bright brown eyes.",
    ],
)
def test_other_eyes_than_the_worlds_are_found(text: str) -> None:
    assert kinds(text) == [("eyes", "sure")]


@pytest.mark.parametrize(
    "text",
    [
        "Elena's eyes were grey.",
        "Elena's gray eyes were red with smoke.",
        "Elena looked at the landlady, whose eyes were brown.",
        "Elena looked at the man, and his brown eyes looked back.",
        "The woman beside Elena had brown eyes. Her brown eyes were wet.",
        "Elena's eyes were not brown.",
        "Elena turned. A sailor with brown eyes stood there.",
        "It would have been easier if Elena had no eyes at all.",
        "Two women came in, Elena and her aunt. Nobody spoke. Her brown eyes shone.",
    ],
)
def test_what_says_the_same_or_is_anothers_is_no_finding(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("“Elena's eyes are brown,” said the guard.", "character"),
        ("If Elena's eyes were brown, nobody would have noticed.", "fact"),
        ("Elena's eyes were as brown as the river that day.", "comparison"),
        ("Elena's eyes were not grey.", "denies"),
        ("A stranger bowed to Elena. Her eyes were brown.", "certain"),
    ],
)
def test_speech_conditions_comparisons_and_denials_are_softer(text: str, reason: str) -> None:
    (one,) = found(text)
    assert one.certainty == "look at this"
    assert reason in one.reason


def test_a_finding_quotes_both_and_says_where() -> None:
    text = "It rained.\n\nElena sat down. Her brown eyes were shut."
    (one,) = found(text, chapter=3)
    assert one.sentence == "Chapter 3 says Elena's eyes are brown; the world says grey."
    assert text[one.start : one.end] == "Her brown eyes"
    assert one.quote == "Her brown eyes were shut."
    assert (one.entry, one.entry_name) == ("elena-voss", "Elena Voss")
    assert one.world_quote == "She has grey eyes and short black hair."


@pytest.mark.parametrize(
    ("colours", "text", "finding"),
    [
        ("one blue eye and one brown", "Kit's brown eye closed.", False),
        ("one blue eye and one brown", "Kit's eyes were green.", True),
        ("one blue eye and one brown", "Both Kit's eyes were brown.", True),
        ("hazel eyes", "Kit's eyes were green.", False),
        ("dark eyes", "Kit's eyes were brown.", False),
        ("pale blue eyes", "Kit's eyes were blue.", False),
    ],
)
def test_eyes_of_two_colours_and_colours_that_people_name_otherwise(colours: str, text: str, finding: bool) -> None:
    assert bool(found(text, [entry("Kit", f"He has {colours}.")])) == finding


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Elena pushed back her red hair.", [("hair", "sure")]),
        ("Elena's hair was fair.", [("hair", "sure")]),
        ("Red-haired Elena sat down.", [("hair", "sure")]),
        ("Elena sat down beside a red-haired boy.", []),
        ("Elena's grey hair was wet.", [("hair", "look at this")]),
        ("Elena's hair was white in the moonlight.", []),
        ("Elena's eyes were black.", [("eyes", "look at this")]),
        ("Elena was bald.", [("hair", "sure")]),
        ("Elena pushed back her dark hair.", []),
        ("Elena stroked the horse's red mane.", []),
        ("Elena was short.", [("build", "sure")]),
        ("Elena was a tiny woman.", [("build", "sure")]),
        ("Elena was short of money.", []),
        ("She had come here when Elena was small.", []),
        ("Elena was tall as a mast.", []),
    ],
)
def test_hair_and_build(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


def test_a_field_counts_as_a_sentence_and_is_quoted_as_a_field() -> None:
    kit = Entry(id="kit", name="Kit", text="A cook.", kind="character", fields={"eyes": "green", "hair": "red"})
    eyes, hair = found("Kit's eyes were blue. Kit's hair was black.", [kit])
    assert (eyes.world_quote, hair.world_quote) == ("eyes: green", "hair: red")


def test_eyes_of_two_colours_and_the_lost_hand_are_told_in_the_worlds_words_and_the_drafts_name() -> None:
    tamsin = entry("Tamsin Water", "She has black hair, one grey eye and one brown.", "Tamsin")
    (one,) = found("Tamsin had blue eyes.", [tamsin])
    assert one.sentence == "The draft says Tamsin's eyes are blue; the world says one grey, one brown."
    rafe = entry("Rafe Calloway Maimed", "The fire took his left hand to the wrist.", "Rafe Calloway", "Rafe")
    (one,) = found("Rafe Calloway put both hands flat on the wood.", [rafe])
    assert one.sentence == "The draft lets Rafe Calloway have both hands; the world says the left one is lost."
