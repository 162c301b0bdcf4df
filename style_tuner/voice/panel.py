"""The panel: other authors as counts of masked n-grams, against which an author's own manner is learned."""

from __future__ import annotations

import json
import logging
import zipfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import ModelError, StyleTunerError
from style_tuner.voice.grammar import Grammar, count_grammar
from style_tuner.voice.masking import MASK, NUMBER, character_grams, masked, tokens, word_grams
from style_tuner.voice.reference import count_reference_words, save_reference_words
from style_tuner.workspace import PROJECT_ROOT, write_bytes, write_json

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

log = logging.getLogger(__name__)
PANEL = PROJECT_ROOT / "data" / "panel"
UNIT_WORDS = 250
RUN_UNITS = 4
AUTHOR_UNITS = 80
MASK_WORDS = 800
MASK_AUTHORS = 0.8
FEATURES = 25_000
LEAST_AUTHORS = 4
GRAMMAR_WORDS = 120_000
PUNCTUATION = (".", ",", ";", ":", "!", "?", "—", "(", ")", '"', "...")


@dataclass(frozen=True)
class Panel:
    """Counts of panel authors' text in units of 250 words; each `RUN_UNITS` consecutive rows are consecutive text.

    `counts` is units × features; `unit_authors` gives each row's place in `authors`; `known` are the words that are
    not masked; `inverse_frequencies` weighs features by how few units hold them.
    """

    authors: tuple[str, ...]
    unit_authors: np.ndarray
    counts: csr_array
    features: dict[str, int]
    known: frozenset[str]
    grammar: Grammar

    def without(self, author: str) -> Panel:
        """Return the panel less one author, for validation on that author's own works."""
        import numpy as np

        if author not in self.authors:
            return self
        kept = self.unit_authors != self.authors.index(author)
        return replace(self, counts=self.counts[np.flatnonzero(kept)], unit_authors=self.unit_authors[kept])

    def masked(self, text: str) -> list[str]:
        """Return the masked tokens of a text."""
        return masked(tokens(text), self.known)

    def count(self, masked_texts: Iterable[Sequence[str]]) -> csr_array:
        """Return the counts of this panel's features, one row for each masked text."""
        return _count_rows((grams(text) for text in masked_texts), self.features)


def grams(masked_tokens: Sequence[str]) -> Counter[str]:
    """Count everything that can be a feature: words 1 to 3, characters 2 to 4."""
    found = word_grams(masked_tokens)
    found.update(character_grams(masked_tokens))
    return found


def units(found: Sequence[str], words: int = UNIT_WORDS) -> list[list[str]]:
    """Cut tokens into units that hold `words` words each; what is left over is dropped."""
    cut, start, count = [], 0, 0
    for place, token in enumerate(found):
        count += token[0].isalpha() or token == MASK
        if count == words:
            cut.append(list(found[start : place + 1]))
            start, count = place + 1, 0
    return cut


