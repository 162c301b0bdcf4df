import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from rag_parts import WordEmbedder, near

from rag.front.upstream import USUAL_URL
from rag.vectors.chroma import collection_name
from rag.vectors.index import VectorIndex
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import ModelError, WorldError
from style_tuner.records import Entry, Moment
from style_tuner.workspace import PROJECT_ROOT, Workspace, write_json

ELENA = Entry("elena", "Elena Voss", "An engineer with a cybernetic arm.", "character", ("Elena",))
BAR = Entry("bar", "The Perihelion", "A bar where the crew drink synthetic gin.")


@pytest.fixture
def worlds(workspace: Workspace) -> Iterator[Worlds]:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as opened:
        opened.put("scifi", [ELENA, BAR])
        yield opened


def names(worlds: Worlds, query: str) -> list[str]:
    return [hit.entry.name for hit in worlds.search("scifi", query).hits]


def test_search_follows_puts_and_deletions(worlds: Worlds) -> None:
    assert names(worlds, "crew with gin") == ["The Perihelion"]
    assert worlds.put("scifi", [BAR]) == 0
    worlds.put("scifi", [Entry("bar", "The Perihelion", "Closed for ever.")])
    assert names(worlds, "crew with gin") == []
    worlds.delete("scifi", "elena")
    assert names(worlds, "Elena, an engineer") == []


def test_a_model_with_a_small_context_gets_less_lore(worlds: Worlds, workspace: Workspace) -> None:
    worlds.put("scifi", [Entry("ship", "The Ship", "Elena " * 150), Entry("arm", "The Arm", "Steel " * 60)])
    query = "Elena with the arm on the ship"
    assert {"The Ship", "The Arm"} <= set(names(worlds, query))
    write_json(workspace.servers / "model.json", {"url": USUAL_URL, "context_length": 1024})
    retrieval = worlds.search("scifi", query)
    assert 0 < retrieval.tokens <= 1024 // 3
    assert "The Arm" in names(worlds, query)
    assert "The Ship" in [hit.entry.name for hit in retrieval.left_out]
    write_json(workspace.servers / "model.json", {"url": "http://127.0.0.1:9/v1", "context_length": 1024})
    assert "The Ship" in names(worlds, query)


def test_a_small_context_is_measured_in_tokens_alone(worlds: Worlds, workspace: Workspace) -> None:
    worlds.put("scifi", [Entry("oath", "The Oath", "I am as I do " * 50)])
    write_json(workspace.servers / "model.json", {"url": USUAL_URL, "context_length": 1024})
    retrieval = worlds.search("scifi", "They swear the oath")
    assert "The Oath" in [hit.entry.name for hit in retrieval.hits]
    assert retrieval.words > 1024 // 6 and retrieval.tokens < 1024 // 3


def test_name_in_the_reply_before_counts_as_mention(worlds: Worlds) -> None:
    messages = [
        {"role": "user", "content": "Begin."},
        {"role": "assistant", "content": "Elena stood up."},
        {"role": "user", "content": "Go on."},
    ]
    prompt, retrieval = worlds.prompt("scifi", messages)
    assert [(hit.entry.id, hit.reason) for hit in retrieval.hits] == [("elena", "mention")]
    assert prompt[-1]["content"] == f"Context:\nElena Voss: {ELENA.text}\n\nGo on."


def test_deleted_index_is_rebuilt_from_the_store_while_open(worlds: Worlds, workspace: Workspace) -> None:
    shutil.rmtree(workspace.worlds / "chroma")
    assert names(worlds, "crew with gin") == ["The Perihelion"]


@pytest.mark.parametrize("damage", ["garbage", "cut"])
def test_damaged_index_is_rebuilt_from_the_store(workspace: Workspace, damage: str) -> None:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        worlds.put("scifi", [ELENA, BAR])
    path = workspace.worlds / "chroma" / "chroma.sqlite3"
    path.write_bytes(b"garbage" * 500 if damage == "garbage" else path.read_bytes()[:20_000])
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        assert names(worlds, "crew with gin") == ["The Perihelion"]


