import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi.testclient import TestClient
from rag_processes import WordEmbedder
from typer.testing import CliRunner

from rag.__main__ import app
from rag.commands.continuity import read_draft, report
from rag.proxy import create_app
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import WorldError
from style_tuner.workspace import open_workspace

ELENA = {"name": "Elena Voss", "kind": "character", "aliases": ["Elena"], "text": "She has grey eyes."}
BEFORE = {"name": "Rafe", "kind": "character", "text": "He has two hands and green eyes.", "to_chapter": 4}
AFTER: dict[str, object] = {
    "name": "Rafe Maimed",
    "kind": "character",
    "aliases": ["Rafe"],
    "text": "He lost his left hand.",
    "from_chapter": 5,
}
DRAFT = "It rained.\n\nElena sat down. Her brown eyes were shut. Rafe took the rope in both hands.\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLE_TUNER_HOME", str(tmp_path_factory.mktemp("continuity")))
        with Worlds(open_workspace(), WorldConfig(), WordEmbedder()) as worlds:
            http = TestClient(create_app(worlds, WorldConfig()), base_url="http://127.0.0.1")
            http.post("/worlds/tethers/entries", json={"entries": [ELENA, BEFORE, AFTER]})
            yield http


def checked(client: TestClient, **body: object) -> SimpleNamespace:
    answer: httpx.Response = client.post("/worlds/tethers/check", json={"text": DRAFT, **body})
    assert answer.status_code == 200, answer.text
    return SimpleNamespace(**answer.json())


def test_the_answer_holds_what_a_page_shows(client: TestClient) -> None:
    answer = checked(client, chapter=3)
    (one,) = answer.findings
    assert (answer.sure, answer.chapter, answer.words, answer.entries_named) == (1, 3, 17, 2)
    assert one["sentence"] == "Chapter 3 says Elena's eyes are brown; the world says grey."
    assert DRAFT[one["start"] : one["end"]] == "Her brown eyes"
    assert (one["line"], one["certainty"], one["by"], one["entry"]) == (3, "sure", "rules", "elena-voss")
    assert (one["quote"], one["world_quote"]) == ("Her brown eyes were shut.", "She has grey eyes.")


def test_the_chapter_decides_what_is_true(client: TestClient) -> None:
    assert [one["kind"] for one in checked(client, chapter=8).findings] == ["eyes", "limb"]


def test_without_a_chapter_it_is_where_the_author_is_writing_now(client: TestClient) -> None:
    assert client.put("/worlds/tethers/present", json={"chapter": 3}).status_code == 200
    assert checked(client).chapter == 3
    assert client.put("/worlds/tethers/present", json={}).status_code == 200
    assert checked(client).chapter is None


def test_an_unknown_world_and_a_misspelt_field_are_refused(client: TestClient) -> None:
    assert client.post("/worlds/nowhere/check", json={"text": DRAFT}).status_code == 404
    assert client.post("/worlds/tethers/check", json={"text": DRAFT, "chapters": 3}).status_code == 400


def test_the_model_is_asked_on_request_only(client: TestClient) -> None:
    assert checked(client).notes == []
    assert "The model was not asked" in checked(client, with_model=True).notes[-1]


def test_the_command_shows_line_quotes_and_what_the_world_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE_TUNER_HOME", str(tmp_path / "home"))
    draft = tmp_path / "draft.txt"
    draft.write_text(DRAFT)
    with Worlds(open_workspace(), WorldConfig(), WordEmbedder()) as worlds:
        http = TestClient(create_app(worlds, WorldConfig()), base_url="http://127.0.0.1")
        http.post("/worlds/tethers/entries", json={"entries": [ELENA]})

    def shown(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["check", "tethers", str(draft), *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert shown("--chapter", "3").splitlines() == [
        "Contradicts the world:",
        "",
        "  line 3: Chapter 3 says Elena's eyes are brown; the world says grey.",
        "    the draft: Her brown eyes were shut.",
        "    Elena Voss: She has grey eyes.",
        "",
        "1 place to look at, 1 of them sure.",
    ]
    assert json.loads(shown("--json"))["sure"] == 1


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    for name, data in (("a.png", b"\x89PNG\xff"), ("b.bin", b"a\x00b")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(WorldError, match=r"is no plain text"):
            read_draft(str(tmp_path / name))
    with pytest.raises(WorldError, match="cannot be read"):
        read_draft(str(tmp_path))


def test_a_clean_draft_is_said_to_be_clean() -> None:
    clean = {"findings": [], "notes": [], "sure": 0, "chapter": 3, "entries_named": 2}
    assert report(clean) == ["Nothing contradicts the 2 entries that it names at chapter 3."]
