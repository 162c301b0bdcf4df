"""What may befall a store of worlds: kills, full and read-only disks, lost indexes, too much at once, odd names."""

import contextlib
import logging
import multiprocessing
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest
from rag_parts import WordEmbedder, client_of, near

from rag.lore.history import History
from rag.lore.store import LONGEST_ENTRY, LoreStore
from rag.service import running_url
from rag.vectors.embed import MiniLM
from rag.vectors.index import PART
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import StorageError, WorldError
from style_tuner.records import Entry
from style_tuner.workspace import PROJECT_ROOT, Workspace

ELENA = Entry("elena", "Elena Voss", "An engineer with a cybernetic arm.", "character", ("Elena",))
BAR = Entry("bar", "The Perihelion", "A bar where the crew drink synthetic gin.")
NOBODY = 65534


def many(number: int) -> list[Entry]:
    return [
        Entry(f"n{at}", f"Place {at}", f"The corridor number {at} of the station, dark and cold.")
        for at in range(number)
    ]


def store_file(workspace: Workspace) -> Path:
    return workspace.worlds / "worlds.sqlite"


@pytest.fixture
def worlds(workspace: Workspace) -> Iterator[Worlds]:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as opened:
        opened.put("scifi", [ELENA, BAR])
        yield opened


def names(worlds: Worlds, query: str) -> list[str]:
    return [hit.entry.name for hit in worlds.search("scifi", query).hits]


