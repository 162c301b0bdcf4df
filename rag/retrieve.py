"""Choose the entries that a request needs: always-on, then named in it, then near in meaning and words; all pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.index import windows
from style_tuner.config import WorldConfig
from style_tuner.records import Entry, Hit

FUSION_CONSTANT = 60
"""k of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)."""
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "HANGUL")
"""Scripts that write no spaces, or endings right behind a name: there a name may touch other letters."""


@dataclass(frozen=True)
class Retrieval:
    """The entries chosen for a prompt in the order of their rank, and those that the word budget left out."""

    hits: tuple[Hit, ...]
    left_out: tuple[Hit, ...] = ()

    @property
    def words(self) -> int:
        """Number of words of lore that are sent."""
        return sum(entry_words(hit.entry) for hit in self.hits)


def entry_words(entry: Entry) -> int:
    """Return how many words an entry takes in a prompt."""
    return len(entry.name.split()) + len(entry.facts.split())


def query_windows(text: str) -> list[str]:
    """Return the pieces of a request to embed: all of a short one, the first and the last two of a long one."""
    pieces = windows(text)
    return pieces if len(pieces) <= 3 else [pieces[0], *pieces[-2:]]


def mentioned(text: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries whose name or an alias of theirs stands in the text as a word, in the order of the text."""
    folded = _fold(text)
    places = {}
    for entry in entries:
        found = [place for name in (entry.name, *entry.aliases) if (place := _find(_fold(name), folded)) is not None]
        if found:
            places[entry.id] = min(found)
    return sorted((entry for entry in entries if entry.id in places), key=lambda entry: places[entry.id])


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())


def _find(name: str, text: str) -> int | None:
    """Return where a name stands in the text with no letter of its own script beside it."""
    name = name.strip()
    start = text.find(name) if name else -1
    while start >= 0:
        end = start + len(name)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (_joined(before, name[0]) or _joined(after, name[-1])):
            return start
        start = text.find(name, start + 1)
    return None


def _joined(neighbour: str, edge: str) -> bool:
    """Say whether a character continues the word that the edge of a name belongs to."""
    if not neighbour or unicodedata.category(neighbour)[0] not in "LMN" or unicodedata.category(edge)[0] not in "LMN":
        return False
    return not any(unicodedata.name(c, "").startswith(UNSPACED) for c in (neighbour, edge))


def fuse(by_meaning: Sequence[tuple[str, float]], by_words: Sequence[tuple[str, float]]) -> list[str]:
    """Return ids by reciprocal rank fusion of two rankings, best first."""
    sums: dict[str, float] = {}
    for ranking in (by_meaning, by_words):
        for rank, (entry_id, _) in enumerate(ranking, 1):
            sums[entry_id] = sums.get(entry_id, 0.0) + 1 / (FUSION_CONSTANT + rank)
    return sorted(sums, key=lambda entry_id: -sums[entry_id])


def choose(
    entries: Mapping[str, Entry],
    named: Sequence[Entry],
    by_meaning: Sequence[tuple[str, float]],
    by_words: Sequence[tuple[str, float]],
    config: WorldConfig,
) -> Retrieval:
    """Put always-on entries first, then those named in the request, then by fused rank, within the word budget.

    `by_meaning` holds ids with cosine similarities, `by_words` ids with relative BM25; both best first. Similarities
    under `config.least_similarity` do not count. An entry that does not fit is left out whole.
    """
    near = {entry_id: fit for entry_id, fit in by_meaning if fit >= config.least_similarity and entry_id in entries}
    worded = {entry_id: fit for entry_id, fit in by_words if entry_id in entries}
    ranked = [Hit(entry, "always-on", 1.0) for entry in entries.values() if entry.always_on]
    ranked += [Hit(entry, "mention", 1.0) for entry in named]
    for entry_id in fuse(list(near.items()), list(worded.items())):
        meant = entry_id in near
        fit = near[entry_id] if meant else worded[entry_id]
        ranked.append(Hit(entries[entry_id], "meaning" if meant else "keywords", round(fit, 4)))
    return _within_budget(ranked, config)


def _within_budget(ranked: Sequence[Hit], config: WorldConfig) -> Retrieval:
    hits: list[Hit] = []
    left_out: list[Hit] = []
    seen: set[str] = set()
    left, places = config.words, config.entries
    for hit in ranked:
        if hit.entry.id in seen or (places == 0 and hit.reason != "always-on"):
            continue
        seen.add(hit.entry.id)
        if entry_words(hit.entry) > left:
            left_out.append(hit)
            continue
        hits.append(hit)
        left -= entry_words(hit.entry)
        places -= hit.reason != "always-on"
    return Retrieval(tuple(hits), tuple(left_out))
