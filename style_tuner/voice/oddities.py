"""Where one sentence stands out among the author's own sentences, measured one by one and said in words."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from style_tuner.records import StyleProfile
from style_tuner.voice import lexicon
from style_tuner.voice.measures.habits import is_adverb, kind
from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import narrated_part, paragraphs, sentences, spoken_part, words

MOST_SENTENCES = 6000
LEAST_SENTENCES = 100
LEAST_TAGS = 20
STANDS_OUT = 0.04
GROUPS = 6
MOST_REASONS = 3
FAR_MORE = 1.75
LEAST_WORDS_OF_SHARE = 8

_SIMILE = re.compile(r"\b(?:like (?:an?|the|some)|as if|as though|as \w+ as (?:an?|the))\b")
_END = re.compile(r"([.!?…—–-])[\"'”’)\]»*_]*\s*$")
_LITTLE = frozenset(lexicon.FUNCTION_WORDS)
OPENINGS = {
    "participle": "a participle",
    "conjunction": "a conjunction such as ‘and’ or ‘when’",
    "preposition": "a preposition",
    "adverb": "an adverb",
    "article": "an article or ‘this’",
    "pronoun": "a pronoun",
    "question word": "a question word",
}
ENDINGS = {"!": "an exclamation mark", "?": "a question mark", "…": "three dots", "—": "a dash"}
COUNTED = {
    "adverbs": ("an adverb", "adverbs"),
    "commas": ("a comma", "commas"),
    "semicolons": ("a semicolon", "semicolons"),
    "colons": ("a colon", "colons"),
    "dashes": ("a dash", "dashes"),
    "brackets": ("brackets", "brackets"),
    "similes": ("a simile", "similes"),
    "subordinate": ("a subordinate clause", "subordinate clauses"),
}
_TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times"}
_PARTS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth"}


@dataclass(frozen=True)
class Measured:
    """What is looked at in one sentence; `tags` are the verbs that carry its speech, `little` the function words."""

    length: int
    opening: str
    ending: str
    counts: dict[str, int]
    little: float
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Own sentences of like length: the longest one's words, and each measure's values in order."""

    longest: int
    counts: dict[str, tuple[int, ...]]
    little: tuple[float, ...]


@dataclass(frozen=True)
class SentenceHabits:
    """The author's own sentences taken one by one; `rates` are counts a word."""

    sentences: int
    lengths: tuple[int, ...]
    openings: dict[str, float]
    endings: dict[str, float]
    tags: dict[str, int]
    rates: dict[str, float]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Oddity:
    """One respect in which a sentence stands out, and the share of own sentences that do as much.

    `short` marks shortness, which is named but never makes a sentence strange by itself.
    """

    share: float
    text: str
    short: bool = False


