"""Measure the style verifier on authors it has never seen, beside other methods and attacks on it.

    python benchmarks/style_verification.py --corpus DIR --words 1000 --half 1 --json

`DIR` holds novels named `Author_Title_Year.txt`. An author's last work by year is the test, the works before it are the
profile; negatives are the passages of the other authors' last works. Without `--half` or `--panel` the panel is the
shipped one, less the author under test.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from benchmarks.attacks import attack_medians
from benchmarks.baselines import baselines
from benchmarks.figures import Outcome, report
from style_tuner.errors import StyleTunerError
from style_tuner.voice.segment import WORD
from style_tuner.voice.verification.panel import PANEL, Panel, build_panel, load_panel
from style_tuner.voice.verification.verifier import Verifier, fit_verifier

PASSAGES = 60
RUN = 6
ATTACKED = 3
ATTACK_WORDS = 1000
ATTACK_PASSAGES = 3
CURVE = (5_000, 10_000, 25_000, 50_000, 100_000)


class CorpusError(StyleTunerError):
    """A folder that cannot be measured."""


def works_of(corpus: Path) -> dict[str, list[Path]]:
    """Return each author's works by year; authors with a single work are said and left out."""
    works: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(corpus.glob("*_*_*.txt")):
        works[file.stem.split("_")[0]].append(file)
    found = {author: sorted(files, key=_year) for author, files in sorted(works.items())}
    single = [author for author, files in found.items() if len(files) < 2]
    if single:
        _say(f"Left out as targets, with a single work each: {', '.join(single)}.")
    found = {author: files for author, files in found.items() if author not in single}
    if len(found) < 2:
        raise CorpusError(
            f"{corpus} holds {len(found)} authors with two works or more, as Author_Title_Year.txt: two are needed."
        )
    return found


