"""Time the measuring of a voice: words in, seconds of wall clock and of processor out.

python -m benchmarks.voice_profile --corpus DIR --words 1000000 --json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from style_tuner.voice.profile import build_profile


def main() -> None:
    """Measure the first novels of a folder, up to so many words, and report the time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of .txt files")
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    chosen = parser.parse_args()
    texts, count = [], 0
    for file in sorted(chosen.corpus.glob("*.txt")):
        words = file.read_text(encoding="utf-8-sig").split(" ")
        texts.append(" ".join(words[: max(0, chosen.words - count)]))
        count += len(texts[-1].split())
        if count >= chosen.words:
            break
    if not count:
        parser.error(f"{chosen.corpus} holds no .txt files with text in them.")
    build_profile([texts[0][:2000]])  # the word list is read once a process, not once a manuscript
    wall, processor = time.perf_counter(), time.process_time()
    profile = build_profile(texts)
    figures = {
        "words": profile.words,
        "seconds": round(time.perf_counter() - wall, 2),
        "processor_seconds": round(time.process_time() - processor, 2),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }
    if chosen.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write("".join(f"{name}: {value}\n" for name, value in figures.items()))


if __name__ == "__main__":
    main()
