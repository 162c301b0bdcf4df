import pytest

from benchmarks.retrieval import Request, figures, gold_sets, leaks


def request(*needed: str, chapter: int = 3, forbidden: tuple[str, ...] = ()) -> Request:
    return Request("Write it.", "", chapter, "name", frozenset(needed), frozenset(forbidden))


def test_figures_are_those_worked_out_by_hand() -> None:
    ranking = ["a", "x", "b", "y", "z", "c"]
    found = figures([(ranking, request("a", "b", "c"))])
    ideal = 1 + 0.63093 + 0.5
    assert found["recall_at_5"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["mrr"] == 1
    assert found["ndcg_at_10"] == pytest.approx((1 + 0.5 + 0.35621) / ideal, abs=1e-4)
    assert figures([([], request("a"))]) == {"recall_at_5": 0, "mrr": 0, "ndcg_at_10": 0}


def test_a_leak_is_what_is_forbidden_or_does_not_hold() -> None:
    entries, requests = gold_sets()["large"]
    late = next(entry for entry in entries if (entry.from_chapter or 0) > 10)
    asked = request(chapter=3, forbidden=("The Bowl",))
    assert leaks([late.name, "The Bowl", "Wenna Tarn"], asked, entries) == [late.name, "The Bowl"]
    assert {one.half for one in requests} == {"tune", "report"}
