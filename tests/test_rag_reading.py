import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rag.exchange import archives
from rag.exchange.notes import write_note
from rag.exchange.reading import NOT_LORE, read_data, read_lore
from style_tuner.records import Entry

FULL = Entry(
    "elena-voss",
    "Elena Voss",
    "# Elena Voss\n\nFixes engines.\n---\nname: not front matter\n---\n\N{GRINNING FACE} 操縦士",
    "character",
    ("Elena", "the engineer: second class", "yes", "1984"),
    ("/el+ena,? (von )?/i", "wrench # not a comment", "'quoted'"),
    True,
    -3,
    "Second Light",
    2,
    9,
    {"eyes": "grey\nor green", "age": "31", "on": "no"},
    ("Marc", "The Perihelion"),
    {"novelai": {"order": 1e22, "odd": ["\x07", "\u2028", "---", None, {"deep": [[1, 2.5], "\r\n", ""]}], "n": -0.0}},
)


def test_a_note_of_all_that_an_entry_holds_reads_back_equal() -> None:
    read = read_data("elena.md", write_note(FULL).encode())
    assert read.formats == {"elena.md": "Markdown"}
    assert read.entries == (FULL,)
    assert json.dumps(read.entries[0].foreign) == json.dumps(FULL.foreign)


@pytest.mark.parametrize(
    "entry",
    [Entry("a", "A", "b"), Entry("a-2", "---", "---\nb\n---"), Entry("x", "Ада", "# Ада"), Entry("n", "null", "~")],
)
def test_a_note_of_little_reads_back_equal(entry: Entry) -> None:
    assert read_data("note.md", write_note(entry).encode()).entries == (entry,)


def test_plain_text_is_one_entry_named_after_its_file() -> None:
    notes = read_data("the_lower ring.txt", b"\xef\xbb\xbfCold and loud.\r\n\r\nNobody sleeps there.\r\n")
    assert notes.formats == {"the_lower ring.txt": "plain text"}
    assert [(entry.name, entry.text) for entry in notes.entries] == [
        ("the lower ring", "Cold and loud.\n\nNobody sleeps there.")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# Elena\nAn engineer.\n\n# Marc Lund\nA clerk.\n",
        "== Elena ==\nAn engineer.\n== Marc Lund ==\nA clerk.",
        "Elena\n=====\nAn engineer.\n\nMarc Lund\n---------\nA clerk.",
        "ELENA\n\nAn engineer.\n\nMARC LUND\nA clerk.\n",
    ],
)
def test_headings_of_plain_text_begin_entries(text: str) -> None:
    notes = read_data("people.txt", text.encode())
    assert [(entry.name, entry.text) for entry in notes.entries] == [
        ("Elena", "An engineer."),
        ("Marc Lund", "A clerk."),
    ]
    before = read_data("all people.txt", f"Who is who.\n\n{text}".encode())
    assert [entry.name for entry in before.entries] == ["all people", "Elena", "Marc Lund"]


def test_a_heading_without_text_is_named() -> None:
    notes = read_data("people.txt", b"# Elena\n\n# Marc\nA clerk.")
    assert [(one.name, one.reason) for one in notes.skipped] == [("people.txt, 'Elena'", "it has no text")]


def test_lines_of_other_scripts_and_single_headings_stay_text() -> None:
    text = "操縦士。\n\n船長。\n\nСЕ\n\nкапитан"
    assert len(read_data("a.txt", text.encode()).entries) == 1


WORLD_INFO = {"entries": {"0": {"key": ["Ada"], "content": "Tall."}}}


