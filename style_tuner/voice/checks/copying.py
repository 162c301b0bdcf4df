"""Find words that a draft took over verbatim from the author's own text, and say from where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import WORD

if TYPE_CHECKING:
    import numpy as np

SPAN = 5
OVERLAP = 8
MOST_PLACES = 1000
NEAR_SPAN = 3
NEAR_PLACES = 20
NEAR_GAP = 12
NEAR_LEAST = 6
SHOWN = 10
QUOTED_WORDS = 15
MULTIPLIER = 0x9E3779B97F4A7C15
"""Odd, with its bits well spread: hashes of runs, of which every match is checked word by word, rarely meet."""


@dataclass(frozen=True)
class CopiedSpan:
    """Words in a row that a source has too: as the draft writes them, and the source with the number of its word."""

    words: int
    text: str
    source: str
    source_word: int

    def sentence(self) -> str:
        """Say where the words come from, with their beginning quoted."""
        found = self.text.split()
        quoted = " ".join(found) if len(found) <= QUOTED_WORDS else " ".join(found[:QUOTED_WORDS]) + " …"
        return f"{self.words:,} words in a row as in {self.source} (from its word {self.source_word:,}): “{quoted}”"


@dataclass(frozen=True)
class Copying:
    """How much of a text stands verbatim in the sources; shares of its words, and the spans, longest first.

    `share` counts words inside spans of five words or more, as BMC@5 of Chakrabarty et al. (2025) does; `overlap` is
    the share of its runs of eight words that are in the sources. `near` is the share of words in stretches that follow
    a source in step, with some words replaced: six or more uncommon runs of three, the next never far. `spans` holds
    the longest ten that do not overlap.
    """

    words: int
    share: float
    overlap: float
    longest: int
    longest_text: str
    spans: tuple[CopiedSpan, ...] = ()
    near: float = 0.0


class Sources:
    """An index of texts by their runs of five and three words, as sorted arrays; built once, asked often.

    `names` say what each text is, such as "‘The Salt Road’, passage 3"; without them texts are numbered.
    """

    def __init__(self, texts: Sequence[str], names: Sequence[str] | None = None) -> None:
        import numpy as np

        self._names = tuple(names or (f"passage {number + 1}" for number in range(len(texts))))
        if len(self._names) != len(texts):
            raise ValueError(f"{len(texts)} texts with {len(self._names)} names")
        self._numbers: dict[str, int] = {}
        numbers = self._numbers
        parts, self._starts = [np.zeros(1, dtype=np.int32)], np.zeros(len(texts), dtype=np.int64)
        length = 1
        for place, text in enumerate(texts):
            self._starts[place] = length
            found = lowered(WORD.findall(text))
            # A zero after each text: no run goes on from one text into the next.
            parts.append(np.array([*(numbers.setdefault(word, len(numbers) + 1) for word in found), 0], dtype=np.int32))
            length += len(found) + 1
        self._words = np.concatenate(parts)
        self._index = {span: _sorted_runs(self._words, span) for span in (NEAR_SPAN, SPAN)}

    def compare(self, text: str) -> Copying:
        """Return what of the text stands verbatim in the sources, and where."""
        import numpy as np

        matches = list(WORD.finditer(text))
        found = lowered([match[0] for match in matches])
        # No source holds the number −1, which stands for words that no source has.
        draft = np.array([self._numbers.get(word, -1) for word in found], dtype=np.int32)
        here, there = self._matching_runs(draft, SPAN)
        lengths = _run_lengths(here, there)
        longest_at = np.zeros(len(draft), dtype=np.int64)
        np.maximum.at(longest_at, here, lengths)
        inside = np.zeros(len(draft), dtype=bool)
        for shift in range(SPAN):
            inside[here + shift] = True
        spans = []
        for place in _longest_apart(here, there, lengths):
            start, size = int(here[place]), int(lengths[place])
            source = int(np.searchsorted(self._starts, there[place], side="right")) - 1
            quoted = " ".join(text[matches[start].start() : matches[start + size - 1].end()].split())
            word = int(there[place] - self._starts[source]) + 1
            spans.append(CopiedSpan(size, quoted, self._names[source], word))
        longest = int(longest_at.max(initial=0))
        start = int(longest_at.argmax()) if longest else 0
        return Copying(
            words=len(found),
            share=float(inside.sum()) / max(1, len(found)),
            overlap=float((longest_at >= OVERLAP).sum()) / max(1, len(found) - OVERLAP + 1),
            longest=longest,
            longest_text=" ".join(found[start : start + longest]),
            spans=tuple(spans),
            near=self._near(draft),
        )

    def _near(self, draft: np.ndarray) -> float:
        """Return the share of words in stretches that keep step with a source."""
        import numpy as np

        here, there = self._matching_runs(draft, NEAR_SPAN)
        if not len(here):
            return 0.0
        order = np.lexsort((here, there - here))
        places, distances = here[order], (there - here)[order]
        parted = (np.diff(distances) != 0) | (np.diff(places) > NEAR_GAP)
        stretches = np.split(places, np.flatnonzero(parted) + 1)
        inside = np.zeros(len(draft), dtype=bool)
        for stretch in stretches:
            if len(stretch) >= NEAR_LEAST:
                inside[stretch[0] : stretch[-1] + NEAR_SPAN] = True
        return float(inside.mean())

    def _matching_runs(self, draft: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the places, in the draft and in the sources, at which the same `span` words begin."""
        import numpy as np

        hashes, sorted_places = self._index[span]
        wanted = _hashes(draft, span)
        first = np.searchsorted(hashes, wanted, side="left")
        number = np.minimum(np.searchsorted(hashes, wanted, side="right") - first, MOST_PLACES)
        if span == NEAR_SPAN:
            number[number > NEAR_PLACES] = 0
        here = np.repeat(np.arange(len(wanted)), number)
        within = np.arange(len(here)) - np.repeat(np.cumsum(number) - number, number)
        there = sorted_places[np.repeat(first, number) + within].astype(np.int64)
        same = np.ones(len(here), dtype=bool)
        for shift in range(span):
            same &= self._words[there + shift] == draft[here + shift]
        return here[same], there[same]


