"""The tab World against a running service: entries with all they hold, undo, files in and out, proposals, passages."""

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_serving_server import free_port

from style_tuner.config import SAMPLES
from style_tuner.errors import WorldError
from style_tuner.manuscripts.store import import_file
from style_tuner.serving import lore, world
from style_tuner.tabs import world as tab
from style_tuner.tabs import (
    world_check,
    world_entries,
    world_exchange,
    world_history,
    world_passages,
    world_prompt,
    world_review,
    world_shelf,
)
from style_tuner.workspace import Workspace

FORM = dict(
    name="Mara Quill", kind="character", aliases="Mara, the keeper", text="Mara keeps the light.", always=False,
    keys="/lamp(s)?/", priority=2, book="", first=3, last=9, facts="eyes: grey\nleft hand: missing", links="The Heron",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("page"), "default")
    tab.create(workspace, "harbour", free_port())
    yield workspace
    world.stop(workspace)


def save(place: Workspace, chosen: str | None = "mara-quill", **changes: object) -> str:
    """Save the form as the entry that is there, or as a new one, and return its id."""
    there = [entry.id for entry in world_entries.entries(place, "harbour")]
    chosen = chosen if chosen in there else world_entries.NEW
    return world_entries.save(place, "harbour", "", chosen, *(FORM | changes).values())[1].value


def test_an_entry_is_kept_with_all_it_holds_and_shown_again(place: Workspace) -> None:
    identity = save(place)
    *shown, versions = world_entries.show_entry(place, "harbour", identity)
    assert shown == list(FORM.values())
    assert len(versions.choices) == 1
    table, choice = world_entries.show_entries(place, "harbour", "", None)
    assert "chapters 3 to 9" in table and choice.choices[0] == ("character: Mara Quill", identity)
    assert "0 of 1 entries" in world_entries.show_entries(place, "harbour", "dragon", None)[0]


def test_a_change_can_be_undone_and_done_again_and_a_version_restored(place: Workspace) -> None:
    identity = save(place, text="Mara keeps the light.")
    assert save(place, identity, name="Mara Quill-Orne", text="Mara let the light go out.") == identity
    undo, redo, changes = world_history.show(place, "harbour", None)
    assert undo.interactive and not redo.interactive
    assert "go out" in world_history.show_change(place, "harbour", changes.choices[0][1])
    world_history.undo(place, "harbour")
    assert world_entries.show_entry(place, "harbour", identity)[0] == "Mara Quill"
    world_history.redo(place, "harbour")
    shown = world_entries.show_entry(place, "harbour", identity)
    assert shown[0] == "Mara Quill-Orne"
    first = next(number for said, number in shown[-1].choices if "keeps the light" in said)
    world_entries.restore(place, "harbour", "", identity, first)
    assert world_entries.show_entry(place, "harbour", identity)[0] == "Mara Quill"


def test_a_new_entry_never_takes_the_place_of_another(place: Workspace) -> None:
    identity = save(place)
    before = tab.stamp(place)
    with pytest.raises(WorldError, match="There is an entry 'Mara Quill' of the kind character already"):
        save(place, world_entries.NEW, text="Another Mara, a dog.")
    assert save(place, world_entries.NEW, kind="thing", text="A ship of that name.") == "mara-quill-thing"
    assert world_entries.show_entry(place, "harbour", identity)[3] == "Mara keeps the light."
    assert tab.stamp(place) != before
    chosen = world_entries.show_entries(place, "harbour", "", world_entries.NEW)[1]
    assert chosen.value == world_entries.NEW  # what is being written stays in the form
    world_entries.delete(place, "harbour", "", "mara-quill-thing")


def test_every_change_is_seen_by_undo(place: Workspace) -> None:
    save(place)
    before = tab.stamp(place)
    save(place, text="Mara keeps the lamp, and no longer the light.")
    assert tab.stamp(place) != before


def test_a_fact_without_a_name_is_refused(place: Workspace) -> None:
    with pytest.raises(WorldError, match="eyes: grey"):
        save(place, facts="grey")


def test_where_the_author_writes_decides_what_is_sent(place: Workspace) -> None:
    save(place)
    tab.set_present(place, "harbour", "", 2)
    assert tab.show_present(place, "harbour") == ("", 2)
    assert "No entry fits" in world_prompt.test_prompt(place, "harbour", "Mara climbs the stairs.")
    tab.set_present(place, "harbour", "", 3)
    assert "Mara keeps the light." in world_prompt.test_prompt(place, "harbour", "Mara climbs the stairs.")


