import pytest
from continuity_drafts import entry, found, kinds

ABBOT = entry("Abbot Ivo", "Head of the abbey. He is kind.", "Ivo", "the Abbot", to_chapter=6)
NEXT = entry("Abbot Lucian", "Elected after him. He hunts.", "Lucian", "the Abbot", from_chapter=7)
DEATH = entry("The Death of Abbot Ivo", "He died in June among his hives.", kind="event", from_chapter=7)
FIRE = entry("The Burning of the Lock", "Joss Averill shut the gate and died there.", kind="event", from_chapter=14)
JOSS = entry("Joss Averill", "Master of a barge. He whistles.", "Joss", to_chapter=14)
CLERK = entry("Idris Fenn", "Keeper of the cellars. He is bald.", "Fenn", to_chapter=9)
CHAIR = entry("Idris Fenn in the Chair", "He sits on a stool.", "Idris Fenn", "Fenn", from_chapter=10)
LADY = entry("Margravine Odile", "She rules in a whisper.", "Odile", to_chapter=17)
NUN = entry("Odile at Stillwater", "She scrubs her own floor.", "Odile", from_chapter=18)
GONE = entry("Anton Vael", "An envoy. He eats well.", "Vael", to_chapter=12)
MATTHEW = entry(
    "Matthew Tallack", "He was born in 104 and died on 12 December 157. His wife Joan had died in 144.", "Matthew"
)
DORCAS = entry("Dorcas Quill", "She died before 179.")
WORLD = [ABBOT, NEXT, DEATH, FIRE, JOSS, CLERK, CHAIR, LADY, NUN, GONE, MATTHEW, DORCAS]


@pytest.mark.parametrize(
    ("text", "chapter", "expected"),
    [
        ("Abbot Ivo held up his hand.", 9, [("dead", "sure")]),
        ("Abbot Ivo held up his hand.", 6, []),
        ("Abbot Ivo held up his hand.", None, []),
        ("“Come in,” said Ivo.", 9, [("dead", "sure")]),
        ("They remembered how Abbot Ivo held up his hand.", 9, []),
        ("Abbot Ivo had held up his hand.", 9, []),
        ("If Abbot Ivo came in now, they would weep.", 9, []),
        ("They spoke of Abbot Ivo.", 9, []),
        ("Abbot Ivo's chair stood empty.", 9, []),
        ("“Abbot Ivo came in,” said the boy.", 9, []),
        ("Abbot Lucian held up his hand.", 9, []),
        ("Joss Averill leaned on the rail.", 16, [("dead", "sure")]),
        ("Joss Averill leaned on the rail.", 14, []),
    ],
)
def test_the_dead_do_not_act_after_their_chapter(text: str, chapter: int, expected: list[tuple[str, str]]) -> None:
    assert kinds(text, WORLD, chapter) == expected


@pytest.mark.parametrize(("text", "chapter"), [("Idris Fenn looked up.", 12), ("Odile looked up.", 20)])
def test_who_has_changed_is_not_gone(text: str, chapter: int) -> None:
    assert found(text, WORLD, chapter) == []


def test_an_entry_that_ends_without_saying_why_is_worth_a_look() -> None:
    (one,) = found("Anton Vael looked up.", WORLD, 15)
    assert (one.certainty, one.world_quote) == ("look at this", "holds to chapter 12")
    assert one.sentence == "Chapter 15 shows Anton Vael, whose entry ends with chapter 12."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was the year 160. Matthew Tallack opened the door.", [("dead", "sure")]),
        ("It was the year 150. Matthew Tallack opened the door.", []),
        ("Matthew Tallack opened the door.", []),
        ("In 179 Dorcas Quill took a chair.", [("dead", "sure")]),
        ("In 178 Dorcas Quill took a chair.", []),
        ("It was the year 190. In 140 Matthew Tallack opened the door.", []),
        ("It was the year 140. In 190 Matthew Tallack opened the door.", [("dead", "look at this")]),
    ],
)
def test_the_dead_do_not_act_after_the_year_of_their_death(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text, WORLD) == expected


def test_both_quotes_are_given() -> None:
    (one,) = found("It snowed. Abbot Ivo held up his hand.", WORLD, 9)
    assert (one.quote, one.world_quote) == ("Abbot Ivo held up his hand.", "He died in June among his hives.")
    assert one.entry_name == "The Death of Abbot Ivo"
