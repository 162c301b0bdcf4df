"""The tab World against a running service: entries with all they hold, undo, files in and out, proposals, passages."""

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
from style_tuner.tabs.world_drafts import Desk, with_draft
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


def show(place: Workspace, chosen: str, desk: Desk | None = None) -> SimpleNamespace:
    """Choose an entry and return what the page has then."""
    return read(world_entries.shown(place, "harbour", "", chosen, desk, cleared=True))


def read(answer: tuple[Any, ...]) -> SimpleNamespace:
    """Return an answer of the page by the names of its parts."""
    table, entry, *form = answer
    names = ("versions", "opened", "desk", "notice", "over", "discard")
    parts = dict(zip(names, form[len(FORM) :], strict=True))
    return SimpleNamespace(table=table, entry=entry, values=tuple(form[: len(FORM)]), **parts)


def save(place: Workspace, chosen: str | None = "mara-quill", **changes: object) -> str:
    """Save the form as the entry that is there, or as a new one, and return its id."""
    there = [entry.id for entry in world_entries.entries(place, "harbour")]
    opened = show(place, chosen if chosen in there else world_entries.NEW).opened
    return world_entries.save(place, "harbour", "", opened, None, *(FORM | changes).values())[1].value


def typed(desk: Desk | None, opened: dict[str, Any], **changes: object) -> Desk:
    """Return the browser's desk after something was typed into the form, which shows an entry."""
    return with_draft(desk, opened["world"], opened["id"], opened["version"], list((FORM | changes).values()))


def test_an_entry_is_kept_with_all_it_holds_and_shown_again(place: Workspace) -> None:
    identity = save(place)
    shown = show(place, identity)
    assert shown.values == tuple(FORM.values())
    assert len(shown.versions.choices) == 1
    table, choice = world_entries.show_entries(place, "harbour", "", None, None)
    assert "chapters 3 to 9" in table and choice["choices"][0] == ("character: Mara Quill", identity)
    assert choice["value"] == identity
    assert "0 of 1 entries" in world_entries.show_entries(place, "harbour", "dragon", None, None)[0]


def test_a_list_that_comes_late_does_not_take_back_what_was_chosen_meanwhile(place: Workspace) -> None:
    """The list is read for the entry that was open; a new one may have been begun before the answer is there."""
    identity = save(place)
    kept = world_entries.show_entries(place, "harbour", "", identity, None)[1]
    assert kept["choices"] and "value" not in kept
    gone = world_entries.show_entries(place, "harbour", "", "nobody", None)[1]
    assert gone["value"] == identity
    assert "value" not in tab.show_service(place, "harbour", 8_077)[1]


def test_a_change_can_be_undone_and_done_again_and_a_version_restored(place: Workspace) -> None:
    identity = save(place, text="Mara keeps the light.")
    assert save(place, identity, name="Mara Quill-Orne", text="Mara let the light go out.") == identity
    undo, redo, changes = world_history.show(place, "harbour", None)
    assert undo.interactive and not redo.interactive
    assert "go out" in world_history.show_change(place, "harbour", changes.choices[0][1])
    world_history.undo(place, "harbour")
    assert show(place, identity).values[0] == "Mara Quill"
    world_history.redo(place, "harbour")
    shown = show(place, identity)
    assert shown.values[0] == "Mara Quill-Orne"
    first = next(number for said, number in shown.versions.choices if "keeps the light" in said)
    back = read(world_entries.restore(place, "harbour", "", shown.opened, None, first))
    assert back.values[0] == "Mara Quill"


def test_a_new_entry_never_takes_the_place_of_another(place: Workspace) -> None:
    identity = save(place)
    before = tab.stamp(place)
    with pytest.raises(WorldError, match="There is an entry 'Mara Quill' of the kind character already"):
        save(place, world_entries.NEW, text="Another Mara, a dog.")
    assert save(place, world_entries.NEW, kind="thing", text="A ship of that name.") == "mara-quill-thing"
    assert show(place, identity).values[3] == "Mara keeps the light."
    assert tab.stamp(place) != before
    chosen = world_entries.show_entries(place, "harbour", "", world_entries.NEW, None)[1]
    assert "value" not in chosen  # what is being written stays in the form
    world_entries.delete(place, "harbour", "", show(place, "mara-quill-thing").opened, None)


def test_what_is_typed_and_not_saved_is_there_again_when_its_entry_is_chosen_again(place: Workspace) -> None:
    identity = save(place)
    other = save(place, world_entries.NEW, name="The Heron", kind="thing")
    desk = typed(None, show(place, identity).opened, text="Mara let the light go out.")
    elsewhere = show(place, other, desk)
    assert elsewhere.values[0] == "The Heron" and "Also not saved yet: Mara Quill." in elsewhere.notice
    assert not elsewhere.discard.visible
    again = show(place, identity, desk)
    assert again.values[3] == "Mara let the light go out." and "Not saved yet." in again.notice
    assert again.discard.visible and not again.over.visible
    filtered = world_entries.show_entries(place, "harbour", "heron", identity, desk)[1]
    assert "value" not in filtered  # what is being edited stays open, whatever is searched for
    dropped = read(world_entries.drop(place, "harbour", "", again.opened, desk))
    assert dropped.values[3] == "Mara keeps the light." and dropped.notice == "" and not dropped.desk["harbour"]
    saved = read(world_entries.save(place, "harbour", "", again.opened, desk, *again.values))
    assert saved.notice == "" and not saved.desk["harbour"] and not saved.discard.visible
    world_entries.delete(place, "harbour", "", show(place, other).opened, None)