def test_a_world_goes_out_and_comes_in_again(place: Workspace) -> None:
    save(place, facts="")
    for kind in ("Markdown notes, one an entry", "SillyTavern World Info"):
        file, _ = world_exchange.export(place, "harbour", kind)
        path = Path(file.value["path"] if isinstance(file.value, dict) else file.value)
        data = {path.name: path.read_bytes()}
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                data = {name: archive.read(name) for name in archive.namelist()}
        url = world.state(place).url
        said = world_exchange.bring_in(url, f"copy of {path.suffix[1:]}", data, "FILE")
        assert "1 new entries" in said
        (copied,) = lore.entries(url, f"copy of {path.suffix[1:]}")
        assert (copied.name, copied.text) == ("Mara Quill", "Mara keeps the light.")


def test_proposals_wait_until_the_author_takes_them_in(place: Workspace) -> None:
    import_file(place, SAMPLES / "manuscripts" / "01_the_long_stride.txt")
    url = tab.start(place, "stride", free_port()).url
    lore.create_world(url, "stride")
    assert "Nothing is proposed" in world_review.show_queue(place, "stride", "Waiting for you", None)[0]
    world_review.read(place, "stride")
    while world_review.look(place, "stride", "proposals", "run")["run"]["state"] == "running":
        time.sleep(0.1)
    assert "names found" in world_review.show_run(place, "stride")
    said, box, _ = world_review.show_queue(place, "stride", "Waiting for you", None)
    assert lore.entries(url, "stride") == []
    chosen = box.value
    shown, name, kind, _, text, facts, *_ = world_review.show_proposal(place, "stride", chosen)
    assert "<blockquote>" in shown
    world_review.take_in(place, "stride", chosen, name, kind, "the old one", text, facts)
    (entry,) = lore.entries(url, "stride")
    assert (entry.name, entry.aliases) == (name, ("the old one",))
    second = world_review.show_queue(place, "stride", "Waiting for you", None)[1].value
    world_review.reject(place, "stride", second)
    assert "1 taken in, 1 rejected" in world_review.show_queue(place, "stride", "Rejected", None)[0]
    world_review.reopen(place, "stride", second)
    world_review.take_in_all(place, "stride")
    assert len(lore.entries(url, "stride")) > 3


def test_a_world_is_renamed_put_away_taken_out_and_backed_up(place: Workspace) -> None:
    url = tab.start(place, None, free_port()).url
    lore.create_world(url, "old")
    assert world_shelf.rename(place, "old", "new").value == "new"
    assert "new" not in [name for name, _ in world_shelf.to_bin(place, "new").choices]
    binned = world_shelf.show_bin(place).choices
    assert binned[0][0].startswith("new, 0 entries")
    assert world_shelf.take_out(place, binned[0][1]).value == "new"
    _, said = world_shelf.backup(place)
    assert "worlds with all their history" in said
    assert len(list(place.exports.glob("worlds-*.sqlite"))) == 1


def test_an_index_of_another_model_is_told_and_made_anew_when_asked(place: Workspace, monkeypatch) -> None:
    save(place)
    assert tab.show_notes(place, "harbour") == ""
    tab.index_anew(place, "harbour")
    ask = lore.ask

    def other(url: str, method: str, *path: str, **given):
        answer = ask(url, method, *path, **given)
        for one in answer["worlds"]:
            one |= {"notes": ["The index is of model X."], "indexing": {"done": 3, "total": 9}}
        return answer

    monkeypatch.setattr(lore, "ask", other)
    told = tab.show_notes(place, "harbour")
    assert "The index is of model X." in told and "3 of 9" in told


def test_a_draft_that_contradicts_the_world_is_told_with_both_quotes(place: Workspace) -> None:
    save(place, first=None, last=None)
    told = world_check.check(place, "harbour", "Mara turned. Mara's brown eyes were on the lamp, as ever.", False)
    assert "Contradicted: 1;" in told and "<q>" in told and "eyes: grey" in told
    assert "Nothing is contradicted" in world_check.check(place, "harbour", "Mara went up to the lamp.", False)
    with pytest.raises(WorldError, match="no draft to check"):
        world_check.check(place, "harbour", " ", False)


def test_the_manuscripts_are_searched_too(place: Workspace) -> None:
    import_file(place, SAMPLES / "manuscripts" / "01_the_long_stride.txt")
    assert "No manuscript belongs" in world_passages.show(place, "harbour")
    world_passages.link(place, "harbour")
    assert "The Long Stride" in world_passages.show(place, "harbour")
    found = world_passages.search(place, "harbour", "the causeway under water")
    assert "chapter" in found and "prose-text" in found
