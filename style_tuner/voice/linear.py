"""Linear classification of counted text: TF-IDF rows of length one, and weights that tell one author from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

PENALTY = 1.0
TRAINED_POOLS = (1, 4)
"""Rows are learned from alone and four together, for the text to be judged is longer than one row."""


def weigh(counts: csr_array, inverse_frequencies: np.ndarray) -> csr_array:
    """Return TF-IDF rows of length one, counts on a logarithmic scale."""
    import numpy as np
    from scipy.sparse import csr_array

    scaled = csr_array(counts, copy=True)
    scaled.data = (1 + np.log(scaled.data)) * inverse_frequencies[scaled.indices]
    lengths = np.sqrt(np.asarray(scaled.power(2).sum(axis=1)).ravel())
    scaled.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(scaled.indptr))
    return scaled


def pool(counts: csr_array, size: int) -> csr_array:
    """Add up every `size` consecutive rows; what is left over is dropped."""
    import numpy as np
    from scipy.sparse import csr_array

    number = counts.shape[0] // size
    rows = np.repeat(np.arange(number), size)
    adding = csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(number, counts.shape[0]))
    return csr_array(adding @ counts)


def inverse_frequencies(counts: csr_array) -> np.ndarray:
    """Return a weight for each feature, the higher the fewer rows hold it."""
    import numpy as np

    holders = np.bincount(counts.indices, minlength=counts.shape[1])
    values: np.ndarray = np.log((1 + counts.shape[0]) / (1 + holders)) + 1
    return values


def training_rows(counts: csr_array, weights: np.ndarray) -> csr_array:
    """Return the rows to learn from: every row, and every four consecutive ones added up."""
    from scipy.sparse import vstack

    return vstack([weigh(pool(counts, size), weights) for size in TRAINED_POOLS], format="csr")


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
