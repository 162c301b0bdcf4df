"""What is usual: how often general English uses a word, and what the panel's novels do in each measure."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner.errors import ConfigError
from style_tuner.workspace import PROJECT_ROOT, read_json

if TYPE_CHECKING:
    from style_tuner.records import StyleProfile

REFERENCE = PROJECT_ROOT / "data" / "panel" / "reference.json"
RAREST = 0.3
"""Rate per million below which a word of the list is no English: names, foreign words and misspellings stand there."""
LOST_MARKS = "—…"
"""Marks that plain-text copies of old novels have often lost, so that nothing is usual among them."""
FICTION_WORDS = 4000
FICTION_PHRASES = 4000
LEAST_AUTHORS = 4
LOST_PARAGRAPHS = 300
"""Mean words a paragraph above which a file has lost its paragraphs and tells nothing of them."""


@lru_cache(maxsize=1)
def reference_words() -> dict[str, float]:
    """Return the rate per million of each lower-case word of general English, from `wordfreq` (offline data)."""
    from wordfreq import get_frequency_dict

    listed = get_frequency_dict("en", "large")
    return {word: rate for word, share in listed.items() if (rate := round(1e6 * share, 2)) >= RAREST}


@lru_cache(maxsize=1)
def reference() -> dict[str, Any]:
    """Return what `build_reference` found in the panel's novels."""
    found: dict[str, Any] = read_json(REFERENCE)
    return found


def fiction_rates() -> dict[str, float]:
    """Return the rate per million of the words that novels use most, the median of authors."""
    rates: dict[str, float] = reference()["words"]
    return rates


def fiction_phrases() -> dict[str, float]:
    """Return the rate per million of the phrases that several novelists share, the mean of authors."""
    rates: dict[str, float] = reference()["phrases"]
    return rates


def lowered(words: Sequence[str]) -> list[str]:
    """Return words in lower case, with straight apostrophes."""
    return [word.lower().replace("’", "'") for word in words]


def scalar_measures(profile: StyleProfile) -> dict[str, float]:
    """Return the figures of a profile that can be laid beside those of other novels, by name."""
    rhythm, tags = profile.rhythm, profile.dialogue_tags
    return {
        "word_length": profile.word_length,
        "long_words": profile.long_words,
        "mtld": profile.mtld,
        "sentence_length": profile.sentence_length,
        "variation": rhythm.variation if rhythm else 0.0,
        "echo": rhythm.echoes[0] if rhythm else 0.0,
        "subordination": profile.subordination,
        "paragraph_length": profile.paragraph_length,
        "one_sentence_paragraphs": profile.one_sentence_paragraphs,
        "dialogue": profile.dialogue,
        "tagged": tags.tagged if tags else 0.0,
        "said": tags.said if tags else 0.0,
        "adverbs": profile.adverbs,
        "similes": profile.similes,
        "action_verbs": profile.action_verbs,
        "transitions": profile.transitions,
        **{f"mark {mark}": rate for mark, rate in profile.punctuation.items() if mark not in LOST_MARKS},
        **{f"word {word}": rate for word, rate in profile.function_words.items()},
        **{f"opening {kind}": share for kind, share in profile.opening_kinds.items()},
    }


def build_reference(corpus: Path) -> dict[str, Any]:
    """Measure every novel `Author_Title_Year.txt` of a folder and return what is usual among them, for a small file.

    `measures` holds the deciles of each figure over the novels, `distributions` the mean share of each bin, `words` and
    `phrases` rates per million of those that novels use most. Files that have lost their paragraphs are left out.
    """
    from style_tuner.voice.measures.favourites import frequent_phrases
    from style_tuner.voice.measures.features import measure
    from style_tuner.voice.profile import profile_of

    profiles, years = [], []
    words: dict[str, Counter[str]] = defaultdict(Counter)
    phrases: dict[str, Counter[str]] = defaultdict(Counter)
    for file in sorted(corpus.glob("*_*_*.txt")):
        found = measure([file.read_text(encoding="utf-8-sig")])
        if not found.words or statistics.fmean(found.paragraph_lengths) > LOST_PARAGRAPHS:
            continue
        author, year = file.stem.split("_")[0], file.stem.rsplit("_", 1)[1]
        profiles.append(profile_of(found))
        years.append(year)
        words[author].update(lowered(found.words))
        said = frequent_phrases(found.sentence_words, max(3, len(found.words) // 30_000))
        phrases[author].update({" ".join(phrase): count for phrase, count in said.items()})
    if len(profiles) < 2:
        raise ConfigError(
            f"{corpus} holds {len(profiles)} novels named Author_Title_Year.txt with paragraphs: at least 2 are needed."
        )
    measured = [scalar_measures(profile) for profile in profiles]
    totals = {author: count.total() for author, count in words.items()}
    return {
        "novels": len(profiles),
        "authors": len(words),
        "years": [min(years), max(years)],
        "measures": {
            name: _deciles([one.get(name, 0.0) for one in measured])
            for name in sorted({name for one in measured for name in one})
        },
        "distributions": {
            name: [
                round(statistics.fmean(profile.distributions[name][place] for profile in profiles), 5)
                for place in range(len(shares))
            ]
            for name, shares in profiles[0].distributions.items()
        },
        "words": _usual(words, totals, FICTION_WORDS),
        "phrases": _usual(phrases, totals, FICTION_PHRASES),
    }


def place_among(value: float, name: str) -> int | None:
    """Return how many of ten reference novels have less of a measure, 0 to 9; None where it is not known.

    Novels with just as much count half, so that where most have none, having none is in the middle.
    """
    deciles = reference()["measures"].get(name)
    if deciles is None:
        return None
    return int(sum(value > decile for decile in deciles) + sum(value == decile for decile in deciles) / 2 + 0.5)


def _deciles(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in statistics.quantiles(values, n=10, method="inclusive")]


def _usual(counts: Mapping[str, Counter[str]], totals: Mapping[str, int], most: int) -> dict[str, float]:
    """Return rates per million, each author weighing the same, of what several authors say, the most frequent first."""
    holders = Counter(text for count in counts.values() for text in count)
    least = min(LEAST_AUTHORS, len(counts))
    rates = {
        text: round(statistics.fmean(1e6 * count[text] / totals[author] for author, count in counts.items()), 1)
        for text, number in holders.items()
        if number >= least
    }
    return {text: rates[text] for text in sorted(rates, key=lambda text: (-rates[text], text))[:most]}
