"""Put a measured voice into words: a short system prompt for the model, and sentences with numbers for the author."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from style_tuner.records import StyleProfile
from style_tuner.voice.drawings import MARKS
from style_tuner.voice.reference import place_among, reference, scalar_measures

_QUOTES = {
    "double": "double quotes",
    "curly double": "double quotes",
    "low double": "low quotes („…“)",
    "single": "single quotes",
    "curly single": "single quotes",
    "low single": "low single quotes (‚…‘)",
    "guillemets": "guillemets («…»)",
    "inverted guillemets": "guillemets (»…«)",
    "dash": "dashes",
}
_HABITS = (
    ("adverbs", "adverbs in -ly are rare", "adverbs in -ly are frequent"),
    ("similes", "similes are rare", "similes are frequent"),
    ("mark ;", "there are hardly any semicolons", "semicolons are frequent"),
    ("said", "", "speech is tagged with 'said'"),
    ("tagged", "speech mostly goes untagged", ""),
    ("one_sentence_paragraphs", "", "many paragraphs are a single sentence"),
    ("opening conjunction", "", "sentences often open with 'and' or 'but'"),
)
"""Measures that a model can follow as an instruction, and what to say of little and of much."""
MOST_HABITS = 2
ENOUGH_WORDS = 3000
"""Of fewer words the figures are given with a caution."""
LEAST_OCCURRENCES = 5
"""What occurs more seldom is compared with nothing."""


def system_prompt(profile: StyleProfile) -> str:
    """Return one short paragraph that tells a model how to write; at most about sixty words."""
    sentence = {
        "simple": "short, simple sentences",
        "varied": "sentences of varied length",
        "complex": "long, complex sentences",
    }[profile.sentence_pattern]
    paragraph = "short" if profile.paragraph_length < 40 else "long" if profile.paragraph_length > 110 else "medium"
    return (
        f"You are a fiction author writing in the {profile.person} person and {profile.tense} tense, with "
        f"{_article(profile.vocabulary_level)} vocabulary, {sentence} (about {round(profile.sentence_length)} words) "
        f"and {paragraph} paragraphs (about {round(profile.paragraph_length)} words). {_balance(profile)}"
        + _habits(profile)
    )


def summary(profile: StyleProfile) -> list[str]:
    """Return what was measured in sentences, each with its numbers."""
    low, middle, high = (round(value) for value in profile.sentence_quartiles)
    lines = [
        *_caution(profile),
        f"Measured on {_counted(profile.words, 'word')} in {_counted(profile.sentences, 'sentence')} and "
        f"{_counted(profile.paragraphs, 'paragraph')}.",
        f"Vocabulary: {profile.vocabulary_level}; {profile.word_length:.1f} letters a word, "
        f"{profile.long_words:.0%} of words have seven letters or more, and of any 500 words "
        f"{round(500 * profile.lexical_variety)} are different ones (MTLD {profile.mtld:.0f}"
        f"{_among(profile.mtld, 'mtld') if profile.words >= ENOUGH_WORDS else ''}).",
        f"Sentences: {profile.sentence_pattern}; {profile.sentence_length:.1f} words on average, half of them between "
        f"{low} and {high}, the middle one {middle}; {profile.subordination:.0%} have a subordinate clause.",
        *rhythm_lines(profile),
        f"Paragraphs: {profile.paragraph_length:.0f} words on average, the middle one "
        f"{profile.paragraph_quartiles[1]:.0f}; {profile.one_sentence_paragraphs:.0%} are a single sentence.",
        f"Dialogue: {profile.dialogue:.0%} of the words are spoken"
        + (f", marked with {_QUOTES[profile.quote_style]}." if profile.quote_style in _QUOTES else "."),
        *tag_lines(profile),
        f"Told in the {profile.person} person and {profile.tense} tense.",
        f"Pacing: {profile.action_verbs:.0f} action verbs and {profile.transitions:.0f} transition words in 1,000.",
        f"Adverbs in -ly: {profile.adverbs:.1f} in 1,000 words{_rate_among(profile, profile.adverbs, 'adverbs')}"
        + (f"; most often {_quoted(profile.adverb_words, 4)}." if profile.adverb_words else "."),
        f"Similes: {profile.similes:.1f} in 1,000 words{_rate_among(profile, profile.similes, 'similes')}"
        + (f"; such as {_quoted(profile.simile_examples, 3)}." if profile.simile_examples else "."),
        "Punctuation in 1,000 words: "
        + ", ".join(f"{MARKS.get(mark, mark)} {rate:.1f}" for mark, rate in profile.punctuation.items() if rate >= 0.05)
        + ".",
    ]
    if profile.openings:
        first = list(profile.openings.items())[:5]
        lines.append(
            "Sentences often open with "
            + ", ".join(f"'{_shown(word)}' ({share:.0%})" for word, share in first)
            + _most_kinds(profile.opening_kinds)
        )
        last = list(profile.endings.items())[:5]
        lines.append(
            "They often end with "
            + ", ".join(f"'{_shown(word)}' ({share:.0%})" for word, share in last)
            + _most_kinds(profile.ending_kinds)
        )
    if habits := function_word_habits(profile):
        said = ", ".join(f"'{_shown(word)}' {_as_often(ratio)}" for word, ratio in habits)
        lines.append(f"Small words against the middle one of {_novels()}: {said}.")
    if favourites := [word for word in profile.favourite_words if word.count >= LEAST_OCCURRENCES]:
        lines.append(
            "Favourite words: "
            + ", ".join(
                f"{word.text} ({word.count}, {_times(word.ratio)} as often as usual)" for word in favourites[:6]
            )
            + "."
        )
    if profile.favourite_phrases:
        lines.append(
            "Favourite phrases: "
            + ", ".join(f"'{phrase.text}' ({phrase.count})" for phrase in profile.favourite_phrases[:6])
            + "."
        )
    return lines


def _caution(profile: StyleProfile) -> list[str]:
    if profile.words >= ENOUGH_WORDS:
        return []
    counted = _counted(profile.words, "word")
    return [f"These figures rest on {counted}: from {ENOUGH_WORDS:,} on they say something."]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _occurs_enough(profile: StyleProfile, rate: float, usual: float) -> bool:
    """Say whether a rate can be compared; in enough words, what is usual but missing counts too."""
    most = max(rate, usual) if profile.words >= ENOUGH_WORDS else rate
    return most * profile.words / 1000 >= LEAST_OCCURRENCES


def rhythm_lines(profile: StyleProfile) -> list[str]:
    """Return how long and short sentences follow one another, in a sentence."""
    rhythm = profile.rhythm
    if rhythm is None or profile.sentences < 20:
        return []
    echo = rhythm.echoes[0]
    goes = (
        "long sentences come together, and so do short ones"
        if echo > 0.1
        else "long and short sentences alternate"
        if echo < -0.1
        else "a sentence's length says little of the next one's"
    )
    return [
        f"Rhythm: lengths vary by {rhythm.variation:.0%} of their mean{_among(rhythm.variation, 'variation')}; {goes} "
        f"(autocorrelation {echo:+.2f}). After a long sentence {rhythm.short_after_long:.0%} are short; of all "
        f"{rhythm.short:.0%} are."
    ]


def tag_lines(profile: StyleProfile) -> list[str]:
    """Return how speech is given to its speakers, in a sentence."""
    tags = profile.dialogue_tags
    if tags is None or tags.turns < LEAST_OCCURRENCES:
        return []
    if not tags.verbs:
        return [f"Dialogue tags: none in {tags.turns:,} paragraphs with speech."]
    others = [verb for verb in tags.verbs if verb not in ("said", "says", "say", "asked", "asks", "ask")]
    return [
        f"Dialogue tags: in {tags.tagged:.0%} of {tags.turns:,} paragraphs with speech; {tags.said:.0%} of them "
        f"'said', {tags.asked:.0%} 'asked', {tags.other:.0%} others"
        + (f" ({', '.join(others[:4])})." if others else ".")
    ]


def function_word_habits(profile: StyleProfile, most: int = 6) -> list[tuple[str, float]]:
    """Return the small words used most above or below the reference novels' median, with how many times as often."""
    measures = reference()["measures"]
    found = []
    for word, rate in profile.function_words.items():
        middle = measures.get(f"word {word}", [0.0] * 9)[4]
        if (
            max(rate, middle) >= 2
            and _occurs_enough(profile, rate, middle)
            and place_among(rate, f"word {word}") in (0, 9)
        ):
            found.append((word, (rate + 0.2) / (middle + 0.2)))
    found.sort(key=lambda pair: -abs(math.log(pair[1])))
    return found[:most]


