import os
import sqlite3
from collections.abc import Iterator
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.lore.store import LoreStore, pieces
from rag.retrieval.atlas import Atlas
from rag.retrieval.finder import Finder
from rag.retrieval.keywords import Keywords, Stemmer
from rag.vectors.comparing import _best
from rag.vectors.embed import MiniLM
from rag.vectors.fine import READ_AT_ONCE, FineVectors
from style_tuner.records import END_OF_STORY, Entry, Moment

MODEL = MiniLM()
KEEPER = Entry("keeper", "Orrin Stace", "Keeper of the lamp on the rock, with one hand, who whistles at his work.")
LAMP = Entry("lamp", "The Calf Lamp", "It turns by clockwork and is wound every four hours.", links=("Orrin Stace",))
JOSS = Entry("joss", "Joss Averill", "A black-bearded bargeman who fears hats and Thursdays.", aliases=("Joss",))
WARE = Entry("ware", "Josselin Ware", "A plump and scented man who farms the tolls.", aliases=("Joss",))
OLD = Entry("old", "The Old King", "He wears the crown.", to_chapter=4)
NEW = Entry("new", "The Young King", "He wears the crown and bites his thumbs.", from_chapter=5)


def none(vectors: np.ndarray, limit: int) -> list[tuple[str, float]]:
    return []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LoreStore]:
    made = LoreStore(tmp_path / "worlds.sqlite")
    made.create("tides")
    made.put("tides", [KEEPER, LAMP, JOSS, WARE, OLD, NEW])
    yield made
    made.close()


@pytest.fixture
def fine(tmp_path: Path) -> Iterator[FineVectors]:
    made = FineVectors(tmp_path / "pieces.sqlite", MODEL)
    yield made
    made.close()


def names(finder: Finder, store: LoreStore, query: str, before: str = "", moment: Moment = END_OF_STORY) -> list[str]:
    found = finder.find(store, "tides", query, before, moment, none, 0.25)
    return [one.entry.id for one in found.ranked]


def test_the_rest_of_the_request_decides_between_two_of_one_name(store: LoreStore, fine: FineVectors) -> None:
    finder = Finder(MODEL, fine)
    assert names(finder, store, "Write Joss counting the tolls, scented and plump.")[0] == "ware"
    assert names(finder, store, "Write Joss on his barge, afraid of a hat on a Thursday.")[0] == "joss"


def test_a_paraphrase_finds_what_shares_no_word_with_it(store: LoreStore, fine: FineVectors) -> None:
    query = "Write the man who tends the lighthouse making music with his lips, a single palm on the rail."
    assert names(Finder(MODEL, fine), store, query)[0] == "keeper"


def test_what_does_not_hold_is_never_found(store: LoreStore, fine: FineVectors) -> None:
    finder = Finder(MODEL, fine)
    for chapter, there, gone in ((3, "old", "new"), (6, "new", "old")):
        found = names(finder, store, "The Old King and the Young King with the crown", moment=Moment(chapter=chapter))
        assert there in found and gone not in found


def test_a_name_further_back_counts_less(store: LoreStore) -> None:
    before = "Joss Averill came. " + "It rained on. " * 200 + "Orrin Stace went."
    finder = Finder(MODEL, None)
    scores = {
        one.entry.id: one.score for one in finder.find(store, "tides", "On.", before, END_OF_STORY, none, 0).ranked
    }
    assert scores["keeper"] > 2 * scores["joss"] > 0


def test_what_is_linked_with_a_named_entry_is_proposed(store: LoreStore) -> None:
    found = Finder(MODEL, None).find(store, "tides", "Orrin Stace sleeps.", "", END_OF_STORY, none, 0.25)
    assert [(one.entry.id, one.reason, one.matched) for one in found.ranked][:2] == [
        ("keeper", "mention", "named as “Orrin Stace”"),
        ("lamp", "link", "linked with Orrin Stace"),
    ]


def test_a_finder_follows_what_is_written_to_the_world(store: LoreStore) -> None:
    finder = Finder(MODEL, None)
    assert names(finder, store, "Dorcas comes.") == []
    store.put("tides", [Entry("dorcas", "Dorcas", "She makes ropes.")])
    assert names(finder, store, "Dorcas comes.") == ["dorcas"]
    store.delete("tides", "dorcas")
    assert names(finder, store, "Dorcas comes.") == []


def test_vectors_of_word_pieces_are_kept_by_text_and_made_when_a_few_are_missing(tmp_path: Path) -> None:
    class Counting(MiniLM):
        texts = 0

        def read(self, texts):
            self.texts += len(texts)
            return MODEL.read(texts)

    counting = Counting()
    first = FineVectors(tmp_path / "pieces.sqlite", counting)
    first.embed(["The salt pans.", "The ferry. It goes."])
    first.close()
    again = FineVectors(tmp_path / "pieces.sqlite", counting)
    kept = again.kept(["The ferry. It goes.", "A new text."])
    assert kept is not None and counting.texts == 3
    assert [one.sentences for one in kept] == [2, 1]
    whole = MODEL.embed(["The ferry. It goes."])[0]
    assert kept[0].rows[0] / 127 @ whole == pytest.approx(1, abs=0.01)
    many = [f"Text {number}." for number in range(READ_AT_ONCE + 1)]
    assert again.kept(many) is None
    assert again._later is not None
    again._later.join()
    assert again.kept(many) is not None and counting.texts == 3 + len(many)
    again.close()


