from pathlib import Path

import pytest

from rag.exchange import tables
from rag.exchange.arriving import plan
from rag.exchange.reading import read_data
from rag.lore.lorebook import Notes
from style_tuner.records import Entry

FULL = [
    Entry(
        "elena",
        "Elena Voss",
        'Fixes "engines",\nmostly; at night.',
        "character",
        ("Elena", "the engineer; second class"),
        ("/el+ena,? (von )?/i", "wrench"),
        True,
        -3,
        "Second Light",
        2,
        9,
        {"eyes": "grey, one of them glass", "text": "a tattoo", "Age": "31"},
        ("Marc", "The Perihelion"),
        {"sillytavern": {"depth": 4, "style_tuner": {"file": "a.json", "at": "0"}}},
    ),
    Entry("marc", "Marc", "=SUM(A1) is what he says.", aliases=("[the] clerk",), fields={"eyes": "brown"}),
]


def read(text: str, name: str = "people.csv", encoding: str = "utf-8") -> Notes:
    return read_data(name, text.encode(encoding))


def test_a_table_of_all_that_an_entry_holds_reads_back_equal() -> None:
    notes = read(tables.write(FULL))
    assert notes.formats == {"people.csv": "table"}
    assert list(notes.entries) == FULL
    changes = {arrival.change for arrival in plan(notes.found, {entry.id: entry for entry in FULL}).arrivals}
    assert changes == {"unchanged"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_headings_are_known_in_any_order_and_others_become_fields(delimiter: str, encoding: str) -> None:
    lines = [
        ["Age", "Description", "Title", "Other Names", "Type", "Home Town", "Always on"],
        [
            "31",
            '"Très forte, même lasse; elle a réparé la lumière."',
            "Élena",
            "Elena, Lena",
            "character",
            "",
            "yes",
        ],
        ["", "Un café près de la gare, fermé l'été.", "Le Café", "", "place", "Orléans", "no"],
    ]
    text = "\r\n".join(delimiter.join(f'"{cell}"' if delimiter in cell and cell[0] != '"' else cell for cell in line)
                       for line in lines)  # fmt: skip
    notes = read(text, "people.txt", encoding)
    assert notes.formats == {"people.txt": "table"}
    elena, cafe = notes.entries
    assert (elena.name, elena.aliases, elena.kind, elena.always_on) == ("Élena", ("Elena", "Lena"), "character", True)
    assert elena.fields == {"Age": "31"}
    assert elena.text == "Très forte, même lasse; elle a réparé la lumière."
    assert (cafe.fields, cafe.always_on) == ({"Home Town": "Orléans"}, False)


def test_a_table_without_known_headings_is_guessed_and_that_is_said() -> None:
    notes = read("sep=;\nElena;An engineer who fixes the ring.;31\nMarc;A clerk who keeps the books.;40\n")
    assert [(entry.name, entry.text) for entry in notes.entries] == [
        ("Elena", "An engineer who fixes the ring."),
        ("Marc", "A clerk who keeps the books."),
    ]
    assert [remark.text for remark in notes.remarks] == [tables.GUESSED]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",No name.,", "`name` must be text"),
        ("Bob,,", "no text"),
        ("Bob,Short.,soon", "whole number"),
        ("Bob,Short.,1,2,3", "5 columns"),
        ("Bob,Short.,1e999", "whole number"),
    ],
)
def test_a_faulty_row_is_named_by_its_number_and_the_rest_comes_in(row: str, reason: str) -> None:
    notes = read(f"name,text,priority\nAda,Tall.,1\n{row}\n\nEve,Small.,2\n")
    assert [entry.name for entry in notes.entries] == ["Ada", "Eve"]
    assert notes.skipped[0].name == "people.csv, row 3"
    assert reason in notes.skipped[0].reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [("name\nAda\n", "one column"), ('name,text\nAda,"no end', "quotes do not match"), ("\n", "empty"), ("", "empty")],
)
def test_what_is_no_table_is_refused(text: str, reason: str) -> None:
    assert reason in read(text).skipped[0].reason


def test_columns_that_a_table_has_not_leave_what_the_world_says() -> None:
    world = {"elena-voss": Entry("elena-voss", "Elena Voss", "Old.", "character", links=("Marc",), fields={"a": "b"})}
    arrival = plan(read("name,text,Age\nElena Voss,New.,31\n").found, world).arrivals[0]
    assert arrival.change == "changed"
    assert (arrival.entry.text, arrival.entry.kind, arrival.entry.links) == ("New.", "character", ("Marc",))
    assert arrival.entry.fields == {"a": "b", "Age": "31"}


def test_a_cell_of_a_hundred_thousand_words_is_read(tmp_path: Path) -> None:
    assert len(read(f"name,text\nAda,{'word ' * 100_000}\n").entries[0].text.split()) == 100_000


@pytest.mark.parametrize(
    "bad",
    [
        'Marc,"A clerk" who counts,character',
        'Marc,"A clerk who never ends,character',
        'Marc,A clerk,"character""',
        "Marc,A clerk,character,and,more",
    ],
)
def test_a_row_with_a_fault_is_named_and_the_others_come_in(bad: str) -> None:
    after = 'Tom,"A cook, and\na drunk",character\nIda,A nurse,character\n'
    notes = read(f"name,text,kind\nElena,An engineer,character\n{bad}\n{after}")
    assert [entry.name for entry in notes.entries] == ["Elena", "Tom", "Ida"]
    assert notes.entries[1].text == "A cook, and\na drunk"
    assert [one.name for one in notes.skipped] == ["people.csv, row 3"]
    assert "quotes" in notes.skipped[0].reason


def test_a_table_in_which_no_row_can_be_read_is_refused_with_the_reason() -> None:
    notes = read('name,"text" x\n"Elena\n')
    assert not notes.entries
    assert "quotes do not match" in notes.skipped[0].reason


def test_thousands_of_rows_with_faults_take_no_longer_than_their_number() -> None:
    rows = "".join(f'Marc {number},"A clerk" who,character\n' for number in range(20_000))
    notes = read(f"name,text,kind\n{rows}Tom,A cook,character\n")
    assert len(notes.skipped) == 20_000 and [entry.name for entry in notes.entries] == ["Tom"]