def _habits(profile: StyleProfile) -> str:
    """Return up to two habits that hardly any reference novel shares, as instructions."""
    measures = scalar_measures(profile)
    said = []
    for name, little, much in _HABITS:
        place = place_among(measures.get(name, 0.0), name)
        if place is None or profile.sentences < 50 or (profile.dialogue < 0.05 and name in ("said", "tagged")):
            continue
        said += [text for text in (little if place == 0 else much if place == 9 else "",) if text]
    text = " and ".join(said[:MOST_HABITS])
    return f" {text[0].upper()}{text[1:]}." if text else ""


def _novels() -> str:
    return f"{reference()['novels']} older novels"


def _among(value: float, name: str) -> str:
    place = place_among(value, name)
    if place is None:
        return ""
    if place == 0:
        return f", less than nearly all of {_novels()}"
    return f", more than {place} in 10 of {_novels()}"


def _rate_among(profile: StyleProfile, rate: float, name: str) -> str:
    usual = reference()["measures"][name][4]
    return _among(rate, name) if _occurs_enough(profile, rate, usual) else ""


def _most_kinds(kinds: dict[str, float]) -> str:
    first = [(kind, share) for kind, share in kinds.items() if kind != "other word"][:3]
    return "; by kind: " + ", ".join(f"{kind} {share:.0%}" for kind, share in first) + "." if first else "."