def test_the_format_is_told_by_what_is_in_a_file_not_by_its_name() -> None:
    info = json.dumps(WORLD_INFO)
    assert read_data("ada.txt", info.encode()).formats == {"ada.txt": "SillyTavern World Info"}
    assert read_data("ada", info.encode("utf-16")).formats == {"ada": "SillyTavern World Info"}
    assert read_data("ada.txt", b"---\nname: Ada\n---\nTall.").formats == {"ada.txt": "Markdown"}
    assert read_data("ada.txt", b"[Ada] is tall.").formats == {"ada.txt": "plain text"}
    assert read_data("ada.md", b"{{char}} is tall.").formats == {"ada.md": "Markdown"}
    assert read_data("ada.md", b"Name, text\nAda, tall").formats == {"ada.md": "Markdown"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"entries": {"0": {"key": ["Ada"], "cont', "it breaks off"),
        (b'{"entries": [}', "line 1"),
        (b"[" * 100_000, "too deep"),
        (b"[1, 2]", "none of the formats"),
        (b'"text"', "none of the formats"),
        (b"42", "none of the formats"),
        (b'{"entries": 3}', "none of the formats"),
        (b'{"entries": {}}', "holds no entries"),
        (b'{"title": "Ring"}', "none of the formats"),
        (b"", "damaged"),
        (b"PK\x03\x04zipped", "cannot be unpacked"),
        (bytes(range(256)) * 4, "no"),
    ],
)
def test_a_malformed_lorebook_is_named_with_the_reason(data: bytes, reason: str) -> None:
    notes = read_data("ring.json", data)
    assert not notes.entries
    assert notes.skipped[0].name == "ring.json"
    assert reason in notes.skipped[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "<script>" * 30_000,
        "<!--" * 60_000,
        "==" + " " * 100_000,
        "# a" + "# " * 50_000 + "b",
        "a" + " " * 200_000 + "b",
        "<p " * 60_000,
        "{{" * 60_000,
        "@@a" * 60_000,
        "\n" * 100_000 + "A",
    ],
    ids=range(9),
)
def test_hostile_text_is_read_in_one_pass(text: str) -> None:
    value = {"entries": [{"key": ["Ada"], "comment": "Ada", "content": f"Tall. {text} Small."}]}
    assert [entry.name for entry in read_data("ring.json", json.dumps(value).encode()).entries] == ["Ada"]
    for name in ("a.txt", "a.md", "a"):
        assert len(read_data(name, text.encode()).entries) + len(read_data(name, text.encode()).skipped) == 1


def test_half_of_a_character_is_replaced_wherever_it_stands() -> None:
    value = {"name": "half \ud83d", "entries": [{"key": ["Ada"], "content": "half \ud83d, whole \U0001f600"}]}
    entry = read_data("ring.json", json.dumps(value).encode()).entries[0]
    assert entry.text == "half ?, whole \U0001f600"
    json.dumps(vars(entry), ensure_ascii=False).encode()


def test_a_file_of_300_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(300_000_000)  # a hole: takes no room on the disk
    assert "larger than 200 MB" in read_lore(path).skipped[0].reason


def test_a_manuscript_among_notes_is_refused() -> None:
    assert "split it" in read_data("novel.md", b"word " * 500_000).skipped[0].reason


def test_a_folder_of_mixed_files_is_read_and_the_rest_is_told(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "ring.json").write_text(json.dumps(WORLD_INFO))
    (tmp_path / "people.csv").write_text("name;text\nBea;Small.\n")
    (tmp_path / "note.MD").write_text("# Cleo\nLoud.")
    (tmp_path / "plain.txt").write_text("Quiet.")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "map.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82")
    (tmp_path / ".hidden.md").write_text("Hidden.")
    notes = read_lore(tmp_path)
    assert {entry.name for entry in notes.entries} == {"Ada", "Bea", "Cleo", "plain"}
    assert [one.name for one in notes.skipped] == ["broken.json"]
    assert {name for remark in notes.remarks if remark.text == NOT_LORE for name in remark.names} == {
        "photo.jpg",
        "map.png",
    }
    assert set(notes.formats) == {"deep/ring.json", "people.csv", "note.MD", "plain.txt"}


