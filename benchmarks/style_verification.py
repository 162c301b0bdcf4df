"""Measure the style verifier on authors it has never seen: panel from one half of a corpus, test on the other half.

    python -m benchmarks.style_verification --corpus DIR --words 1000 --half 1 --json

`DIR` holds novels named `Author_Title_Year.txt`, three or so an author. An author's last work is the test, the works
before it are the training text; negatives are the other test authors' last works.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import vstack
from sklearn.metrics import roc_auc_score

from style_tuner.voice.panel import Panel, build_panel, load_panel, runs, units
from style_tuner.voice.verifier import fit_verifier, pool

UNIT = 250
TEST_UNITS = 96
SIX = 6


@dataclass(frozen=True)
class Outcome:
    """Decision values and probabilities of one author's verifier on own and on other authors' unseen passages."""

    own: np.ndarray
    others: np.ndarray
    own_probabilities: np.ndarray
    other_probabilities: np.ndarray


def works_of(corpus: Path) -> dict[str, list[Path]]:
    """Return each author's works by year; authors with fewer than two works are left out."""
    works: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(corpus.glob("*_*_*.txt"), key=lambda file: int(file.stem.rsplit("_", 1)[1])):
        works[file.stem.split("_")[0]].append(file)
    return {author: found for author, found in sorted(works.items()) if len(found) > 1}


def measure(works: dict[str, list[Path]], panel: Panel, words: int, own_words: int | None) -> dict[str, Outcome]:
    """Fit a verifier for each author and decide on every author's test passages of `words` words."""
    passages = {}
    for author, found in works.items():
        cut = runs(units(panel.masked(_read(found[-1]))), TEST_UNITS)
        passages[author] = pool(panel.count(cut), words // UNIT)
    outcomes = {}
    for author, found in works.items():
        texts = [_read(file) for file in found[:-1]]
        if own_words:
            texts = [" ".join(text.split()[:own_words]) for text in texts[-1:]]
        verifier = fit_verifier(texts, panel.without(author))
        own = verifier.decide(passages[author])
        others = verifier.decide(vstack([rows for name, rows in passages.items() if name != author], format="csr"))
        probabilities = [np.array([verifier.probability(value, words) for value in group]) for group in (own, others)]
        outcomes[author] = Outcome(own, others, *probabilities)
    return outcomes


def report(outcomes: dict[str, Outcome]) -> dict[str, object]:
    """Return the figures of one run; six-passage values are means of six consecutive passages' decision values."""
    found = list(outcomes.values())
    own, others = (np.concatenate([getattr(one, name) for one in found]) for name in ("own", "others"))
    own_p = np.concatenate([one.own_probabilities for one in found])
    other_p = np.concatenate([one.other_probabilities for one in found])
    six = [np.concatenate([_sixes(getattr(one, name)) for one in found]) for name in ("own", "others")]
    each = {author: _auc(one.own, one.others) for author, one in outcomes.items()}
    return {
        "pooled_auc": _auc(own, others),
        "pooled_auc_probability": _auc(own_p, other_p),
        "worst_author_auc": min(each.values()),
        "mean_author_auc": float(np.mean(list(each.values()))),
        "six_passage_auc": _auc(*six),
        "brier": float((np.mean((1 - own_p) ** 2) + np.mean(other_p**2)) / 2),
        "own_at_75": float(np.mean(own_p >= 0.75)),
        "false_accept_at_75": float(np.mean(other_p >= 0.75)),
        "others_under_25": float(np.mean(other_p < 0.25)),
        "per_author": each,
    }


def main() -> None:
    """Run one half, print a table or one JSON object."""
    parser = argparse.ArgumentParser(description="Measure the style verifier on authors it has never seen.")
    parser.add_argument("--corpus", type=Path, required=True, help="Folder of Author_Title_Year.txt.")
    parser.add_argument("--words", type=int, choices=(250, 500, 1000, 2000), default=1000, help="Length of a passage.")
    parser.add_argument("--half", type=int, choices=(1, 2), help="Make the panel from this half, test on the other.")
    parser.add_argument("--own-words", type=int, help="Train on the first so many words only, of one work.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object on the last line.")
    chosen = parser.parse_args()
    works = works_of(chosen.corpus)
    panel = load_panel()
    if chosen.half:
        names = list(works)
        panel = build_panel(chosen.corpus, names[chosen.half - 1 :: 2])
        works = {name: works[name] for name in names[2 - chosen.half :: 2]}
    figures = report(measure(works, panel, chosen.words, chosen.own_words))
    lines = json.dumps(figures) if chosen.json else "\n".join(f"{name}: {value}" for name, value in figures.items())
    print(lines)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig")


def _sixes(values: np.ndarray) -> np.ndarray:
    number = len(values) // SIX
    means: np.ndarray = values[: number * SIX].reshape(number, SIX).mean(axis=1)
    return means


def _auc(own: np.ndarray, others: np.ndarray) -> float:
    return float(roc_auc_score(np.r_[np.ones(len(own)), np.zeros(len(others))], np.r_[own, others]))


if __name__ == "__main__":
    main()
