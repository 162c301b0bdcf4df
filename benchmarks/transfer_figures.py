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
    whole, scattered = drafts.figures(), _scattered(drafts)
    return {name: _spanned(value, scattered[name]) for name, value in whole.items()}


def differences(base: Drafts, tuned: Drafts) -> tuple[dict[str, dict[str, float]], ...]:
    """Return each figure of base, of tuned, and tuned less base, with 90 % intervals; drafts are drawn in pairs."""
    before, after = base.figures(), tuned.figures()
    first, second = _scattered(base), _scattered(tuned)
    return (
        {name: _spanned(value, first[name]) for name, value in before.items()},
        {name: _spanned(value, second[name]) for name, value in after.items()},
        {name: _spanned(after[name] - before[name], second[name] - first[name]) for name in before},
    )


def _scattered(drafts: Drafts) -> dict[str, np.ndarray]:
    """Return what each figure would be for other choices of as many drafts, the same choices for every model."""
    whole = drafts.figures()
    drawn = [drafts.figures(draw) for draw in _draws(len(drafts.texts))]
    return {name: _settled(value, np.array([one[name] for one in drawn])) for name, value in whole.items()}


def _draws(number: int) -> list[list[int]]:
    chance = np.random.default_rng(0)
    return [chance.integers(0, number, number).tolist() for _ in range(RESAMPLES)]


def _settled(value: float, drawn: np.ndarray) -> np.ndarray:
    """Return the draws of a figure from 0 to 100 put around its value, for drafts drawn twice say less than others.

    They are moved as angles (arcsine of the square root), in which a share scatters alike at every height and which
    end where the scale does; so no draw, and no interval, goes beyond 0 or 100.
    """
    angles = np.arcsin(np.sqrt(np.clip(drawn / 100, 0, 1)))
    moved = np.arcsin(np.sqrt(value / 100)) + angles - angles.mean()
    settled: np.ndarray = 100 * np.sin(np.clip(moved, 0, np.pi / 2)) ** 2
    return settled


def _spanned(value: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(drawn, (5, 95))
    return {"value": value, "low": min(value, float(low)), "high": max(value, float(high))}


def rounded(value: Any) -> Any:
    """Return nested values with their numbers rounded to two places."""
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, Mapping):
        return {name: rounded(inner) for name, inner in value.items()}
    return value
