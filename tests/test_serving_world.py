"""The World service as the page reaches it: started, asked, given files, stopped."""

import socket
from collections.abc import Iterator
from dataclasses import asdict

import psutil
import pytest
from test_serving_server import free_port

from style_tuner.config import WorldConfig
from style_tuner.errors import ServerError, WorldError
from style_tuner.records import Entry, Message
from style_tuner.serving import lore, world
from style_tuner.serving.world import WorldState
from style_tuner.tabs import world_exchange
from style_tuner.workspace import Workspace

NOTES = {
    "Mara Quill": "Mara Quill keeps the lighthouse at Sallow Point and never lights the lamp on Sundays.",
    "The Heron": "The Heron is a ferry with a cracked bell.",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("world"), "default")


@pytest.fixture(scope="module")
def service(place: Workspace) -> Iterator[WorldState]:
    running = world.start(place, WorldConfig(port=free_port()), "harbour")
    notes = {f"{name}.md": f"# {name}\n\n{text}\n".encode() for name, text in NOTES.items()}
    said = world_exchange.bring_in(running.url, "harbour", notes, "FOLDER")
    assert "2 new entries, 0 changed, 0 as they were." in said
    yield running
    world.stop(place)


def test_worlds_and_entries_are_listed(service: WorldState) -> None:
    assert lore.worlds(service.url) == {"harbour": 2}
    assert {entry.name: entry.text for entry in lore.entries(service.url, "harbour")} == NOTES


def test_a_second_start_returns_the_running_service(place: Workspace, service: WorldState) -> None:
    assert world.start(place, WorldConfig(port=free_port())) == service


def test_an_entry_is_added_found_sent_and_taken_out(service: WorldState) -> None:
    entry = Entry("the-bell", "The Bell", "The bell of the drowned church rings before storms.", aliases=("bell",))
    path = ("worlds", "harbour", "entries", entry.id)
    assert Entry.from_row(lore.ask(service.url, "PUT", *path, body=asdict(entry))["entry"]) == entry
    asked = [Message("user", "A storm is coming and the drowned church is heard")]
    _, found = lore.prompt(service.url, "harbour", asked)
    assert found.hits[0].entry == entry
    messages, sent = lore.prompt(service.url, "harbour", [Message("user", "Mara Quill climbs the stairs.")])
    assert NOTES["Mara Quill"] in "".join(message.content for message in messages)
    assert any(hit.entry.name == "Mara Quill" and hit.reason == "mention" for hit in sent.hits)
    lore.ask(service.url, "DELETE", *path)
    assert lore.worlds(service.url) == {"harbour": 2}


def test_refusals_of_the_service_are_passed_on(service: WorldState) -> None:
    with pytest.raises(WorldError, match="nowhere"):
        lore.entries(service.url, "nowhere")


def test_a_faulty_note_is_named_and_the_others_are_kept(service: WorldState) -> None:
    notes = {"good.md": b"# Oar\n\nThe oar is of ash.\n", "bad.md": b"---\nname: Oar\n"}
    said = world_exchange.bring_in(service.url, "boats", notes, "FOLDER")
    assert "1 new entries" in said and "bad.md was left out: its front matter has no closing" in said


def test_a_port_in_use_is_refused(workspace: Workspace) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port}"):
            world.start(workspace, WorldConfig(port=port))


def test_stop_ends_the_service(place: Workspace, service: WorldState) -> None:
    process = psutil.Process(service.pid)
    world.stop(place)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert world.state(place) is None
    with pytest.raises(ServerError, match="does not answer"):
        lore.worlds(service.url)
