"""Linear classification of counted text: rows of weighed counts, and weights that tell one author from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

PENALTY = 2.0
SHARES = (0.55, 0.33, 0.12)
"""How much words, characters and the rhythm of marks count in the likeness of two texts."""
NEWTON_STEPS = 20
FIRST_GUESS = 6
"""One in so many rows is guessed to lie within the margin before anything is learned."""
TRAINED_POOLS = (1, 4)
"""Rows are learned from alone and four together, for the text to be judged is longer than one row."""


@dataclass(frozen=True)
class Weighing:
    """How counts become rows: a weight for each feature, and which kind of feature it is (its place in `SHARES`)."""

    inverse_frequencies: np.ndarray
    kinds: np.ndarray


def weigh(counts: csr_array, weighing: Weighing) -> csr_array:
    """Return TF-IDF rows, counts on a logarithmic scale.

    Each kind of feature has the same share in every row: there are four times as many characters as words in a text,
    and a mean over both kinds tells more than a vote in which the more numerous kind wins.
    """
    import numpy as np
    from scipy.sparse import csr_array

    scaled = csr_array(counts, copy=True)
    scaled.data = (1 + np.log(scaled.data)) * weighing.inverse_frequencies[scaled.indices]
    rows = np.repeat(np.arange(scaled.shape[0]), np.diff(scaled.indptr))
    places = rows * len(SHARES) + weighing.kinds[scaled.indices]
    squares = np.bincount(places, scaled.data**2, minlength=scaled.shape[0] * len(SHARES))
    shares = np.tile(SHARES, scaled.shape[0])
    scaled.data *= np.sqrt(shares / np.maximum(squares, 1e-18))[places]
    return scaled


def pool(counts: csr_array, size: int) -> csr_array:
    """Add up every `size` consecutive rows; what is left over is dropped."""
    import numpy as np
    from scipy.sparse import csr_array

    number = counts.shape[0] // size
    rows = np.repeat(np.arange(number), size)
    adding = csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(number, counts.shape[0]))
    return csr_array(adding @ counts)


def weighing_of(counts: csr_array, kinds: np.ndarray) -> Weighing:
    """Return how to weigh: features weigh the more the fewer rows hold them."""
    import numpy as np

    holders = np.bincount(counts.indices, minlength=counts.shape[1])
    return Weighing(np.log((1 + counts.shape[0]) / (1 + holders)) + 1, kinds)


def without_columns(weighing: Weighing, columns: np.ndarray) -> Weighing:
    """Return how to weigh where some features count for nothing; the others take over their kind's whole share."""
    import numpy as np

    return Weighing(np.where(columns, 0.0, weighing.inverse_frequencies), weighing.kinds)


def training_rows(counts: csr_array, weighing: Weighing) -> csr_array:
    """Return the rows to learn from: every row, and every four consecutive ones added up."""
    from scipy.sparse import vstack

    return vstack([weigh(pool(counts, size), weighing) for size in TRAINED_POOLS], format="csr")


def separate(own: csr_array, others: csr_array) -> tuple[np.ndarray, float]:
    """Return the weights and the constant of a support vector machine that tells own rows from others'."""
    import numpy as np
    from scipy.sparse import vstack
    from sklearn.svm import LinearSVC

    labels = np.r_[np.ones(own.shape[0]), np.zeros(others.shape[0])]
    rows = vstack([own, others], format="csr")
    rows.indices, rows.indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)  # all that liblinear takes
    classifier = LinearSVC(C=PENALTY, random_state=0).fit(rows, labels)
    return classifier.coef_.ravel(), float(classifier.intercept_[0])


def similarities(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the inner products of rows, each with a constant of one at its end, as `separate` sees them."""
    products: np.ndarray = rows @ others.T + 1
    return products


def separate_less_each(
    own: np.ndarray, others: np.ndarray, others_alike: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `separate` would for all rows less one group of them at a time: a column of weights for each group.

    `others_alike` are the similarities of the others among themselves; `groups` says of every row, own rows first,
    which group it is left out with: 0 for the rows that are always learned from, or 1, 2, 3 and so on.
    """
    import numpy as np

    number = len(own) + len(others)
    alike = np.empty((number, number), dtype=np.float32)
    alike[: len(own), : len(own)] = similarities(own, own)
    alike[: len(own), len(own) :] = similarities(own, others)
    alike[len(own) :, : len(own)] = alike[: len(own), len(own) :].T
    alike[len(own) :, len(own) :] = others_alike
    targets = np.r_[np.ones(len(own)), -np.ones(len(others))].astype(np.float32)
    some = (targets > 0) | (np.arange(number) % FIRST_GUESS == 0)
    likely = _dual(alike, targets, np.ones(number, dtype=bool), some) != 0
    each = np.stack([_dual(alike, targets, groups != left, likely) for left in range(1, groups.max() + 1)], axis=1)
    return own.T @ each[: len(own)] + others.T @ each[len(own) :], each.sum(axis=0)


def _dual(alike: np.ndarray, targets: np.ndarray, kept: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """Return each row's share in the weights of the machine that is learned from the kept rows.

    With a squared loss the machine is a ridge regression on its support vectors, the rows within the margin: they are
    guessed, the regression is solved, and the guess is mended until it holds (Newton's method).
    """
    import numpy as np
    from scipy.linalg import solve

    support = kept & likely
    for _ in range(NEWTON_STEPS):
        places = np.flatnonzero(support)
        system = alike[np.ix_(places, places)]
        system[np.diag_indices(len(places))] += 1 / (2 * PENALTY)
        shares = np.zeros(len(targets), dtype=np.float32)
        shares[places] = solve(system, targets[places], assume_a="pos", overwrite_a=True, check_finite=False)
        mended = kept & (targets * (alike @ shares) < 1)
        if (mended == support).all():
            break
        support = mended
    return shares
