"""The panel: other authors as counts of masked n-grams, against which an author's own manner is learned."""

from __future__ import annotations

import json
import logging
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import ModelError, StyleTunerError
from style_tuner.voice.verification.calibration import PROFILE_UNITS, Calibration, simulate
from style_tuner.voice.verification.grammar import Grammar, count_grammar
from style_tuner.voice.verification.linear import weighing_of
from style_tuner.voice.verification.masking import EDGE, MASK, NUMBER, masked, parted_tokens, shaped, tokens
from style_tuner.voice.verification.ngrams import (
    choose_features,
    column_steps,
    columns_of,
    common_words,
    count_rows,
    grams,
    kind,
    runs,
    units,
)
from style_tuner.workspace import PROJECT_ROOT, write_bytes, write_json

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

log = logging.getLogger(__name__)
PANEL = PROJECT_ROOT / "data" / "panel"
AUTHOR_UNITS = 240
UNSEEN_UNITS = 160
BYTE = 255
SHAPE_WORDS = 2000
MASK_WORDS = 800
MASK_AUTHORS = 0.8
FEATURES = (9_000, 9_000, 5_000)
"""How many n-grams of words, of characters and of the rhythm of marks are counted."""
GRAMMAR_WORDS = 120_000
PUNCTUATION = (".", ",", ";", ":", "!", "?", "—", "(", ")", '"', "...")


@dataclass(frozen=True)
class Panel:
    """Counts of panel authors' text in units of 250 words; each `RUN_UNITS` consecutive rows are consecutive text.

    `counts` is units × features; `unit_authors` gives each row's place in `authors`; `vocabulary` are the words that
    features may show, `known` the fewer that `grammar` does, and `calibrations` what decision values mean.
    """

    authors: tuple[str, ...]
    unit_authors: np.ndarray
    counts: csr_array
    features: dict[str, int]
    vocabulary: frozenset[str]
    known: frozenset[str]
    grammar: Grammar
    calibrations: tuple[Calibration, ...]

    @property
    def kinds(self) -> np.ndarray:
        """Return which kind of n-gram each feature is."""
        return _kinds(self.features)

    @property
    def present(self) -> tuple[str, ...]:
        """Return the authors whose text is in the panel, less those left out."""
        return tuple(self.authors[number] for number in sorted(set(self.unit_authors.tolist())))

    def counts_of(self, author: str) -> csr_array:
        """Return the rows of one author."""
        import numpy as np

        return self.counts[np.flatnonzero(self.unit_authors == self.authors.index(author))]

    def without(self, author: str) -> Panel:
        """Return the panel less one author, who is the author under test."""
        import numpy as np

        if author not in self.authors:
            return self
        kept = self.unit_authors != self.authors.index(author)
        return replace(self, counts=self.counts[np.flatnonzero(kept)], unit_authors=self.unit_authors[kept])

    def masked(self, text: str) -> list[str]:
        """Return the masked tokens of a text, as `grammar` knows them."""
        return masked(tokens(text), self.known)

    def shaped(self, text: str) -> list[str]:
        """Return the masked tokens of a text, as they are counted: more words shown, endings, and paragraphs' edges."""
        return shaped(parted_tokens(text), self.vocabulary)

    def count(self, shaped_texts: Iterable[Sequence[str]]) -> csr_array:
        """Return the counts of this panel's features, one row for each masked text."""
        return count_rows((grams(text) for text in shaped_texts), self.features)


