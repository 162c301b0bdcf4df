import base64
import copy
import io
import json
import struct
import zlib
from dataclasses import replace
from typing import Any

import pytest

from rag.exchange import cards
from rag.exchange.arriving import plan
from rag.exchange.pictures import SIGNATURE, with_card
from rag.exchange.reading import read_data
from rag.lore.lorebook import Notes
from style_tuner.errors import WorldError
from style_tuner.records import Entry


def book_row(number: int, **values: Any) -> dict[str, Any]:
    return {
        "keys": [],
        "content": "",
        "extensions": {"depth": 4, "position": 1, "probability": 100},
        "enabled": True,
        "insertion_order": 100,
        "case_sensitive": False,
        "name": "",
        "priority": 10,
        "id": number,
        "comment": "",
        "selective": False,
        "secondary_keys": [],
        "constant": False,
        "position": "before_char",
        **values,
    }


def card(version: str = "2") -> dict[str, Any]:
    """A card with everything that the specifications of V2 and V3 name."""
    data: dict[str, Any] = {
        "name": "Elena Voss",
        "description": "{{char}} is an engineer on the ring.\r\n{{user}} is her captain.",
        "personality": "Dry; {{char}} keeps her word.",
        "scenario": "",
        "first_mes": "*{{char}} looks up.* Captain.",
        "mes_example": "<START>\n{{user}}: Report.\n{{char}}: All well.",
        "creator_notes": "For long voyages.",
        "system_prompt": "{{original}} Stay in the story.",
        "post_history_instructions": "",
        "alternate_greetings": ["Hello.", "You again."],
        "character_book": {
            "name": "The ring",
            "description": "",
            "scan_depth": 50,
            "token_budget": 500,
            "recursive_scanning": False,
            "extensions": {"tool/colour": "red"},
            "entries": [
                book_row(0, keys=["Perihelion", "the bar"], name="The Perihelion", content="{{char}} drinks there."),
                book_row(1, keys=["ring"], comment="The ring", content="It turns.", constant=True, insertion_order=-5),
                book_row(2, keys=["Marc"], name="Marc", content="Cut.", enabled=False),
                book_row(3, keys=["x"], name="Faulty", content=7),
            ],
        },
        "tags": ["space", "slow"],
        "creator": "somebody",
        "character_version": "1.2",
        "extensions": {"talkativeness": "0.5", "depth_prompt": {"prompt": "", "depth": 4}},
    }
    if version == "2":
        return {"spec": "chara_card_v2", "spec_version": "2.0", "data": data}
    data |= {
        "nickname": "Elena",
        "assets": [{"type": "icon", "uri": "ccdefault:", "name": "main", "ext": "png"}],
        "creator_notes_multilingual": {"de": "Für lange Reisen."},
        "source": ["https://example.org/elena"],
        "group_only_greetings": [],
        "creation_date": 1700000000,
        "modification_date": 0,
    }
    data["character_book"]["entries"][0] |= {"use_regex": True, "keys": ["peri(helion)?", "bars?"]}
    data["character_book"]["entries"][1]["content"] = "@@depth 5\n@@@instruct_depth 5\n\nIt turns."
    return {"spec": "chara_card_v3", "spec_version": "3.0", "data": data}


def flat() -> dict[str, Any]:
    return {key: value for key, value in card()["data"].items() if key in (
        "name", "description", "personality", "scenario", "first_mes", "mes_example")}  # fmt: skip


def mirrored() -> dict[str, Any]:
    return {**flat(), "avatar": "none", "chat": "Elena - 1", "fav": False, **card()}


def read(value: Any, name: str = "elena.json") -> Notes:
    return read_data(name, json.dumps(value).encode())


def imported(notes: Notes) -> list[Entry]:
    return [arrival.entry for arrival in plan(notes.found, {}).arrivals]


