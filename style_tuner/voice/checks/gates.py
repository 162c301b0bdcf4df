"""Checks that cap a style score, each against the author's own habit, so that ordinary own text never trips one.

A classifier answers "this author or another?" even for text that is no prose at all. These checks find what it cannot:
words without order, words that are none, the same words over and over, words without sentence ends or capitals, and
words taken over verbatim.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from style_tuner.records import Gate
from style_tuner.voice.checks.copying import Sources
from style_tuner.voice.checks.languages import language_of
from style_tuner.voice.checks.setting import Setting, faults, setting_of
from style_tuner.voice.reference import lowered, reference_words
from style_tuner.voice.segment import words
from style_tuner.voice.verification.masking import tokens

if TYPE_CHECKING:
    from style_tuner.voice.verification.panel import Panel

PROBES = 40
BAND = 4.0
REPEATED_RUN = 3
STRETCH = 500
SAME_RUN = 8
PROSE_ORDER = 0.3
"""Nats a token that the order of words tells in any prose: old novels have 0.6 to 0.9, modern dialogue 0.4."""
ODD = 0.42
"""What `Grammar.odd_joins` may reach in prose at length: authors' novels have means of 0.2 to 0.35, broken text 0.6."""
ODD_SHOWN = 4
SHORTEST = 250
NEAR = 0.15
"""Share of words that may keep step with a passage: refrains and set speeches do."""
UNKNOWN = 0.05
"""Share of words that may be new beyond the author's own band: a new work brings dialect. Names do not count."""
LANGUAGE_PIECES = 12


