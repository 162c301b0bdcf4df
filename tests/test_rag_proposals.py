"""The review queue: manuscripts are read, entries proposed, taken in as they are or changed, rejected for good."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from rag_parts import WordEmbedder, client_of
from rag_processes import world_here
from typer.testing import CliRunner

from rag.__main__ import app
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import WorldError
from style_tuner.manuscripts.store import import_file
from style_tuner.processes import process_start
from style_tuner.records import Entry
from style_tuner.workspace import Workspace, write_json

BOOK = """The Light

Chapter One

Orrin Stace kept the lamp on the Calf. He was a long quiet man with green eyes. "Good day," said Orrin, and he sat.

"It is fresh," said Ede Tallack to Orrin Stace the keeper, and he took off his hat. Ede laughed. Ede liked the Calf.

Mirrin Sayle came in the boat to the Calf, and Mirrin said nothing. "Sit down, Mirrin Sayle," said Ede.

Chapter Two

The Calf is a bare rock five miles to the west of Ossel. Nobody lived in Ossel now. In Ossel it rained.

Mirrin Sayle died in the spring. Ede told it to Orrin, and Orrin wept.
"""
MORE = """The Hook

Chapter One

Orrin Stace lost his left hand in October. "Orrin," said Ede Tallack. Orrin said it was fresh. He went.

Chapter Two

Mirrin Sayle's brown eyes closed. "Mirrin Sayle," said Ede. Mirrin Sayle was there. Hester Lowe said so.

