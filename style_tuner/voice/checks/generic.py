"""Find what reads like a language model rather than like the author: stock words and patterns above the author's rate.

Apart from the score, which it never touches. Everything is measured against the author's own writing, so that an author
who loves 'tapestry' is not blamed for it.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from style_tuner.voice.checks.stock import PATTERNS, STOCK_NAMES, STOCK_WORDS
from style_tuner.voice.reference import lowered, reference_words
from style_tuner.voice.segment import one_dash, paragraphs, pieces, sentences, words

PIECE_WORDS = 1000
OWN_WORDS = 100_000
"""Words of the author's own that are looked at, at most."""
CHANCE = 0.001
"""A habit is named where the author's own rate gives so high a count less often than this."""
LEAST_RATIO = 2.0
LEAST_WORD = 3
LEAST_NAMES = 2
SMOOTHING_WORDS = 5000
EVEN = 0.75
LEAST_SENTENCES = 25
EXAMPLE = 140
WORDS_TOGETHER = "words that models lean on"
NAMES_TOGETHER = "names that models give"
EVEN_RHYTHM = "sentences of one length"


@dataclass(frozen=True)
class Habits:
    """How often an author uses each pattern and stock word, in pieces of about 1,000 words.

    `counts` holds each name's total, `most` its highest count in one piece; `rhythm` is the mean of sentence lengths'
    deviation over their mean, `rhythm_deviation` how much that varies among pieces.
    """

    words: int
    counts: dict[str, int]
    most: dict[str, int]
    names: frozenset[str]
    rhythm: float
    rhythm_deviation: float


@dataclass(frozen=True)
class Finding:
    """A word or pattern of a draft far above the author's own rate; rates per 1,000 words, the author's smoothed."""

    name: str
    count: int
    rate: float
    own_count: int
    own_rate: float
    ratio: float
    example: str
    sentence: str


