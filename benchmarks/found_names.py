"""How many of the names in novels are found by rules: precision, recall and kinds against lists made by hand.

    python -m benchmarks.found_names --corpus FOLDER [--json]

The folder holds the public-domain novels of the stylometry benchmark `computationalstylistics/100_english_novels`;
without it only the sample author's stories are measured. A gold name is one that stands at least three times.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from rag.extraction.names import Name, find_names
from rag.extraction.text import paragraphs_of
from style_tuner.config import SAMPLES
from style_tuner.manuscripts.read import read_manuscript

GOLD = Path(__file__).parent / "found_names" / "gold.json"
LEAST = 3
"""Mentions from which on a name is proposed."""
KINDS = {"characters": "character", "places": "place", "things": "thing"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line a work and one of all together, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="folder of the novels; without it the samples alone")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--show", action="store_true", help="name what is wrong and what is missing")
    chosen = parser.parse_args(arguments)
    rows = {}
    for work, gold in json.loads(GOLD.read_text(encoding="utf-8")).items():
        files = sorted((SAMPLES / "manuscripts").glob("*.txt")) if work == "samples" else []
        if work != "samples" and chosen.corpus:
            files = [chosen.corpus / f"{work}.txt"]
        if files:
            rows[work] = measure(files, gold)
    if chosen.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    print(
        f"{'work':24} {'words':>8} {'seconds':>7} {'found':>6} "
        f"{'precision':>9} {'recall':>7} {'people':>7} {'kinds':>6}"
    )
    for work, row in rows.items():
        print(
            f"{work:24} {row['words']:8,} {row['seconds']:7.2f} {row['found']:6} {row['precision']:9.3f} "
            f"{row['recall']:7.3f} {row['recall_of_characters']:7.3f} {row['kinds']:6.3f}"
        )
        if chosen.show:
            for what in ("wrong", "missing", "wrong_kind", "mixed"):
                print(f"  {what}: {', '.join(row[what])}")


def measure(files: Sequence[Path], gold: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one work.

    Precision is the share of proposed names that are on the lists, by the name that is shown; recall the share of the
    names on the lists that are found in any form; kinds the share of those found whose kind is right.
    """
    manuscripts = [read_manuscript(file) for file in files]
    began = time.perf_counter()
    names = find_names(paragraphs_of(manuscripts), LEAST)
    seconds = time.perf_counter() - began
    listed = [(kind, {plain(form) for form in forms}) for part, kind in KINDS.items() for forms in gold[part]]
    right = {plain(form) for form in gold["also"]}.union(*(forms for _, forms in listed))
    found = [(name, forms_of(name)) for name in names]
    hits = [(kind, forms, next((name for name, own in found if own & forms), None)) for kind, forms in listed]
    people = [name for kind, _, name in hits if kind == "character"]
    sure = [(name, kind) for kind, _, name in hits if name]
    wrong_kind = [f"{name.name} ({name.kind})" for name, kind in sure if name.kind != kind]
    return {
        "words": sum(manuscript.words for manuscript in manuscripts),
        "seconds": round(seconds, 2),
        "found": len(names),
        "precision": round(sum(plain(name.name) in right for name in names) / len(names), 3),
        "recall": round(len(sure) / len(listed), 3),
        "recall_of_characters": round(sum(name is not None for name in people) / len(people), 3),
        "kinds": round(1 - len(wrong_kind) / len(sure), 3),
        "wrong": [name.name for name in names if plain(name.name) not in right],
        "missing": [sorted(forms)[0] for _, forms, name in hits if name is None],
        "wrong_kind": wrong_kind,
        "mixed": [name.name for name, own in found if sum(bool(own & forms) for _, forms in listed) > 1],
    }


def forms_of(name: Name) -> set[str]:
    """Return all forms of a name as they are compared."""
    return {plain(name.name), *map(plain, name.aliases)}


def plain(name: str) -> str:
    """Return a name without its article, dots and capitals."""
    return name.replace(".", "").replace("’", "'").casefold().removeprefix("the ")


if __name__ == "__main__":
    main()
