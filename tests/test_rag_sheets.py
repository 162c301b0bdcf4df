"""Draft sheets from manuscripts: which facts a sentence tells of whom, and which it leaves in doubt."""

from collections.abc import Sequence

import pytest

from rag.extraction.names import find_names
from rag.extraction.sheets import Sheet, write_sheets
from rag.extraction.text import paragraphs_of
from style_tuner.config import SAMPLES
from style_tuner.manuscripts.read import read_manuscript
from style_tuner.records import Chapter, Manuscript

CAST = (
    "Mr. Orrin Stace said no. Mrs. Mara Vask said yes. Orrin Stace laughed, said Orrin Stace. Mara Vask said nothing.",
    "They sailed in to Tolver. They slept in Tolver. She went from Hask to Tolver, and in Hask she stayed.",
)


def sheets(*chapters: str) -> dict[str, Sheet]:
    texts = ("\n\n".join(CAST), *chapters)
    work = Manuscript("tides", "Tides", tuple(Chapter(str(number), text) for number, text in enumerate(texts, 1)))
    paragraphs = paragraphs_of([work])
    return {sheet.name.name: sheet for sheet in write_sheets(find_names(paragraphs), paragraphs)}


def told(sentence: str, whom: str = "Orrin Stace") -> dict[str, str]:
    fields = next(sheet for name, sheet in sheets(sentence).items() if name.endswith(whom)).fields
    return {field: value for field, value in fields.items() if field != "first appears"}


@pytest.mark.parametrize(
    ("sentence", "fields"),
    [
        ("Orrin Stace's pale green eyes shone.", {"eyes": "pale green"}),
        ("I saw Orrin Stace. He was a long quiet man with green eyes.", {"eyes": "green", "build": "long"}),
        ("Orrin Stace had one grey eye and one brown.", {"eyes": "one grey eye and one brown"}),
        ("Orrin Stace came in, and his hair was red.", {"hair": "red"}),
        ("Orrin Stace was five-and-thirty, and he knew it.", {"age": "five-and-thirty in chapter 2 of Tides"}),
        ("Orrin Stace, 34, laughed.", {"age": "34 in chapter 2 of Tides"}),
        ("Orrin Stace was six feet tall.", {"height": "six feet tall"}),
        ("There stood Orrin Stace the surgeon.", {"occupation": "surgeon"}),
        ("The keeper in my time was Orrin Stace.", {"occupation": "keeper"}),
        ("Orrin Stace lost his left hand in October.", {"left hand": "lost"}),
        ("Orrin Stace raised his brass arm.", {"arm": "brass"}),
        ("Orrin Stace was left-handed.", {"hand": "left-handed"}),
        ("Orrin Stace lived all his life in Tolver.", {"lives in": "Tolver"}),
        ("Orrin Stace died in the spring.", {"life": "dead, told in chapter 2 of Tides"}),
        ("They buried Orrin Stace at sea.", {"life": "dead, told in chapter 2 of Tides"}),
    ],
)
def test_a_plain_sentence_tells_a_fact(sentence: str, fields: dict[str, str]) -> None:
    assert told(sentence) == fields


@pytest.mark.parametrize(
    "sentence",
    [
        "Was Orrin Stace dead?",
        "If Orrin Stace died, who would keep the light?",
        "Orrin Stace had not died.",
        "He looked as if Orrin Stace was dead.",
        "I thought Orrin Stace was drowned.",
        '"Orrin Stace is dead," said the man.',
        "Orrin Stace was dead tired.",
        "When Orrin Stace was twenty, he sailed.",
        "Orrin Stace was twelve feet away.",
        "Orrin Stace was on his guard.",
        "Orrin Stace met the fiddler. His eyes were blue and he was the younger brother. His hair was red.",
        "Mr. Orrin Stace and Mr. Peter Quill came. He was sixty-three.",
        "Orrin Stace killed the goose.",
        "They buried Orrin Stace's dog.",
    ],
)
def test_what_is_in_doubt_or_of_somebody_else_is_left_out(sentence: str) -> None:
    assert told(sentence) in ({}, {"title": ""})


def test_relations_name_the_other_and_link_to_it() -> None:
    sheet = next(s for name, s in sheets("Orrin Stace and his sister Mara Vask came.").items() if "Orrin" in name)
    assert sheet.fields["sister"].endswith("Mara Vask")
    assert [link for link in sheet.links if link.endswith("Mara Vask")]


def test_a_pronoun_s_fact_is_quoted_with_the_sentence_that_names_whom_it_means() -> None:
    sheet = next(s for name, s in sheets("It was Orrin Stace. He had green eyes.").items() if "Orrin" in name)
    (quote,) = next(fact for fact in sheet.facts if fact.field == "eyes").quotes
    assert quote.text == "It was Orrin Stace. He had green eyes."
    assert (quote.title, quote.chapter, quote.paragraph) == ("Tides", 2, 1)


def test_contradictory_quotes_are_both_shown_and_neither_is_a_field() -> None:
    sheet = next(
        s
        for name, s in sheets("Orrin Stace's green eyes shone.", "Orrin Stace's brown eyes closed.").items()
        if "Orrin" in name
    )
    assert "eyes" not in sheet.fields
    assert [(fact.value, fact.quotes[0].chapter) for fact in sheet.disputed] == [("green", 2), ("brown", 3)]


def test_a_place_s_sheet_says_what_and_where_it_is() -> None:
    tolver = sheets("Tolver was a small town six miles to the west of Hask.")["Tolver"]
    assert tolver.fields["what"] == "a small town"
    assert tolver.fields["where"] == "six miles to the west of Hask"
    assert tolver.text == "Tolver is a small town. Tolver is first told of in chapter 1 of Tides."


def test_sheets_of_the_sample_author_agree_with_the_world() -> None:
    """What the sample's own lore says, and nothing against it."""
    files: Sequence = sorted((SAMPLES / "manuscripts").glob("*.txt"))
    paragraphs = paragraphs_of([read_manuscript(file) for file in files])
    found = {sheet.name.name: sheet.fields for sheet in write_sheets(find_names(paragraphs), paragraphs)}
    assert found["Orrin Stace"]["eyes"] == "green"
    assert found["Orrin Stace"]["occupation"] == "keeper"
    assert found["Tamsin"]["eyes"] == "one eye grey and one brown"
    assert found["Mirrin Sayle"]["from"] == "Pellow"
    assert found["Mirrin Sayle"]["life"] == "dead, told in chapter 2 of Twopence"
    assert found["The Calf"]["where"] == "five miles to the west of Ossel"
    assert "life" not in found["Tamsin"]
