"""Measure the continuity check: contradictions found, false alarms, and what it costs.

    python benchmarks/continuity.py --json

Drafts with one planted contradiction each and faithful ones (benchmarks/continuity/, half for tuning, half for the
report), a second such set by somebody who had not seen the rules (`fresh_eyes`), and the sample author's own stories
against their own world, where every finding is a false alarm or a true catch. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from rag.continuity.check import Finding, check_draft
from style_tuner.records import END_OF_STORY, Entry, Moment
from style_tuner.workspace import slug

ROOT = Path(__file__).resolve().parents[1]
DRAFTS = ROOT / "benchmarks" / "continuity" / "drafts.jsonl"
FRESH_EYES = ROOT / "benchmarks" / "continuity" / "fresh_eyes.jsonl"
LARGE_WORLD = ROOT / "benchmarks" / "retrieval" / "large_world" / "entries.jsonl"
SAMPLES = ROOT / "data" / "samples"
SPEED_WORDS = 5000
SPEED_ENTRIES = 10_000


def worlds() -> dict[str, list[Entry]]:
    """Return the entries of the sample world and of the large one."""
    sample = []
    for file in sorted((SAMPLES / "world").glob("*.md")):
        _, head, text = file.read_text(encoding="utf-8").split("---", 2)
        sample.append(_entry({**yaml.safe_load(head), "text": text.strip()}))
    return {"sample": sample, "large": [_entry(row) for row in _rows(LARGE_WORLD)]}


def _entry(row: dict[str, Any]) -> Entry:
    return Entry.from_row({**row, "id": slug(row["name"])})


def drafts(report: bool) -> list[dict[str, Any]]:
    """Return one half of the planted set: the one kept for the report, or the one that rules were tuned on."""
    return [row for row in _rows(DRAFTS) if _kept_for_report(row["id"]) == report]


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _kept_for_report(number: str) -> bool:
    return bool(hashlib.sha256(f"continuity:{number}".encode()).digest()[0] & 1)


def measured(rows: Sequence[dict[str, Any]], entries: dict[str, list[Entry]]) -> dict[str, Any]:
    """Return precision and recall of the findings that are sure, and of all, over planted and faithful drafts."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    caught: dict[str, Counter[str]] = {"sure": Counter(), "any": Counter()}
    faithful_words = alarms = sure_alarms = 0
    for row in rows:
        found = check_draft(row["text"], entries[row["world"]], Moment(chapter=row["chapter"])).findings
        hits = [one for one in found if row["planted"] and is_the_planted(one, row)]
        for one in found:
            (right if one in hits else wrong)[one.certainty] += 1
        if row["planted"]:
            kind = row["planted"]["kind"]
            planted[kind] += 1
            caught["any"][kind] += bool(hits)
            caught["sure"][kind] += any(one.certainty == "sure" for one in hits)
        else:
            faithful_words += len(row["text"].split())
            alarms += len(found)
            sure_alarms += sum(one.certainty == "sure" for one in found)
    total = sum(planted.values())
    return {
        "drafts": len(rows),
        "planted": total,
        "precision_sure": _share(right["sure"], right["sure"] + wrong["sure"]),
        "precision": _share(right.total(), right.total() + wrong.total()),
        "recall_sure": _share(caught["sure"].total(), total),
        "recall": _share(caught["any"].total(), total),
        "recall_by_kind": {
            kind: {"planted": number, "sure": caught["sure"][kind], "found": caught["any"][kind]}
            for kind, number in sorted(planted.items())
        },
        "faithful_words": faithful_words,
        "false_alarms_per_1000_words": round(1000 * alarms / faithful_words, 3),
        "sure_false_alarms_per_1000_words": round(1000 * sure_alarms / faithful_words, 3),
    }


def is_the_planted(found: Finding, row: dict[str, Any]) -> bool:
    """Say whether a finding is the planted contradiction: of its kind, at its place, against its entry."""
    planted = row["planted"]
    start = row["text"].index(planted["draft_quote"])
    overlaps = found.start < start + len(planted["draft_quote"]) and found.end > start
    return found.kind == planted["kind"] and overlaps and found.entry_name in planted["entries"]


def own_stories(entries: Sequence[Entry]) -> dict[str, Any]:
    """Check the sample author's stories against the sample world and return every finding."""
    words, found = 0, []
    for file in sorted((SAMPLES / "manuscripts").glob("*.txt")):
        checked = check_draft(file.read_text(encoding="utf-8"), entries, END_OF_STORY)
        words += checked.words
        found += [f"{file.stem}: {one.certainty}: {one.sentence}" for one in checked.findings]
    return {"words": words, "findings": found, "per_1000_words": round(1000 * len(found) / words, 3)}


def speed(entries: Sequence[Entry]) -> dict[str, float]:
    """Return the seconds that a draft of 5,000 words takes against the large world, and against 10,000 entries."""
    texts = [row["text"] for half in (False, True) for row in drafts(half) if row["world"] == "large"]
    draft = " ".join(" ".join(texts).split(" ")[:SPEED_WORDS])
    moment = Moment(chapter=5)
    return {
        "seconds_353_entries": _seconds(draft, entries, moment),
        "seconds_10000_entries": _seconds(draft, list(_many(entries, SPEED_ENTRIES)), moment),
    }


def _many(entries: Sequence[Entry], number: int) -> Iterable[Entry]:
    """Repeat a world under other names until it has so many entries."""
    for place in range(number):
        entry, round_ = entries[place % len(entries)], place // len(entries)
        if round_ == 0:
            yield entry
        else:
            name = f"{hashlib.sha256(f'{round_} {entry.name}'.encode()).hexdigest()[:8].translate(_LETTERS).title()}"
            text = entry.text.replace(entry.name, name)
            yield replace(entry, id=f"{entry.id}-{round_}", name=name, aliases=(), links=(), text=text)


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def _seconds(draft: str, entries: Sequence[Entry], moment: Moment) -> float:
    started = time.perf_counter()
    check_draft(draft, entries, moment)
    return round(time.perf_counter() - started, 2)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def table(part: dict[str, Any]) -> list[str]:
    """Return the recall by kind of one part of the result as a Markdown table."""
    lines = ["| What is contradicted | Planted | Found, sure | Found at all |", "|---|---:|---:|---:|"]
    for kind, row in part["recall_by_kind"].items():
        lines.append(f"| {kind} | {row['planted']} | {row['sure']} | {row['found']} |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    arguments = parser.parse_args()
    entries = worlds()
    result: dict[str, Any] = {
        "report": measured(drafts(report=True), entries),
        "tuning": measured(drafts(report=False), entries),
        "fresh_eyes": measured(_rows(FRESH_EYES), entries),
        "own_stories": own_stories(entries["sample"]),
        **speed(entries["large"]),
    }
    if not arguments.json:
        for part in ("report", "fresh_eyes"):
            print("\n".join([part, *table(result[part])]))
        print("\n".join(result["own_stories"]["findings"]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
