"""How often general English uses a word: relative frequencies from the panel's novels, shipped as one small file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from style_tuner.voice.segment import WORD
from style_tuner.workspace import PROJECT_ROOT, read_json, write_text

REFERENCE_WORDS = PROJECT_ROOT / "data" / "panel" / "words.json"
LEAST_AUTHORS = 4


@lru_cache(maxsize=1)
def reference_words() -> dict[str, float]:
    """Return the rate per million words of each lower-case word that several panel authors use."""
    found: dict[str, float] = read_json(REFERENCE_WORDS)
    return found


def lowered(words: Sequence[str]) -> list[str]:
    """Return words in lower case, with straight apostrophes."""
    return [word.lower().replace("’", "'") for word in words]


def count_reference_words(texts: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return rates per million, each author weighing the same, of words that at least four authors use."""
    rates: dict[str, float] = defaultdict(float)
    authors: Counter[str] = Counter()
    for works in texts.values():
        counts = Counter(lowered([word for work in works for word in WORD.findall(work)]))
        total = max(1, counts.total())
        for word, count in counts.items():
            rates[word] += 1e6 * count / total / len(texts)
            authors[word] += 1
    kept = [word for word in rates if authors[word] >= min(LEAST_AUTHORS, len(texts))]
    return {word: round(rates[word], 2) for word in sorted(kept, key=lambda word: (-rates[word], word))}


def save_reference_words(rates: Mapping[str, Any], path: Path = REFERENCE_WORDS) -> Path:
    """Write the rates, one word a line, so that the file can be read and compared."""
    lines = ",\n".join(f'"{word}": {rate}' for word, rate in rates.items())
    return write_text(path, "{\n" + lines + "\n}\n")