@lru_cache(maxsize=4)
def own_habits(own_texts: tuple[str, ...]) -> Habits:
    """Count an author's own use of every pattern, in up to `OWN_WORDS` words spread over the texts.

    The texts are joined before they are cut, for passages of a dataset are far shorter than a piece.
    """
    every = pieces("\n\n".join(own_texts), PIECE_WORDS)
    sizes = [len(words(piece)) for piece in every]
    number = min(len(every), max(1, round(OWN_WORDS * len(every) / max(1, sum(sizes)))))
    chosen = [every[place * len(every) // number] for place in range(number)]
    counted = [count_patterns(piece) for piece in chosen]
    counts: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for found in counted:
        counts.update(found)
        most |= found
    rhythms = [value for value in map(_rhythm, chosen) if value is not None]
    return Habits(
        words=sum(len(words(piece)) for piece in chosen),
        counts=dict(counts),
        most=dict(most),
        names=frozenset(name for text in own_texts for name in _names(text)),
        rhythm=statistics.fmean(rhythms) if rhythms else 0.0,
        rhythm_deviation=statistics.pstdev(rhythms) if rhythms else 0.0,
    )


def generic_findings(texts: Sequence[str], habits: Habits) -> tuple[Finding, ...]:
    """Return what of the drafts is far above the author's own rate, the most striking first."""
    number = sum(len(words(text)) for text in texts)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(count_patterns(text))
    least = {pattern.name: pattern.least for pattern in PATTERNS}
    found = []
    for name, count in counts.items():
        if count < least.get(name, LEAST_WORD) or not _above_own(name, count, number, habits):
            continue
        found.append(
            (
                _chance(count, number, habits.counts.get(name, 0), habits.words),
                _finding(name, texts, count, number, habits),
            )
        )
    ordered = [finding for _, finding in sorted(found, key=lambda pair: (pair[0], pair[1].name))]
    return (*ordered, *_name_findings(texts, number, habits), *_rhythm_findings(texts, habits))


def count_patterns(text: str) -> Counter[str]:
    """Count the stock words, each and together, and the patterns of a text."""
    plain = _plain(text)
    counts = Counter({word: number for word, number in Counter(lowered(words(text))).items() if word in STOCK_WORDS})
    if counts:
        counts[WORDS_TOGETHER] = counts.total()
    for pattern in PATTERNS:
        number = sum(1 for _ in pattern.found.finditer(plain))
        if number:
            counts[pattern.name] = number
    return counts


def summary(findings: Sequence[Finding], number: int) -> str:
    """Say in one sentence what the check on generic writing found in that many words."""
    if not findings:
        return f"Nothing in these {number:,} words reads more like a language model than your own writing does."
    named = ", ".join(_shown(finding.name) for finding in findings[:3])
    more = f" and {len(findings) - 3} more" if len(findings) > 3 else ""
    return (
        f"Some of this reads like a language model rather than like you: {named}{more}. This does not change the score."
    )


def _above_own(name: str, count: int, number: int, habits: Habits) -> bool:
    """Tell whether a count is more than chance, a busy page of the author's, or a topic would make it."""
    own = habits.counts.get(name, 0)
    pages = max(1.0, number / PIECE_WORDS)
    if count <= habits.most.get(name, 0) * pages**0.5:
        return False
    return (
        count / number >= LEAST_RATIO * _own_rate(name, habits) and _chance(count, number, own, habits.words) < CHANCE
    )


def _own_rate(name: str, habits: Habits) -> float:
    """Return the author's rate a word, drawn a little towards general English's, where that is known."""
    reference = reference_words()
    stock = STOCK_WORDS if name == WORDS_TOGETHER else (name,)
    general = sum(reference.get(word, 0.0) for word in stock) / 1e6
    return (habits.counts.get(name, 0) + general * SMOOTHING_WORDS + 0.5) / (habits.words + SMOOTHING_WORDS)


def _chance(count: int, number: int, own_count: int, own_words: int) -> float:
    """Return how likely so high a count is at the author's own rate (exact test of two Poisson rates, one-sided)."""
    from scipy.stats import binom

    share = number / (number + max(1, own_words))
    return float(binom.sf(count - 1, count + own_count, share))


def _finding(name: str, texts: Sequence[str], count: int, number: int, habits: Habits) -> Finding:
    own = habits.counts.get(name, 0)
    rate, own_rate = 1000 * count / number, 1000 * _own_rate(name, habits)
    if own == 0:
        yours = f"not once in the {habits.words:,} words of yours looked at"
    else:
        yours = f"you write it once in {_rounded(habits.words / own):,}"
    sentence = f"{_shown(name)} {count} times in {number:,} words; {yours}."
    sentence = sentence.replace(" 1 times ", " once ")
    return Finding(
        name, count, round(rate, 2), own, round(own_rate, 3), round(rate / own_rate, 1), _example(name, texts), sentence
    )


def _shown(name: str) -> str:
    return f"‘{name}’" if name in STOCK_WORDS else name[0].upper() + name[1:]


def _rounded(value: float) -> int:
    """Round to two figures: more would pretend to know."""
    digits = max(0, len(str(int(value))) - 2)
    return int(round(value, -digits))


def _example(name: str, texts: Sequence[str]) -> str:
    """Return the first place as it stands in the draft, with some words around it."""
    wanted = next((pattern.found for pattern in PATTERNS if pattern.name == name), None)
    if wanted is None:
        stock = STOCK_WORDS if name == WORDS_TOGETHER else {name}
        wanted = re.compile(rf"\b(?:{'|'.join(sorted(stock))})\b", re.IGNORECASE)
    for text in texts:
        plain = _plain(text)
        match = wanted.search(plain)
        if match:
            spare = max(0, EXAMPLE - len(match[0])) // 2
            start, end = max(0, match.start() - spare), min(len(plain), match.end() + spare)
            start = (
                plain.find(" ", start) + 1
                if 0 < start < match.start() and " " in plain[start : match.start()]
                else start
            )
            end = plain.rfind(" ", match.end(), end) if end < len(plain) and " " in plain[match.end() : end] else end
            return " ".join(plain[start:end].split())
    return ""


def _name_findings(texts: Sequence[str], number: int, habits: Habits) -> list[Finding]:
    """Name stock names that the author's text does not hold, where a draft has several."""
    found = Counter(name for text in texts for name in _names(text) if name not in habits.names)
    if len(found) < LEAST_NAMES:
        return []
    shown = ", ".join(name.title() for name, _ in found.most_common(5))
    count = found.total()
    sentence = f"{shown}: names that models give again and again, and that your writing does not have."
    return [Finding(NAMES_TOGETHER, count, round(1000 * count / number, 2), 0, 0.0, 0.0, shown, sentence)]


def _names(text: str) -> list[str]:
    return [word.lower() for word in words(text) if word[0].isupper() and word.lower() in STOCK_NAMES]


def _rhythm_findings(texts: Sequence[str], habits: Habits) -> list[Finding]:
    """Say so where sentence lengths vary far less than in any ordinary piece of the author's."""
    rhythms = [value for text in texts for piece in pieces(text, PIECE_WORDS) if (value := _rhythm(piece)) is not None]
    if not rhythms or not habits.rhythm:
        return []
    value = statistics.fmean(rhythms)
    if value > min(EVEN * habits.rhythm, habits.rhythm - 3 * habits.rhythm_deviation):
        return []
    sentence = (
        f"The sentences are nearly of one length: they vary by {value:.0%} of their mean, yours by {habits.rhythm:.0%}."
    )
    return [Finding(EVEN_RHYTHM, 0, 0.0, 0, 0.0, round(value / habits.rhythm, 2), "", sentence)]


def _rhythm(text: str) -> float | None:
    """Return the deviation of sentence lengths over their mean, or None for too few sentences."""
    sizes = [len(words(sentence)) for paragraph in paragraphs(text) for sentence in sentences(paragraph)]
    if len(sizes) < LEAST_SENTENCES:
        return None
    return statistics.pstdev(sizes) / statistics.fmean(sizes)


def _plain(text: str) -> str:
    """Return the paragraphs with straight quotes and one sign for all dashes, as the patterns expect."""
    plain = "\n\n".join(paragraphs(text)).translate(str.maketrans("’‘“”", "''\"\""))
    return re.sub(r" ?—+-? ?", "—", one_dash(plain))
