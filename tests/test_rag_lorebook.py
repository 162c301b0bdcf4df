from pathlib import Path

import pytest

from rag.exchange.arriving import plan
from rag.exchange.notes import parse_note
from rag.exchange.reading import read_lore
from style_tuner.errors import WorldError


def test_front_matter_becomes_the_entry() -> None:
    entry = parse_note(
        "---\nname: Elena Voss\nkind: character\naliases: [Elena, the engineer]\nalways_on: true\n---\n"
        "# Elena Voss\n\nHer left arm is cybernetic.\n\nShe was on Phobos.\n",
        "file-name",
    )
    assert (entry.id, entry.name, entry.kind) == ("elena-voss", "Elena Voss", "character")
    assert entry.aliases == ("Elena", "the engineer")
    assert entry.always_on
    assert entry.text == "Her left arm is cybernetic.\n\nShe was on Phobos."


@pytest.mark.parametrize(
    ("text", "name", "body"),
    [
        ("# The Perihelion\n\nA bar.", "The Perihelion", "A bar."),
        ("A bar on the lower ring.", "lower ring", "A bar on the lower ring."),
        ("---\r\nkind: place\r\n---\r\n\r\n## The Perihelion ##\r\nA bar.\r\n", "The Perihelion", "A bar."),
        ("---\nname: 1984\n---\nA year.", "1984", "A year."),
        ("---\nname: The bar\n---\n# History\nOld.", "The bar", "# History\nOld."),
    ],
)
def test_name_comes_from_front_matter_or_heading_or_file(text: str, name: str, body: str) -> None:
    entry = parse_note(text, "lower_ring")
    assert (entry.name, entry.text) == (name, body)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\nname: [broken\n---\nText.", "not YAML in line 3"),
        ("---\nname: Elena\nText without an end", "no closing"),
        ("---\n- a list\n---\nText.", "key: value"),
        ("---\nname: Elena\nalways_on: perhaps\n---\nText.", "always_on"),
        ("---\nname: Elena\naliases: {a: b}\n---\nText.", "aliases"),
        (f"# {'long ' * 60}\nText.", "shorten it"),
        ("---\nname: true\n---\nText.", "name"),
        ("---\nname: Elena\n---\n\n", "no text"),
        ("", "no text"),
    ],
)
def test_malformed_note_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(WorldError, match=reason):
        parse_note(text, "note")


def test_faulty_notes_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / "people").mkdir(parents=True)
    (folder / ".obsidian").mkdir()
    (folder / "people" / "elena.md").write_text("---\nname: Elena\n---\nAn engineer.", encoding="utf-8")
    (folder / "elena again.md").write_text("---\nname: Elena\n---\nA pilot.", encoding="utf-8")
    (folder / "latin.md").write_bytes("Un café crème, une tarte brûlée, s'il vous plaît.".encode("latin-1"))
    (folder / "binary.md").write_bytes(b"a\0b")
    (folder / ".obsidian" / "hidden.md").write_text("Hidden.", encoding="utf-8")
    (folder / "エレナ.md").write_text("操縦士。", encoding="utf-8")
    notes = read_lore(folder)
    assert {entry.name for entry in notes.entries} == {"Elena", "エレナ", "latin"}
    assert [remark.names for remark in notes.remarks if "Windows-1252" in remark.text] == [("latin.md",)]
    planned = plan(notes.found, {})
    reasons = {skipped.name: skipped.reason for skipped in (*notes.skipped, *planned.skipped)}
    assert set(reasons) == {"binary.md", "people/elena.md"}
    assert "elena again.md" in reasons["people/elena.md"]


def test_everything_an_entry_can_hold_is_read_from_a_note() -> None:
    note = """---
name: Elena
keys: [engineer, "/el+ena,? (von )?/i"]
priority: 3
book: Second Light
from_chapter: 2
to_chapter: 9
fields: {eyes: grey, age: 31}
links: The Perihelion, Marc
foreign: {sillytavern: {depth: 4}}
---
Fixes engines."""
    entry = parse_note(note, "elena")
    assert entry.keys == ("engineer", "/el+ena,? (von )?/i")
    assert (entry.priority, entry.book, entry.from_chapter, entry.to_chapter) == (3, "Second Light", 2, 9)
    assert entry.links == ("The Perihelion", "Marc")
    assert entry.facts == "Fixes engines. eyes: grey. age: 31."
    assert entry.foreign == {"sillytavern": {"depth": 4}}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from_chapter: 0", "1 or more"),
        ("from_chapter: soon", "whole number"),
        ("from_chapter: 9\nto_chapter: 2", "must not be the smaller"),
        ("fields: grey", "names with values"),
        ("fields: {eyes: [grey, green]}", "one line of text"),
        ("keys: {a: b}", "list of words"),
        ('aliases: ["\\ud83d"]', "half of a character"),
        ("foreign: {made: 2026-01-01}", "plain values"),
        ("foreign: {odd: .nan}", "plain values"),
    ],
)
def test_a_value_that_cannot_be_is_named(line: str, said: str) -> None:
    with pytest.raises(WorldError, match=said):
        parse_note(f"---\nname: Elena\n{line}\n---\nFixes engines.", "elena")


def test_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="holds no lore"):
        read_lore(tmp_path)
    with pytest.raises(WorldError, match="no file or folder"):
        read_lore(tmp_path / "nowhere")


def test_sample_world_is_read_whole() -> None:
    from style_tuner.config import SAMPLES

    notes = read_lore(SAMPLES / "world")
    assert not notes.skipped
    assert len(notes.entries) >= 20
