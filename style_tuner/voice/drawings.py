"""The plots of a fingerprint, each with the sentence that says what it shows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from style_tuner.charts import ACCENT, ACCENT_SHADE, INK, SECOND, blank
from style_tuner.records import Chapter, StyleProfile
from style_tuner.voice.measures.distributions import BINS
from style_tuner.voice.reference import place_among, reference
from style_tuner.voice.segment import WORD, paragraphs, sentence_ends, spoken_spans

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HOVER_WORDS = 8
MOST_BARS = 300
"""Bars that a page has room for, two pixels or more each."""
MEAN, HALO = "#333333", "rgba(255,255,255,0.85)"
"""The line of the mean stands on bars of two colours and on light and dark pages, so it has an edge of its own."""
MARKS = {
    ",": "comma", ".": "full stop", ";": "semicolon", ":": "colon", "?": "question mark", "!": "exclamation mark",
    "—": "dash", "…": "ellipsis", "(": "bracket",
}  # fmt: skip
TITLES = {
    "sentences": ("Words in a sentence", "Sentences (%)"),
    "paragraphs": ("Words in a paragraph", "Paragraphs (%)"),
    "words": ("Letters in a word", "Words (%)"),
    "dialogue": ("Words spoken in a stretch of 500 (%)", "Stretches (%)"),
}


@dataclass(frozen=True)
class Drawn:
    """A plot, and what it shows today in words."""

    figure: Figure
    sentence: str


@dataclass(frozen=True)
class Bar:
    """A sentence of a chapter, or several on average: words, whether most are said aloud, and how it begins."""

    words: float
    spoken: bool
    begins: str


def novels() -> str:
    """Return what the reference is, in words."""
    found = reference()
    return f"{found['novels']} English novels of {found['years'][0]} to {found['years'][1]}"


def strip(text: str, style: str) -> list[Bar]:
    """Return the sentences of a text in order; `style` is the manuscript's quote style."""
    found = []
    for block in paragraphs(text):
        starts = [match.start() for match in WORD.finditer(block)]
        spoken = [(bisect_left(starts, start), bisect_left(starts, end)) for start, end in spoken_spans(block, style)]
        ends = [0, *sentence_ends(block)]
        for start, end in pairwise(ends):
            first, last = bisect_left(starts, start), bisect_left(starts, end)
            if last > first:
                aloud = sum(max(0, min(last, to) - max(first, begin)) for begin, to in spoken)
                begins = " ".join(block[start:end].split()[:HOVER_WORDS])
                found.append(Bar(last - first, 2 * aloud > last - first, begins))
    return found


def averaged(sentences: Sequence[Bar]) -> list[tuple[float, Bar]]:
    """Return bars with their place among the sentences: one a sentence, or, where a page has no room, of several.

    A bar of several has their mean length, and is spoken where most of their words are.
    """
    each = _each(sentences)
    found = []
    for start in range(0, len(sentences), each):
        run = sentences[start : start + each]
        total = sum(bar.words for bar in run)
        spoken = 2 * sum(bar.words for bar in run if bar.spoken) > total
        found.append((start + (len(run) + 1) / 2, Bar(total / len(run), spoken, run[0].begins)))
    return found


