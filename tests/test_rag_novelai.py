import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from rag.exchange import novelai
from rag.exchange.arriving import plan
from rag.exchange.books import SWITCHED_OFF
from rag.exchange.reading import read_data
from rag.lore.lorebook import Notes
from style_tuner.records import Entry

BIAS = [
    {
        "phrases": [{"sequences": [[44, 7]], "sequence": "frost", "type": 2}],
        "ensureSequenceFinish": False,
        "generateOnce": True,
        "bias": -0.15,
        "enabled": True,
        "whenInactive": False,
    }
]


def context(priority: int) -> dict[str, Any]:
    return {
        "prefix": "----\n",
        "suffix": "\n",
        "tokenBudget": 1,
        "reservedTokens": 0,
        "budgetPriority": priority,
        "trimDirection": "doNotTrim",
        "insertionType": "newline",
        "maximumTrimType": "sentence",
        "insertionPosition": -1,
    }


def row(number: int, **values: Any) -> dict[str, Any]:
    return {
        "text": "",
        "contextConfig": context(400),
        "lastUpdatedAt": 1727192381195 + number,
        "displayName": "New Lorebook Entry",
        "id": f"00000000-0000-4000-8000-00000000000{number}",
        "keys": [],
        "searchRange": 1000,
        "enabled": True,
        "forceActivation": False,
        "keyRelative": True,
        "nonStoryActivatable": False,
        "category": "",
        "loreBiasGroups": BIAS,
        "hidden": False,
        **values,
    }


def lorebook(version: int) -> dict[str, Any]:
    """A file as NovelAI writes it, with categories, biases and settings of its own."""
    entries = [
        row(0, displayName="Elena Voss", text="Elena is an engineer.", keys=["Elena", "engineer", "/el(la|ena)/i"],
            category="people", contextConfig=context(500)),
        row(1, displayName="Core Memory", text="The ring turns once an hour.\n", forceActivation=True,
            contextConfig=context(800), advancedConditions=[{"type": "lore", "entryId": "x"}]),
        row(2, displayName="Reference", text="For the author only.", enabled=False),
        row(3, displayName="", text="Salt is money.", keys=["salt & money"]),
        row(4, displayName="Marc", text="Cut.", keys=["Marc"], category="cut"),
    ]  # fmt: skip
    subcontext = row(9, text="", displayName="")
    return {
        "lorebookVersion": version,
        "entries": entries,
        "settings": {"orderByKeyLocations": True},
        "categories": [
            {"name": "Characters", "id": "people", "enabled": True, "createSubcontext": True,
             "subcontextSettings": subcontext, "useCategoryDefaults": False, "categoryBiasGroups": BIAS, "open": True},
            {"name": "Cut", "id": "cut", "enabled": False, "createSubcontext": False, "useCategoryDefaults": False},
        ],
        "order": ["people", "cut"],
    }  # fmt: skip


def read(value: Any, name: str = "ring.lorebook") -> Notes:
    return read_data(name, json.dumps(value).encode())


def imported(notes: Notes) -> list[Entry]:
    return [arrival.entry for arrival in plan(notes.found, {}).arrivals]


def test_values_go_where_they_belong() -> None:
    notes = read(lorebook(5))
    assert notes.formats == {"ring.lorebook": "NovelAI lorebook"}
    elena, core, salt = notes.entries
    assert (elena.name, elena.kind, elena.aliases) == ("Elena Voss", "character", ("Elena",))
    assert (elena.keys, elena.priority, elena.always_on) == (("engineer", "/el(la|ena)/i"), 500, False)
    assert (core.always_on, core.priority, core.text) == (True, 800, "The ring turns once an hour.")
    assert (salt.name, salt.keys) == ("salt & money", ())
    remarks = {remark.text: remark.names for remark in notes.remarks}
    assert remarks[SWITCHED_OFF] == ("Reference", "Marc")
    assert [names for text, names in remarks.items() if "&" in text] == [("salt & money",)]
    assert [names for text, names in remarks.items() if "conditions" in text] == [("Core Memory",)]


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_export_gives_back_every_value(version: int) -> None:
    value = lorebook(version)
    back, written = novelai.write(imported(read(value)))
    assert json.dumps(back, sort_keys=True) == json.dumps(value, sort_keys=True)
    assert written.remarks == ()


def test_what_was_changed_here_is_in_and_all_else_is_as_it_was() -> None:
    value = lorebook(6)
    elena, core, salt = imported(read(value))
    back, _ = novelai.write(
        [replace(elena, text="Elena is a pilot.", priority=3), replace(core, always_on=False), replace(salt, name="S")]
    )
    wanted = copy.deepcopy(value)
    wanted["entries"][0] |= {"text": "Elena is a pilot.", "contextConfig": context(3)}
    wanted["entries"][1]["forceActivation"] = False
    wanted["entries"][3]["displayName"] = "S"
    assert back == wanted


def test_a_world_made_here_becomes_a_lorebook_that_reads_back() -> None:
    here = [Entry("ada", "Ada", "Tall.", "character", aliases=("Lovelace",), keys=("count",), fields={"eyes": "grey"})]
    back, written = novelai.write(here)
    assert back["lorebookVersion"] == 6
    assert back["entries"][0]["contextConfig"]["budgetPriority"] == 400
    assert [remark.names for remark in written.remarks] == [("Ada",), ("Ada",)]
    again = imported(read(back))[0]
    assert (again.name, again.text, again.aliases, again.keys) == (
        "Ada",
        "Tall.\neyes: grey.",
        ("Lovelace",),
        ("count",),
    )


@pytest.mark.parametrize("around", [lambda book: {"lorebook": book}, lambda book: {"content": {"lorebook": book}}])
def test_the_lorebook_of_a_scenario_or_a_story_comes_in(around: Any) -> None:
    value = {"scenarioVersion": 3, "title": "Ring", **around(lorebook(6))}
    notes = read(value, "ring.scenario")
    assert len(notes.entries) == 3
    assert any("stays in the file" in remark.text for remark in notes.remarks)
    assert novelai.write(imported(notes))[0] == lorebook(6)


def test_a_lorebook_without_a_list_of_entries_is_refused() -> None:
    notes = read({"lorebookVersion": 6, "entries": "none"})
    assert "no list" in notes.skipped[0].reason