def test_the_card_becomes_a_character_and_its_book_further_entries() -> None:
    notes = read(card())
    assert notes.formats == {"elena.json": "character card V2"}
    elena, bar, ring = notes.entries
    assert (elena.name, elena.kind) == ("Elena Voss", "character")
    assert elena.text == "Elena Voss is an engineer on the ring.\n{{user}} is her captain."
    assert elena.fields == {"personality": "Dry; Elena Voss keeps her word."}
    assert (bar.text, bar.aliases, bar.keys) == ("Elena Voss drinks there.", ("Perihelion",), ("the bar",))
    assert (ring.always_on, ring.priority) == (True, -5)
    assert [one.name for one in notes.skipped] == ["elena.json, entry 3 ('Faulty')"]
    assert any("{{user}}" in remark.text and remark.names == ("Elena Voss",) for remark in notes.remarks)


def test_a_card_of_the_third_version_has_a_nickname_expressions_and_commands() -> None:
    elena, bar, ring = read(card("3")).entries
    assert elena.aliases == ("Elena",)
    assert elena.text.startswith("Elena is an engineer")
    assert bar.keys == ("/peri(helion)?/i", "/bars?/i")
    assert ring.text == "It turns."


@pytest.mark.parametrize("value", [card("2"), card("3"), flat(), mirrored()], ids=["V2", "V3", "V1", "mirrored"])
def test_export_gives_back_every_value(value: dict[str, Any]) -> None:
    back, _ = cards.write(imported(read(value)))
    assert json.dumps(back, sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("shape", ["alone", "in V3's frame"])
def test_the_book_of_a_card_alone_is_read_and_given_back(shape: str) -> None:
    book = card("3")["data"]["character_book"]
    value = book if shape == "alone" else {"spec": "lorebook_v3", "data": book}
    notes = read(value)
    assert notes.formats == {"elena.json": "lorebook of a character card"}
    assert [entry.name for entry in notes.entries] == ["The Perihelion", "The ring"]
    assert cards.write(imported(notes))[0] == value


def test_what_was_changed_here_is_in_and_all_else_is_as_it_was() -> None:
    value = {**mirrored(), **card("3")}
    elena, bar, ring = imported(read(value))
    back, _ = cards.write(
        [
            replace(elena, text="A pilot.", fields={"personality": "Warm.", "eyes": "grey"}),
            replace(bar, keys=("/bars?/i", "drink")),
            replace(ring, text="It stands still."),
        ]
    )
    wanted = copy.deepcopy(value)
    wanted["data"] |= {"description": "A pilot.\neyes: grey.", "personality": "Warm."}
    wanted |= {"description": "A pilot.\neyes: grey.", "personality": "Warm."}
    rows = wanted["data"]["character_book"]["entries"]
    rows[0]["keys"] = ["bars?", "drink"]
    rows[1]["content"] = "@@depth 5\n@@@instruct_depth 5\n\nIt stands still."
    assert back == wanted


def test_whose_card_it_is_must_be_clear() -> None:
    entries = [*imported(read(card())), Entry("ada", "Ada", "Tall.", "character", aliases=("Lovelace",))]
    back, written = cards.write(entries)
    assert [row["name"] for row in back["data"]["character_book"]["entries"]][-1] == "Ada"
    back, written = cards.write(entries, "ada")
    assert (back["spec"], back["data"]["name"], back["data"]["description"]) == ("chara_card_v2", "Ada", "Tall.")
    assert "character_book" not in back["data"]
    assert {remark.names for remark in written.remarks} == {("Elena Voss", "The Perihelion", "The ring"), ("Ada",)}
    with pytest.raises(WorldError, match="no entry named 'Bob'"):
        cards.write(entries, "Bob")
    with pytest.raises(WorldError, match="2: ada, ada-2. Say"):
        cards.write([Entry(place, "Ada", "Tall.", "character") for place in ("ada", "ada-2")])
    with pytest.raises(WorldError, match="2: Ada, Bea. Say which one with --character"):
        cards.write([Entry(name.lower(), name, "Tall.", "character") for name in ("Ada", "Bea")])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"name": "Ada"}, "describes no one"),
        ({"description": "Tall."}, "no name"),
        ({"name": "Ada", "description": ["Tall."]}, "must be words"),
        ("text", "no object"),
    ],
)
def test_a_card_that_says_nothing_is_named(data: Any, reason: str) -> None:
    notes = read({"spec": "chara_card_v2", "spec_version": "2.0", "data": data})
    assert not notes.entries
    assert reason in notes.skipped[0].reason


