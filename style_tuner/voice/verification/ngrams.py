"""Units of masked text and the counts of their n-grams: which ones are features, and one row of counts a unit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from style_tuner.voice.verification.masking import (
    CHARACTERS,
    EDGE,
    MASK,
    RHYTHM,
    character_grams,
    rhythm_grams,
    word_grams,
)

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

UNIT_WORDS = 250
RUN_UNITS = 4
LEAST_AUTHORS = 4


def grams(masked_tokens: Sequence[str]) -> Counter[str]:
    """Count everything that can be a feature: words 1 to 3, characters 2 to 4, the rhythm of marks."""
    found = word_grams(masked_tokens)
    found.update(character_grams(masked_tokens))
    found.update(rhythm_grams(masked_tokens))
    return found


def kind(gram: str) -> int:
    """Return 0 for an n-gram of words, 1 for one of characters, 2 for one of the rhythm of marks."""
    return 1 if gram.startswith(CHARACTERS) else 2 if gram.startswith(RHYTHM) else 0


def of_paragraphs(gram: str) -> bool:
    """Say whether an n-gram tells where paragraphs end or how long they are."""
    return EDGE in gram or gram.startswith(f"{RHYTHM}b")


def is_word(token: str) -> bool:
    """Say whether a masked token is a word, and no mark or number."""
    return token[0].isalpha() or token[0] == MASK


def units(found: Sequence[str], words: int = UNIT_WORDS) -> list[list[str]]:
    """Cut tokens into units that hold `words` words each; what is left over is dropped."""
    cut, start, count = [], 0, 0
    for place, token in enumerate(found):
        count += is_word(token)
        if count == words:
            cut.append(list(found[start : place + 1]))
            start, count = place + 1, 0
    return cut


def runs(cut: Sequence[list[str]], number: int) -> list[list[str]]:
    """Return about `number` units as runs of consecutive ones, evenly spread, the work's edges left out."""
    lengths = max(1, number // RUN_UNITS)
    first, last = len(cut) // 50, len(cut) - len(cut) // 50 - RUN_UNITS
    if last <= first:
        return list(cut[: len(cut) // RUN_UNITS * RUN_UNITS])
    step = max(RUN_UNITS, (last - first) / lengths)
    starts = [first + round(step * place) for place in range(lengths) if first + round(step * place) <= last]
    return [unit for start in starts for unit in cut[start : start + RUN_UNITS]]


def common_words(works: Mapping[str, Sequence[Sequence[str]]], number: int, share: float) -> list[str]:
    """Return the most frequent words of those that such a share of the authors use, most frequent first."""
    rates: dict[str, float] = defaultdict(float)
    users: Counter[str] = Counter()
    for found in works.values():
        counts = Counter(token for work in found for token in work if token[0].isalpha())
        total = counts.total()
        for word, count in counts.items():
            rates[word] += count / total
            users[word] += count >= 5
    common = sorted((word for word in rates if users[word] >= share * len(works)), key=lambda word: -rates[word])
    return common[:number]


def choose_features(
    rows: Sequence[Counter[str]], unit_authors: Sequence[int], numbers: Sequence[int]
) -> dict[str, int]:
    """Return the n-grams that are in most units, of those that several authors use, with their places.

    `numbers` says how many of each kind.
    """
    holders: Counter[str] = Counter()
    users: dict[str, set[int]] = defaultdict(set)
    for row, author in zip(rows, unit_authors, strict=True):
        holders.update(row.keys())
        for gram in row:
            users[gram].add(author)
    ranked = sorted(
        (gram for gram in holders if len(users[gram]) >= LEAST_AUTHORS), key=lambda gram: (-holders[gram], gram)
    )
    left = list(numbers)
    chosen = []
    for gram in ranked:
        if left[kind(gram)]:
            left[kind(gram)] -= 1
            chosen.append(gram)
    return {gram: place for place, gram in enumerate(chosen)}


def count_rows(rows: Iterable[Mapping[str, int]], features: Mapping[str, int]) -> csr_array:
    """Return the counts of features, one row for each counted text."""
    import numpy as np
    from scipy.sparse import csr_array

    data: list[int] = []
    indices: list[int] = []
    row_ends = [0]
    for row in rows:
        held = sorted((features[gram], count) for gram, count in row.items() if gram in features)
        indices += [place for place, _ in held]
        data += [count for _, count in held]
        row_ends.append(len(indices))
    shape = (len(row_ends) - 1, len(features))
    return csr_array(
        (np.array(data, dtype=np.float32), np.array(indices, dtype=np.int32), np.array(row_ends, dtype=np.int32)),
        shape=shape,
    )


def column_steps(counts: csr_array) -> np.ndarray:
    """Return column numbers as differences within each row: small numbers compress well."""
    import numpy as np

    steps: np.ndarray = np.diff(counts.indices, prepend=0)
    starts = counts.indptr[:-1][counts.indptr[:-1] < len(steps)]
    steps[starts] = counts.indices[starts]
    return steps


def columns_of(steps: np.ndarray, row_ends: np.ndarray) -> np.ndarray:
    """Undo `column_steps`."""
    import numpy as np

    total: np.ndarray = np.cumsum(steps)
    before = np.concatenate([[0], total])[row_ends[:-1]]
    columns: np.ndarray = total - np.repeat(before, np.diff(row_ends))
    return columns