def cut(text: str, size: int, number: int = PASSAGES) -> list[str]:
    """Return up to `number` passages of `size` words each, in runs of six consecutive ones spread over the text."""
    starts = [word.start() for word in WORD.finditer(text)]
    count = len(starts) // size
    starts.append(len(text))
    runs = max(1, count // RUN)
    kept = np.unique(np.linspace(0, runs - 1, min(runs, number // RUN)).round().astype(int))
    places = [run * RUN + step for run in kept for step in range(RUN) if run * RUN + step < count]
    return [text[starts[place * size] : starts[place * size + size]] for place in places]


def profile_texts(files: Sequence[Path], own_words: int | None) -> list[str]:
    """Return the works, or the first so many words of the latest of them."""
    if own_words is None:
        return [_read(file) for file in files]
    text = "\n\n".join(_read(file) for file in reversed(files))
    starts = [word.start() for word in WORD.finditer(text)]
    return [text if len(starts) <= own_words else text[: starts[own_words]]]


def measure(verifiers: Mapping[str, Verifier], passages: Mapping[str, Sequence[str]], words: int) -> dict[str, Outcome]:
    """Let every author's verifier decide on every author's passages; their panels count the same features."""
    panel = next(iter(verifiers.values())).panel
    counted = {name: panel.count(map(panel.shaped, texts)) for name, texts in passages.items()}
    outcomes = {}
    for author, verifier in verifiers.items():
        values = {name: verifier.decide(counts) for name, counts in counted.items()}
        chances = {
            name: np.array([verifier.probability(float(value), words) for value in found])
            for name, found in values.items()
        }
        own, own_chances = values.pop(author), chances.pop(author)
        outcomes[author] = Outcome(own, values, own_chances, np.concatenate(list(chances.values())))
    return outcomes


def fit(works: Mapping[str, Sequence[Path]], panel: Panel, own_words: int | None) -> dict[str, Verifier]:
    """Fit a verifier for each author on all works but the last, with the panel less that author."""
    return {
        author: fit_verifier(profile_texts(files[:-1], own_words), panel.without(author))
        for author, files in works.items()
    }


def attacked(works: Mapping[str, Sequence[Path]], verifiers: Mapping[str, Verifier]) -> dict[str, float]:
    """Return each attack's median score over a few authors; the next author's last work is the other text."""
    names = list(works)
    found: dict[str, list[float]] = defaultdict(list)
    for author in names[:: max(1, len(names) // ATTACKED)][:ATTACKED]:
        other = names[(names.index(author) + 1) % len(names)]
        *earlier, last = (_read(file) for file in works[author])
        medians = attack_medians(
            earlier,
            [last],
            [_read(works[other][-1])],
            verifiers[author],
            passages=ATTACK_PASSAGES,
            lengths=(ATTACK_WORDS,),
        )
        for name, score in medians.items():
            found[name].append(score)
        _say(f"Attacked {author}: the highest median is {max(medians.values()):.0f}.")
    return {name: statistics.median(scores) for name, scores in found.items()}


def main() -> None:
    """Measure, say what is done on the way, and print the figures or one JSON object."""
    parser = argparse.ArgumentParser(description="Measure the style verifier on authors it has never seen.")
    parser.add_argument("--corpus", type=Path, required=True, help="Folder of Author_Title_Year.txt.")
    parser.add_argument("--words", type=_count, default=1000, help="Length of a passage in words.")
    parser.add_argument("--panel", type=Path, help="Folder (or a file in it) of another panel than the shipped one.")
    parser.add_argument("--half", type=int, choices=(1, 2), help="Make the panel from this half, test on the other.")
    parser.add_argument(
        "--own-words", type=_count, help="Length of an author's profile in words. Default: all there is."
    )
    parser.add_argument("--curve", action="store_true", help="Measure with profiles of 5 to 100 thousand words too.")
    parser.add_argument("--verifier-only", action="store_true", help="Leave out the baselines and the attacks.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object on the last line.")
    chosen = parser.parse_args()
    try:
        figures = run(chosen)
    except StyleTunerError as error:
        sys.exit(str(error))
    print(json.dumps(figures) if chosen.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))


def run(chosen: argparse.Namespace) -> dict[str, object]:
    """Return every figure of one run."""
    works, panel = works_of(chosen.corpus), _panel(chosen)
    if chosen.half:
        works = {name: works[name] for name in list(works)[2 - chosen.half :: 2]}
    _say(f"{len(works)} authors under test, {len(panel.authors)} in the panel; fitting a verifier for each.")
    passages = {author: cut(_read(files[-1]), chosen.words) for author, files in works.items()}
    for author in [author for author, found in passages.items() if not found]:
        _say(f"Left out: {author}, whose last work has fewer than {chosen.words:,} words.")
        del works[author], passages[author]
    if len(works) < 2:
        raise CorpusError(
            f"Fewer than two authors have a last work of {chosen.words:,} words: choose shorter passages."
        )
    verifiers = fit(works, panel, chosen.own_words)
    figures = {"words": chosen.words} | report(measure(verifiers, passages, chosen.words))
    _say(f"Verifier: pooled AUC {figures['pooled_auc']:.4f}.")
    if not chosen.verifier_only:
        profiles = {name: "\n\n".join(profile_texts(files[:-1], chosen.own_words)) for name, files in works.items()}
        figures["baselines"] = baselines(profiles, passages, panel.known, chosen.words)
        figures["attacks"] = attacked(works, verifiers)
    if chosen.curve:
        figures["curve"] = {}
        for own_words in CURVE:
            found = report(measure(fit(works, panel, own_words), passages, chosen.words))
            del found["per_author"]
            figures["curve"][str(own_words)] = found
            _say(f"Profiles of {own_words:,} words: pooled AUC {found['pooled_auc']:.4f}.")
    return figures


def _panel(chosen: argparse.Namespace) -> Panel:
    if chosen.half:
        return build_panel(chosen.corpus, list(works_of(chosen.corpus))[chosen.half - 1 :: 2])
    folder = chosen.panel or PANEL
    return load_panel(folder.parent if folder.is_file() else folder)


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of words: name a whole number of 1 or more.")
    return number


def _year(file: Path) -> int:
    try:
        return int(file.stem.rsplit("_", 1)[1])
    except ValueError as error:
        raise CorpusError(f"{file.name} does not end in a year: name files Author_Title_Year.txt.") from error


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig")


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
