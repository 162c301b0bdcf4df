"""Two who edit one entry: a save that names the version that was edited never writes over a newer one."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rag_parts import WordEmbedder, client_of

from rag.errors import WrittenSinceError
from rag.lore.history import History
from rag.lore.store import LoreStore
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.records import Entry
from style_tuner.workspace import Workspace

ELENA = {"name": "Elena Voss", "text": "An engineer.", "kind": "character"}
PLACE = "/worlds/scifi/entries/elena-voss"


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds, client_of(worlds) as opened:
        opened.put("/worlds/scifi")
        yield opened


def test_a_stale_save_is_refused_with_what_is_there_now(client: TestClient) -> None:
    first = client.put(PLACE, params={"version": 0}, json=ELENA).json()
    second = client.put(PLACE, params={"version": first["version"]}, json=ELENA | {"text": "A pilot."})
    assert second.json()["version"] > first["version"]
    stale = client.put(PLACE, params={"version": first["version"]}, json=ELENA | {"text": "A cook."})
    assert stale.status_code == 409
    told = stale.json()
    assert told["error"]["code"] == "written_since" and "'A pilot.'" in told["error"]["message"]
    assert (told["entry"]["text"], told["version"]) == ("A pilot.", second.json()["version"])
    assert client.get("/worlds/scifi/entries").json()["entries"][0]["text"] == "A pilot."
    assert client.put(PLACE, params={"version": told["version"]}, json=ELENA | {"text": "A cook."}).json()["changed"]
    found = client.post("/worlds/scifi/search", json={"query": "somebody who is a cook"}).json()["hits"]
    assert [hit["entry"]["text"] for hit in found] == ["A cook."]


def test_the_same_words_saved_twice_are_no_conflict(client: TestClient) -> None:
    version = client.put(PLACE, params={"version": 0}, json=ELENA).json()["version"]
    again = client.put(PLACE, params={"version": 0}, json=ELENA).json()
    assert (again["changed"], again["version"]) == (False, version)


def test_an_entry_deleted_meanwhile_is_not_brought_back_unasked(client: TestClient) -> None:
    version = client.put(PLACE, params={"version": 0}, json=ELENA).json()["version"]
    client.delete(PLACE)
    stale = client.put(PLACE, params={"version": version}, json=ELENA | {"text": "A cook."})
    assert stale.status_code == 409 and "deleted" in stale.json()["error"]["message"]
    assert (stale.json()["entry"], stale.json()["version"]) == (None, 0)
    assert client.put(PLACE, params={"version": 0}, json=ELENA | {"text": "A cook."}).json()["changed"]


def test_without_a_version_the_last_save_holds(client: TestClient) -> None:
    client.put(PLACE, json=ELENA)
    assert client.put(PLACE, json=ELENA | {"text": "A cook."}).json()["changed"]
    assert client.put("/worlds/nowhere/entries/x", params={"version": 0}, json=ELENA).status_code == 404
    assert client.put(PLACE, params={"version": -1}, json=ELENA).status_code == 400


def test_of_many_saves_of_one_version_exactly_one_is_kept(tmp_path: Path) -> None:
    store = LoreStore(tmp_path / "worlds.sqlite")
    store.create("scifi")
    history = History(store)
    base = history.save("scifi", Entry("elena", "Elena", "An engineer."), 0)
    refused: list[str] = []

    def save(number: int) -> None:
        try:
            history.save("scifi", Entry("elena", "Elena", f"Text {number}."), base)
        except WrittenSinceError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=save, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert len(history.versions("scifi", "elena")) == 2
    store.close()
