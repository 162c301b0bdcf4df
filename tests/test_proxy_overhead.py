"""The parts that benchmarks/proxy_overhead.py measures with: the paced server, the made-up world, the two clients."""

import asyncio
import os
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from benchmarks.client_overhead import bare, client_overhead, through_client
from benchmarks.made_up_world import NearVectors, entries, request
from benchmarks.proxy_overhead import Service, ask, compare, paced_server
from style_tuner.serving.client import list_models


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with paced_server(first_ms=60, pace_ms=10) as url:
        yield url


def test_the_paced_server_keeps_time(server: str) -> None:
    stream = asyncio.run(ask(server, "Hello.", 6))
    assert stream.first >= 0.06
    assert stream.last >= 0.06 + 5 * 0.01
    assert stream.tokens == 6
    assert list_models(server) == ["flood", "paced"]


def test_both_clients_get_the_same_pieces(server: str) -> None:
    assert through_client(server, "flood", 50)[2] == bare(server, "flood", 50)[2] == 50
    assert set(client_overhead(server, 1)) == {"added_first_token_ms_p50", "added_per_token_ms", "bare_per_token_ms"}


def test_a_service_that_adds_nothing_is_measured_as_such(server: str) -> None:
    named = entries(10)
    texts = (request(number, named) for number in count())
    itself = Service(server.replace("127.0.0.1", "localhost"), os.getpid())
    found = compare(server, itself, 4, 1, texts)
    assert found["requests"] == 24
    assert found["throughput_ratio"] > 0.5  # the same server twice, however busy the machine is


def test_the_made_up_world_grows_at_its_end_and_no_two_requests_are_the_same() -> None:
    few, many = entries(100), entries(3000)
    assert many[:100] == few
    assert len({entry.id for entry in many}) == 3000
    assert len({request(number, few) for number in range(500)}) == 500
    assert any(entry.name in request(0, few) for entry in few)


def test_made_up_vectors_are_near_to_real_ones_and_always_the_same() -> None:
    vectors = NearVectors(8)
    found = vectors.embed(["one", "another"])
    np.testing.assert_array_equal(found, vectors.embed(["one", "another"]))
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert (found @ vectors._shapes.T).max() > 0.8
