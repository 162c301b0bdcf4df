"""The parts of the fingerprint, for the tab Voice and for the file that an author takes away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from style_tuner.records import Manuscript, StyleProfile
from style_tuner.tabs import plots, theme, views
from style_tuner.voice.describe import summary
from style_tuner.voice.segment import paragraphs, sentences
from style_tuner.voice.segment import words as words_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SHOWN_SENTENCES = 160
MARKS = {
    ".": "full stop",
    ",": "comma",
    ";": "semicolon",
    ":": "colon",
    "?": "question mark",
    "!": "exclamation mark",
    "—": "dash",
    "–": "dash",
    "…": "ellipsis",
    "-": "hyphen",
    "(": "bracket",
}


@dataclass(frozen=True)
class Rhythm:
    """Lengths of consecutive sentences as a plot, and what it shows in words."""

    plot: Figure
    sentence: str


def rhythm(manuscripts: Sequence[Manuscript]) -> Rhythm | None:
    """Return the rhythm of the longest chapter's beginning; None without a manuscript."""
    chapters = [(chapter, manuscript.title) for manuscript in manuscripts for chapter in manuscript.chapters]
    if not chapters:
        return None
    chapter, title = max(chapters, key=lambda pair: pair[0].words)
    lengths = [len(words_of(one)) for block in paragraphs(chapter.text) for one in sentences(block)]
    lengths = lengths[:SHOWN_SENTENCES]
    where = f"“{title}”" + (f", {chapter.title}" if chapter.title and chapter.title != title else "")
    text = (
        f"The first {len(lengths)} sentences of {where}: from {min(lengths)} to {max(lengths)} words, "
        f"{sum(lengths) / len(lengths):.0f} on average."
    )
    return Rhythm(plots.bars(lengths, "Sentence", "Words"), text)


def figures(profile: StyleProfile) -> Markup:
    """Return the main figures and the measurements in sentences."""
    head = views.facts(
        [
            ("words", f"{profile.words:,}"),
            ("words a sentence", f"{profile.sentence_length:.1f}"),
            ("words a paragraph", f"{profile.paragraph_length:.0f}"),
            ("dialogue", f"{100 * profile.dialogue:.0f} %"),
            ("person", profile.person),
            ("tense", profile.tense),
        ]
    )
    return head + views.bullets(summary(profile)[1:6])


def punctuation(profile: StyleProfile) -> Figure:
    """Return the marks that are used, by rate."""
    pairs = [(MARKS.get(mark, mark), rate) for mark, rate in profile.punctuation.items() if rate >= 0.05]
    return plots.named_bars(sorted(pairs, key=lambda pair: -pair[1]), "Punctuation in 1,000 words")


def openings(profile: StyleProfile) -> Figure:
    """Return the words that sentences open with, by share."""
    pairs = [(word.capitalize(), 100 * share) for word, share in list(profile.openings.items())[:10]]
    return plots.named_bars(pairs, "Sentences that open with it (%)")


def words(profile: StyleProfile) -> Markup:
    """Return favourite words and phrases, set the larger the more often they are used against other novelists."""

    def cloud(title: str, entries: Sequence[tuple[str, int, str]]) -> Markup:
        most = max((count for _, count, _ in entries), default=1)
        spans = (
            Markup("<span style='font-size:{:.0f}px' title='{}'>{}</span> ").format(15 + 19 * (count / most), tip, word)
            for word, count, tip in entries
        )
        return Markup("<h4>{}</h4><div class='cloud'>{}</div>").format(title, Markup("").join(spans))

    favourites = [(w.text, w.count, f"{w.count} times, {w.ratio:g} × other novelists") for w in profile.favourite_words]
    phrases = [(p.text, p.count, f"{p.count} times") for p in profile.favourite_phrases]
    return cloud("Favourite words", favourites) + (cloud("Frequent phrases", phrases) if phrases else Markup(""))


def document(profile: StyleProfile, system_prompt: str, manuscripts: Sequence[Manuscript]) -> str:
    """Return the fingerprint as one HTML page that needs nothing else, plots included."""
    shown = rhythm(manuscripts)
    drawn = [*([shown.plot] if shown else []), punctuation(profile), openings(profile)]
    plotted = [
        Markup(figure.to_html(full_html=False, include_plotlyjs=number == 0, config={"displayModeBar": False}))
        for number, figure in enumerate(drawn)
    ]
    caption = views.sentence(shown.sentence, "caption") if shown else Markup("")
    return str(
        Markup(
            "<!doctype html><html lang='en'><meta charset='utf-8'><title>Fingerprint</title><style>"
            "body {{ max-width: 860px; margin: 40px auto; padding: 0 16px; font-family: system-ui, sans-serif; "
            "line-height: 1.5; color: #222; background: #fdfcfa }} {}</style><h1>Fingerprint</h1>{}{}{}{}{}"
            "<h4>System prompt</h4><p class='prose-text'>{}</p></html>"
        ).format(
            Markup(theme.CSS), figures(profile), plotted[0], caption, Markup("").join(plotted[1:]), words(profile),
            system_prompt,
        )
    )  # fmt: skip