def test_what_was_typed_before_there_was_a_world_is_saved_in_the_first(place: Workspace) -> None:
    desk = typed(None, {"world": "", "id": world_entries.NEW, "version": 0}, name="The Gull")
    begun = show(place, world_entries.NEW, desk)
    assert begun.values[0] == "The Gull"
    saved = read(world_entries.save(place, "harbour", "", begun.opened, desk, *begun.values))
    assert saved.values[0] == "The Gull" and not any(saved.desk.values())
    world_entries.delete(place, "harbour", "", saved.opened, None)


def test_of_two_who_edit_one_entry_the_second_is_shown_both_and_chooses(place: Workspace) -> None:
    identity = save(place, text="Mara keeps the light.")
    mine = show(place, identity).opened
    save(place, identity, text="Mara keeps bees.")
    with pytest.warns(UserWarning, match="nothing was written over"):
        both = read(
            world_entries.save(place, "harbour", "", mine, None, *(FORM | {"text": "Mara keeps goats."}).values())
        )
    assert lore.entries(world.state(place).url, "harbour")[0].text == "Mara keeps bees."
    assert both.values[3] == "Mara keeps goats." and both.over.visible and both.discard.visible
    assert "changed elsewhere" in both.notice and "Mara keeps bees." in both.notice and "Kind" not in both.notice
    theirs = read(world_entries.drop(place, "harbour", "", both.opened, both.desk))
    assert theirs.values[3] == "Mara keeps bees." and not theirs.over.visible
    won = read(world_entries.save_over(place, "harbour", "", both.opened, both.desk, *both.values))
    assert won.values[3] == "Mara keeps goats." and won.notice == ""
    assert any("bees" in said for said, _ in won.versions.choices)


def test_an_entry_deleted_elsewhere_is_kept_as_it_was_typed_and_can_be_saved_again(place: Workspace) -> None:
    identity = save(place)
    mine = show(place, identity).opened
    desk = typed(None, mine, text="Mara came back.")
    world_entries.delete(place, "harbour", "", mine, None)
    listed = world_entries.show_entries(place, "harbour", "", identity, desk)[1]
    assert "value" not in listed and ("not saved: Mara Quill", identity) in listed["choices"]
    left = show(place, identity, desk)
    assert "deleted elsewhere" in left.notice and left.values[3] == "Mara came back."
    back = read(world_entries.save_over(place, "harbour", "", left.opened, desk, *left.values))
    assert back.values[3] == "Mara came back." and back.entry.value == identity


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


def test_a_book_being_typed_is_left_as_it_is_when_the_world_changes(place: Workspace) -> None:
    before = tab.present_stamp(place)
    save(place, text="Mara keeps the lamp, the light and the boat.")
    assert tab.present_stamp(place) == before
    tab.set_present(place, "harbour", "", 2)
    assert tab.present_stamp(place) != before
    tab.set_present(place, "harbour", "", None)


def test_a_test_of_a_prompt_tells_a_misspelt_book(place: Workspace) -> None:
    save(place, book="Second Light")
    tab.set_present(place, "harbour", "Secnd Light", None)
    for shown in (world_prompt.test_prompt(place, "harbour", "Mara."), world_prompt.last_prompts(place, "harbour")):
        assert "Did you mean &#39;Second Light&#39;?" in shown
    tab.set_present(place, "harbour", "", None)


@pytest.mark.parametrize(
    ("words", "tokens", "said", "each"),
    [
        (500, None, "20 of at most 500 words", "· 20 words"),
        (500, 8000, "20 of at most 500 words", "· 20 words"),
        (500, 80, "about 34 of at most 80 tokens", "· about 34 tokens"),
    ],
)
def test_room_is_told_in_what_runs_out_first(words: int, tokens: int | None, said: str, each: str) -> None:
    row = {"id": "mara", "name": "Mara", "why": "named", "words": 20, "tokens": 34, "sent": True, "cut": ""}
    room = {"entries": 5, "words": words, "tokens": tokens, "note": ""}
    told = {"entries": [row], "words": 20, "tokens": 34, "tokens_counted": False, "chapter": None, "room": room}
    shown = world_prompt.inspection(told | {"notes": ["No book is called that."], "keys_off": []})
    assert f"Sent: 1 entry, {said}." in shown and each in shown and "No book is called that." in shown


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
    drafts = {"old": {"": {"version": 0, "values": []}}}
    choice, desk = world_shelf.rename(place, "old", "new", drafts)
    assert choice.value == "new" and desk == {"new": drafts["old"]}
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
