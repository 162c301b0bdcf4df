from dataclasses import replace

import pytest

from rag.retrieval.budget import Room
from rag.retrieval.finder import query_windows
from rag.retrieval.ranking import Ranked, Reason
from rag.retrieval.retrieve import choose, mentioned
from style_tuner.records import Entry


def entry(name: str, *aliases: str, text: str = "", always_on: bool = False) -> Entry:
    return Entry(name.lower(), name, text or f"What {name} is.", aliases=aliases, always_on=always_on)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("Elena", "Then ELENA's arm moved.", True),
        ("Elena", "Elenata is another.", False),
        ("Vey", "They surveyed it.", False),
        ("Vey", "“Vey!”", True),
        ("House of Vey", "the house of vey fell", True),
        ("Straße", "an der STRASSE", True),
        ("Żółw", "Był to żółw.", True),
        ("José", "Jose\u0301 came", True),
        ("エレナ", "昨日エレナは艦橋に入った。", True),
        ("艾琳", "艾琳走进酒吧。", True),
        ("Елена", "Еленам", False),
        ("Елена", "и Елена вошла", True),
        ("राम", "रामायण पढ़ा", False),
        ("राम", "राम आया", True),
        ("엘레나", "엘레나가 왔다", True),
        ("C-3", "the C-3 broke", True),
        ("Ann", "Annette and then Ann", True),
    ],
)
def test_names_are_found_as_words_in_any_script(name: str, text: str, found: bool) -> None:
    assert bool(mentioned(text, [entry(name)])) is found


def test_mentions_come_in_the_order_of_the_text_and_by_alias() -> None:
    elena, marcus = entry("Elena Voss", "the engineer"), entry("Marcus")
    assert mentioned("Marcus met the Engineer.", [elena, marcus]) == [marcus, elena]


def ranked(one: Entry, reason: Reason = "meaning", score: float = 1.0, place: int = 10**9) -> Ranked:
    return Ranked(one, reason, score, place=place)


def test_order_is_always_on_then_what_is_named_then_rank_and_priority_breaks_ties() -> None:
    found = choose(
        [entry("Tone", always_on=True)],
        [
            ranked(entry("Near"), score=9),
            ranked(entry("Second"), "mention", 8, place=7),
            ranked(entry("First"), "mention", 7, place=2),
            ranked(replace(entry("Prior"), priority=1), "key", 6, place=9),
        ],
        Room(5, 100),
    )
    assert [hit.entry.name for hit in found.hits] == ["Tone", "Prior", "First", "Second", "Near"]
    assert [one.rank for one in found.chosen] == [0, 4, 3, 2, 1]


def test_budget_leaves_entries_out_whole_and_goes_on_with_smaller_ones() -> None:
    long, short = entry("Long", text="word " * 60), entry("Short", text="Small.")
    found = choose([], [ranked(long, "mention", place=0), ranked(short, "mention", place=9)], Room(5, 50))
    assert [hit.entry for hit in found.hits] == [short]
    assert [hit.entry for hit in found.left_out] == [long]
    assert found.words == 2
    assert found.chosen[0].cut == "no room: it has 61 words, and 50 are left"


def test_tokens_are_a_budget_too() -> None:
    room = Room(5, 1000, tokens=20)
    found = choose([], [ranked(entry("A", text="one two three")), ranked(entry("B", text="four five " * 9))], room)
    assert [hit.entry.name for hit in found.hits] == ["A"]
    assert "about" in found.chosen[1].cut and "tokens" in found.chosen[1].cut


def test_always_on_entries_take_no_places_from_the_others_and_what_comes_after_is_named() -> None:
    found = choose([entry("A", always_on=True)], [ranked(entry("B")), ranked(entry("C"))], Room(1, 100))
    assert [hit.entry.name for hit in found.hits] == ["A", "B"]
    assert "others fit better" in found.chosen[2].cut
    assert found.left_out == ()


def test_the_same_text_under_two_names_is_sent_once() -> None:
    told = "She keeps the ferry between the two islands and lost a finger to a rope."
    found = choose([], [ranked(entry("Ede", text=told)), ranked(entry("The Ferrywoman", text=told))], Room(5, 100))
    assert [hit.entry.name for hit in found.hits] == ["Ede"]
    assert found.chosen[1].cut == "it tells the same as Ede, which is sent"


def test_long_request_is_embedded_by_its_beginning_and_its_end() -> None:
    text = " ".join(f"w{number}" for number in range(2000))
    pieces = query_windows(text)
    assert len(pieces) == 3
    assert pieces[0].startswith("w0 ")
    assert pieces[-1].endswith(" w1999")
