"""Names in manuscripts: what is one, whose forms belong together, of what kind, and in which languages."""

import json
from collections.abc import Sequence

import pytest

from benchmarks import found_names
from rag.extraction.names import Name, find_names
from rag.extraction.text import paragraphs_of, sentence_edges, without_capitals
from style_tuner.config import SAMPLES
from style_tuner.records import Chapter, Manuscript

NOVEL = (
    "Elena Vask came down to the quay at Tolver. The quay was wet, and Elena looked at her hands. Dr. Vask had time.",
    '"You are late, Elena," said Harbourmaster Crane. "We sail for Tolver in the Patient Ann at noon."',
    "Elena nodded. In Tolver nobody asked, and she walked on. Then Crane smiled and shook his head.",
    "On Monday the Patient Ann lay off the Calf. Harbourmaster Crane went aboard the Patient Ann. It was Monday again.",
    "Nobody on the Calf had seen Mr. Brill or Mrs. Brill. Mr. Brill's eyes were red. She, said Mrs. Brill, was well.",
    "The Brills were gone. Elena’s brother lived on the Calf. He spoke English to Dr. Vask, and French to Elena Vask.",
)


def manuscript(paragraphs: Sequence[str], title: str = "Tides", chapters: int = 2) -> Manuscript:
    half = len(paragraphs) // chapters
    parts = [paragraphs[at * half : (at + 1) * half if at + 1 < chapters else None] for at in range(chapters)]
    return Manuscript(
        "tides", title, tuple(Chapter(f"Chapter {n}", "\n\n".join(part)) for n, part in enumerate(parts, 1))
    )


def found(paragraphs: Sequence[str]) -> dict[str, Name]:
    return {name.name: name for name in find_names(paragraphs_of([manuscript(paragraphs)]))}


def test_forms_of_one_name_are_joined_and_counted_by_chapter() -> None:
    elena = found(NOVEL)["Elena Vask"]
    assert elena.kind == "character"
    assert set(elena.aliases) == {"Elena", "Dr. Vask"}
    assert elena.mentions == 8
    assert [(count.chapter, count.mentions) for count in elena.chapters] == [(1, 5), (2, 3)]
    assert elena.first.text == "Elena Vask came down to the quay at Tolver."
    assert (elena.first.chapter, elena.first.paragraph, elena.first.title) == (1, 1, "Tides")


def test_places_things_and_married_people_are_told_apart() -> None:
    names = found(NOVEL)
    assert {"Tolver", "The Calf"} <= {name.name for name in names.values() if name.kind == "place"}
    assert names["The Patient Ann"].kind == "thing"
    assert {"Mr. Brill", "Mrs. Brill"} <= set(names)


def test_weekdays_peoples_families_and_first_words_of_sentences_are_no_names() -> None:
    names = " ".join(form for name in found(NOVEL).values() for form in (name.name, *name.aliases))
    for word in ("Monday", "English", "Brills", "Nobody", "Then", "Quay", "On"):
        assert word not in names.split()


def test_a_shared_surname_alone_belongs_to_nobody() -> None:
    text = ["Ann Tallack wept. Matthew Tallack wept."] * 3 + ["They took Tallack away. Where was Tallack?"]
    names = found(text)
    assert {"Ann Tallack", "Matthew Tallack", "Tallack"} <= set(names)
    assert not names["Ann Tallack"].aliases


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "« Venez », dit Mathilde. Puis Mathilde regarda la mer, et la mer vit Mathilde à Calais. Vers Calais !",
            "Mathilde",
        ),
        ("Тогда Наташа вошла. Он увидел, что Наташа плачет, и понял, что Наташа знает. Не тогда, а теперь.", "Наташа"),
        (
            "Dann kam Jorinde in das Haus. „Wo ist der Hund?“ fragte Jorinde. Der Hund lag im Garten, und Jorinde sah "
            "den Garten und das Haus. Ein Hund bellte, und Jorinde lachte über den Hund.",
            "Jorinde",
        ),
    ],
)
def test_names_in_other_languages_are_found_by_their_capitals(text: str, expected: str) -> None:
    names = found([text, text])
    assert expected in names
    assert not {"Hund", "Haus", "Garten", "Der Hund"} & set(names)
    assert names[expected].kind == "unknown"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("她走进房间,看见了林黛玉。", "Chinese or Japanese"),
        ("دخلت ليلى الغرفة", "Arabic"),
        ("Elena came in.", None),
        ("12", None),
    ],
)
def test_a_script_without_capitals_is_named(text: str, script: str | None) -> None:
    assert without_capitals(manuscript([text], chapters=1)) == script


def test_abbreviations_and_initials_end_no_sentence() -> None:
    text = 'Mr. Pask met J. R. Orme. "No." He left. Was it St. Ives? It was.'
    edges = sentence_edges(text)
    assert [text[a:b].strip() for a, b in zip(edges, edges[1:], strict=False)] == [
        "Mr. Pask met J. R. Orme.",
        '"No."',
        "He left.",
        "Was it St. Ives?",
        "It was.",
    ]


def test_a_manuscript_without_names_or_words_has_none() -> None:
    assert found(["It rained. It rained again.", "..."]) == {}


def test_names_of_the_sample_author_are_found_as_measured() -> None:
    gold = json.loads(found_names.GOLD.read_text(encoding="utf-8"))["samples"]
    row = found_names.measure(sorted((SAMPLES / "manuscripts").glob("*.txt")), gold)
    assert row["precision"] >= 0.95
    assert row["recall"] >= 0.9
    assert row["kinds"] >= 0.8