def build_panel(corpus: Path, authors: Collection[str] | None = None) -> Panel:
    """Make a panel of the novels in a folder, named `Author_Title_Year.txt`; texts without apostrophes are skipped.

    `authors` limits it to some of the folder's authors, so that the others can test it.
    """
    import numpy as np

    works = _read_works(corpus, authors)
    common = common_words(works, SHAPE_WORDS, MASK_AUTHORS)
    known, vocabulary = frozenset(common[:MASK_WORDS]), frozenset(common)
    cut = {author: [units(work) for work in found] for author, found in works.items()}
    chosen = [[unit for work in found for unit in runs(work, AUTHOR_UNITS // len(found))] for found in cut.values()]
    unit_authors = [number for number, found in enumerate(chosen) for _ in found]
    rows = [grams(shaped(unit, vocabulary)) for found in chosen for unit in found]
    features = choose_features(rows, unit_authors, FEATURES)
    counts = count_rows(rows, features)
    by_author = [counts[np.flatnonzero(np.array(unit_authors) == number)] for number in range(len(works))]
    parted = [_early_and_last(found) for found in cut.values()]
    early, last = (
        [count_rows((grams(shaped(unit, vocabulary)) for unit in part), features) for part in parts]
        for parts in zip(*parted, strict=True)
    )
    symbols = (*sorted(known), *PUNCTUATION, MASK, NUMBER)
    shares = (
        masked(_beginning(work, GRAMMAR_WORDS // len(found)), known) for found in works.values() for work in found
    )
    return Panel(
        tuple(works),
        np.array(unit_authors, dtype=np.int16),
        counts,
        features,
        vocabulary,
        known,
        count_grammar(shares, symbols),
        simulate(early, last, by_author, weighing_of(counts, _kinds(features))),
    )


def save_panel(panel: Panel, folder: Path = PANEL) -> Path:
    """Write `panel.json` (names and n-grams) and `panel.npz` (counts)."""
    import io

    import numpy as np

    buffer = io.BytesIO()
    counts = panel.counts
    steps = column_steps(counts)
    np.savez_compressed(
        buffer,
        unit_authors=panel.unit_authors,
        data=np.minimum(counts.data, BYTE).astype(np.uint8),
        steps=np.minimum(steps, BYTE).astype(np.uint8),
        wide_steps=steps[steps >= BYTE].astype(np.uint32),
        row_ends=counts.indptr.astype(np.int32),
        unigrams=panel.grammar.unigrams.astype(np.uint32),
        bigram_steps=np.diff(panel.grammar.bigram_keys, prepend=0).astype(np.uint32),
        bigram_counts=panel.grammar.bigram_counts.astype(np.uint32),
        trigram_steps=np.diff(panel.grammar.trigram_keys, prepend=0).astype(np.uint32),
        trigram_counts=panel.grammar.trigram_counts.astype(np.uint32),
    )
    write_bytes(folder / "panel.npz", buffer.getvalue())
    names: dict[str, Any] = {
        "authors": panel.authors,
        "known": sorted(panel.known),
        "vocabulary": sorted(panel.vocabulary),
        "symbols": panel.grammar.symbols,
        "calibrations": [asdict(curve) for curve in panel.calibrations],
        "features": list(panel.features),
    }
    write_json(folder / "panel.json", names)
    return folder


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
        steps = arrays["steps"].astype(np.int64)
        steps[steps == BYTE] = arrays["wide_steps"]
        indices = columns_of(steps, row_ends)
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
        calibrations = tuple(Calibration(**curve) for curve in names["calibrations"])
        vocabulary = frozenset(names["vocabulary"])
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"The panel in {folder} cannot be read ({error}): restore data/panel, or make one with "
            "`python -m style_tuner panel build --corpus DIR --output FOLDER`."
        ) from error
    features = {feature: place for place, feature in enumerate(names["features"])}
    known = frozenset(names["known"])
    authors = tuple(names["authors"])
    return Panel(authors, arrays["unit_authors"], counts, features, vocabulary, known, grammar, calibrations)


def _read_works(corpus: Path, authors: Collection[str] | None) -> dict[str, list[list[str]]]:
    works: dict[str, list[list[str]]] = defaultdict(list)
    for file in sorted(corpus.glob("*_*_*.txt"), key=lambda file: (file.stem.split("_")[0], file.stem[-4:], file.name)):
        author = file.stem.split("_")[0]
        if authors is not None and author not in authors:
            continue
        text = file.read_text(encoding="utf-8-sig")
        if 20_000 * (text.count("'") + text.count("’")) < len(text):
            log.warning("%s is left out of the panel: it has lost its apostrophes.", file.name)
            continue
        works[author].append(parted_tokens(text))
    if len(works) < 4:
        raise StyleTunerError(
            f"{corpus} holds novels by {len(works)} authors: a panel needs four or more, as Author_Title_Year.txt."
        )
    return dict(works)


def _beginning(work: Iterable[str], number: int) -> list[str]:
    """Return the first tokens of a work, less the edges of paragraphs: `grammar` judges lone sentences, too."""
    return list(islice((token for token in work if token != EDGE), number))


def _kinds(features: Iterable[str]) -> np.ndarray:
    import numpy as np

    return np.array([kind(feature) for feature in features], dtype=np.int8)


def _early_and_last(cut: Sequence[Sequence[list[str]]]) -> tuple[list[list[str]], list[list[str]]]:
    """Part an author's units into a profile and unseen text: the last work, or the last third of the only one."""
    early = [unit for work in cut[:-1] for unit in work]
    last = list(cut[-1])
    if not early:
        third = len(last) // 3
        early, last = last[: len(last) - third], last[len(last) - third :]
    most = PROFILE_UNITS[-1]
    return early if len(early) <= most else runs(early, most), runs(last, UNSEEN_UNITS)
