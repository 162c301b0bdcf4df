from pathlib import Path

import pytest

from rag.errors import UnknownWorldError
from rag.lore.store import LoreStore
from style_tuner.errors import WorldError
from style_tuner.records import Entry, Moment

ELENA = Entry("elena", "Elena Voss", "An engineer.")


@pytest.fixture
def store(tmp_path: Path) -> LoreStore:
    opened = LoreStore(tmp_path / "worlds.sqlite")
    opened.create("scifi")
    opened.put("scifi", [ELENA])
    return opened


def test_renamed_world_keeps_its_entries(store: LoreStore) -> None:
    store.rename("scifi", "Orbit")
    assert store.worlds() == ["Orbit"]
    assert store.entries("Orbit") == [ELENA]
    with pytest.raises(UnknownWorldError):
        store.entries("scifi")


def test_a_name_is_given_once_and_must_be_possible(store: LoreStore) -> None:
    store.create("Orbit")
    with pytest.raises(WorldError, match="already"):
        store.rename("scifi", "Orbit")
    with pytest.raises(WorldError, match="cannot be named"):
        store.rename("scifi", "../x")


def test_world_in_the_bin_is_gone_and_comes_back_whole(store: LoreStore) -> None:
    binned = store.put_in_bin("scifi")
    assert (binned.name, binned.entries) == ("scifi", 1)
    assert store.worlds() == []
    with pytest.raises(UnknownWorldError):
        store.put("scifi", [ELENA])
    assert store.take_from_bin(binned.number) == "scifi"
    assert store.entries("scifi") == [ELENA]
    assert store.binned() == []


def test_name_of_a_world_in_the_bin_can_be_used_anew(store: LoreStore) -> None:
    first = store.put_in_bin("scifi")
    store.create("scifi")
    second = store.put_in_bin("scifi")
    assert [one.number for one in store.binned()] == [second.number, first.number]
    store.create("scifi")
    with pytest.raises(WorldError, match="already"):
        store.take_from_bin(first.number)
    assert store.take_from_bin(first.number, "old") == "old"
    assert store.entries("old") == [ELENA]
    with pytest.raises(WorldError, match=r"no world with number 99; it holds: \d"):
        store.take_from_bin(99)


def test_present_is_the_end_of_the_story_until_it_is_said(store: LoreStore) -> None:
    assert store.present("scifi") == Moment()
    store.set_present("scifi", Moment("Second", 3))
    assert store.present("scifi") == Moment("Second", 3)
    store.rename("scifi", "Orbit")
    assert store.present("Orbit") == Moment("Second", 3)