def _shown(word: str) -> str:
    return f"I{word[1:]}" if re.fullmatch(r"i('.*)?", word) else word


def _quoted(texts: Iterable[str], most: int) -> str:
    return ", ".join(f"'{text}'" for text in list(texts)[:most])


def _as_often(ratio: float) -> str:
    return f"{ratio:.1f} times as often" if ratio >= 1 else f"{1 / ratio:.1f} times as seldom"


def differences(draft: StyleProfile, own: StyleProfile) -> str:
    """Return one sentence, with a blank before it, on the two measures where a draft is furthest from the author."""
    measures = [
        ("words in a sentence", draft.sentence_length, own.sentence_length, "{:.0f}"),
        ("words in a paragraph", draft.paragraph_length, own.paragraph_length, "{:.0f}"),
        ("of the words spoken", draft.dialogue, own.dialogue, "{:.0%}"),
        ("of the words with seven letters or more", draft.long_words, own.long_words, "{:.0%}"),
        ("action verbs in 1,000 words", draft.action_verbs, own.action_verbs, "{:.0f}"),
        ("of the sentences with a subordinate clause", draft.subordination, own.subordination, "{:.0%}"),
    ]
    floors = {"{:.0%}": 0.03, "{:.0f}": 1.0}
    ranked = sorted(measures, key=lambda row: -abs(math.log((row[1] + floors[row[3]]) / (row[2] + floors[row[3]]))))
    furthest = [row for row in ranked[:2] if row[3].format(row[1]) != row[3].format(row[2])]
    said = [f"{form.format(found)} {name} (yours: {form.format(usual)})" for name, found, usual, form in furthest]
    return f" Furthest from your writing: {' and '.join(said)}." if said else ""


def _times(ratio: float) -> str:
    return "over 100 times" if ratio > 100 else f"{ratio:.0f} times"


def _article(level: str) -> str:
    return f"an {level}" if level[0] in "aeiou" else f"a {level}"


def _balance(profile: StyleProfile) -> str:
    share = profile.dialogue
    if share < 0.05:
        return "The text is nearly all narrative."
    if share < 0.3:
        return f"Narrative leads: about {share:.0%} of the text is dialogue."
    if share < 0.55:
        return f"Narrative and dialogue are balanced: about {share:.0%} is dialogue."
    return f"Dialogue leads: about {share:.0%} of the text is spoken."
