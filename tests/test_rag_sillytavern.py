import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from rag.exchange import sillytavern
from rag.exchange.arriving import plan
from rag.exchange.books import SWITCHED_OFF
from rag.exchange.reading import read_data
from rag.lore.lorebook import Notes
from style_tuner.records import Entry

USUAL: dict[str, Any] = {
    "keysecondary": [],
    "constant": False,
    "vectorized": False,
    "selective": True,
    "selectiveLogic": 0,
    "addMemo": True,
    "order": 100,
    "position": 0,
    "disable": False,
    "ignoreBudget": False,
    "excludeRecursion": False,
    "preventRecursion": False,
    "matchPersonaDescription": False,
    "delayUntilRecursion": 0,
    "probability": 100,
    "useProbability": True,
    "depth": 4,
    "outletName": "",
    "group": "",
    "groupOverride": False,
    "groupWeight": 100,
    "scanDepth": None,
    "caseSensitive": None,
    "matchWholeWords": None,
    "useGroupScoring": None,
    "automationId": "",
    "role": 0,
    "sticky": None,
    "cooldown": None,
    "delay": None,
    "triggers": [],
}


def world_info() -> dict[str, Any]:
    """A file as SillyTavern 1.13 writes it, with each thing that this project has no place for."""
    rows = [
        {"key": ["Elena", "engineer", "/el+ena,? (?:von )?/i"], "comment": "Elena Voss", "content": "An engineer."},
        {"key": ["Perihelion", "the bar"], "keysecondary": ["drink", "night"], "selectiveLogic": 3, "order": 250,
         "comment": "The Perihelion", "content": "A bar on the lower ring.\r\nLoud.", "probability": 40, "position": 4,
         "depth": 2, "role": 1, "group": "places", "groupWeight": 30, "characterFilter": {"names": ["Bot"], "tags": [],
         "isExclude": False}, "extensions": {"other_tool": {"colour": "red", "deep": [1, 2.5, None, True]}}},
        {"key": [], "comment": "", "content": "The ring turns once an hour; everyone sleeps in shifts.",
         "constant": True, "order": 0.5},
        {"key": ["Marc"], "comment": "Marc", "content": "Was cut from the story.", "disable": True},
        {"key": ["dock"], "comment": "--- Places ---", "content": ""},
        {"key": ["{{char}}'s ship"], "comment": "Ship", "content": "<p>{{char}} flies it.</p><br>{{user}} &amp; crew."},
    ]  # fmt: skip
    entries = {str(number): {"uid": number, **USUAL, **row, "displayIndex": number} for number, row in enumerate(rows)}
    entries["2"].pop("keysecondary")
    return {"entries": entries, "name": "Ring", "originalData": {"entries": [{"keys": ["Elena"]}], "extensions": {}}}


def read(value: Any, name: str = "ring.json") -> Notes:
    return read_data(name, json.dumps(value).encode())


def imported(notes: Notes) -> list[Entry]:
    return [arrival.entry for arrival in plan(notes.found, {}).arrivals]


def test_values_go_where_they_belong() -> None:
    notes = read(world_info())
    assert notes.formats == {"ring.json": "SillyTavern World Info"}
    elena, bar, ring, ship = notes.entries
    assert (elena.name, elena.aliases, elena.keys) == ("Elena Voss", ("Elena",), ("engineer", "/el+ena,? (?:von )?/i"))
    assert (bar.aliases, bar.keys, bar.priority) == (("Perihelion",), ("the bar",), 250)
    assert bar.text == "A bar on the lower ring.\nLoud."
    assert (ring.name, ring.always_on) == ("The ring turns once an hour", True)
    assert ship.text == "{{char}} flies it.\n\n{{user}} & crew."
    assert bar.foreign["sillytavern"]["depth"] == 2


def test_what_is_switched_off_stays_out_and_is_said_and_what_has_no_text_is_named() -> None:
    notes = read(world_info())
    assert "Marc" not in {entry.name for entry in notes.entries}
    remarks = {remark.text: remark.names for remark in notes.remarks}
    assert remarks[SWITCHED_OFF] == ("Marc",)
    assert [name for text, name in remarks.items() if "second key" in text] == [("The Perihelion",)]
    assert [name for text, name in remarks.items() if "by chance" in text] == [("The Perihelion",)]
    assert [name for text, name in remarks.items() if "{{user}}" in text] == [("Ship",)]
    assert [(one.name, one.reason) for one in notes.skipped] == [
        ("ring.json, entry 4 ('--- Places ---')", "it has no text")
    ]


@pytest.mark.parametrize("shape", ["object", "list", "bare list"])
def test_export_gives_back_every_value(shape: str) -> None:
    value: Any = world_info()
    if shape != "object":
        value["entries"] = list(value["entries"].values())
    if shape == "bare list":
        value = value["entries"]
    back, written = sillytavern.write(imported(read(value)))
    assert json.dumps(back, sort_keys=True) == json.dumps(value, sort_keys=True)
    assert written.remarks == ()