def sentence_habits(own_texts: Sequence[str], style: str) -> SentenceHabits:
    """Measure the author's sentences one by one, up to some thousands, evenly spread over the text."""
    every = [sentence for text in own_texts for block in paragraphs(text) for sentence in sentences(block)]
    step = -(-len(every) // MOST_SENTENCES) or 1
    found = sorted((measured(sentence, style) for sentence in every[::step]), key=lambda one: one.length)
    total = max(1, sum(one.length for one in found))
    size = -(-len(found) // GROUPS) or 1
    return SentenceHabits(
        sentences=len(found),
        lengths=tuple(one.length for one in found),
        openings=_shares(Counter(one.opening for one in found)),
        endings=_shares(Counter(one.ending for one in found)),
        tags=dict(Counter(tag for one in found for tag in one.tags)),
        rates={name: sum(one.counts[name] for one in found) / total for name in COUNTED},
        groups=tuple(_group(found[begin : begin + size]) for begin in range(0, len(found), size)),
    )


def measured(sentence: str, style: str) -> Measured:
    """Measure one sentence; `style` is how the text marks its speech."""
    lower = lowered(words(sentence))
    text = sentence.replace("--", "—").replace("–", "—").replace("...", "…")
    end = _END.search(text)
    narrated = lowered(words(narrated_part(sentence, style))) if spoken_part(sentence, style) else []
    counts = {
        "adverbs": sum(map(is_adverb, lower)),
        "commas": text.count(","),
        "semicolons": text.count(";"),
        "colons": text.count(":"),
        "dashes": text.count("—"),
        "brackets": text.count("("),
        "similes": len(_SIMILE.findall(" ".join(lower))),
        "subordinate": sum(word in lexicon.SUBORDINATORS for word in lower),
    }
    return Measured(
        length=len(lower),
        opening=kind(lower[0], frozenset()) if lower else "",
        ending=end[1] if end else "",
        counts=counts,
        little=sum(word in _LITTLE for word in lower) / max(1, len(lower)),
        tags=tuple(word for word in narrated if word in lexicon.SPEECH_VERBS),
    )


def oddities(sentence: str, own: SentenceHabits, style: str) -> list[Oddity]:
    """Return in which respects a sentence is rare among the author's own, the rarest first; none where it is not."""
    one = measured(sentence, style)
    if own.sentences < LEAST_SENTENCES or not one.length:
        return []
    group = next((group for group in own.groups if one.length <= group.longest), own.groups[-1])
    found = [
        _length(one, own),
        _place(one.opening, own.openings, own, OPENINGS, "open with"),
        _place(one.ending, own.endings, own, ENDINGS, "end with"),
        _tag(one, own),
        *(_count(name, one, own, group) for name in COUNTED),
        _little(one, group),
    ]
    rare = [oddity for oddity in found if oddity is not None and oddity.share <= STANDS_OUT]
    return sorted(rare, key=lambda oddity: oddity.share)[:MOST_REASONS]


def favourites(sentence: str, profile: StyleProfile) -> str:
    """Say how many of the author's favourite words and phrases a sentence has; nothing for fewer than two."""
    said = f" {' '.join(lowered(words(sentence)))} "
    turns = [one.text for one in (*profile.favourite_phrases, *profile.favourite_words) if f" {one.text} " in said]
    apart = [turn for turn in turns if not any(turn != other and turn in other for other in turns)]
    if len(apart) < 2:
        return ""
    number = {2: "two", 3: "three", 4: "four"}.get(len(apart), str(len(apart)))
    return f"{number} of your favourite turns: {', '.join(f'‘{turn}’' for turn in apart[:4])}"


def _group(part: Sequence[Measured]) -> Group:
    counts = {name: tuple(sorted(one.counts[name] for one in part)) for name in COUNTED}
    return Group(part[-1].length, counts, tuple(sorted(one.little for one in part)))


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = max(1, counts.total())
    return {name: count / total for name, count in counts.items()}


def _length(one: Measured, own: SentenceHabits) -> Oddity | None:
    usual = own.lengths[len(own.lengths) // 2]
    longer = _share(own.sentences - bisect_left(own.lengths, one.length), own.sentences)
    shorter = _share(bisect_right(own.lengths, one.length), own.sentences)
    if longer < shorter and one.length >= FAR_MORE * usual:
        return Oddity(longer, f"{_times(one.length / usual)} your usual sentence length")
    if shorter < longer and one.length <= usual / 2:
        part = _PARTS.get(round(usual / one.length), "a fraction")
        return Oddity(shorter, f"{part} of your usual sentence length", short=True)
    return None


def _place(kind: str, shares: dict[str, float], own: SentenceHabits, names: dict[str, str], verb: str) -> Oddity | None:
    if kind not in names:
        return None
    share = shares.get(kind, 0.0)
    return Oddity(max(share, 1 / (own.sentences + 1)), f"you {_seldom(share)} {verb} {names[kind]}")


def _tag(one: Measured, own: SentenceHabits) -> Oddity | None:
    total = sum(own.tags.values())
    if not one.tags or total < LEAST_TAGS:
        return None
    tag = min(one.tags, key=lambda tag: own.tags.get(tag, 0))
    usual = max(own.tags, key=lambda tag: own.tags[tag])
    number = own.tags.get(tag, 0)
    if tag == usual:
        return None
    return Oddity(_share(number, total), f"you {_seldom(number)} tag speech with ‘{tag}’, mostly with ‘{usual}’")


def _count(name: str, one: Measured, own: SentenceHabits, group: Group) -> Oddity | None:
    count, (single, plural) = one.counts[name], COUNTED[name]
    if not count:
        return None
    values, usual = group.counts[name], own.rates[name] * one.length
    share = _share(len(values) - bisect_left(values, count), len(values))
    if count == 1 and usual < 0.2:
        where = " in so short a sentence" if one.length < own.lengths[len(own.lengths) // 2] else ""
        return Oddity(share, f"you {_seldom(own.rates[name])} use {single}{where}")
    if usual == 0:
        return Oddity(share, f"you never use {plural}")
    if count < 2 or count < FAR_MORE * usual:
        return None
    return Oddity(share, f"{_times(count / usual)} your rate of {plural}")


def _little(one: Measured, group: Group) -> Oddity | None:
    if one.length < LEAST_WORDS_OF_SHARE:
        return None
    fewer = _share(bisect_right(group.little, one.little), len(group.little))
    more = _share(len(group.little) - bisect_left(group.little, one.little), len(group.little))
    usual = group.little[len(group.little) // 2]
    figures = f" ({one.little:.0%} of its words; yours {usual:.0%})"
    if fewer < more:
        return Oddity(fewer, f"few small words such as ‘the’, ‘of’, ‘he’{figures}")
    return Oddity(more, f"many small words such as ‘the’, ‘of’, ‘he’{figures}")


def _share(number: int, total: int) -> float:
    """Return a share that is never 0, since what has not been seen may yet be."""
    return (number + 1) / (total + 1)


def _seldom(number: float) -> str:
    return "rarely" if number else "never"


def _times(ratio: float) -> str:
    return _TIMES.get(round(ratio), "over six times" if ratio < 10 else "ten times or more")
