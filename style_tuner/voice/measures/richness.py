"""How many different words a text uses, measured so that a long text is not poorer than a short one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

VARIETY_WINDOW = 500
MTLD_FLOOR = 0.72


def lexical_variety(lower: Sequence[str], window: int = VARIETY_WINDOW) -> float:
    """Return the moving-average type/token ratio; a text shorter than the window is one window."""
    window = min(window, len(lower))
    seen = Counter(lower[:window])
    total = types = len(seen)
    for old, new in zip(lower, lower[window:], strict=False):
        seen[new] += 1
        types += seen[new] == 1
        seen[old] -= 1
        types -= seen[old] == 0
        total += types
    return total / (len(lower) - window + 1) / window


def mtld(lower: Sequence[str]) -> float:
    """Return the mean number of words in a row that keep a type/token ratio above 0.72 (McCarthy & Jarvis 2010).

    The mean of a forward and a backward reading; a rest at the end counts as the part of a stretch that it is. A text
    that repeats no word has no such stretch: its length is returned.
    """
    factors = (_factors(lower), _factors(reversed(lower)))
    return sum(len(lower) / factor if factor else float(len(lower)) for factor in factors) / 2


def _factors(lower: Iterable[str]) -> float:
    seen: set[str] = set()
    factors = 0.0
    count = 0
    for word in lower:
        count += 1
        seen.add(word)
        if len(seen) <= MTLD_FLOOR * count:
            factors += 1
            count = 0
            seen.clear()
    rest = (1 - len(seen) / count) / (1 - MTLD_FLOOR) if count else 0.0
    return factors + rest
