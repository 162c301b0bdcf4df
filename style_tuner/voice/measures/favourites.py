"""Words and phrases that an author uses far more often than general English does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import islice, pairwise
from math import exp, log

from style_tuner.records import Favourite
from style_tuner.voice import lexicon
from style_tuner.voice.reference import fiction_phrases, fiction_rates, lowered, reference_words

LISTED = 20
STRETCH = 1000
"""Words of each stretch in which a word is looked for, to tell a habit from a topic."""
LEAST_GAP = 0.1
"""Share of the text that any favourite may be missing from in one stretch: a chapter or two."""
PHRASES = (3, 4, 5)
LEAST_PHRASE_RATE = 2e-6
"""Share that any phrase is taken to have in English, so that a few uses are no large ratio."""
PLAIN_IN_PHRASES = lexicon.PLAIN | lexicon.PREPOSITIONS | lexicon.PLAIN_ADVERBS | lexicon.CONJUNCTIONS


def names_among(capitals: Sequence[str], every: Mapping[str, int]) -> frozenset[str]:
    """Return the words, in lower case, that are mostly capitalised inside sentences too: names.

    `every` counts all words in lower case; a word that only ever opens sentences is none.
    """
    counts = Counter(lowered(capitals))
    return frozenset(word for word, count in counts.items() if 3 * count > every[word])


def favourite_words(lower: Sequence[str], every: Mapping[str, int], names: frozenset[str]) -> tuple[Favourite, ...]:
    """Return words used far above their rate in English, strongest first; no names, no function words.

    The usual rate is that of general English or of fiction, whichever is higher, so that `eyes` and `door`, which all
    novelists need, are nobody's favourites. Ranked by the G² contribution (Dunning 1993) times how evenly the word is
    spread; one that only a part of the text holds is a topic (`throughout`).
    """
    general, fiction, total = reference_words(), fiction_rates(), len(lower)
    least = max(4, total / 20_000)
    candidates = {}
    for word, count in every.items():
        if count < least or len(word) < 3 or word in lexicon.PLAIN or word in names:
            continue
        usual = max(general.get(word, 0.0), fiction.get(word, 0.0), 1.0) / 1e6
        if (ratio := count / total / usual) >= 2:
            candidates[word] = ratio
    places = _places(lower, candidates)
    stretches = max(1, total / STRETCH)
    ranked = []
    for word, ratio in candidates.items():
        if not throughout(places[word], total):
            continue
        held = len({place // STRETCH for place in places[word]})
        by_chance = stretches * (1 - exp(-every[word] / stretches))
        spread = min(1.0, held / by_chance)
        ranked.append((every[word] * log(ratio) * spread**2, Favourite(word, every[word], round(ratio, 1))))
    ranked.sort(key=lambda pair: (-pair[0], pair[1].text))
    return tuple(favourite for _, favourite in ranked[:LISTED])


def throughout(places: Sequence[int], total: int) -> bool:
    """Tell a habit from a topic: whether no stretch of the text goes longer without it than its number explains.

    The text is all of the author's, work after work, so that what one work or one half of it is about is told by what
    remains. Of `n` places strewn by chance the longest gap is seldom longer than a share 2 ln(n + 1) / n.
    """
    gaps = (after - before for before, after in pairwise((0, *places, total)))
    number = len(places)
    return max(gaps) <= total * max(LEAST_GAP, 2 * log(number + 1) / number)


def _places(lower: Sequence[str], candidates: Mapping[str, float]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {word: [] for word in candidates}
    for place, word in enumerate(lower):
        if word in found:
            found[word].append(place)
    return found


def favourite_phrases(
    sentences: Sequence[Sequence[str]], every: Mapping[str, int], names: frozenset[str]
) -> tuple[Favourite, ...]:
    """Return frequent phrases of three to five words that novelists share less, strongest first; no names.

    Each against its rate in fiction, or where that is unknown against the chance of its words meeting by accident: a
    word is taken for at least as frequent there as in general English, so that rare company alone makes no phrase.
    """
    total = sum(every.values())
    frequent = frequent_phrases(sentences, max(3, total // 15_000))
    frequent = {phrase: count for phrase, count in frequent.items() if names.isdisjoint(phrase)}
    inside: dict[tuple[str, ...], int] = {}
    for phrase, count in frequent.items():
        for part in (phrase[:-1], phrase[1:]):
            inside[part] = max(count, inside.get(part, 0))
    rates, fiction = reference_words(), fiction_phrases()
    ranked = []
    for phrase, count in frequent.items():
        if 2 * inside.get(phrase, 0) > count or PLAIN_IN_PHRASES.issuperset(phrase):
            continue
        text = " ".join(phrase)
        by_chance = 1.0
        for word in phrase:
            by_chance *= max(every[word] / total, rates.get(word, 0.0) / 1e6)
        ratio = count / total / max(by_chance, fiction.get(text, 0.0) / 1e6, LEAST_PHRASE_RATE)
        if ratio >= 2:
            ranked.append((count * log(ratio), Favourite(text, count, round(ratio, 1))))
    ranked.sort(key=lambda pair: (-pair[0], pair[1].text))
    places = _phrase_places(sentences, {favourite.text for _, favourite in ranked})
    kept = (favourite for _, favourite in ranked if throughout(places[favourite.text], total))
    return tuple(islice(kept, LISTED))


def _phrase_places(sentences: Sequence[Sequence[str]], wanted: Set[str]) -> dict[str, list[int]]:
    """Return at which word of the text the sentence begins that each phrase is said in, for every time."""
    found: dict[str, list[int]] = {text: [] for text in wanted}
    heads = {text[: text.index(" ")] for text in wanted}
    begin = 0
    for sentence in sentences:
        for start, word in enumerate(sentence):
            if word in heads:
                for size in PHRASES:
                    text = " ".join(sentence[start : start + size])
                    if text in found and start + size <= len(sentence):
                        found[text].append(begin)
        begin += len(sentence)
    return found


def frequent_phrases(sentences: Sequence[Sequence[str]], least: int) -> dict[tuple[str, ...], int]:
    """Return the phrases of three to five words that are said `least` times or more."""
    frequent: dict[tuple[str, ...], int] = {}
    for size in PHRASES:
        frequent |= _frequent_phrases(sentences, size, least, frequent)
    return frequent


def _frequent_phrases(
    sentences: Sequence[Sequence[str]], size: int, least: int, shorter: Mapping[tuple[str, ...], int]
) -> dict[tuple[str, ...], int]:
    """Count the phrases of one size; longer ones only where both shorter ones inside them are frequent."""
    counts: Counter[tuple[str, ...]] = Counter()
    for sentence in sentences:
        found = zip(*(sentence[start:] for start in range(size)), strict=False)
        if size == PHRASES[0]:
            counts.update(found)
        else:
            counts.update(phrase for phrase in found if phrase[:-1] in shorter and phrase[1:] in shorter)
    return {phrase: count for phrase, count in counts.items() if count >= least}
