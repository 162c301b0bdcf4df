"""The worlds over HTTP and from the command line: history, undo, the bin, and where the author is writing."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rag_parts import WordEmbedder, client_of
from typer.testing import CliRunner

from rag.__main__ import app
from rag.lore.store import LoreStore
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import StorageError
from style_tuner.records import Entry
from style_tuner.workspace import Workspace

ELENA = {"name": "Elena Voss", "text": "An engineer.", "aliases": ["Elena"]}
BAR = {"name": "The Perihelion", "text": "A bar where the crew drink gin."}


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds, client_of(worlds) as opened:
        opened.post("/worlds/scifi/entries", json={"entries": [ELENA, BAR], "source": "lore {1}.json"})
        yield opened


def test_history_undo_and_redo_over_http(client: TestClient) -> None:
    client.put("/worlds/scifi/entries/elena-voss", json=ELENA | {"text": "A pilot."})
    told = client.get("/worlds/scifi/history").json()
    assert [one["about"] for one in told["changes"]] == ["Elena Voss changed", "Import of 2 entries from lore {1}.json"]
    assert (told["can_undo"], told["can_redo"]) == ("Elena Voss changed", None)
    [difference] = client.get(f"/worlds/scifi/history/{told['changes'][0]['number']}").json()["entries"]
    assert (difference["before"]["text"], difference["after"]["text"]) == ("An engineer.", "A pilot.")
    undone = client.post("/worlds/scifi/undo").json()
    assert (undone["undone"], undone["can_redo"]) == ("Elena Voss changed", "Elena Voss changed")
    assert client.get("/worlds/scifi/history").json()["changes"][1]["undone"]
    assert client.post("/worlds/scifi/redo").json()["redone"] == "Elena Voss changed"
    refused = client.post("/worlds/scifi/redo")
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].endswith("there is nothing to do again.")
    assert client.get("/worlds/nowhere/history").status_code == 404


def test_versions_of_an_entry_over_http(client: TestClient) -> None:
    client.put("/worlds/scifi/entries/elena-voss", json=ELENA | {"text": "A pilot."})
    client.delete("/worlds/scifi/entries/elena-voss")
    versions = client.get("/worlds/scifi/entries/elena-voss/history").json()["versions"]
    assert [(one["entry"]["text"], one["deleted"]) for one in versions] == [
        ("A pilot.", True),
        ("A pilot.", False),
        ("An engineer.", False),
    ]
    body = {"version": versions[-1]["number"]}
    assert client.post("/worlds/scifi/entries/elena-voss/restore", json=body).json()["entry"]["text"] == "An engineer."
    assert len(client.get("/worlds/scifi/entries").json()["entries"]) == 2
    assert client.get("/worlds/scifi/entries/nobody/history").status_code == 404


def test_present_is_what_a_request_means_that_names_no_chapter(client: TestClient) -> None:
    client.put("/worlds/scifi/entries/arm", json={"name": "Arm", "text": "Lost in the fire.", "from_chapter": 7})
    ask = {"query": "Arm"}
    assert client.put("/worlds/scifi/present", json={"chapter": 3}).json()["chapter"] == 3
    assert client.get("/worlds/scifi/present").json() == {"world": "scifi", "book": "", "chapter": 3}
    assert client.post("/worlds/scifi/search", json=ask).json()["hits"] == []
    assert client.post("/worlds/scifi/search", json=ask | {"chapter": 8}).json()["hits"] != []
    assert client.put("/worlds/scifi/present", json={"chapter": 0}).status_code == 400
    client.put("/worlds/scifi/present", json={})
    assert client.post("/worlds/scifi/search", json=ask).json()["hits"] != []
    assert client.get("/worlds").json()["worlds"][0]["present"] == {"book": "", "chapter": None}


def test_worlds_are_renamed_binned_and_brought_back_over_http(client: TestClient) -> None:
    assert client.post("/worlds/scifi/rename", json={"name": "Orbit"}).json() == {"world": "Orbit", "before": "scifi"}
    binned = client.delete("/worlds/Orbit").json()["bin"]
    assert client.get("/worlds").json()["worlds"] == []
    assert client.get("/bin").json()["worlds"] == [binned]
    assert client.post(f"/bin/{binned['number']}/restore", json={"name": "scifi"}).json() == {"world": "scifi"}
    assert len(client.get("/worlds/scifi/history").json()["changes"]) == 1
    assert client.post("/bin/99/restore", json={}).status_code == 400


def ran(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_commands_tell_and_undo_what_was_done(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.service.open_embedder", lambda name: WordEmbedder())  # each command loads its own
    store = LoreStore(workspace.worlds / "worlds.sqlite")
    store.create("scifi")
    store.put("scifi", [Entry("elena", "Elena Voss", "An engineer.")])
    store.put("scifi", [Entry("elena", "Elena Voss", "A pilot.")])
    store.delete("scifi", "elena")
    store.close()
    assert [line.split("  ")[-1] for line in ran("history", "scifi").splitlines()] == [
        "Elena Voss deleted",
        "Elena Voss changed",
        "Elena Voss added",
    ]
    assert ran("undo", "scifi") == "Undone: Elena Voss deleted.\n"
    assert "Elena Voss: A pilot." in ran("entries", "scifi")
    assert ran("redo", "scifi") == "Done again: Elena Voss deleted.\n"
    change = json.loads(ran("history", "scifi", "--json"))["changes"][-2]["number"]
    assert "  - text: An engineer.\n  + text: A pilot.\n" in ran("history", "scifi", "--change", str(change))
    versions = ran("history", "scifi", "--entry", "elena").splitlines()
    assert ran("restore", "scifi", "elena", versions[-2].split()[0]).startswith("Elena Voss is what it was in version")
    assert "An engineer." in ran("entries", "scifi")
    assert ran("delete", "scifi", "elena") == "Elena Voss is deleted.\n"


def test_commands_name_bin_and_place_worlds(workspace: Workspace, tmp_path: Path) -> None:
    store = LoreStore(workspace.worlds / "worlds.sqlite")
    store.create("scifi")
    store.close()
    assert ran("present", "scifi", "--book", "First", "--chapter", "3") == "scifi: chapter 3 of First\n"
    assert ran("present", "scifi", "--chapter", "4") == "scifi: chapter 4 of First\n"
    assert ran("worlds") == "scifi: 0 entries, at chapter 4 of First\n"
    assert ran("present", "scifi", "--clear") == "scifi: the end of the story\n"
    assert ran("rename", "scifi", "Orbit") == "scifi is named Orbit now.\n"
    said = ran("remove", "Orbit")
    assert "python -m rag unbin 1" in said
    assert "Orbit: 0 entries, in the bin since" in ran("worlds", "--bin")
    assert ran("unbin", "1", "--as", "scifi") == "scifi is back.\n"


def test_backup_is_a_store_that_can_be_put_back(workspace: Workspace, client: TestClient) -> None:
    first, second = (client.post("/backup", json={}).json() for _ in range(2))
    assert first["path"] != second["path"]
    assert Path(first["path"]).parent == workspace.exports
    assert Path(first["path"]).name.startswith("worlds-20")
    assert sorted(path.name for path in workspace.exports.iterdir()) == sorted(
        Path(done["path"]).name for done in (first, second)
    )
    client.delete("/worlds/scifi/entries/elena-voss")
    copy = LoreStore(Path(first["path"]))
    assert [entry.name for entry in copy.entries("scifi")] == ["Elena Voss", "The Perihelion"]


def test_backup_is_written_while_entries_are(workspace: Workspace) -> None:
    with Worlds(workspace, WorldConfig(), WordEmbedder(dimensions=8)) as worlds:
        rows = [[Entry(f"n{at}-{one}", f"Place {at} {one}", "Dark.") for one in range(20)] for at in range(40)]
        writing = threading.Thread(target=lambda: [worlds.put("scifi", some) for some in rows])
        writing.start()
        copies = [LoreStore(worlds.backup("default")) for _ in range(3)]
        writing.join()
        for copy in copies:
            assert not copy.worlds() or copy.count("scifi") % 20 == 0
            assert copy.database.rows("PRAGMA integrity_check") == [("ok",)]


def test_backup_command_writes_where_it_is_told_and_overwrites_nothing(workspace: Workspace, tmp_path: Path) -> None:
    output = tmp_path / "copies" / "mine.sqlite"
    assert str(output) in ran("backup", "--output", str(output))
    assert LoreStore(output).worlds() == []
    before = output.read_bytes()
    with pytest.raises(StorageError, match="overwrites nothing"):
        ran("backup", "--output", str(output))
    assert output.read_bytes() == before
    assert list(workspace.exports.iterdir()) == []


@pytest.mark.parametrize("chapter", [0, -3])
def test_a_chapter_before_the_first_is_refused(client: TestClient, chapter: int) -> None:
    for path, body in (
        ("search", {"query": "Elena"}),
        ("prompt", {"messages": [{"role": "user", "content": "Elena"}]}),
        ("check", {"text": "Elena"}),
        ("present", {}),
    ):
        ask = client.put if path == "present" else client.post
        answer = ask(f"/worlds/scifi/{path}", json=body | {"chapter": chapter})
        assert answer.status_code == 400, path
        assert answer.json()["error"]["code"] == "malformed_request"
        assert ask(f"/worlds/scifi/{path}", json=body | {"chapter": 1}).status_code == 200, path
    assert client.get("/worlds/scifi/passages/search", params={"q": "Elena", "chapter": chapter}).status_code == 400
