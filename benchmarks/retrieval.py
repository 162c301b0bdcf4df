"""How well the entries that a scene needs are found: each source alone, and together, on two gold sets.

    python -m benchmarks.retrieval --json

Entries that are always on are outside the ranking. Requests are split in two halves by a hash of their text: the
weights were fitted on `tune` alone; docs/retrieval.md tells what was chosen with both halves in sight. A leak is an
entry that would be sent although it is forbidden or does not hold at the request's chapter. The last line printed is
one JSON object.
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

from rag.exchange.reading import read_lore
from rag.lore.lorebook import entry_from
from rag.lore.store import EntrySource, LoreStore
from rag.retrieval.budget import Room
from rag.retrieval.finder import Finder, Found, query_windows
from rag.retrieval.gathering import Gathered
from rag.retrieval.retrieve import choose
from rag.vectors.embed import MiniLM
from rag.vectors.fine import FineVectors
from rag.vectors.index import VectorIndex
from style_tuner.config import SAMPLES, WorldConfig
from style_tuner.records import Entry, Moment

GOLD = Path(__file__).with_suffix("")
WORLD = "gold"
ALL = 400
BEST = "hybrid with word pieces"
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


@dataclass(frozen=True)
class Bench:
    """A gold set's world, stored and indexed as the World service does it."""

    entries: tuple[Entry, ...]
    store: LoreStore
    index: VectorIndex
    pieces: FineVectors
    embedder: MiniLM

    @classmethod
    def made(cls, folder: Path, entries: Sequence[Entry]) -> Bench:
        """Store and index the entries in a folder."""
        embedder, store = MiniLM(), LoreStore(folder / "worlds.sqlite")
        pieces = FineVectors(folder / "pieces.sqlite", embedder)
        index = VectorIndex(folder / "chroma", pieces)
        store.create(WORLD)
        store.put(WORLD, entries)
        source = EntrySource(store, WORLD)
        while index.step(source):
            pass
        return cls(tuple(entries), store, index, pieces, embedder)

    def near(self, vectors: Any, limit: int) -> list[tuple[str, float]]:
        """Return the entries nearest to vectors."""
        return self.index.search(WORLD, vectors, limit)

    def names(self, ids: Iterable[str], request: Request) -> list[str]:
        """Return the names of those entries that hold and are ranked at all."""
        by_id = {entry.id: entry for entry in self.entries}
        moment = Moment(chapter=request.chapter)
        found = [by_id[one] for one in ids]
        return [entry.name for entry in found if entry.holds(moment) and not entry.always_on]


def rankers(bench: Bench) -> dict[str, Callable[[Request], list[str]]]:
    """Return each method as a function from a request to the names of entries, best first."""
    plain, finer = Finder(bench.embedder, None), Finder(bench.embedder, bench.pieces)
    keywords = plain.atlas(bench.store, WORLD).keywords

    def dense(request: Request) -> list[str]:
        vectors = bench.embedder.embed(query_windows(f"{request.before} {request.text}"))
        return bench.names([one for one, _ in bench.near(vectors, ALL)], request)

    def bm25(request: Request) -> list[str]:
        return bench.names([one for one, _ in keywords.best(f"{request.before} {request.text}", ALL)], request)

    def mention(request: Request) -> list[str]:
        gathered = Gathered(plain.atlas(bench.store, WORLD), Moment(chapter=request.chapter))
        gathered.add_names(request.text, request.before)
        named = gathered.signals
        best = sorted(named, key=lambda one: (-named[one].named, -named[one].before, named[one].place))
        return bench.names(best, request)

    def pieces(request: Request) -> list[str]:
        moment = Moment(chapter=request.chapter)
        text = f"{request.before} {request.text}".strip()
        gathered, _ = finer.gather(bench.store, WORLD, text, "", moment, bench.near)
        return bench.names(sorted(gathered.signals, key=lambda one: -gathered.signals[one].fine), request)

    def hybrid(finder: Finder) -> Callable[[Request], list[str]]:
        return lambda request: [one.entry.name for one in found(bench, finder, request).ranked]

    return {
        "dense": dense,
        "bm25": bm25,
        "mention": mention,
        "word_pieces": pieces,
        "hybrid": hybrid(plain),
        BEST: hybrid(finer),
    }


def found(bench: Bench, finder: Finder, request: Request) -> Found:
    """Return what the World service finds for a request."""
    moment, least = Moment(chapter=request.chapter), WorldConfig().least_similarity
    return finder.find(bench.store, WORLD, request.text, request.before, moment, bench.near, least)


def sent(bench: Bench, finder: Finder, request: Request) -> list[str]:
    """Return the names of what the World service sends with a request."""
    of, config = found(bench, finder, request), WorldConfig()
    return [hit.entry.name for hit in choose(of.always_on, of.ranked, Room(config.entries, config.words)).hits]


def leaks(names: Ranking, request: Request, entries: Sequence[Entry]) -> list[str]:
    """Return the names of what must not be sent with a request."""
    moment = Moment(chapter=request.chapter)
    false = {entry.name for entry in entries if not entry.holds(moment)} | request.forbidden
    return [name for name in names if name in false]


def measure(entries: Sequence[Entry], requests: Sequence[Request]) -> dict[str, Any]:
    """Return the figures of every method on one gold set: whole, by half and by kind of request."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.made(Path(folder), entries)
        methods = rankers(bench)
        ranked = {name: [(rank(request), request) for request in requests] for name, rank in methods.items()}
        finder = Finder(bench.embedder, bench.pieces)
        sendings = [(sent(bench, finder, request), request) for request in requests]
    result: dict[str, Any] = {"requests": len(requests), "entries": len(entries)}
    result["methods"] = {name: figures(rows) for name, rows in ranked.items()}
    parts: dict[str, Callable[[Request], str]] = {"half": lambda one: one.half, "kind": lambda one: one.kind}
    for part, of in parts.items():
        result[f"by_{part}"] = {
            value: {name: figures([row for row in rows if of(row[1]) == value]) for name, rows in ranked.items()}
            for value in dict.fromkeys(map(of, requests))
        }
    result["leaks"] = sum(len(leaks(names, request, entries)) for names, request in sendings)
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
