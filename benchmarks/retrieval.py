"""How well the entries that a scene needs are found: each source alone, and together, on two gold sets.

    python -m benchmarks.retrieval --json

Entries that are always on are outside the ranking. Requests are split in two halves by a hash of their text: settings
were chosen on `tune` alone, `report` was looked at only to report it. A leak is an entry that would be sent although it
is forbidden or does not hold at the request's chapter. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from rag.embed import MiniLM
from rag.exchange.reading import read_lore
from rag.index import VectorIndex
from rag.lorebook import entry_from
from rag.retrieve import choose, mentioned, query_windows
from rag.store import EntrySource, LoreStore
from style_tuner.config import SAMPLES, WorldConfig
from style_tuner.records import Entry, Moment

GOLD = Path(__file__).with_suffix("")
CANDIDATES = 30
Ranking = Sequence[str]


@dataclass(frozen=True)
class Request:
    """A scene request with the names of the entries that it needs, and of those that must not be sent."""

    text: str
    before: str
    chapter: int | None
    kind: str
    needed: frozenset[str]
    forbidden: frozenset[str]

    @property
    def half(self) -> str:
        """Half of the gold set that it belongs to."""
        return ("tune", "report")[hashlib.sha256(self.text.encode()).digest()[0] % 2]


def gold_sets() -> dict[str, tuple[tuple[Entry, ...], list[Request]]]:
    """Return entries and requests of both worlds by name."""
    large = GOLD / "large_world"
    entries = tuple(entry_from(row) for row in _rows(large / "entries.jsonl"))
    return {
        "large": (entries, [_request(row) for row in _rows(large / "requests.jsonl")]),
        "sample": (
            read_lore(SAMPLES / "world").entries,
            [_request(row) for row in _rows(GOLD / "sample_world.jsonl")],
        ),
    }


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _request(row: Mapping[str, Any]) -> Request:
    needed, forbidden = frozenset(row["needed"]), frozenset(row["forbidden"])
    return Request(row["request"], row["context"], row["chapter"], row["kind"], needed, forbidden)


def figures(rankings: Iterable[tuple[Ranking, Request]]) -> dict[str, float]:
    """Return the means of recall@5, reciprocal rank and nDCG@10 (every needed entry is worth the same)."""
    recalls, reciprocals, gains = [], [], []
    for ranking, request in rankings:
        places = [place for place, name in enumerate(ranking[:10], 1) if name in request.needed]
        recalls.append(sum(place <= 5 for place in places) / len(request.needed))
        reciprocals.append(1 / places[0] if places else 0.0)
        ideal = sum(1 / log2(place + 1) for place in range(1, len(request.needed) + 1))
        gains.append(sum(1 / log2(place + 1) for place in places) / ideal)
    means = [round(sum(values) / len(values), 4) for values in (recalls, reciprocals, gains)]
    return dict(zip(("recall_at_5", "mrr", "ndcg_at_10"), means, strict=True))


def rankers(folder: Path, entries: Sequence[Entry]) -> dict[str, Callable[[Request], list[str]]]:
    """Return each method as a function from a request to the names of entries, best first."""
    embedder = MiniLM()
    store, index = LoreStore(folder / "worlds.sqlite"), VectorIndex(folder / "chroma", embedder)
    store.create("gold")
    store.put("gold", entries)
    source = EntrySource(store, "gold")
    while index.step(source):
        pass
    wide = WorldConfig(entries=50, words=1_000_000)

    def holding(request: Request) -> dict[str, Entry]:
        return {entry.id: entry for entry in entries if entry.holds(Moment(chapter=request.chapter))}

    def near(request: Request) -> list[tuple[str, float]]:
        return index.search(source.key, embedder.embed(query_windows(request.text)), CANDIDATES)

    def worded(request: Request) -> list[tuple[str, float]]:
        return store.match_words("gold", request.text, CANDIDATES)

    def named(request: Request) -> list[Entry]:
        those = list(holding(request).values())
        found = mentioned(request.text, those)
        return found + [entry for entry in mentioned(request.before, those) if entry not in found]

    def ranked(ids: Iterable[str], request: Request) -> list[str]:
        those = holding(request)
        return [those[one].name for one in ids if one in those and not those[one].always_on]

    def hybrid(request: Request) -> list[str]:
        hits = choose(holding(request), named(request), near(request), worded(request), wide).hits
        return ranked([hit.entry.id for hit in hits], request)

    return {
        "dense": lambda request: ranked([one for one, _ in near(request)], request),
        "bm25": lambda request: ranked([one for one, _ in worded(request)], request),
        "mention": lambda request: ranked([entry.id for entry in named(request)], request),
        "hybrid": hybrid,
    }


def leaks(names: Ranking, request: Request, entries: Sequence[Entry]) -> list[str]:
    """Return the names of what must not be sent with a request."""
    moment = Moment(chapter=request.chapter)
    false = {entry.name for entry in entries if not entry.holds(moment)} | request.forbidden
    return [name for name in names if name in false]


def measure(entries: Sequence[Entry], requests: Sequence[Request]) -> dict[str, Any]:
    """Return the figures of every method on one gold set: whole, by half and by kind of request."""
    with tempfile.TemporaryDirectory() as folder:
        methods = rankers(Path(folder), entries)
        ranked = {name: [(rank(request), request) for request in requests] for name, rank in methods.items()}
    result: dict[str, Any] = {"requests": len(requests), "entries": len(entries)}
    result["methods"] = {name: figures(rows) for name, rows in ranked.items()}
    for part, of in (("half", lambda request: request.half), ("kind", lambda request: request.kind)):
        result[f"by_{part}"] = {
            value: {name: figures([row for row in rows if of(row[1]) == value]) for name, rows in ranked.items()}
            for value in dict.fromkeys(map(of, requests))
        }
    result["leaks"] = sum(len(leaks(names, request, entries)) for names, request in ranked["hybrid"])
    return result


def _table(title: str, by_method: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        f"  {name:28} " + " ".join(f"{value:9.4f}" for value in means.values()) for name, means in by_method.items()
    ]
    return "\n".join([f"{title:30} " + " ".join(f"{name:>9}" for name in ("recall@5", "MRR", "nDCG@10")), *rows])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both gold sets and print the tables, or the JSON object alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    chosen = parser.parse_args(arguments)
    found = {name: measure(*of) for name, of in gold_sets().items()}
    if not chosen.json:
        for name, result in found.items():
            print(_table(f"{name}, whole", result["methods"]))
            for part in ("by_half", "by_kind"):
                for value, methods in result[part].items():
                    print(_table(f"{name}, {value}", methods))
    headline = {"methods": found["large"]["methods"], "leaks": sum(result["leaks"] for result in found.values())}
    print(json.dumps({**headline, **found}))


if __name__ == "__main__":
    main()
