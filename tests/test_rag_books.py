"""A book that is named and not known is told with the one that was meant."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from rag_parts import WordEmbedder, client_of

from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.workspace import Workspace

ARM = {"name": "Arm", "text": "Lost in the fire.", "book": "Second Light"}
MEANT = "Did you mean 'Second Light'?"


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as worlds, client_of(worlds) as opened:
        answer = opened.put("/worlds/ring/entries/arm", json=ARM).json()
        assert answer["warnings"] == []  # the first to name a book is right
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "search", {"query": "Arm"}),
        ("POST", "prompt", {"messages": [{"role": "user", "content": "Arm"}]}),
        ("POST", "check", {"text": "The arm hurt."}),
        ("PUT", "present", {"chapter": 3}),
    ],
)
def test_a_request_that_misspells_its_book_is_told(client: TestClient, method: str, path: str, body: dict) -> None:
    def notes(book: str) -> list[str]:
        return client.request(method, f"/worlds/ring/{path}", json=body | {"book": book}).json()["notes"]

    assert any(MEANT in note for note in notes("Secnd Light"))
    assert any("There are: Second Light." in note for note in notes("Quite Another"))
    assert not any("book" in note for note in notes("second light"))
    assert not any("book" in note for note in notes(""))


def test_an_entry_that_misspells_its_book_is_told_and_kept(client: TestClient) -> None:
    saved = client.put("/worlds/ring/entries/leg", json=ARM | {"name": "Leg", "book": "Second Ligth"}).json()
    assert saved["warnings"] == [f"Leg: the book 'Second Ligth' is new to this world. {MEANT}"]
    other = client.put("/worlds/ring/entries/eye", json=ARM | {"name": "Eye", "book": "The Widow of Pellow"}).json()
    assert other["warnings"] == []
    for number in ("I", "II", "III"):
        volume = client.put(
            f"/worlds/ring/entries/v{number.lower()}", json=ARM | {"book": f"The Ring, volume {number}"}
        )
        assert volume.json()["warnings"] == []
    again = client.put("/worlds/ring/entries/ear", json=ARM | {"name": "Ear", "book": "second light"}).json()
    assert again["warnings"] == []


def test_an_import_that_misspells_a_book_is_told(client: TestClient) -> None:
    rows = "name,text,book\nEve,Small.,Second Lihgt\nIda,Tall.,Second Light\n"
    told = client.post("/worlds/ring/import", files=[("files", ("a.csv", rows.encode()))]).json()
    assert told["warnings"] == [f"Eve: the book 'Second Lihgt' is new to this world. {MEANT}"]
    fresh = client.post("/worlds/fresh/import", files=[("files", ("a.csv", rows.encode()))]).json()
    assert len(fresh["warnings"]) == 2  # neither is known before: each is told beside the other


def test_what_prompts_of_a_misspelt_book_got_says_so(client: TestClient) -> None:
    ask = {"messages": [{"role": "user", "content": "Arm"}], "book": "Secnd Light"}
    told = client.post("/worlds/ring/prompt", json=ask).json()["inspection"]
    assert any(MEANT in note for note in told["notes"])
    assert client.post("/worlds/ring/prompt", json=ask | {"book": ""}).json()["inspection"]["notes"] == []
    last, before = client.get("/worlds/ring/prompts").json()["prompts"]
    assert last["notes"] == []
    assert any(MEANT in note for note in before["notes"])


def test_the_book_that_one_is_writing_is_told_of_each_prompt_where_it_is_misspelt(client: TestClient) -> None:
    client.put("/worlds/ring/present", json={"book": "Secnd Light", "chapter": 3})
    answer = client.post("/worlds/ring/prompt", json={"messages": [{"role": "user", "content": "Arm"}]}).json()
    assert any(MEANT in note for note in answer["inspection"]["notes"])