Hester Lowe sat. "Hester Lowe," said Ede, and Hester Lowe smiled.
"""


def add(workspace: Workspace, name: str, text: str) -> None:
    file = workspace.home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    import_file(workspace, file)


@pytest.fixture
def worlds(workspace: Workspace) -> Iterator[Worlds]:
    add(workspace, "light.txt", BOOK)
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as opened:
        yield opened


@pytest.fixture
def client(worlds: Worlds) -> TestClient:
    return client_of(worlds)


def propose(client: TestClient, **asked: Any) -> dict[str, Any]:
    begun = client.post("/worlds/tethers/proposals", json=asked)
    assert begun.status_code == 200, begun.text
    deadline = time.monotonic() + 30
    while (run := client.get("/worlds/tethers/proposals/run").json()["run"])["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return dict(run)


def listed(client: TestClient, state: str = "pending") -> dict[str, dict[str, Any]]:
    found = client.get("/worlds/tethers/proposals", params={"state": state}).json()
    return {row["name"]: row for row in found["proposals"]}


def decide(client: TestClient, what: str, proposal: str, **changes: Any) -> dict[str, Any]:
    answer = client.post(f"/worlds/tethers/proposals/{proposal}/{what}", json={"changes": changes})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_manuscripts_propose_entries_with_evidence_and_nothing_enters_the_world(
    client: TestClient, worlds: Worlds
) -> None:
    run = propose(client)
    assert (run["state"], run["notes"], run["manuscripts"]) == ("done", [], ["light"])
    found = listed(client)
    assert set(found) == {"Orrin Stace", "Ede Tallack", "Mirrin Sayle", "The Calf", "Ossel"}
    orrin = found["Orrin Stace"]
    assert (orrin["kind"], orrin["state"], orrin["mentions"]) == ("character", "pending", 5)
    assert orrin["fields"]["eyes"] == "green"
    eyes = next(fact for fact in orrin["facts"] if fact["field"] == "eyes")
    assert eyes["quotes"] == [
        {
            "text": "Orrin Stace kept the lamp on the Calf. He was a long quiet man with green eyes.",
            "manuscript": "light",
            "title": "The Light",
            "chapter": 1,
            "paragraph": 1,
        }
    ]
    assert found["The Calf"]["fields"]["where"] == "five miles to the west of Ossel"
    assert worlds.entries("tethers") == {}


def test_a_death_is_shown_but_left_out_of_what_holds_from_the_beginning(client: TestClient) -> None:
    propose(client)
    mirrin = listed(client)["Mirrin Sayle"]
    life = next(fact for fact in mirrin["facts"] if fact["field"] == "life")
    assert life["value"] == "dead, told in chapter 2 of The Light"
    assert "from chapter 2 of The Light on" in life["left_out"]
    assert "life" not in mirrin["fields"]
    assert "life" not in decide(client, "accept", "mirrin-sayle")["entry"]["fields"]


def test_accepting_makes_an_entry_that_can_be_found_and_undone(client: TestClient, worlds: Worlds) -> None:
    propose(client)
    done = decide(client, "accept", "orrin-stace")
    assert done["new"]
    entry = worlds.entries("tethers")["orrin-stace"]
    assert (entry.kind, entry.aliases, entry.fields["occupation"]) == ("character", ("Orrin",), "keeper")
    assert entry.from_chapter is None
    assert [hit.entry.name for hit in worlds.search("tethers", "Orrin looked up.").hits] == ["Orrin Stace"]
    assert "Orrin Stace" not in listed(client)
    assert listed(client, "accepted")["Orrin Stace"]["about"] == "Taken in as your entry Orrin Stace."
    assert worlds.undo("tethers") == "Orrin Stace taken in from the manuscripts"
    assert worlds.entries("tethers") == {}


def test_the_author_changes_a_proposal_before_accepting(client: TestClient, worlds: Worlds) -> None:
    propose(client)
    fields = {"eyes": "sea green", "build": "", "first appears": None, "hook": "left"}
    decide(
        client, "accept", "orrin-stace", name="Orrin", kind="keeper", text="He keeps.", fields=fields, aliases=["O."]
    )
    (entry,) = worlds.entries("tethers").values()
    assert (entry.id, entry.name, entry.kind, entry.text, entry.aliases) == (
        "orrin",
        "Orrin",
        "keeper",
        "He keeps.",
        ("O.",),
    )
    assert entry.fields == {"occupation": "keeper", "eyes": "sea green", "hook": "left"}


def test_a_proposal_for_an_entry_that_is_there_only_adds_to_it(client: TestClient, worlds: Worlds) -> None:
    mine = Entry("keeper", "Stace", "My own text.", "character", aliases=("Orrin Stace",), fields={"Eyes": "blue"})
    worlds.put("tethers", [mine])
    propose(client)
    shown = listed(client)["Orrin Stace"]
    assert (shown["entry"]["id"], shown["entry"]["new_aliases"]) == ("keeper", ["Orrin"])
    assert shown["entry"]["differs"] == {"eyes": ["blue", "green"]}
    assert shown["about"].startswith("An addition to your entry Stace: ")
    assert shown["about"].endswith("The manuscripts differ from it in: eyes.")
    decide(client, "accept", "orrin-stace")
    (entry,) = worlds.entries("tethers").values()
    assert (entry.id, entry.name, entry.text) == ("keeper", "Stace", "My own text.")
    assert (entry.fields["Eyes"], entry.fields["occupation"]) == ("blue", "keeper")
    assert entry.aliases == ("Orrin Stace", "Orrin")


def test_an_entry_that_knows_it_all_is_not_proposed_again(client: TestClient, worlds: Worlds) -> None:
    worlds.put("tethers", [Entry("ede", "Ede Tallack", "The ferrywoman.", "character", aliases=("Ede",))])
    propose(client)
    assert "Ede Tallack" not in listed(client)


def test_a_proposal_can_be_added_to_an_entry_of_another_name(client: TestClient, worlds: Worlds) -> None:
    worlds.put("tethers", [Entry("light-man", "The light man", "He walks.", "character")])
    propose(client)
    decide(client, "accept", "orrin-stace", into="light-man")
    assert worlds.entries("tethers")["light-man"].aliases == ("Orrin Stace", "Orrin")


def test_what_was_rejected_stays_away_until_there_is_evidence_of_another_kind(
    client: TestClient, workspace: Workspace
) -> None:
    propose(client)
    decide(client, "reject", "orrin-stace")
    decide(client, "reject", "ede-tallack")
    assert propose(client)["proposed"] == 0
    assert not {"Orrin Stace", "Ede Tallack"} & set(listed(client))
    add(workspace, "hook.txt", MORE)
    propose(client)
    assert listed(client)["Orrin Stace"]["news"] == "New since you decided: left hand."
    assert "Ede Tallack" not in listed(client)


def test_after_accepting_only_what_was_not_offered_before_is_proposed(
    client: TestClient, worlds: Worlds, workspace: Workspace
) -> None:
    propose(client)
    decide(client, "accept", "orrin-stace", fields={"build": ""})
    assert propose(client)["proposed"] == 0
    add(workspace, "hook.txt", MORE)
    propose(client)
    again = listed(client)["Orrin Stace"]
    assert again["entry"]["new_fields"] == {"left hand": "lost"}
    assert {"Hester Lowe"} <= set(listed(client))
    decide(client, "accept", again["id"])
    assert worlds.entries("tethers")["orrin-stace"].fields["left hand"] == "lost"


def test_what_the_author_struck_out_or_renamed_is_not_offered_again(
    client: TestClient, worlds: Worlds, workspace: Workspace
) -> None:
    propose(client)
    decide(client, "accept", "orrin-stace", name="The keeper", aliases=[], fields={"build": ""})
    assert propose(client)["proposed"] == 0
    add(workspace, "hook.txt", MORE)
    assert propose(client)["proposed"] > 0
    assert propose(client)["proposed"] == 0
    again = listed(client)["Orrin Stace"]
    assert (again["entry"]["name"], again["fields"]) == ("The keeper", {"left hand": "lost"})
    decide(client, "accept", again["id"])
    (entry,) = worlds.entries("tethers").values()
    assert "build" not in entry.fields
    assert entry.fields["left hand"] == "lost"


def test_all_are_accepted_in_one_step_that_is_undone_in_one(client: TestClient, worlds: Worlds) -> None:
    propose(client)
    decide(client, "reject", "ossel")
    done = client.post("/worlds/tethers/proposals/accept", json={}).json()
    assert set(done["accepted"]) == {"orrin-stace", "ede-tallack", "mirrin-sayle", "the-calf"}
    assert worlds.count("tethers") == 4
    assert client.get("/worlds/tethers/proposals").json()["counts"] == {"pending": 0, "accepted": 4, "rejected": 1}
    worlds.undo("tethers")
    assert worlds.count("tethers") == 0


def test_a_rejected_proposal_is_opened_again(client: TestClient) -> None:
    propose(client)
    decide(client, "reject", "ossel")
    assert decide(client, "reopen", "ossel")["proposal"]["state"] == "pending"
    assert "Ossel" in listed(client)


def test_names_are_listed_with_their_counts_by_chapter(client: TestClient) -> None:
    assert client.put("/worlds/tethers").status_code == 200
    assert client.get("/worlds/tethers/names").json()["names"] == []
    propose(client)
    names = {row["name"]: row for row in client.get("/worlds/tethers/names").json()["names"]}
    assert names["The Calf"]["chapters"] == [
        {"manuscript": "light", "chapter": 1, "mentions": 3},
        {"manuscript": "light", "chapter": 2, "mentions": 1},
    ]
    assert names["The Calf"]["first"]["chapter"] == 1


def test_queues_of_worlds_are_apart_and_follow_a_rename(client: TestClient, worlds: Worlds) -> None:
    propose(client)
    worlds.create("desert")
    assert client.get("/worlds/desert/proposals").json()["proposals"] == []
    worlds.rename("tethers", "isles")
    assert len(client.get("/worlds/isles/proposals").json()["proposals"]) == 5
    assert client.get("/worlds/tethers/proposals").status_code == 404


def test_the_queue_outlives_the_service(workspace: Workspace, client: TestClient, worlds: Worlds) -> None:
    propose(client)
    decide(client, "reject", "ossel")
    later = client_of(worlds)
    assert set(listed(later, "rejected")) == {"Ossel"}
    assert later.get("/worlds/tethers/names").json()["workspace"] == "default"


def test_a_backup_of_the_worlds_holds_the_queue(client: TestClient, worlds: Worlds, workspace: Workspace) -> None:
    propose(client)
    decide(client, "reject", "ossel")
    copied = Workspace(workspace.home / "copy", "default")
    copied.worlds.mkdir(parents=True)
    shutil.copy(worlds.backup("default"), copied.worlds / "worlds.sqlite")
    with Worlds(copied, WorldConfig(), WordEmbedder()) as other:
        assert set(listed(client_of(other), "rejected")) == {"Ossel"}


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "proposals", {"workspace": "nowhere"}, "There is no workspace 'nowhere'; there are: default"),
        (
            "POST",
            "proposals",
            {"manuscripts": ["night"]},
            "There is no manuscript 'night' in 'default'; there are: light",
        ),
        ("GET", "proposals?state=lost", None, "There is no state 'lost': there are pending, accepted, rejected"),
        ("GET", "proposals/nobody", None, "has no proposal 'nobody'"),
        ("POST", "proposals/nobody/accept", {}, "has no proposal 'nobody'"),
        ("POST", "proposals/ossel/accept", {"changes": {"colour": "red"}}, "has no 'colour' to change"),
        ("POST", "proposals/ossel/accept", {"changes": {"aliases": "Ossel"}}, "changes.aliases: Input should be a"),
        ("POST", "proposals/ossel/accept", {"changes": {"fields": ["eyes"]}}, "changes.fields: Input should be a"),
        ("POST", "proposals/ossel/accept", {"changes": {"into": "atlantis"}}, "There is no entry 'atlantis'"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    client: TestClient, method: str, path: str, body: Any, said: str
) -> None:
    propose(client)
    answer = client.request(method, f"/worlds/tethers/{path}", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_a_decision_is_not_made_twice(client: TestClient) -> None:
    propose(client)
    decide(client, "accept", "ossel")
    twice = client.post("/worlds/tethers/proposals/ossel/accept", json={})
    assert "Ossel is accepted already" in twice.json()["error"]["message"]
    rejected = client.post("/worlds/tethers/proposals/ossel/reject", json={})
    assert "taken in already" in rejected.json()["error"]["message"]


def test_manuscripts_that_the_rules_cannot_read_are_named(client: TestClient, workspace: Workspace) -> None:
    mer = "Et puis Mathilde regarda la mer, et la mer vit Mathilde, et Mathilde rit. "
    add(workspace, "mer.txt", "La mer\n\n" + mer * 3)
    add(workspace, "hong.txt", "红楼\n\n她走进房间,看见了林黛玉。" * 5)
    run = propose(client)
    assert "“红楼” is written in Chinese or Japanese script" in "".join(run["notes"])
    assert "“La mer” does not seem to be English" in "".join(run["notes"])
    assert listed(client)["Mathilde"]["kind"] == "unknown"
    assert decide(client, "accept", "mathilde")["entry"]["kind"] == "note"


def test_a_workspace_without_manuscripts_says_how_to_add_one(workspace: Workspace) -> None:
    with Worlds(workspace, WorldConfig(), WordEmbedder()) as empty:
        answer = client_of(empty).post("/worlds/tethers/proposals", json={})
    assert "`python -m style_tuner import FILE`" in answer.json()["error"]["message"]


@pytest.fixture
def command(workspace: Workspace) -> Iterator[Callable[..., str]]:
    """Run commands beside a service that is up, which has no embedding model to load."""
    add(workspace, "light.txt", BOOK)
    with world_here(workspace, WorldConfig()) as (url, _):
        state = {"pid": os.getpid(), "process_start": process_start(os.getpid()), "url": url}
        write_json(workspace.servers / "world.json", state)

        def run(*arguments: str) -> str:
            ran = CliRunner().invoke(app, list(arguments))
            assert ran.exit_code == 0, ran.output
            return ran.stdout

        yield run


def test_the_command_line_proposes_lists_changes_and_accepts(command: Callable[..., str]) -> None:
    assert "tethers: 5 names found, 5 new proposals to review." in command("propose", "tethers")
    assert "     5 character Orrin Stace (also Orrin), first in The Light, chapter 1" in command("names", "tethers")
    listing = command("review", "tethers").splitlines()
    assert "orrin-stace: Orrin Stace (character, 5 mentions). A new entry: Orrin Stace." in listing
    assert "    eyes: green" in listing
    shown = command("review", "tethers", "--show", "orrin-stace")
    assert (
        "“Orrin Stace kept the lamp on the Calf. He was a long quiet man with green eyes.” The Light, chapter 1"
        in shown
    )
    changes = ("--change", "eyes=sea green", "--change", "build=", "--change", "aliases=Orrin, O.")
    taken = command("review", "tethers", "--accept", "orrin-stace", *changes)
    assert taken == "Orrin Stace: a new entry orrin-stace.\n"
    assert command("review", "tethers", "--reject", "ossel") == "Ossel: rejected. A new entry: Ossel.\n"
    assert command("review", "tethers", "--reopen", "ossel").startswith("Ossel: pending.")
    assert command("review", "tethers", "--all").startswith("4 proposals accepted")
    accepted = json.loads(command("review", "tethers", "--state", "accepted", "--json"))
    assert accepted["counts"] == {"pending": 0, "accepted": 5, "rejected": 0}
    kept = {entry["id"]: entry for entry in json.loads(command("entries", "tethers", "--json"))["entries"]}
    assert (kept["orrin-stace"]["fields"]["eyes"], kept["orrin-stace"]["aliases"]) == ("sea green", ["Orrin", "O."])
    assert "build" not in kept["orrin-stace"]["fields"]
    assert json.loads(command("propose", "tethers", "--json"))["run"]["proposed"] == 0


@pytest.mark.parametrize("change", [["--change", "eyes=grey"], ["--accept", "ossel", "--change", "eyes"]])
def test_a_change_on_the_command_line_needs_its_proposal_and_a_value(workspace: Workspace, change: list[str]) -> None:
    with pytest.raises(WorldError, match="--change"):
        app(["review", "tethers", *change], standalone_mode=False)