def test_index_of_another_embedding_model_is_neither_mixed_nor_made_anew_unasked(workspace: Workspace) -> None:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        worlds.put("scifi", [ELENA, BAR])
    same, other = WordEmbedder(), WordEmbedder("words-2")
    with Worlds(workspace, WorldConfig(), same) as worlds:
        worlds.search("scifi", "gin")
        assert worlds.notes("scifi") == []
    assert same.texts == ["gin"]
    with Worlds(workspace, WorldConfig(), other) as worlds:
        worlds.put("scifi", [Entry("quay", "The Quay", "Where synthetic barrels are unloaded from ships.")])
        assert {hit.entry.id for hit in worlds.search("scifi", "The synthetic barrels of the Quay").hits} >= {"quay"}
        assert near(worlds, "scifi", "synthetic barrels") == []
        assert not any(BAR.text in text for text in other.texts)
        [note] = worlds.notes("scifi")
        assert "words-1" in note
        assert "words-2" in note
        assert "python -m rag index" in note
        worlds.rebuild("scifi")
        assert near(worlds, "scifi", "synthetic barrels of ships")[0] == "quay"
        assert worlds.notes("scifi") == []
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        assert "words-2" in worlds.notes("scifi")[0]


def test_interrupted_indexing_is_made_good(workspace: Workspace) -> None:
    class Failing(WordEmbedder):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            if any("Place" in text for text in texts):
                raise ModelError("The embedding model is gone.")
            return super().embed(texts)

    with Worlds(workspace, WorldConfig(), Failing()) as worlds:
        worlds.put("scifi", [ELENA, BAR])
        worlds.put("scifi", [Entry(f"n{number}", f"Place {number}", "Far away.") for number in range(3)])
        assert names(worlds, "crew with gin") == ["The Perihelion"]
        assert worlds.notes("scifi")[0].startswith("The embedding model is gone.")
    counting = WordEmbedder()
    with Worlds(workspace, WorldConfig(), counting) as worlds:
        assert names(worlds, "crew with gin") == ["The Perihelion"]
        assert worlds.notes("scifi") == []
    assert len(counting.texts) == 4  # what was indexed before the failure is not done again


def test_last_words_of_a_long_entry_are_found(worlds: Worlds) -> None:
    worlds.put("scifi", [Entry("log", "Log", "nothing " * 1000 + "zirconium harvest")])
    hits = worlds.search("scifi", "zirconium harvest")
    assert [hit.entry.id for hit in hits.left_out] == ["log"]


def test_collections_are_cosine_and_name_their_model(worlds: Worlds, workspace: Workspace) -> None:
    index = worlds._index
    assert isinstance(index, VectorIndex)
    collection = index._open().get_collection(collection_name("scifi"))
    vectors = np.array([[1.0] + [0.0] * 2047, [3.0] + [0.0] * 2047])
    collection.upsert(ids=["short", "long"], embeddings=vectors)
    found = collection.query(query_embeddings=vectors[:1] * 5, n_results=2)
    assert found["distances"][0] == pytest.approx([0, 0], abs=1e-5)
    assert collection.metadata["model"] == "words-1"


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        (Moment(), {"After"}),
        (Moment(chapter=3), {"Before"}),
        (Moment("Second", 3), set()),
        (Moment("first", 12), {"After"}),
    ],
)
def test_only_what_holds_at_the_moment_is_found(worlds: Worlds, moment: Moment, found: set[str]) -> None:
    before = Entry("before", "Before", "The bell hangs in the tower.", always_on=True, book="First", to_chapter=11)
    after = Entry("after", "After", "The bell lies in the harbour.", always_on=True, book="First", from_chapter=12)
    worlds.put("scifi", [before, after])
    hits = worlds.search("scifi", "Before and After: the bell", moment=moment).hits
    assert {hit.entry.name for hit in hits} & {"Before", "After"} == found


