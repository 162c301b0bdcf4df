"""Figures of authorship verification: how well values tell an author's passages from others', and what scores mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

SIX = 6
BINS = 10
UNSURE = 0.05


@dataclass(frozen=True)
class Outcome:
    """Values and probabilities of one author's verifier on own and on each other author's unseen passages."""

    own: np.ndarray
    others: dict[str, np.ndarray]
    own_probabilities: np.ndarray
    other_probabilities: np.ndarray

    @property
    def all_others(self) -> np.ndarray:
        """Return the values of all other authors' passages."""
        return np.concatenate(list(self.others.values()))


def auc(own: np.ndarray, others: np.ndarray) -> float:
    """Return the chance that an own passage has a higher value than another author's."""
    return float(roc_auc_score(np.r_[np.ones(len(own)), np.zeros(len(others))], np.r_[own, others]))


def six_chunk_auc(outcomes: Mapping[str, Outcome]) -> float | None:
    """Return the AUC of the mean value of six consecutive passages; none where no author has six."""
    own = np.concatenate([_sixes(one.own) for one in outcomes.values()])
    others = np.concatenate([_sixes(values) for one in outcomes.values() for values in one.others.values()])
    return auc(own, others) if len(own) and len(others) else None


def calibration_error(own: np.ndarray, others: np.ndarray) -> float:
    """Return the expected calibration error of probabilities, own and others' passages weighing the same in all."""
    probabilities, labels, weights = _balanced(own, others)
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = np.bincount(places, weights * (probabilities - labels), minlength=BINS)
    return float(np.abs(gaps).sum())


def c_at_1(own: np.ndarray, others: np.ndarray) -> float:
    """Return PAN's c@1 at equal weights: probabilities within 0.05 of one half count as no answer."""
    probabilities, labels, weights = _balanced(own, others)
    unsure = np.abs(probabilities - 0.5) <= UNSURE
    right = weights[(~unsure) & ((probabilities > 0.5) == (labels == 1))].sum()
    return float(right * (1 + weights[unsure].sum()))


def report(outcomes: Mapping[str, Outcome]) -> dict[str, object]:
    """Return the figures of one run."""
    found = list(outcomes.values())
    own = np.concatenate([one.own for one in found])
    own_p = np.concatenate([one.own_probabilities for one in found])
    other_p = np.concatenate([one.other_probabilities for one in found])
    each = {author: auc(one.own, one.all_others) for author, one in outcomes.items()}
    return {
        "pooled_auc": auc(own, np.concatenate([one.all_others for one in found])),
        "pooled_auc_of_probabilities": auc(own_p, other_p),
        "worst_author_auc": min(each.values()),
        "six_chunk_auc": six_chunk_auc(outcomes),
        "c_at_1": c_at_1(own_p, other_p),
        "brier": float((np.mean((1 - own_p) ** 2) + np.mean(other_p**2)) / 2),
        "ece": calibration_error(own_p, other_p),
        "false_accept_at_75": float(np.mean(other_p >= 0.75)),
        "own_at_75": float(np.mean(own_p >= 0.75)),
        "per_author": {
            author: {
                "auc": each[author],
                "own_at_75": float(np.mean(one.own_probabilities >= 0.75)),
                "false_accept_at_75": float(np.mean(one.other_probabilities >= 0.75)),
                "passages": len(one.own),
            }
            for author, one in outcomes.items()
        },
    }


def _sixes(values: np.ndarray) -> np.ndarray:
    number = len(values) // SIX
    means: np.ndarray = values[: number * SIX].reshape(number, SIX).mean(axis=1)
    return means


def _balanced(own: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels = np.r_[np.ones(len(own)), np.zeros(len(others))]
    weights = np.r_[np.full(len(own), 0.5 / len(own)), np.full(len(others), 0.5 / len(others))]
    return np.r_[own, others], labels, weights