def test_nothing_is_read_of_the_file_where_most_vectors_are_missing(tmp_path: Path) -> None:
    asked: list[str] = []
    fine = FineVectors(tmp_path / "pieces.sqlite", MODEL)
    fine.embed(["The ferry. It goes."])
    fine._closing = True  # so that they are not made meanwhile
    fine._database.set_trace_callback(asked.append)
    assert fine.kept(["The ferry. It goes.", *(f"Text {number}." for number in range(READ_AT_ONCE + 1))]) is None
    assert asked and not any("rows" in query for query in asked)
    assert fine.kept(["The ferry. It goes."]) is not None
    fine.close()


def test_memory_holds_so_many_bytes_of_vectors_and_the_file_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = FineVectors(tmp_path / "pieces.sqlite", MODEL)
    texts = [f"The ferry goes {number} times." for number in range(9)]
    fine.embed(texts)
    first = fine.kept(texts[:1])
    assert first is not None
    monkeypatch.setattr("rag.vectors.fine.REMEMBERED", 3 * first[0].rows.nbytes)
    for _ in range(2):
        assert fine.kept(texts) is not None
        assert len(fine._memory) == 3
    assert fine._remembered == sum(kept.rows.nbytes for kept in fine._memory.values())
    fine.close()


def test_the_sample_of_a_world_is_drawn_once_also_where_its_vectors_are_missing(
    store: LoreStore, fine: FineVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def counting(*arguments: Any, **more: Any) -> list[str]:
        drawn.append(1)
        return nsmallest(*arguments, **more)

    monkeypatch.setattr("rag.retrieval.finder.nsmallest", counting)
    monkeypatch.setattr(fine, "kept", lambda texts: None)
    finder = Finder(MODEL, fine)
    for _ in range(3):
        names(finder, store, "Who lights the lamp?")
    assert len(drawn) == 1


def test_a_warmed_up_finder_has_the_vectors_of_a_world_in_memory(store: LoreStore, tmp_path: Path) -> None:
    path = tmp_path / "pieces.sqlite"
    before = FineVectors(path, MODEL)
    before.embed([text for entry in store.entries("tides") for text in pieces(entry)])
    before.close()
    fine = FineVectors(path, MODEL)
    Finder(MODEL, fine).warm_up(store, "tides")
    assert set(fine._memory) == {text for entry in store.entries("tides") for text in pieces(entry)}
    fine.close()
    fine.load(["The ferry."])  # a service that ends while it warms up


def test_the_best_match_is_the_same_however_many_vectors_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(1)
    rows = [chance.integers(-127, 127, (size, 8)).astype(np.int8) for size in (3, 1, 5, 2, 9, 1)]
    owners, asked = [0, 0, 1, 2, 3, 3], chance.random((4, 8)).astype(np.float32)
    each = [np.concatenate([one for one, at in zip(rows, owners, strict=True) if at == owner]) for owner in range(4)]
    right = np.stack([(asked @ one.T.astype(np.float32)).max(1) / 127 for one in each], axis=1)
    for together in (1, 4, 1000):
        monkeypatch.setattr("rag.vectors.comparing.TOGETHER", together)
        assert _best(asked, rows, owners, 4) == pytest.approx(right, abs=1e-5)


def test_words_are_ranked_by_their_stems_and_names_weigh_more() -> None:
    keywords = Keywords(Stemmer())
    keywords.put([Entry(str(at), f"Place {at}", f"Stones and grass {at}.") for at in range(20)])
    keywords.put([Entry("a", "The Ferry", "It goes."), Entry("b", "Hask", "Two ferries land there, and ferrymen.")])
    assert [one for one, _ in keywords.best("which ferries?", 5)] == ["a", "b"]
    keywords.put([Entry("a", "The Boat", "It goes.")], ["b"])
    assert keywords.best("ferries", 5) == []
    for at in range(300):
        keywords.put([Entry("a", "The Boat", f"Number n{at} now.")])
    assert keywords.best("n298", 5) == []
    assert [one for one, _ in keywords.best("boat n299", 5)] == ["a"]


def test_an_atlas_forgets_names_links_and_keys_of_what_is_gone() -> None:
    atlas = Atlas(Stemmer())
    atlas.update({"lamp": LAMP, "keeper": KEEPER})
    assert atlas.neighbours("keeper") == {"lamp"} and atlas.neighbours("lamp") == {"keeper"}
    assert atlas.ordinary("clockwork")
    atlas.update({"lamp": None})
    assert atlas.neighbours("keeper") == set()
    assert not atlas.ordinary("clockwork")
    assert atlas.names.find("the Calf Lamp", lambda one: True) == []


def test_a_damaged_file_of_word_pieces_is_made_anew_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pieces.sqlite"
    path.write_bytes(b"no database at all " * 500)
    fine = FineVectors(path, MODEL)
    assert "is made anew" in caplog.text
    texts = [f"The ferry {number}. It goes." for number in range(READ_AT_ONCE)]
    fine.embed(texts)
    fine.close()
    for damage in (lambda torn: torn.write_bytes(b"torn" * 5000), lambda torn: os.truncate(torn, 0)):
        caplog.clear()
        running = FineVectors(path, MODEL)
        assert caplog.text == ""
        damage(path)
        kept = running.kept(texts)
        assert kept is not None and len(kept) == len(texts)
        assert "is made anew" in caplog.text
        running.embed(texts)
        path.write_bytes(b"torn again" * 5000)
        running.close()
        again = FineVectors(path, MODEL)
        again.embed(texts)
        again.close()
    whole = FineVectors(path, MODEL)
    assert set(whole._look_up(texts)) == set(texts)
    whole.close()


def test_a_full_disk_does_not_cost_the_word_pieces(tmp_path: Path) -> None:
    fine = FineVectors(tmp_path / "pieces.sqlite", MODEL)
    fine.embed(["The ferry."])
    fine._database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        fine.embed([f"The ferry {number}. It goes." for number in range(READ_AT_ONCE)])
    assert "The ferry." in fine._look_up(["The ferry."])
    fine.close()
