"""The index on a Chroma server: a real one, started here, stopped, and started again."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from rag_parts import WordEmbedder, near
from rag_processes import free_port

from rag.vectors.chroma import RETRY_SECONDS
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import WorldError
from style_tuner.records import Entry
from style_tuner.workspace import Workspace

ELENA = Entry("elena", "Elena Voss", "An engineer with a cybernetic arm.", "character", ("Elena",))
BAR = Entry("bar", "The Perihelion", "A bar where the crew drink synthetic gin.")


@contextmanager
def chroma_server(folder: Path, port: int) -> Iterator[str]:
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder), "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v2/heartbeat", trust_env=False, timeout=5).is_success
    except httpx.TransportError:
        return False


def test_index_lives_on_the_server_and_does_without_it_while_it_is_down(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, embedder = free_port(), WordEmbedder()
    monkeypatch.setenv("CHROMA_URL", f"http://127.0.0.1:{port}")
    with Worlds(workspace, WorldConfig(), embedder) as worlds:
        with chroma_server(tmp_path / "server", port) as url:
            worlds.put("scifi", [ELENA, BAR])
            assert near(worlds, "scifi", "synthetic gin") == ["bar"]
            assert worlds.notes("scifi") == []
            names = [row["name"] for row in httpx.get(_collections(url), trust_env=False).json()]
            assert len(names) == 1
            assert names[0].startswith("scifi-")
        worlds.put("scifi", [Entry("quay", "The Quay", "Barrels of fish are landed there.")])
        assert near(worlds, "scifi", "synthetic gin") == []
        found = worlds.search("scifi", "Elena and the synthetic gin").hits
        assert {hit.entry.id for hit in found} == {"elena", "bar"}
        [note] = worlds.notes("scifi")
        assert f"The Chroma server at http://127.0.0.1:{port} does not answer: start it" in note
        assert "by names and words alone" in note
        with chroma_server(tmp_path / "server", port):
            deadline = time.monotonic() + 60
            while near(worlds, "scifi", "barrels of fish") != ["quay"]:
                assert time.monotonic() < deadline
                time.sleep(RETRY_SECONDS / 10)
            assert near(worlds, "scifi", "synthetic gin") == ["bar"]
            assert worlds.notes("scifi") == []
    assert not (workspace.worlds / "chroma").exists()


def test_two_homes_on_one_server_keep_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("CHROMA_URL", f"http://127.0.0.1:{port}")
    one, other = (Workspace(tmp_path / name, "default") for name in ("one", "other"))
    with (
        chroma_server(tmp_path / "server", port),
        Worlds(one, WorldConfig(), WordEmbedder()) as first,
        Worlds(other, WorldConfig(), WordEmbedder()) as second,
    ):
        first.put("scifi", [ELENA])
        second.put("scifi", [BAR])
        assert near(first, "scifi", "cybernetic engineer") == ["elena"]
        assert near(second, "scifi", "synthetic gin") == ["bar"]
        first.put_in_bin("scifi")
        assert near(second, "scifi", "synthetic gin") == ["bar"]


def _collections(url: str) -> str:
    return f"{url}/api/v2/tenants/default_tenant/databases/default_database/collections"


@pytest.mark.parametrize("address", ["localhost:8000", "http://", "ftp://127.0.0.1", "http://[::1"])
def test_address_that_is_none_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("CHROMA_URL", address)
    with (
        pytest.raises(WorldError, match=r"write it as http://127\.0\.0\.1:8000"),
        Worlds(workspace, WorldConfig(), WordEmbedder()),
    ):
        pass