def runs(cut: Sequence[list[str]], number: int) -> list[list[str]]:
    """Return about `number` units as runs of consecutive ones, evenly spread, the work's edges left out."""
    lengths = max(1, number // RUN_UNITS)
    first, last = len(cut) // 50, len(cut) - len(cut) // 50 - RUN_UNITS
    if last <= first:
        return list(cut[: len(cut) // RUN_UNITS * RUN_UNITS])
    step = max(RUN_UNITS, (last - first) / lengths)
    starts = [first + round(step * place) for place in range(lengths) if first + round(step * place) <= last]
    return [unit for start in starts for unit in cut[start : start + RUN_UNITS]]


def build_panel(corpus: Path, authors: Collection[str] | None = None) -> Panel:
    """Make a panel of the novels in a folder, named `Author_Title_Year.txt`; texts without apostrophes are skipped.

    `authors` limits it to some of the folder's authors, so that the others can test it.
    """
    import numpy as np

    works = _read_works(corpus, authors)
    known = _known_words(works)
    rows: list[Counter[str]] = []
    unit_authors = []
    for number, author in enumerate(works):
        for work in works[author]:
            for unit in runs(units(work), AUTHOR_UNITS // len(works[author])):
                rows.append(grams(masked(unit, known)))
                unit_authors.append(number)
    features = _choose_features(rows, unit_authors)
    symbols = (*sorted(known), *PUNCTUATION, MASK, NUMBER)
    shares = (masked(work[: GRAMMAR_WORDS // len(found)], known) for found in works.values() for work in found)
    return Panel(
        tuple(works),
        np.array(unit_authors, dtype=np.int16),
        _count_rows(rows, features),
        features,
        known,
        count_grammar(shares, symbols),
    )


def save_panel(panel: Panel, folder: Path = PANEL) -> Path:
    """Write `panel.json` (names and n-grams) and `panel.npz` (counts)."""
    import io

    import numpy as np

    buffer = io.BytesIO()
    counts = panel.counts
    np.savez_compressed(
        buffer,
        unit_authors=panel.unit_authors,
        data=np.minimum(counts.data, 65_535).astype(np.uint16),
        steps=_steps(counts).astype(np.uint16),
        row_ends=counts.indptr.astype(np.int32),
        unigrams=panel.grammar.unigrams.astype(np.uint32),
        bigram_steps=np.diff(panel.grammar.bigram_keys, prepend=0).astype(np.uint32),
        bigram_counts=panel.grammar.bigram_counts.astype(np.uint32),
        trigram_steps=np.diff(panel.grammar.trigram_keys, prepend=0).astype(np.uint32),
        trigram_counts=panel.grammar.trigram_counts.astype(np.uint32),
    )
    write_bytes(folder / "panel.npz", buffer.getvalue())
    names = {"authors": panel.authors, "known": sorted(panel.known), "symbols": panel.grammar.symbols}
    write_json(folder / "panel.json", names | {"features": list(panel.features)})
    return folder


def save_reference(corpus: Path, folder: Path = PANEL) -> Path:
    """Write `words.json`, the general word frequencies of the same novels."""
    texts: dict[str, list[str]] = defaultdict(list)
    for file in sorted(corpus.glob("*_*_*.txt")):
        texts[file.stem.split("_")[0]].append(file.read_text(encoding="utf-8-sig"))
    return save_reference_words(count_reference_words(texts), folder / "words.json")


@lru_cache(maxsize=2)
def load_panel(folder: Path = PANEL) -> Panel:
    """Return the shipped panel, or the one in `folder`."""
    import numpy as np
    from scipy.sparse import csr_array

    try:
        names: dict[str, Any] = json.loads((folder / "panel.json").read_text(encoding="utf-8"))
        with np.load(folder / "panel.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        row_ends = arrays["row_ends"].astype(np.int64)
        indices = _unstep(arrays["steps"].astype(np.int64), row_ends)
        grammar = Grammar(
            tuple(names["symbols"]),
            arrays["unigrams"].astype(np.int64),
            np.cumsum(arrays["bigram_steps"].astype(np.int64)),
            arrays["bigram_counts"].astype(np.int64),
            np.cumsum(arrays["trigram_steps"].astype(np.int64)),
            arrays["trigram_counts"].astype(np.int64),
        )
        shape = (len(row_ends) - 1, len(names["features"]))
        counts = csr_array(
            (arrays["data"].astype(np.float32), indices.astype(np.int32), row_ends.astype(np.int32)), shape=shape
        )
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"The panel in {folder} cannot be read ({error}): restore data/panel, or make one with "
            "`python -m style_tuner panel build --corpus DIR --output FOLDER`."
        ) from error
    features = {feature: place for place, feature in enumerate(names["features"])}
    known = frozenset(names["known"])
    return Panel(tuple(names["authors"]), arrays["unit_authors"], counts, features, known, grammar)


def _read_works(corpus: Path, authors: Collection[str] | None) -> dict[str, list[list[str]]]:
    works: dict[str, list[list[str]]] = defaultdict(list)
    for file in sorted(corpus.glob("*_*_*.txt")):
        author = file.stem.split("_")[0]
        if authors is not None and author not in authors:
            continue
        text = file.read_text(encoding="utf-8-sig")
        if 20_000 * (text.count("'") + text.count("’")) < len(text):
            log.warning("%s is left out of the panel: it has lost its apostrophes.", file.name)
            continue
        works[author].append(tokens(text))
    if len(works) < 4:
        raise StyleTunerError(
            f"{corpus} holds novels by {len(works)} authors: a panel needs four or more, as Author_Title_Year.txt."
        )
    return dict(works)


def _known_words(works: dict[str, list[list[str]]]) -> frozenset[str]:
    """Return the most frequent words among those that most authors use."""
    rates: dict[str, float] = defaultdict(float)
    users: Counter[str] = Counter()
    for found in works.values():
        counts = Counter(token for work in found for token in work if token[0].isalpha())
        total = counts.total()
        for word, count in counts.items():
            rates[word] += count / total
            users[word] += count >= 5
    common = sorted((word for word in rates if users[word] >= MASK_AUTHORS * len(works)), key=lambda word: -rates[word])
    return frozenset(common[:MASK_WORDS])


def _choose_features(rows: Sequence[Counter[str]], unit_authors: Sequence[int]) -> dict[str, int]:
    """Return the n-grams that are in most units, of those that several authors use."""
    holders: Counter[str] = Counter()
    users: dict[str, set[int]] = defaultdict(set)
    for row, author in zip(rows, unit_authors, strict=True):
        holders.update(row.keys())
        for gram in row:
            users[gram].add(author)
    ranked = sorted(
        (gram for gram in holders if len(users[gram]) >= LEAST_AUTHORS), key=lambda gram: (-holders[gram], gram)
    )
    return {gram: place for place, gram in enumerate(ranked[:FEATURES])}


def _count_rows(rows: Iterable[Counter[str]], features: dict[str, int]) -> csr_array:
    import numpy as np
    from scipy.sparse import csr_array

    data: list[int] = []
    indices: list[int] = []
    row_ends = [0]
    for row in rows:
        held = sorted((features[gram], count) for gram, count in row.items() if gram in features)
        indices += [place for place, _ in held]
        data += [count for _, count in held]
        row_ends.append(len(indices))
    shape = (len(row_ends) - 1, len(features))
    return csr_array(
        (np.array(data, dtype=np.float32), np.array(indices, dtype=np.int32), np.array(row_ends, dtype=np.int32)),
        shape=shape,
    )


def _steps(counts: csr_array) -> np.ndarray:
    """Return column numbers as differences within each row: small numbers compress well."""
    import numpy as np

    steps: np.ndarray = np.diff(counts.indices, prepend=0)
    starts = counts.indptr[:-1][counts.indptr[:-1] < len(steps)]
    steps[starts] = counts.indices[starts]
    return steps


def _unstep(steps: np.ndarray, row_ends: np.ndarray) -> np.ndarray:
    """Undo `_steps`."""
    import numpy as np

    total: np.ndarray = np.cumsum(steps)
    before = np.concatenate([[0], total])[row_ends[:-1]]
    columns: np.ndarray = total - np.repeat(before, np.diff(row_ends))
    return columns