def test_a_request_that_names_no_moment_is_meant_where_the_author_writes(worlds: Worlds) -> None:
    before = Entry("before", "Before", "The bell hangs in the tower.", book="First", to_chapter=11)
    after = Entry("after", "After", "The bell lies in the harbour.", book="First", from_chapter=12)
    worlds.put("scifi", [before, after])
    assert names(worlds, "Before, After") == ["After"]
    worlds.set_present("scifi", Moment("First", 3))
    assert names(worlds, "Before, After") == ["Before"]
    messages = [{"role": "user", "content": "Before, After"}]
    assert [hit.entry.name for hit in worlds.prompt("scifi", messages)[1].hits] == ["Before"]
    assert [hit.entry.name for hit in worlds.prompt("scifi", messages, Moment())[1].hits] == ["Before"]
    assert worlds.at("scifi", Moment(chapter=12)) == Moment("First", 12)
    assert worlds.at("scifi", Moment("first")) == Moment("First", 3)
    assert worlds.at("scifi", Moment("Second")) == Moment("Second")


def test_undo_redo_and_restore_reach_the_index(worlds: Worlds) -> None:
    worlds.put("scifi", [Entry("bar", "The Perihelion", "Closed for ever.")])
    assert names(worlds, "crew with gin") == []
    worlds.undo("scifi")
    assert names(worlds, "crew with gin") == ["The Perihelion"]
    worlds.redo("scifi")
    assert names(worlds, "crew with gin") == []
    first = worlds.history.versions("scifi", "bar")[-1]
    worlds.restore("scifi", "bar", first.number)
    assert names(worlds, "crew with gin") == ["The Perihelion"]


def test_index_goes_along_with_a_new_name_and_comes_back_from_the_bin(worlds: Worlds) -> None:
    embedder = worlds._embedder
    assert isinstance(embedder, WordEmbedder)
    embedder.texts.clear()
    worlds.rename("scifi", "Orbit")
    assert [hit.entry.name for hit in worlds.search("Orbit", "crew with gin").hits] == ["The Perihelion"]
    assert embedder.texts == ["crew with gin"]
    binned = worlds.put_in_bin("Orbit")
    worlds.create("Orbit")
    assert worlds.search("Orbit", "crew with gin").hits == ()
    worlds.take_from_bin(binned.number, "scifi")
    assert names(worlds, "crew with gin") == ["The Perihelion"]


def test_second_owner_is_refused_with_the_first_ones_pid(worlds: Worlds, workspace: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path; from rag.worlds import Worlds; from rag.vectors.embed import MiniLM\n"
        "from style_tuner.workspace import Workspace; from style_tuner.config import WorldConfig\n"
        "from style_tuner.errors import WorldError\n"
        "try:\n"
        "    Worlds(Workspace(Path(sys.argv[1]), 'default'), WorldConfig(), MiniLM()).__enter__()\n"
        "except WorldError as error:\n"
        "    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(workspace.home)], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60
    )
    assert f"in use by process {os.getpid()}" in ran.stdout, ran.stderr


def test_store_is_usable_after_a_refused_owner(workspace: Workspace) -> None:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as first:
        first.create("scifi")
        with pytest.raises(WorldError), Worlds(workspace, WorldConfig(), WordEmbedder()):
            pass
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as second:
        assert second.names() == ["scifi"]


def test_older_copy_of_the_store_put_back_is_what_counts(workspace: Workspace) -> None:
    store, copy = workspace.worlds / "worlds.sqlite", workspace.home / "copy.sqlite"
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        worlds.put("scifi", [ELENA, BAR])
    shutil.copy(store, copy)
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        worlds.put("scifi", [Entry("bar", "The Perihelion", "Closed for ever.")])
    shutil.copy(copy, store)
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        assert names(worlds, "crew with gin") == ["The Perihelion"]