def test_what_was_changed_here_is_in_and_all_else_is_as_it_was() -> None:
    value = world_info()
    elena, bar, ring, ship = imported(read(value))
    changed = [
        replace(elena, text="A pilot.", aliases=(), keys=("/el+ena,? (?:von )?/i", "captain"), always_on=True),
        replace(bar, name="The Aphelion", priority=7, fields={"owner": "Marc"}),
        replace(ring, links=("Elena Voss",), kind="rule"),
        replace(ship, aliases=("The Kite",)),
    ]
    back, written = sillytavern.write(changed)
    wanted = copy.deepcopy(value)
    rows = wanted["entries"]
    rows["0"] |= {"content": "A pilot.", "key": ["/el+ena,? (?:von )?/i", "captain"], "constant": True}
    rows["1"] |= {"comment": "The Aphelion", "order": 7, "content": "A bar on the lower ring.\nLoud.\nowner: Marc."}
    rows["5"]["key"] = ["The Kite", "{{char}}'s ship"]
    assert back == wanted
    told = {remark.text: remark.names for remark in written.remarks}
    assert [names for text, names in told.items() if "links" in text] == [(ring.name,)]
    assert [names for text, names in told.items() if "fields" in text] == [("The Aphelion",)]


def test_an_entry_deleted_here_is_gone_and_one_made_here_is_added() -> None:
    elena, *rest = imported(read(world_info()))
    new = Entry("dock", "The Dock", "Cold.", aliases=("Dock",), keys=("berth",))
    back, written = sillytavern.write([*rest, new])
    assert "0" not in back["entries"]
    made = next(row for row in back["entries"].values() if row["comment"] == "The Dock")
    assert (made["content"], made["key"], made["order"], made["disable"]) == ("Cold.", ["Dock", "berth"], 100, False)
    assert len({row["uid"] for row in back["entries"].values()}) == len(back["entries"])
    assert any("as a whole" in remark.text for remark in written.remarks)


def test_entries_that_hold_only_at_times_are_said_to_be_sent_at_any_time_there() -> None:
    _, written = sillytavern.write([Entry("a", "Ada", "Dead.", from_chapter=4, book="Two")])
    assert [remark.names for remark in written.remarks] == [("Ada",), ("Ada",)]
    assert "any point of the story" in written.remarks[0].text


def test_two_files_become_one_with_numbers_of_their_own() -> None:
    first, second = world_info(), world_info()
    entries = [
        arrival.entry for arrival in plan((*read(first, "a.json").found, *read(second, "b.json").found), {}).arrivals
    ]
    back, written = sillytavern.write(entries)
    assert len(back["entries"]) == 12
    assert len({row["uid"] for row in back["entries"].values()}) == 12
    assert any("a.json, b.json" in remark.text for remark in written.remarks)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"content": 7}, "must be words"),
        ({"content": "x", "key": {"a": 1}}, "list of words"),
        ({"content": "x", "key": ["a"], "constant": "often"}, "true or false"),
        ({"content": "x", "key": ["a"], "order": "first"}, "number"),
        ({"key": ["a"]}, "no text"),
        ("no object", "must be an object"),
        (None, "must be an object"),
        ({"content": "x", "comment": "long " * 60}, "shorten it"),
    ],
)
def test_a_faulty_entry_is_named_and_the_rest_comes_in_and_goes_out_again(row: Any, reason: str) -> None:
    value = {"entries": {"0": {"content": "Fine.", "key": ["Ada"]}, "1": row}}
    notes = read(value)
    assert [entry.name for entry in notes.entries] == ["Ada"]
    assert "entry 1" in notes.skipped[0].name
    assert reason in notes.skipped[0].reason
    back, _ = sillytavern.write(imported(notes))
    assert back == value


def test_values_too_deep_in_one_another_are_refused() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    notes = read({"entries": [{"content": "Fine.", "key": ["Ada"]}, {"content": "x", "key": ["b"], "extra": deep}]})
    assert len(notes.entries) == 1
    assert "levels deep" in notes.skipped[0].reason


def test_characters_that_no_text_holds_are_taken_out_and_given_back() -> None:
    value = {"entries": [{"key": ["Ada\0 May\r\n", "\0", "/a\r\nb/"], "comment": "A\0da", "content": "Tall\0.\r"}]}
    entry = imported(read(value))[0]
    assert (entry.name, entry.text, entry.aliases, entry.keys) == ("Ada", "Tall.", ("Ada May",), ("/a\nb/",))
    assert sillytavern.write([entry])[0] == value


def test_values_that_somebody_gave_an_entry_by_hand_are_written() -> None:
    back, _ = sillytavern.write([Entry("a", "Ada", "Fine.", foreign={"sillytavern": {"depth": 9}})])
    assert back["entries"]["0"]["depth"] == 9
    assert back["entries"]["0"]["content"] == "Fine."


def test_a_key_that_is_no_expression_is_kept_and_said() -> None:
    notes = read({"entries": [{"content": "Fine.", "comment": "Ada", "key": ["/(/i", "/home/ada", "/a+/gi"]}]})
    assert notes.entries[0].keys == ("/(/i", "/home/ada", "/a+/gi")
    assert [remark.names for remark in notes.remarks if "regular expression" in remark.text] == [("Ada",)]
