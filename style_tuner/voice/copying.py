"""Find words that a draft took over verbatim from the author's own text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import words

SPAN = 5
OVERLAP = 8
FEWEST_PLACES = 200


@dataclass(frozen=True)
class Copying:
    """How much of a text stands verbatim in the sources; shares of its words, and the longest span with its text.

    `share` counts words inside spans of five words or more, as BMC@5 of Chakrabarty et al. (2025) does; `overlap` is
    the share of its runs of eight words that are in the sources.
    """

    words: int
    share: float
    overlap: float
    longest: int
    longest_text: str


class Sources:
    """An index of texts by their runs of five words."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [lowered(words(text)) for text in texts]
        self._places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for number, text in enumerate(self._texts):
            for start, run in enumerate(zip(*(text[shift:] for shift in range(SPAN)), strict=False)):
                places = self._places[run]
                if len(places) < FEWEST_PLACES:
                    places.append((number, start))

    def compare(self, text: str) -> Copying:
        """Return what of the text stands verbatim in the sources."""
        found = lowered(words(text))
        inside = [False] * len(found)
        longest = longest_at = overlaps = reached = 0
        for start in range(len(found) - SPAN + 1):
            end = self._end_of_match(found, start, reached)
            if end > reached:
                inside[start:end] = [True] * (end - start)
                reached = end
            if end - start > longest:
                longest, longest_at = end - start, start
            overlaps += reached - start >= OVERLAP
        return Copying(
            words=len(found),
            share=sum(inside) / max(1, len(found)),
            overlap=overlaps / max(1, len(found) - OVERLAP + 1),
            longest=longest,
            longest_text=" ".join(found[longest_at : longest_at + longest]),
        )

    def _end_of_match(self, found: list[str], start: int, reached: int) -> int:
        """Return where the longest match from `start` ends, or 0 if none goes on beyond `reached`."""
        sure = max(SPAN, reached - start + 1)
        best = 0
        for number, place in self._places.get(tuple(found[start : start + SPAN]), ()):
            source = self._texts[number]
            if source[place : place + sure] != found[start : start + sure] or start + sure > len(found):
                continue
            end, there = start + sure, place + sure
            while end < len(found) and there < len(source) and found[end] == source[there]:
                end, there = end + 1, there + 1
            best = max(best, end)
        return best
