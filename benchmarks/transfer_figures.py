"""Figures of style transfer for drafts taken together, each with an interval, and their paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from style_tuner.voice.author import AuthorVoice
from style_tuner.voice.measures.comparisons import compare
from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import words

RESAMPLES = 100
NAMES = {
    "style_score": "Overall style score (0–100)",
    "favourites_used": "Your favourite words and phrases used (%)",
    "vocabulary_match": "Vocabulary match (0–100)",
    "sentence_lengths": "Sentence lengths match (0–100)",
    "paragraphs_and_dialogue": "Paragraphs and dialogue match (0–100)",
    "pacing": "Pacing match (0–100)",
    "copied": "Words copied from your passages (%)",
}
Figures = dict[str, float]


@dataclass(frozen=True)
class Drafts:
    """Drafts with what is looked up once for each: words, words copied, and the author's favourites in it."""

    texts: Sequence[str]
    author: AuthorVoice
    words: list[int]
    copied: list[float]
    favourites: list[set[str]]

    def figures(self, chosen: Sequence[int] | None = None) -> Figures:
        """Return every figure but the score of the chosen drafts, or of all, taken together."""
        places = range(len(self.texts)) if chosen is None else chosen
        profile = self.author.profile
        known = max(1, len(profile.favourite_words) + len(profile.favourite_phrases))
        used = set().union(*(self.favourites[place] for place in places))
        copied = sum(self.copied[place] for place in places) / max(1, sum(self.words[place] for place in places))
        texts = [self.texts[place] for place in places]
        return (
            {"favourites_used": 100 * len(used) / known}
            | compare(texts, self.author.verifier.traits)
            | {"copied": 100 * copied}
        )


def measured(texts: Sequence[str], author: AuthorVoice) -> Drafts:
    """Look up what is looked up once for each draft."""
    known = [one.text for one in (*author.profile.favourite_words, *author.profile.favourite_phrases)]
    said = [f" {' '.join(lowered(words(text)))} " for text in texts]
    sizes = [len(words(text)) for text in texts]
    copied = [author.copying([text])["share"] * size for text, size in zip(texts, sizes, strict=True)]
    return Drafts(texts, author, sizes, copied, [{turn for turn in known if f" {turn} " in one} for one in said])


def with_intervals(drafts: Drafts) -> dict[str, dict[str, float]]:
    """Return each figure with its 90 % interval, as another choice of drafts would have given it."""
    return _spanned(drafts.figures(), [drafts.figures(draw) for draw in _draws(len(drafts.texts))])


def differences(base: Drafts, tuned: Drafts) -> tuple[dict[str, dict[str, float]], ...]:
    """Return each figure of base, of tuned, and tuned less base, with 90 % intervals; drafts are drawn in pairs."""
    whole = base.figures(), tuned.figures()
    drawn = [(base.figures(draw), tuned.figures(draw)) for draw in _draws(len(base.texts))]
    return (
        _spanned(whole[0], [before for before, _ in drawn]),
        _spanned(whole[1], [after for _, after in drawn]),
        _spanned(_less(*whole), [_less(before, after) for before, after in drawn]),
    )


def _less(before: Figures, after: Figures) -> Figures:
    return {name: after[name] - before[name] for name in before}


def _draws(number: int) -> list[list[int]]:
    chance = np.random.default_rng(0)
    return [chance.integers(0, number, number).tolist() for _ in range(RESAMPLES)]


def _spanned(whole: Figures, drawn: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """Put the scatter of the draws around the figure: drafts drawn twice say less than as many different ones."""
    found = {}
    for name, value in whole.items():
        values = np.array([one[name] for one in drawn])
        low, high = value + np.percentile(values, (5, 95)) - values.mean()
        found[name] = {"value": value, "low": min(value, float(low)), "high": max(value, float(high))}
    return found


def rounded(value: Any) -> Any:
    """Return nested values with their numbers rounded to two places."""
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, Mapping):
        return {name: rounded(inner) for name, inner in value.items()}
    return value
