"""Fit the weights of `rag.retrieval.ranking` on the half of the large gold set that is there for it, and print them.

    python -m benchmarks.retrieval_weights

For each needed entry the loss is its log odds against all that is not needed; the second pass is fitted with the links
that the first one's weights give. Nothing of the other half is read.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

import numpy as np

from benchmarks.retrieval import WORLD, Bench, Request, gold_sets
from rag.retrieval.finder import Finder
from rag.retrieval.ranking import Signals, give_links, weighed
from style_tuner.records import Moment

SHRINKAGE = 5e-4
"""Weight of the squared weights in the loss; the best of 1e-4 to 3e-3 by recall@5 on the same half."""
FIRST = {
    True: ("named", "before", "words", "clause", "fine", "recent"),
    False: ("named", "before", "words", "near", "recent"),
}
Gathered = list[tuple[dict[str, Signals], frozenset[str]]]


def gather(bench: Bench, requests: Sequence[Request], fine: bool) -> Gathered:
    """Return what speaks for each entry, and the names of those needed, for each request."""
    finder = Finder(bench.embedder, bench.pieces if fine else None)
    found = []
    for request in requests:
        moment = Moment(chapter=request.chapter)
        gathered, _ = finder.gather(bench.store, WORLD, request.text, request.before, moment, bench.near)
        found.append((gathered.signals, request.needed))
    return found


def fit(gathered: Gathered, names: Sequence[str]) -> dict[str, float]:
    """Return the weights that best tell the needed entries from the others."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    rows: list[tuple[Any, Any]] = []
    for signals, needed in gathered:
        values = np.array([[float(getattr(one, name)) for name in names] for one in signals.values()])
        wanted = np.array([one.entry.name in needed for one in signals.values()])
        if wanted.any() and not wanted.all():
            rows.append((values[wanted], values[~wanted]))
    count = sum(len(wanted) for wanted, _ in rows)

    def loss(weights: Any) -> tuple[float, Any]:
        total, slope = SHRINKAGE * float(weights @ weights), 2 * SHRINKAGE * weights
        for wanted, others in rows:
            scores = others @ weights
            level = logsumexp(scores)
            gaps = level - wanted @ weights
            total += float(np.logaddexp(0, gaps).sum()) / count
            steep = 1 / (1 + np.exp(-gaps))
            slope = slope + (steep.sum() * (np.exp(scores - level) @ others) - steep @ wanted) / count
        return total, slope

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B")
    return {name: round(float(weight), 2) for name, weight in zip(names, found.x, strict=True)}


def main() -> None:
    """Fit both passes, with word pieces compared and without, and print the weights as JSON."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    entries, requests = gold_sets()["large"]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.made(Path(folder), entries)
        for fine, names in FIRST.items():
            gathered = gather(bench, [request for request in requests if request.half == "tune"], fine)
            first = fit(gathered, names)
            for signals, _ in gathered:
                give_links(signals, {one: weighed(signal, first) for one, signal in signals.items()})
            second = fit(gathered, (*names, "link"))
            print(json.dumps({"word_pieces": fine, "first": first, "second": second}), flush=True)


if __name__ == "__main__":
    main()