def packed(*files: tuple[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return target.getvalue()


def test_files_packed_into_one_are_read_each(tmp_path: Path) -> None:
    data = packed(
        ("notes/ada.md", b"# Ada\nTall."),
        ("ring.json", json.dumps({"entries": {"0": {"key": ["Bea"], "content": "Small."}}}).encode()),
        ("broken.json", b"{"),
        ("photo.jpg", b"\xff\xd8\xff"),
        ("__MACOSX/._ada.md", b"hidden"),
        ("inner.zip", packed(("cleo.md", b"# Cleo\nLoud."))),
        ("../outside.md", b"# Dan\nOut."),
        ("notes\\..\\..\\away.md", b"# Eve\nOut."),
    )
    notes = read_data("world.zip", data)
    assert {entry.name for entry in notes.entries} == {"Ada", "Bea"}
    assert [one.name for one in notes.skipped] == [
        "broken.json",
        "inner.zip",
        "../outside.md",
        "notes\\..\\..\\away.md",
    ]
    assert "leads out of" in notes.skipped[-1].reason
    assert notes.formats == {"notes/ada.md": "Markdown", "ring.json": "SillyTavern World Info"}


def test_the_card_of_a_charx_file_is_read() -> None:
    value = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"name": "Ada", "description": "Tall."}}
    notes = read_data("ada.charx", packed(("card.json", json.dumps(value).encode()), ("assets/icon/images/a.png", b"")))
    assert [entry.name for entry in notes.entries] == ["Ada"]
    assert notes.formats == {"ada.charx": "character card V3"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packed(("huge.txt", b" " * 2_000_000)), "larger than 1 MB"),
        (packed(("word/document.xml", b"x"), ("[Content_Types].xml", b"x")), "a document"),
        (packed(("ada.md", b"# Ada\nTall."))[:40], "cannot be unpacked"),
        (packed(), "holds no files"),
    ],
    ids=["bomb", "docx", "cut off", "empty"],
)
def test_what_cannot_be_unpacked_is_refused(monkeypatch: pytest.MonkeyPatch, data: bytes, reason: str) -> None:
    monkeypatch.setattr(archives, "LARGEST_UNPACKED", 1_000_000)
    notes = read_data("world.zip", data)
    assert not notes.entries
    assert reason in notes.skipped[0].reason


def test_fifty_thousand_entries_are_read() -> None:
    row: dict[str, Any] = {"key": ["Ada"], "comment": "Ada", "content": "Tall.", "constant": False, "order": 100}
    value = {"entries": {str(number): {"uid": number, **row} for number in range(50_000)}}
    notes = read_data("huge.json", json.dumps(value).encode())
    assert len(notes.entries) == 50_000


def test_one_value_that_is_no_number_costs_no_entry_and_is_named() -> None:
    data = b"""{"entries": {"0": {"key": ["a"], "comment": "Ada", "content": "Tall.", "order": NaN},
        "1": {"key": ["b"], "comment": "Bea", "content": "Small.", "order": 3}}}"""
    notes = read_data("ring.json", data)
    assert {entry.name: entry.priority for entry in notes.entries} == {"Ada": 0, "Bea": 3}
    assert not notes.skipped
    assert [remark.names for remark in notes.remarks if "NaN" in remark.text] == [("Ada",)]


@pytest.mark.parametrize(
    "keys", ['"key": ["/gr[ae]y/", "Grey Tower", "tower"]', '"keys": ["Grey Tower"], "comment": ""']
)
def test_a_row_without_a_name_is_named_by_its_first_key_in_a_remark(keys: str) -> None:
    rows = f'{{"0": {{{keys}, "content": "Tall.", "order": NaN, "extensions": {{"depth": NaN}}}}}}'
    notes = read_data("ring.json", f'{{"entries": {rows}}}'.encode())
    assert [remark.names for remark in notes.remarks if "NaN" in remark.text] == [("Grey Tower",)]


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e999", "9" * 5000])
def test_a_number_without_end_is_read_as_missing_and_the_rest_comes_in(number: str) -> None:
    rows = f'"0": {{"key": ["a"], "comment": "Ada", "content": "Tall.", "order": {number}}}'
    data = f'{{"entries": {{{rows}, "1": {{"key": ["b"], "comment": "Bo", "content": "Small.", "order": 7}}}}}}'
    notes = read_data("w.json", data.encode())
    assert [(entry.name, entry.priority) for entry in notes.entries] == [("Ada", 0), ("Bo", 7)]
    assert [remark.names for remark in notes.remarks if "Infinity" in remark.text] == [("Ada",)]
