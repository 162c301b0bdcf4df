import base64
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from test_rag_cards import card, encoded, picture
from test_rag_novelai import lorebook
from test_rag_reading import FULL
from test_rag_sillytavern import world_info
from typer.testing import CliRunner, Result

from rag.__main__ import app
from rag.exchange.reading import read_data
from rag.exchange.sending import packed as pack
from rag.exchange.sending import unpacked
from rag.lore.lorebook import Found, Notes
from rag.proxy import create_app
from rag.vectors.embed import MiniLM
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.records import Entry
from style_tuner.workspace import Workspace


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    with Worlds(workspace, WorldConfig(), MiniLM()) as worlds:
        yield TestClient(create_app(worlds, WorldConfig()), base_url="http://127.0.0.1")


def upload(client: TestClient, *files: tuple[str, bytes], dry_run: bool = False) -> dict[str, Any]:
    parts = [("files", (name, data)) for name, data in files]
    answer = client.post("/worlds/ring/import", files=parts, data={"dry_run": str(dry_run).lower()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def packed(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_files_that_are_uploaded_come_in_and_go_out_again(client: TestClient) -> None:
    done = upload(client, ("ring.json", packed(world_info())), ("nai.lorebook", packed(lorebook(6))))
    assert done["formats"] == {"ring.json": "SillyTavern World Info", "nai.lorebook": "NovelAI lorebook"}
    assert (done["new"], done["unchanged"], len(done["skipped"])) == (7, 0, 1)
    assert [e["id"] for e in done["entries"] if e["name"] == "Elena Voss"] == ["elena-voss", "elena-voss-character"]
    again = upload(client, ("ring.json", packed(world_info())))
    assert (again["imported"], again["unchanged"]) == (0, 4)
    assert "ring.json" in client.get("/worlds/ring/history").text
    out = client.get("/worlds/ring/export", params={"format": "sillytavern"})
    assert out.headers["content-disposition"] == 'attachment; filename="ring.json"'
    wanted = world_info()["entries"]
    assert {key: out.json()["entries"][key] for key in wanted} == wanted
    assert "NovelAI" in unquote(out.headers["x-world-left-out"])


def test_a_dry_run_shows_what_would_come_in_and_writes_nothing(client: TestClient) -> None:
    done = upload(client, ("elena.png", picture((b"tEXt", b"chara\0" + encoded(card())))), dry_run=True)
    assert done["dry_run"]
    assert [entry["name"] for entry in done["entries"]] == ["Elena Voss", "The Perihelion", "The ring"]
    assert client.get("/worlds").json()["worlds"] == []


def test_nothing_that_is_switched_off_in_a_file_is_ever_found(client: TestClient) -> None:
    upload(client, ("ring.json", packed(world_info())))
    found = client.post("/worlds/ring/search", json={"query": "Marc was cut from the story"}).json()
    assert "Marc" not in {hit["entry"]["name"] for hit in found["hits"]}


def test_an_entry_changed_in_the_world_goes_out_changed_with_its_foreign_values(client: TestClient) -> None:
    upload(client, ("elena.json", packed(card("3"))))
    elena = next(e for e in client.get("/worlds/ring/entries").json()["entries"] if e["name"] == "Elena Voss")
    elena_id = elena.pop("id")
    client.put(f"/worlds/ring/entries/{elena_id}", json={**elena, "text": "A pilot."}).raise_for_status()
    out = client.get("/worlds/ring/export", params={"format": "card"}).json()
    wanted = card("3")
    wanted["data"]["description"] = "A pilot."
    assert out == wanted


def test_a_card_is_written_into_a_picture_that_is_uploaded(client: TestClient) -> None:
    upload(client, ("elena.json", packed(card())))
    out = client.post("/worlds/ring/export/picture", files={"picture": ("p.png", picture())})
    assert (out.headers["content-type"], out.headers["content-disposition"][-10:]) == ("image/png", '"ring.png"')
    assert upload(client, ("elena.png", out.content))["formats"] == {"elena.png": "character card V2 in a picture"}
    refused = client.post("/worlds/ring/export/picture", files={"picture": ("p.png", picture()[:-12])})
    assert (refused.status_code, "cut off" in refused.text) == (400, True)


@pytest.mark.parametrize("format", ["markdown", "csv"])
def test_a_world_of_all_that_entries_hold_comes_back_unchanged(client: TestClient, format: str) -> None:
    client.post("/worlds/ring/entries", json={"entries": [vars(FULL)]}).raise_for_status()
    upload(client, ("ring.json", packed(world_info())), ("elena.json", packed(card())))
    out = client.get("/worlds/ring/export", params={"format": format})
    if format == "csv":
        files = [("ring.csv", out.content)]
    else:
        with zipfile.ZipFile(io.BytesIO(out.content)) as archive:
            files = [(name, archive.read(name)) for name in archive.namelist()]
    done = upload(client, *files)
    assert done["unchanged"] == len(client.get("/worlds/ring/entries").json()["entries"])
    assert done["skipped"] == []


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ("/worlds/ring/export?format=docx", 400, "choose one of markdown, sillytavern"),
        ("/worlds/none-such/export", 404, "no world named"),
        ("/worlds/ring/export?format=card", 400, "has no entries"),
    ],
)
def test_an_export_that_cannot_be_is_refused(client: TestClient, asked: str, status: int, message: str) -> None:
    client.put("/worlds/ring")
    answer = client.get(asked)
    assert (answer.status_code, message in answer.json()["error"]["message"]) == (status, True)


def test_what_a_command_packs_is_small_and_checked_like_anything_else(client: TestClient) -> None:
    read = read_data("ring.json", packed(world_info()))
    assert unpacked(pack(read)) == read
    many = Notes(read.found * 1000)
    assert len(pack(many)) < len(json.dumps(world_info())) * 1000 / 5
    faulty = Notes((Found(Entry("b", "Bea", ""), "b.md"), Found(Entry("a", "Ada", "Tall."), "a.md")))
    done = client.post("/worlds/ring/import/notes", json={"packed": pack(faulty)}).json()
    assert (done["new"], [one["name"] for one in done["skipped"]]) == (1, ["b.md"])
    for broken in ("", "no base64", pack(read)[:-40], base64.b64encode(zlib.compress(b"[]")).decode()):
        answer = client.post("/worlds/ring/import/notes", json={"packed": broken})
        assert (answer.status_code, "not what the command" in answer.text) == (400, True)


def rag(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_command_line_brings_a_world_along_and_takes_it_away(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLE_TUNER_HOME", str(workspace.home))
    files = tmp_path / "files"
    files.mkdir()
    (files / "elena.png").write_bytes(picture((b"tEXt", b"chara\0" + encoded(card()))))
    (files / "ring.json").write_bytes(packed({"entries": [{"key": ["Ada", "/(/"], "content": "Tall."}]}))
    tried = rag("import", "ring", str(files), "--dry-run")
    assert tried.exit_code == 1
    assert "new        Ada (note), from ring.json, entry 0" in tried.stdout
    assert "ring: 4 entries would be new or changed, 0 unchanged, 1 skipped.\n" in tried.stdout
    done = rag("import", "ring", str(files / "elena.png"), str(files / "ring.json"))
    assert "Skipped elena.png, entry 3 ('Faulty'): its text must be words, but is 7.\n" in done.stderr
    assert "Switched off in the file" in done.stderr
    assert "no valid regular expression" in done.stderr
    assert done.stdout == "ring: 4 entries new or changed, 0 unchanged, 1 skipped.\n"
    out = tmp_path / "out.png"
    written = rag(
        "export",
        "ring",
        "--format",
        "card",
        "--picture",
        str(files / "elena.png"),
        "--output",
        str(out),
    )
    assert written.stdout == f"ring: written to {out}.\n"
    again = rag("import", "ring", str(out), "--dry-run", "--json")
    assert {entry["name"] for entry in json.loads(again.stdout)["entries"]} >= {"Elena Voss", "The ring", "Ada"}
    refused = rag("export", "ring", "--format", "csv", "--output", str(out))
    assert "exists already, and an export overwrites nothing" in str(refused.exception)
    told = [json.loads(rag("export", "ring", "--json").stdout) for _ in range(2)]
    folders = [Path(one["path"]) for one in told]
    assert len(set(folders)) == 2
    assert all(sorted(path.name for path in folder.iterdir())[0] == "ada.md" for folder in folders)
    assert all(folder.parent == workspace.exports for folder in folders)
