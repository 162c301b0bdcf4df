"""Measure the copy check: how long 5 million words take to index, and a draft of 5,000 words to compare with them.

    python -m benchmarks.copy_check --json
    python -m benchmarks.copy_check --corpus DIR

`DIR` holds text files; without it words are drawn as often as general English uses them.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from style_tuner.voice.checks.copying import Sources
from style_tuner.voice.reference import reference_words
from style_tuner.voice.segment import words

DRAFTS = 9
COPIED = 300


def texts_of(corpus: Path, number: int) -> list[str]:
    """Return files of a folder until there are enough words."""
    texts, count = [], 0
    for file in sorted(corpus.glob("*.txt")):
        text = file.read_text(encoding="utf-8-sig")
        texts.append(text)
        count += len(words(text))
        if count >= number:
            break
    return texts


def made_texts(number: int, chance: random.Random) -> list[str]:
    """Return texts of 50,000 words drawn by their rate in general English."""
    rates = reference_words()
    found = list(rates)
    return [
        " ".join(chance.choices(found, weights=list(rates.values()), k=min(50_000, number - start)))
        for start in range(0, number, 50_000)
    ]


def drafts_of(texts: Sequence[str], number: int, chance: random.Random) -> list[str]:
    """Return drafts: words drawn from all texts, and in each one passage copied verbatim."""
    every = [word for text in texts[:: max(1, len(texts) // 5)] for word in text.split()]
    drafts = []
    for _ in range(DRAFTS):
        copied = chance.choice(texts).split()
        start = chance.randrange(max(1, len(copied) - COPIED))
        drawn = chance.choices(every, k=number - COPIED)
        drafts.append(" ".join([*drawn[: number // 2], *copied[start : start + COPIED], *drawn[number // 2 :]]))
    return drafts


def measure(texts: Sequence[str], draft_words: int) -> dict[str, float]:
    """Return seconds and megabytes that the index takes to build, and the median and slowest query in seconds."""
    drafts = [*drafts_of(texts, draft_words, random.Random(2)), " ".join(texts[0].split()[:draft_words])]
    before = _peak_megabytes()
    started, busy = time.perf_counter(), time.process_time()
    sources = Sources(texts)
    built, busy = time.perf_counter() - started, time.process_time() - busy
    seconds = []
    for draft in drafts:
        started = time.perf_counter()
        found = sources.compare(draft)
        seconds.append(time.perf_counter() - started)
        if found.longest < COPIED / 2:
            raise SystemExit(f"A copy of {COPIED} words was not found: the longest span has {found.longest}.")
    return {
        "words": sum(len(words(text)) for text in texts),
        "draft_words": draft_words,
        "build_seconds": round(built, 2),
        "build_processor_seconds": round(busy, 2),
        "build_peak_megabytes": round(_peak_megabytes() - before, 1),
        "query_seconds": round(statistics.median(seconds), 3),
        "slowest_query_seconds": round(max(seconds), 3),
    }


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the copy check.")
    parser.add_argument("--corpus", type=Path, help="Folder of text files; default: words drawn at random.")
    parser.add_argument("--words", type=int, default=5_000_000, help="Words to index.")
    parser.add_argument("--draft-words", type=int, default=5000, help="Words of a draft.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object on the last line.")
    chosen = parser.parse_args()
    texts = texts_of(chosen.corpus, chosen.words) if chosen.corpus else made_texts(chosen.words, random.Random(1))
    figures = measure(texts, chosen.draft_words)
    print(json.dumps(figures) if chosen.json else "\n".join(f"{name}: {value:,}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