def started(workspace: Workspace) -> tuple[subprocess.Popen[bytes], str]:
    """Start the service as a process of its own and return it with its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rag", "serve", "scifi", "--port", "0"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"STYLE_TUNER_HOME": str(workspace.home), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    while (url := running_url(workspace)) is None:
        assert process.poll() is None
        time.sleep(0.05)
    return process, url


def post(url: str, entries: Sequence[Entry]) -> None:
    rows = [{"id": entry.id, "name": entry.name, "text": entry.text} for entry in entries]
    with contextlib.suppress(httpx.TransportError):  # the service is killed meanwhile
        httpx.post(f"{url}/worlds/scifi/entries", json={"entries": rows}, trust_env=False, timeout=120)


def test_killed_service_keeps_no_half_of_an_import_and_indexes_on_where_it_was(workspace: Workspace) -> None:
    process, url = started(workspace)
    try:
        post(url, many(3000))
        [world] = [{"indexing": {"done": 0}}]
        while not world["indexing"]["done"]:
            time.sleep(0.05)
            [world] = httpx.get(f"{url}/worlds", trust_env=False, timeout=60).json()["worlds"]
            assert (world["entries"], world["indexing"]["total"]) == (3000, 3000)
        log = store_file(workspace).with_name("worlds.sqlite-wal")
        before = log.stat().st_size
        importing = threading.Thread(target=post, args=[url, many(12_000)[3000:]])
        importing.start()
        while log.stat().st_size <= before + 1_000_000:  # what is not committed yet is in this file as well
            assert importing.is_alive()
            time.sleep(0.001)
    finally:
        process.kill()
        process.wait(timeout=60)
    importing.join()
    embedder = WordEmbedder(MiniLM.name, 384)  # quick, and not to be told from the service's by the index
    with Worlds(workspace, WorldConfig(), embedder) as worlds:
        assert len(worlds.entries("scifi")) == worlds.count("scifi") == 3000
        assert [change.about for change in worlds.history.changes("scifi", 9)] == ["3,000 entries added or changed"]
        worlds.warm_up("scifi")
        assert worlds._indexer.wait("scifi", 60)
        assert 0 < len(embedder.texts) <= 3001 - world["indexing"]["done"]
        assert worlds._index.pending(worlds._source("scifi")) == 0
    with sqlite3.connect(store_file(workspace)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_searching_goes_on_by_names_and_words_while_much_is_indexed(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    class Held(WordEmbedder):
        go_on = threading.Event()

        def embed(self, texts: Sequence[str]) -> np.ndarray:
            if len(texts) > 3:
                assert self.go_on.wait(60)
            return super().embed(texts)

    embedder = Held(dimensions=32)
    with Worlds(workspace, WorldConfig(), embedder) as worlds, client_of(worlds) as client:
        caplog.set_level(logging.INFO, "rag")
        worlds.put("scifi", [ELENA, *many(1000)], "Import of {entries} from stations.csv")
        assert names(worlds, "Elena goes to Place 77") == ["Elena Voss", "Place 77"]
        [world] = client.get("/worlds").json()["worlds"]
        assert (world["entries"], world["indexing"]) == (1001, {"done": 0, "total": 1001})
        answer = client.post("/worlds/scifi/search", json={"query": "Elena"}).json()
        assert answer["notes"] == world["notes"]
        assert "0 of 1,001 so far" in answer["notes"][0]
        embedder.go_on.set()
        assert worlds._indexer.wait("scifi", 60)
        [world] = client.get("/worlds").json()["worlds"]
        assert (world["indexing"], world["notes"]) == (None, [])
        assert "Indexing scifi: 1,001 of 1,001." in caplog.messages
        assert near(worlds, "scifi", "dark and cold") != []
        assert worlds.history.next_steps("scifi") == ("Import of 1,001 entries from stations.csv", None)


def test_worlds_are_closed_soon_while_much_is_indexed(workspace: Workspace) -> None:
    class Held(WordEmbedder):
        until: threading.Event | None = None

        def embed(self, texts: Sequence[str]) -> np.ndarray:
            if self.until is not None:
                assert self.until.wait(60)
            return super().embed(texts)

    embedder = Held(dimensions=8)
    with Worlds(workspace, WorldConfig(), embedder) as worlds:
        embedder.until = worlds._index._stopped
        worlds.put("scifi", many(2000))
    assert len(embedder.texts) <= PART
    embedder.until = None
    with Worlds(workspace, WorldConfig(), embedder) as worlds:
        worlds.warm_up("scifi")
        assert worlds._indexer.wait("scifi", 60)
        assert worlds._index.pending(worlds._source("scifi")) == 0


def test_index_deleted_while_off_is_made_anew(worlds: Worlds, workspace: Workspace) -> None:
    worlds.__exit__(None, None, None)
    shutil.rmtree(workspace.worlds / "chroma")
    worlds.__enter__()
    assert names(worlds, "crew with gin") == ["The Perihelion"]
    assert worlds.notes("scifi") == []


def test_index_damaged_while_open_is_made_anew(worlds: Worlds, workspace: Workspace) -> None:
    (workspace.worlds / "chroma" / "chroma.sqlite3").write_bytes(b"garbage" * 5000)
    worlds.put("scifi", [Entry("quay", "The Quay", "Barrels of fish are unloaded there.")])
    assert names(worlds, "barrels of fish") == ["The Quay"]
    assert names(worlds, "crew with gin") == ["The Perihelion"]
    assert worlds.notes("scifi") == []


def test_index_that_cannot_be_written_is_said_and_done_without(workspace: Workspace) -> None:
    workspace.worlds.mkdir(parents=True)
    (workspace.worlds / "chroma").write_text("no folder")
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds:
        worlds.put("scifi", [ELENA, BAR])
        assert names(worlds, "Elena") == ["Elena Voss"]
        assert names(worlds, "crew with synthetic gin") == ["The Perihelion"]
        assert "cannot be written" in worlds.notes("scifi")[0]


def test_full_disk_keeps_what_was_there_and_works_again_with_room(worlds: Worlds) -> None:
    database = worlds._store.database
    pages = database.rows("PRAGMA page_count")[0][0]
    database._writer.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(StorageError, match=r"full.*Nothing of this change was kept; free some space"):
        worlds.put("scifi", many(500))
    assert sorted(worlds.entries("scifi")) == ["bar", "elena"]
    assert len(worlds.history.changes("scifi", 9)) == 1
    database._writer.execute("PRAGMA max_page_count = 1000000")
    assert worlds.put("scifi", many(50)) == 50
    assert worlds.undo("scifi") == "50 entries added or changed"


def _written_by_nobody(path: Path, said: "multiprocessing.SimpleQueue[str]") -> None:
    if os.getuid() == 0:
        os.setuid(NOBODY)  # the administrator may write everywhere
    try:
        LoreStore(path).put("scifi", [BAR])
    except StorageError as error:
        said.put(str(error))
    said.put("done")


def test_store_on_a_read_only_disk_is_refused_with_the_remedy() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "worlds.sqlite"
        store = LoreStore(path)
        store.create("scifi")
        store.put("scifi", [ELENA])
        store.close()
        path.chmod(stat.S_IREAD | stat.S_IRGRP | stat.S_IROTH)
        folder.chmod(0o555)
        context = multiprocessing.get_context("fork")
        said = context.SimpleQueue()
        child = context.Process(target=_written_by_nobody, args=(path, said))
        child.start()
        child.join(60)
        assert "give this user the right to" in said.get()
        folder.chmod(0o755)
        path.chmod(0o644)
        assert LoreStore(path).entries("scifi") == [ELENA]
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_entry_of_100_000_words_is_found_by_its_last_words_and_warned_about(
    worlds: Worlds, caplog: pytest.LogCaptureFixture
) -> None:
    with client_of(worlds) as client:
        log = {"name": "Log", "text": "nothing " * 99_997 + "zirconium harvest"}
        quay = {"name": "Quay", "text": "Fish is landed there."}
        done = client.post("/worlds/scifi/entries", json={"entries": [log, quay], "source": "log.csv"}).json()
        assert (done["imported"], done["skipped"]) == (2, [])
        assert done["warnings"] == [message for message in caplog.messages if "100,000 words" in message]
        assert len(done["warnings"]) == 1
        found = worlds.search("scifi", "zirconium harvest")
        assert [hit.entry.id for hit in found.left_out] == ["log"]
        assert worlds.entries("scifi")["log"].text.endswith("zirconium harvest")


def test_entry_that_is_a_whole_shelf_is_refused_and_the_others_are_kept(worlds: Worlds) -> None:
    with client_of(worlds) as client:
        shelf = {"name": "Shelf", "text": "word " * (LONGEST_ENTRY + 1)}
        quay = {"name": "Quay", "text": "Fish is landed there."}
        done = client.post("/worlds/scifi/entries", json={"entries": [shelf, quay]}).json()
        assert done["imported"] == 1
        assert "150,001 words, more than the 150,000" in done["skipped"][0]["reason"]
        assert client.put("/worlds/scifi/entries/shelf", json=shelf).status_code == 400
    with pytest.raises(WorldError, match="150,001 words"):
        worlds.put("scifi", [Entry("shelf", "Shelf", shelf["text"])])


def test_entries_of_the_same_name_are_all_kept_and_found(worlds: Worlds) -> None:
    worlds.put("scifi", [Entry("elena-2", "Elena Voss", "A grandmother on Mars.", "character")])
    assert names(worlds, "Elena Voss came in") == ["Elena Voss", "Elena Voss"]
    worlds.delete("scifi", "elena")
    assert [hit.entry.text for hit in worlds.search("scifi", "Elena Voss").hits] == ["A grandmother on Mars."]


@pytest.mark.parametrize("name", ["Елена Восс", "艾琳", "エレナ", "Żółw", "राम", "إيلينا"])
def test_names_of_other_scripts_are_kept_found_and_told(worlds: Worlds, name: str) -> None:
    with client_of(worlds) as client:
        body = {"entries": [{"name": name, "text": "An engineer of another ship."}]}
        assert client.post("/worlds/scifi/entries", json=body).json()["imported"] == 1
        found = client.post("/worlds/scifi/search", json={"query": f"— {name} —"}).json()["hits"]
        assert (found[0]["entry"]["name"], found[0]["reason"]) == (name, "mention")
        entry_id = found[0]["entry"]["id"]
        assert client.get("/worlds/scifi/history").json()["changes"][0]["about"] == f"{name} added"
        assert client.delete(f"/worlds/scifi/entries/{entry_id}").json()["deleted"]


def test_histories_of_a_large_import_are_quick_to_undo(workspace: Workspace) -> None:
    store = LoreStore(store_file(workspace))
    store.create("scifi")
    store.put("scifi", many(5000))
    history = History(store)
    history.undo("scifi")
    assert (store.count("scifi"), store.entries("scifi")) == (0, [])
    history.redo("scifi")
    assert store.count("scifi") == 5000
