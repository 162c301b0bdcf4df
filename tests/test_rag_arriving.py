from dataclasses import replace

from rag.exchange.arriving import BESIDE, Arrival, plan
from rag.exchange.kept import note_of
from rag.exchange.reading import parsed, read_data
from rag.lore.lorebook import Found
from style_tuner.records import Entry


def entry(name: str, text: str = "Text.", id: str = "", kind: str = "note") -> Entry:
    return Entry(id or name.lower().replace(" ", "-"), name, text, kind)


def note(one: Entry, told: tuple[str, ...] = ("name", "text"), source: str = "note.md") -> Found:
    return Found(one, source, told)


def row(one: Entry) -> Found:
    return Found(one, "ring.json", ("name", "text"), labelled=True)


def arrived(found: list[Found], *world: Entry) -> list[tuple[str, str, str]]:
    planned = plan(found, {one.id: one for one in world})
    return [(one.entry.id, one.entry.name, one.change) for one in planned.arrivals]


def test_an_entry_that_is_there_is_brought_up_to_date_and_keeps_what_the_file_does_not_tell() -> None:
    there = replace(entry("Elena", "Old.", kind="character"), links=("Marc",), foreign={"novelai": {"a": 1}})
    new = replace(entry("Elena", "New."), foreign={"card": {"b": 2}})
    arrivals = plan([note(new)], {"elena": there}).arrivals
    assert arrivals == (
        Arrival(replace(there, text="New.", foreign={"novelai": {"a": 1}, "card": {"b": 2}}), "changed", "note.md"),
    )
    assert plan([note(new)], {"elena": arrivals[0].entry}).arrivals[0].change == "unchanged"


def test_one_name_of_two_kinds_is_two_entries_and_stays_two() -> None:
    person = note(entry("Ceres", kind="character"), ("name", "text", "kind"))
    place = note(entry("Ceres", kind="place"), ("name", "text", "kind"))
    planned = plan([person, place], {})
    assert [one.entry.id for one in planned.arrivals] == ["ceres", "ceres-place"]
    assert [remark.text for remark in planned.remarks] == [BESIDE]
    world = [one.entry for one in planned.arrivals]
    assert [change for *_, change in arrived([person, place], *world)] == ["unchanged", "unchanged"]
    assert arrived([place], entry("Ceres", kind="character")) == [("ceres-place", "Ceres", "new")]


def test_a_kind_that_says_nothing_is_no_other_kind() -> None:
    person = note(entry("Ceres", kind="character"), ("name", "text", "kind"))
    assert arrived([person], entry("Ceres")) == [("ceres", "Ceres", "changed")]
    assert arrived([note(entry("Ceres", "New."))], entry("Ceres", kind="place")) == [("ceres", "Ceres", "changed")]


def test_two_notes_of_one_name_are_named_and_two_rows_of_a_lorebook_are_two_entries() -> None:
    planned = plan([note(entry("Elena"), source="a.md"), note(entry("Elena", "Two."), source="b.md")], {})
    assert len(planned.arrivals) == 1
    assert (planned.skipped[0].name, "a.md" in planned.skipped[0].reason) == ("b.md", True)
    rows = [row(entry("Elena")), row(entry("Elena", "Two."))]
    assert [place for place, *_ in arrived(rows)] == ["elena", "elena-2"]
    world = [one.entry for one in plan(rows, {}).arrivals]
    assert [change for *_, change in arrived(rows, *world)] == ["unchanged", "unchanged"]


def test_a_card_is_kept_beside_the_entry_of_its_name_in_a_lorebook() -> None:
    lorebook = b'{"entries": [{"key": [], "comment": "Ada", "content": "Tall."}]}'
    card = b'{"spec": "chara_card_v2", "data": {"name": "Ada", "description": "A countess."}}'
    found = [*read_data("ring.json", lorebook).found, *read_data("ada.json", card).found]
    assert [place for place, *_ in arrived(found)] == ["ada", "ada-character"]
    world = [one.entry for one in plan(found, {}).arrivals]
    assert [change for *_, change in arrived(found, *world)] == ["unchanged", "unchanged"]
    assert arrived(found[1:], *world) == [("ada-character", "Ada", "unchanged")]
    renamed_file = read_data("ada-2.json", card).found
    assert arrived(list(renamed_file), *world) == [("ada-character", "Ada", "changed")]


def test_names_that_make_one_id_are_two_entries() -> None:
    east, west = note(Entry("ada", "Ada 東", "E.")), note(Entry("ada", "Ada 西", "W."))
    assert arrived([east, west]) == [("ada", "Ada 東", "new"), ("ada-2", "Ada 西", "new")]
    assert arrived([west], Entry("ada", "Ada 東", "E."), Entry("ada-2", "Ada 西", "W.")) == [
        ("ada-2", "Ada 西", "unchanged")
    ]


def test_an_entry_renamed_here_is_still_the_one_of_the_file() -> None:
    assert arrived([note(entry("Elena", "New."))], entry("Elena Voss", id="elena")) == [("elena", "Elena", "changed")]


def test_a_note_with_front_matter_tells_all_and_one_without_it_name_and_text_alone() -> None:
    there = replace(entry("Elena", kind="character"), always_on=True, links=("Marc",))
    matter = plan(read_data("a.md", b"---\nname: Elena\nlinks: [Bea]\n---\nNew.").found, {"elena": there})
    assert matter.arrivals[0].entry == replace(entry("Elena", "New."), links=("Bea",))
    plain = plan(read_data("a.md", b"# Elena\nNew.").found, {"elena": there})
    assert plain.arrivals[0].entry == replace(there, text="New.")


def test_an_id_of_its_own_decides_alone() -> None:
    found = Found(entry("Marc", id="elena"), "marc.md", own_id=True)
    assert arrived([found], entry("Elena")) == [("elena", "Marc", "changed")]
    assert len(plan([found, replace(found, source="b.md")], {}).skipped) == 1


def test_what_belongs_to_a_file_as_a_whole_lies_with_one_entry_after_the_file_was_shortened() -> None:
    rows = '{"name": "Ring", "entries": [{"key": ["Ada"], "content": "Tall."}, {"key": ["Bea"], "content": "Small."}]}'
    first = plan(read_data("ring.json", rows.encode()).found, {})
    world = {one.id: one for one in first.entries}
    value = parsed(rows)
    value["entries"] = value["entries"][1:]
    again = plan(read_data("ring.json", str(value).replace("'", '"').encode()).found, world)
    world |= {one.id: one for one in again.entries}
    carrying = [one.name for one in world.values() if "book" in note_of(one.foreign["sillytavern"])]
    assert carrying == ["Bea"]


def test_fifty_thousand_rows_of_one_name_find_a_place_each() -> None:
    rows = [row(entry("Elena", str(number))) for number in range(50_000)]
    assert len({place for place, *_ in arrived(rows)}) == 50_000