@dataclass(frozen=True)
class Band:
    """Mean and standard deviation of a measure over the author's own pieces of 500 words or more."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class OwnBands:
    """What is ordinary in the author's own writing, and the words the author is known to use.

    `order` and `odd` are what `Grammar.order` and `Grammar.odd_joins` measure, `known` the share of words, names left
    out, found in general English or elsewhere in the author's text, `repeated` the share of three-word runs said before
    in the same piece, `copied` the share of words in spans of five that another piece holds too, `longest` the longest
    such span, `language` what the author writes in ("" where it cannot be told), `setting` how often sentences end and
    words have capitals.
    """

    order: Band
    odd: Band
    known: Band
    repeated: Band
    copied: Band
    longest: int
    vocabulary: frozenset[str]
    language: str
    setting: Setting


def own_bands(own_pieces: Sequence[str], panel: Panel) -> OwnBands:
    """Measure the author's own pieces; each is compared with the other pieces, never with itself."""
    lower = [lowered(words(piece)) for piece in own_pieces]
    holders = Counter(word for piece in lower for word in set(piece))
    reference = reference_words()
    known = [
        statistics.fmean(word in reference or holders[word] > 1 for word in found)
        for piece in own_pieces
        if (found := _no_names(piece))
    ]
    step = max(2, len(own_pieces) // PROBES)
    sources = Sources([piece for number, piece in enumerate(own_pieces) if number % step])
    copies = [sources.compare(piece) for piece in own_pieces[::step]]
    masked = [panel.masked(piece) for piece in own_pieces]
    return OwnBands(
        order=_band([panel.grammar.order(piece) for piece in masked], 0.03),
        odd=_band([panel.grammar.odd_joins(piece)[0] for piece in masked], 0.02),
        known=_band(known or [1.0], 0.005),
        repeated=_band([repeated_share(piece) for piece in lower], 0.01),
        copied=_band([copy.share for copy in copies], 0.01),
        longest=max(copy.longest for copy in copies),
        vocabulary=frozenset(holders),
        language=language_of(own_pieces[:: max(1, len(own_pieces) // LANGUAGE_PIECES)]),
        setting=setting_of(own_pieces),
    )


def check(texts: Sequence[str], bands: OwnBands, panel: Panel, sources: Sources) -> tuple[Gate, ...]:
    """Return every check on the pooled texts, fired or not."""
    lower = [lowered(words(text)) for text in texts]
    return (
        order_gate(texts, bands, panel),
        language_gate(texts, bands),
        repetition_gate(lower, bands),
        setting_gate(texts, bands),
        copy_gate(texts, bands, sources),
    )


def order_gate(texts: Sequence[str], bands: OwnBands, panel: Panel) -> Gate:
    """Cap text whose common words stand in no order, as in word soup, or are joined as in no prose."""
    plain = [token for text in texts for token in [*tokens(text), "."]]
    hidden = [token for text in texts for token in [*panel.masked(text), "."]]
    order = panel.grammar.order(hidden)
    least = min(PROSE_ORDER, bands.order.mean - BAND * bands.order.deviation)
    odd, places = panel.grammar.odd_joins(hidden)
    number = sum(len(words(text)) for text in texts)
    scatter = bands.odd.deviation * (STRETCH / max(number, SHORTEST)) ** 0.5
    soup, odd_cap = _cap(least - order, 0.15), _cap(odd - max(ODD, bands.odd.mean) - BAND * scatter, 0.05)
    cap = min(soup, odd_cap)
    figures = f"{order:.2f} (your own writing: {bands.order.mean:.2f}; shuffled words: 0 or less)"
    if soup < 100:
        sentence = f"The order of its words makes little sense: {figures}."
    elif odd_cap < 100:
        joins = dict.fromkeys(f"“{' '.join(plain[place : place + 3])}”" for place in places)
        shown = ", ".join(list(joins)[:ODD_SHOWN])
        sentence = f"Many of its common words are joined as prose hardly ever joins them: {shown}."
    else:
        sentence = f"The order of its words makes sense: {figures}."
    return Gate("typicality", cap < 100, cap, sentence)


def language_gate(texts: Sequence[str], bands: OwnBands) -> Gate:
    """Cap text in another language, and text with many words that neither general English nor the author knows."""
    language = language_of(texts)
    if language and bands.language and language != bands.language:
        sentence = f"This looks like {language}; the voice was learned from {bands.language}."
        return Gate("language", True, 0.0, sentence)
    reference = reference_words()
    every = [word for text in texts for word in _no_names(text)]
    known = sum(word in reference or word in bands.vocabulary for word in every) / max(1, len(every))
    scatter = bands.known.deviation * max(1.0, STRETCH / max(len(every), 1)) ** 0.5
    cap = _cap(bands.known.mean - BAND * scatter - UNKNOWN - known, 0.05)
    own = 1 - bands.known.mean
    sentence = f"{1 - known:.1%} of its words, names left out, are unknown; in your own writing {own:.1%} are."
    return Gate("language", cap < 100, cap, sentence)


def _no_names(text: str) -> list[str]:
    """Return the words that begin small; all words where few do, as under capitals throughout."""
    found = words(text)
    small = [word for word in found if not word[0].isupper()]
    return lowered(small if len(small) >= 0.5 * len(found) else found)


def repetition_gate(lower: Sequence[Sequence[str]], bands: OwnBands) -> Gate:
    """Cap text that says the same again, inside one draft or from draft to draft."""
    total = max(1, sum(map(len, lower)))
    within = sum(repeated_share(text) * len(text) for text in lower) / total
    seen: set[tuple[str, ...]] = set()
    same = 0
    for text in lower:
        for run in zip(*(text[shift:] for shift in range(SAME_RUN)), strict=False):
            same += run in seen
            seen.add(run)
    usual = bands.repeated.mean + BAND * bands.repeated.deviation + 0.05
    cap = min(_cap(within - usual, 0.05), _cap(same / total - 0.05, 0.1))
    sentence = (
        f"{within:.0%} of its three-word runs are said before in the same draft (in your own writing "
        f"{bands.repeated.mean:.0%}), and {same / total:.0%} of its eight-word runs in this or another draft."
    )
    return Gate("repetition", cap < 100, cap, sentence)


def setting_gate(texts: Sequence[str], bands: OwnBands) -> Gate:
    """Cap text without sentence ends, or in small letters or capitals alone, where the author writes otherwise."""
    found = faults(setting_of(texts), bands.setting)
    cap = min((_cap(far, 0.8) for far, _ in found), default=100.0)
    usual = "It ends its sentences and sets its capitals as prose does."
    return Gate("punctuation and capitals", cap < 100, cap, " ".join(said for _, said in found) or usual)


def copy_gate(texts: Sequence[str], bands: OwnBands, sources: Sources) -> Gate:
    """Cap text that took words over verbatim from the author's own passages."""
    copies = [sources.compare(text) for text in texts]
    total = max(1, sum(copy.words for copy in copies))
    share = sum(copy.share * copy.words for copy in copies) / total
    overlap = sum(copy.overlap * copy.words for copy in copies) / total
    near = sum(copy.near * copy.words for copy in copies) / total
    longest = max(copies, key=lambda copy: copy.longest)
    usual = bands.copied.mean + BAND * bands.copied.deviation + 0.05
    limit = max(20, 2 * bands.longest)
    cap = min(_cap(share - usual, 0.1), _cap(longest.longest - limit, 40), _cap(near - NEAR, 0.1))
    sentence = (
        f"{share:.0%} of its words stand in verbatim spans of five words or more from your passages (usual in your own "
        f"writing: {bands.copied.mean:.0%}), {overlap:.0%} of its eight-word runs do, and the longest span has "
        f"{longest.longest:,} words."
    )
    if near > NEAR:
        sentence += f" {near:.0%} of its words follow a passage of yours in step, with some words replaced."
    quoted = f" {longest.spans[0].sentence()}." if cap < 100 and longest.spans else ""
    return Gate("copying", cap < 100, cap, sentence + quoted)


def repeated_share(lower: Sequence[str]) -> float:
    """Return the share of three-word runs that occurred before in the same stretch of 500 words.

    In stretches, because the share grows with length: a whole novel repeats more of its runs than a page does.
    """
    said = again = 0
    for begin in range(0, len(lower), STRETCH):
        stretch = lower[begin : begin + STRETCH]
        found = list(zip(*(stretch[shift:] for shift in range(REPEATED_RUN)), strict=False))
        said += len(found)
        again += len(found) - len(set(found))
    return again / said if said else 0.0


def _band(values: Sequence[float], least_deviation: float) -> Band:
    return Band(statistics.fmean(values), max(least_deviation, statistics.pstdev(values)))


def _cap(excess: float, half: float) -> float:
    """Return 100 up to no excess, then half as much for every `half` of excess."""
    return 100.0 if excess <= 0 else 100.0 * 0.5 ** (excess / half)