def _each(sentences: Sequence[Bar]) -> int:
    """Return how many sentences one bar stands for."""
    return max(1, -(-len(sentences) // MOST_BARS))


def rhythm(chapter: Chapter, title: str, profile: StyleProfile) -> Drawn | None:
    """Draw the sentences of a chapter as a strip of bars; None where it has none."""
    from plotly.graph_objects import Bar as Bars

    sentences = strip(chapter.text, profile.quote_style)
    if not sentences:
        return None
    figure = blank("Sentence of the chapter", "Words", 260)
    drawn = averaged(sentences)
    each = _each(sentences)
    width = each * (0.85 if len(drawn) < 200 else 1)
    for name, spoken, colour in (("Told", False, ACCENT), ("Spoken", True, SECOND)):
        shown = [(place, bar) for place, bar in drawn if bar.spoken is spoken]
        figure.add_trace(
            Bars(
                x=[place for place, _ in shown],
                y=[bar.words for _, bar in shown],
                text=[f"{bar.begins}…" for _, bar in shown],
                textposition="none",
                hovertemplate="%{y:.0f} words: %{text}<extra></extra>",
                name=name,
                width=width,
                marker={"color": colour, "line": {"width": 0}},
            )
        )
    figure.update_layout(barmode="overlay")
    figure.add_hline(y=profile.sentence_length, line={"color": HALO, "width": 4})
    figure.add_hline(y=profile.sentence_length, line={"color": MEAN, "dash": "dot", "width": 1.5})
    many = f" Each bar is the mean of {each} sentences in a row." if each > 1 else ""
    lengths = [bar.words for bar in sentences]
    longest = max(sentences, key=lambda bar: bar.words)
    where = f"“{title}”" + (f", {chapter.title}" if chapter.title and chapter.title != title else "")
    return Drawn(
        figure,
        f"{where}: {len(lengths):,} sentences of {min(lengths)} to {max(lengths)} words, "
        f"{sum(lengths) / len(lengths):.0f} on average; the dotted line is the mean of all your writing, "
        f"{profile.sentence_length:.0f}.{many} The longest begins “{longest.begins}…”",
    )


def density(name: str, profile: StyleProfile) -> Drawn:
    """Draw one distribution of the author's over that of the reference novels."""
    from plotly.graph_objects import Scatter

    x_title, y_title = TITLES[name]
    figure = blank(x_title, y_title, 270)
    own, usual = profile.distributions[name], reference()["distributions"][name]
    bins = BINS[name]
    middles = [(low + high) / 2 for low, high in pairwise(bins)]
    scale = 100.0 if name == "dialogue" else 1.0
    places = [0.0, *(scale * middle for middle in middles[1:]), 95.0] if name == "dialogue" else list(middles)
    if name == "words":
        places = list(bins[:-1])
    pairs = (("Other novels", usual, INK, "none"), ("Yours", own, ACCENT, "tozeroy"))
    for label, shares, colour, fill in pairs:
        figure.add_trace(
            Scatter(
                x=places,
                y=[100 * share for share in shares[: len(places)]],
                name=label,
                mode="lines",
                line={"color": colour, "width": 2.2, "shape": "spline", "smoothing": 0.7},
                fill=fill,
                fillcolor=ACCENT_SHADE,
            )
        )
    if name == "paragraphs":
        figure.update_xaxes(type="log", tickvals=[3, 10, 30, 100, 300])
    figure.update_yaxes(rangemode="tozero")
    return Drawn(figure, _said(name, profile))


def _said(name: str, profile: StyleProfile) -> str:
    """Return what a distribution shows: the author's middle value, the novels', and how many novels lie below."""
    measures = reference()["measures"]
    measure, value, form = {
        "sentences": ("sentence_length", profile.sentence_length, "{:.0f} words a sentence on average"),
        "paragraphs": ("paragraph_length", profile.paragraph_length, "{:.0f} words a paragraph on average"),
        "words": ("word_length", profile.word_length, "{:.1f} letters a word on average"),
        "dialogue": ("dialogue", 100 * profile.dialogue, "{:.0f} % of the words are spoken"),
    }[name]
    usual = measures[measure][4] * (100 if name == "dialogue" else 1)
    place = place_among(value / (100 if name == "dialogue" else 1), measure) or 0
    beside = "less than in nearly all of them" if place == 0 else f"more than in {place} of 10 of them"
    return f"{form.format(value)}; in {novels()} the middle is {usual:{'.1f' if name == 'words' else '.0f'}}: {beside}."


def punctuation(profile: StyleProfile) -> Drawn:
    """Draw the rate of each mark beside the reference novels' median, where it is known."""
    measures = reference()["measures"]
    rows = [
        (name, profile.punctuation[mark], measures.get(f"mark {mark}", [None] * 9)[4])
        for mark, name in MARKS.items()
        if max(profile.punctuation[mark], measures.get(f"mark {mark}", [0.0] * 9)[4]) >= 0.05
    ]
    return Drawn(_paired_bars(rows, "In 1,000 words"), _apart(rows, "{:.0f} in 1,000 words"))


def openings(profile: StyleProfile) -> Drawn:
    """Draw what kinds of word open the sentences beside the reference novels' median."""
    measures = reference()["measures"]
    rows = [
        (kind, 100 * share, 100 * measures[f"opening {kind}"][4])
        for kind, share in profile.opening_kinds.items()
        if f"opening {kind}" in measures
    ]
    return Drawn(_paired_bars(rows, "Sentences that open with it (%)"), _apart(rows, "{:.0f} %"))


def _paired_bars(rows: Sequence[tuple[str, float, float | None]], x_title: str) -> Figure:
    from plotly.graph_objects import Bar as Bars

    figure = blank(x_title, "", 100 + 34 * len(rows))
    names = [name.capitalize() for name, _, _ in reversed(rows)]
    for label, place, colour in (("Other novels", 2, INK), ("Yours", 1, ACCENT)):
        values = [row[place] for row in reversed(rows)]
        figure.add_trace(Bars(x=values, y=names, name=label, orientation="h", marker={"color": colour}))
    figure.update_layout(barmode="group", bargap=0.3, legend={"traceorder": "reversed"})
    return figure


def _apart(rows: Sequence[tuple[str, float, float | None]], form: str) -> str:
    """Return the two rows that are furthest from the other novels', in words."""
    known = [(name, own, usual) for name, own, usual in rows if usual is not None]
    ranked = sorted(known, key=lambda row: -abs(row[1] - row[2]) / (row[2] + 1))[:2]
    said = [f"{name} {form.format(own)} (other novels {form.format(usual)})" for name, own, usual in ranked]
    return f"Furthest from other novels: {'; '.join(said)}."
