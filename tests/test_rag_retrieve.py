import pytest

from rag.retrieve import choose, fuse, mentioned, query_windows
from style_tuner.config import WorldConfig
from style_tuner.records import Entry


def entry(name: str, *aliases: str, text: str = "Text.", always_on: bool = False) -> Entry:
    return Entry(name.lower(), name, text, aliases=aliases, always_on=always_on)


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


def test_fusion_prefers_what_both_rankings_have() -> None:
    assert fuse([("a", 0.9), ("b", 0.8)], [("b", 1.0), ("c", 0.5)])[0] == "b"


def test_order_is_always_on_then_mention_then_rank_with_reasons() -> None:
    entries = {e.id: e for e in [entry("Near"), entry("Worded"), entry("Named"), entry("Tone", always_on=True)]}
    found = choose(entries, [entries["named"]], [("near", 0.5), ("named", 0.4)], [("worded", 1.0)], WorldConfig())
    assert [(hit.entry.name, hit.reason) for hit in found.hits] == [
        ("Tone", "always-on"),
        ("Named", "mention"),
        ("Near", "meaning"),
        ("Worded", "keywords"),
    ]


def test_dissimilar_entries_are_not_sent() -> None:
    entries = {"far": entry("Far")}
    assert choose(entries, [], [("far", 0.1)], [], WorldConfig(least_similarity=0.25)).hits == ()
    assert choose(entries, [], [("far", 0.1)], [], WorldConfig(least_similarity=0.05)).hits != ()


def test_budget_leaves_entries_out_whole_and_goes_on_with_smaller_ones() -> None:
    long, short = entry("Long", text="word " * 60), entry("Short", text="Small.")
    entries = {"long": long, "short": short}
    found = choose(entries, [long, short], [], [], WorldConfig(words=50))
    assert [hit.entry for hit in found.hits] == [short]
    assert [hit.entry for hit in found.left_out] == [long]
    assert found.words == 2


def test_always_on_entries_take_no_places_from_the_others() -> None:
    entries = {e.id: e for e in [entry("A", always_on=True), entry("B"), entry("C")]}
    found = choose(entries, [entries["b"], entries["c"]], [], [], WorldConfig(entries=1))
    assert [hit.entry.name for hit in found.hits] == ["A", "B"]


def test_long_request_is_embedded_by_its_beginning_and_its_end() -> None:
    text = " ".join(f"w{number}" for number in range(2000))
    pieces = query_windows(text)
    assert len(pieces) == 3
    assert pieces[0].startswith("w0 ")
    assert pieces[-1].endswith(" w1999")