def passage_names(titles: Sequence[str]) -> list[str]:
    """Name passages by their manuscripts' titles, in order: "‘The Salt Road’, passage 3"."""
    seen: Counter[str] = Counter()
    names = []
    for title in titles:
        seen[title] += 1
        names.append(f"‘{title}’, passage {seen[title]}" if title else f"passage {seen[title]}")
    return names


def _sorted_runs(numbers: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of all runs of `span` words in order, and where each run begins."""
    import numpy as np

    hashes = _hashes(numbers, span)
    places = np.argsort(hashes, kind="stable").astype(np.int32)
    return hashes[places], places


def _hashes(numbers: np.ndarray, span: int) -> np.ndarray:
    """Return a number for each run of `span` words, the same on every machine."""
    import numpy as np

    runs = max(0, len(numbers) - span + 1)
    found = np.zeros(runs, dtype=np.uint64)
    values = numbers.astype(np.uint64)
    for shift in range(span):
        found = found * np.uint64(MULTIPLIER) + values[shift : shift + runs]
    return found


def _run_lengths(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return for how many words the match at each pair of places goes on.

    Pairs one word on in both texts belong to one match: sorted by the distance between the two places, they are
    neighbours.
    """
    import numpy as np

    if not len(here):
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((here, there - here))
    ordered, distances = here[order], (there - here)[order]
    last = np.append((np.diff(ordered) != 1) | (np.diff(distances) != 0), True)
    ends = np.flatnonzero(last)
    final = ends[np.searchsorted(ends, np.arange(len(order)))]
    lengths = np.empty(len(order), dtype=np.int64)
    lengths[order] = ordered[final] - ordered + SPAN
    return lengths


def _longest_apart(here: np.ndarray, there: np.ndarray, lengths: np.ndarray) -> list[int]:
    """Return the numbers of the longest matches that do not overlap in the draft, the longest first."""
    import numpy as np

    by_length = np.lexsort((there, -lengths, here))
    _, firsts = np.unique(here[by_length], return_index=True)
    best = by_length[firsts]
    chosen: list[int] = []
    taken = np.zeros(int(here.max(initial=0)) + int(lengths.max(initial=0)) + 1, dtype=bool)
    for place in best[np.argsort(-lengths[best], kind="stable")]:
        start, end = here[place], here[place] + lengths[place]
        if not taken[start:end].any():
            taken[start:end] = True
            chosen.append(int(place))
            if len(chosen) == SHOWN:
                break
    return chosen