def test_a_card_that_says_nothing_leaves_its_book() -> None:
    value = card()
    value["data"] |= {"description": "", "personality": ""}
    notes = read(value)
    assert [entry.name for entry in notes.entries] == ["The Perihelion", "The ring"]
    assert notes.skipped[0].name == "elena.json, the card itself"
    assert cards.write(imported(notes))[0] == value


def test_a_character_without_description_is_told_from_its_personality() -> None:
    value = card()
    value["data"]["description"] = ""
    elena = read(value).entries[0]
    assert (elena.text, elena.fields) == ("Dry; Elena Voss keeps her word.", {})
    assert cards.write(imported(read(value)))[0] == value


def picture(*chunks: tuple[bytes, bytes]) -> bytes:
    body = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0\0")), *chunks]
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*body, (b"IEND", b""))
    )


def encoded(value: Any) -> bytes:
    return base64.b64encode(json.dumps(value, ensure_ascii=False).encode())


@pytest.mark.parametrize("version", ["2", "3"])
def test_a_card_in_a_picture_is_read_and_written_into_another(version: str) -> None:
    value = card(version)
    text = json.dumps(value, ensure_ascii=False)
    data = with_card(picture((b"tEXt", b"Comment\0Nice"), (b"tEXt", b"chara\0old")), text.encode(), value["spec"])
    assert b"Nice" in data
    assert b"chara\0old" not in data
    notes = read_data("elena.png", data)
    assert notes.formats == {"elena.png": f"character card V{version} in a picture"}
    assert cards.write(imported(notes))[0] == value
    image = pytest.importorskip("PIL.Image")
    opened = image.open(io.BytesIO(data))
    opened.load()
    assert json.loads(base64.b64decode(opened.text["ccv3" if version == "3" else "chara"])) == value


def test_the_newest_card_of_a_picture_counts_packed_or_not() -> None:
    old, new = card("2"), card("3")
    old["data"]["name"] = "Old"
    packed = (b"zTXt", b"ccv3\0\0" + zlib.compress(encoded(new)))
    assert read_data("a.png", picture((b"tEXt", b"chara\0" + encoded(old)), packed)).entries[0].name == "Elena Voss"
    unpacked = (b"iTXt", b"ccv3\0\0\0\0\0" + encoded(new))
    assert read_data("a.png", picture(unpacked)).entries[0].name == "Elena Voss"


def test_a_novelai_lorebook_in_a_picture_is_read() -> None:
    value = {"lorebookVersion": 6, "entries": [{"text": "Tall.", "displayName": "Ada", "keys": ["Ada"]}]}
    notes = read_data("a.png", picture((b"tEXt", b"naidata\0" + encoded(value))))
    assert notes.formats == {"a.png": "NovelAI lorebook in a picture"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (picture(), "without a character card"),
        (picture((b"zTXt", b"chara\0\0" + zlib.compress(b"A" * 40_000_000))), "larger than 30 MB"),
        (picture((b"zTXt", b"chara\0\0broken")), "damaged"),
        (picture((b"tEXt", b"chara\0" + base64.b64encode(b'{"spec":')),), "damaged"),
        (picture((b"tEXt", b"chara\0A")), "damaged"),
        (picture((b"tEXt", b"chara\0" + encoded(card())))[:200], "cut off"),
    ],
    ids=["no card", "bomb", "not packed", "truncated JSON", "no base64", "cut off"],
)  # fmt: skip
def test_a_faulty_picture_is_named_with_the_reason(data: bytes, reason: str) -> None:
    notes = read_data("elena.png", data)
    assert not notes.entries
    assert reason in notes.skipped[0].reason
