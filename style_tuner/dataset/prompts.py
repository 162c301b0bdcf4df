"""Requests for passages, built from the passages themselves: names, key words, person, tense, the lines before."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from style_tuner.config import DatasetConfig
from style_tuner.dataset.passages import CountTokens
from style_tuner.manuscripts.blocks import SCENE_BREAK
from style_tuner.records import ChatExample, Message, Passage
from style_tuner.voice.lexicon import (
    ACTION_VERBS,
    FIRST_PERSON,
    FUNCTION_WORDS,
    PAST_MARKERS,
    PLAIN,
    PRESENT_MARKERS,
    THIRD_PERSON,
)
from style_tuner.voice.segment import WORD, narrated_part, quote_style, sentences


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WITH_NAMES = (
    "Write a scene with {names} about {words}.",
    "Write a passage in which {names} {appear}. Mention {words}.",
    "Write about {names}: {words}.",
)
_WITHOUT_NAMES = ("Write a scene about {words}.", "Write a passage about {words}.")
_CAPITALISED = re.compile(r"[A-Z][\w’']*\w")
_TITLES = _words("Mr Mrs Ms Dr St Miss Captain Doctor Father Mother Sister Brother Aunt Uncle Old")
_NO_NAMES = _words(
    "sir madam lord lady miss mr mrs ms dr god heaven english french german yes oh ah well chapter part "
    "monday tuesday wednesday thursday friday saturday sunday "
    "january february march april june july august september october november december christmas"
)
_DETERMINERS = _words("the a an this that these those his her my their our your its no every each two three")
_FUNCTION_WORDS = frozenset(FUNCTION_WORDS)
_NO_KEY_WORDS = PLAIN | ACTION_VERBS | _words("above below back same other others such more most thing things")
_WORDS_A_KEY_WORD = 80
"""A passage of so many words gets one more key word, so that long requests go with long replies."""


@dataclass(frozen=True)
class Vocabulary:
    """What is known of an author's words: which are names, and in how many passages each other one occurs."""

    names: frozenset[str]
    passages_with: Mapping[str, int]
    passages: int
    quotes: str


def learn_vocabulary(passages: Sequence[Passage]) -> Vocabulary:
    """Find the names (capitalised inside sentences, hardly ever in lower case) and count passages for each word."""
    inside: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    passages_with: Counter[str] = Counter()
    for passage in passages:
        words = [_bare(word) for word in WORD.findall(passage.text)]
        lower.update(word for word in words if word.islower())
        passages_with.update({word.lower() for word in words})
        for paragraph in passage.text.split("\n\n"):
            for sentence in sentences(paragraph):
                inside.update(map(_bare, re.findall(r"(?<=[\w,;.] )[A-Z][\w’']*\w", sentence)))
    names = {
        name
        for name, count in inside.items()
        if count >= 2 and count > 2 * lower[name.lower()] and name.lower() not in _NO_NAMES | _FUNCTION_WORDS
    }
    quotes = quote_style([paragraph for passage in passages for paragraph in passage.text.split("\n\n")])
    return Vocabulary(frozenset(names), passages_with, len(passages), quotes)


def _bare(word: str) -> str:
    """Take off a possessive ending and what a contraction adds."""
    return re.split(r"[’'](?:s|d|ll|ve|re|m|t)?$", word)[0]


def names_in(text: str, vocabulary: Vocabulary, most: int = 2) -> list[str]:
    """Return the names that occur most often in a text, in full where a full form stands, in order of appearance."""
    forms: Counter[str] = Counter()
    abbreviated = {"Mr", "Mrs", "Ms", "Dr", "St"}
    for run in re.findall(rf"(?:{_CAPITALISED.pattern})(?:\.? (?:{_CAPITALISED.pattern}))*", text):
        parts = [_bare(part.rstrip(".")) for part in run.split()]
        while parts and parts[0] not in vocabulary.names | _TITLES:
            parts.pop(0)
        while parts and parts[-1] not in vocabulary.names:
            parts.pop()
        if parts and all(part in vocabulary.names | _TITLES for part in parts):
            forms[" ".join(f"{part}." if part in abbreviated and f"{part}. " in run else part for part in parts)] += 1
    people: dict[str, int] = {}
    for form in sorted(forms, key=lambda form: (-len(form.split()), -forms[form])):
        longer = next((known for known in people if set(form.split()) & set(known.split()) - _TITLES), form)
        people[longer] = people.get(longer, 0) + forms[form]
    chosen = sorted(people, key=lambda form: -people[form])[:most]
    return sorted(chosen, key=lambda form: text.find(form.split()[-1]))


def key_words(text: str, vocabulary: Vocabulary, most: int = 4) -> list[str]:
    """Return what a text is about: its nouns, weighted by how often it has them and how few other passages do.

    A word counts as a noun where a determiner stands one or two words before it and it ends its phrase.
    """
    tokens = re.findall(r"[^\W\d_]+(?:[’'][^\W\d_]+)*|[^\w\s]", text)
    names = {name.lower() for name in vocabulary.names}
    counts = Counter(token.lower() for token in tokens)
    nouns = {
        word
        for before, last, word, after in zip(tokens, tokens[1:], tokens[2:], [*tokens[3:], "."], strict=False)
        if word.islower()
        and len(word) >= 4
        and (last.lower() in _DETERMINERS or (before.lower() in _DETERMINERS and last.islower() and word[-2:] != "ed"))
        and (after.lower() in _FUNCTION_WORDS or not after.islower())
        and not re.search(r"[’']|ly$", word)
        and word not in _NO_KEY_WORDS
        and word not in names
    }
    weight = {
        word: counts[word] * math.log((vocabulary.passages + 1) / vocabulary.passages_with.get(word, 1))
        for word in nouns
    }
    chosen = sorted(nouns, key=lambda word: (-weight[word], word))[:most]
    return sorted(chosen, key=lambda word: text.lower().find(word))


def person_and_tense(text: str, quotes: str) -> str:
    """Return `First person, past tense.` or the like, from the narration alone; less where it is not clear."""
    words = [word.lower() for part in text.split("\n\n") for word in WORD.findall(narrated_part(part, quotes))]
    found = Counter(words)
    first, third, past, present = (
        sum(found[word] for word in group) for group in (FIRST_PERSON, THIRD_PERSON, PAST_MARKERS, PRESENT_MARKERS)
    )
    said = []
    if first >= 0.015 * len(words) and first * 4 >= third:
        said.append("first person")
    elif third >= 0.015 * len(words) and third > first * 4:
        said.append("third person")
    if past > 2 * present:
        said.append("past tense")
    elif present > 2 * past:
        said.append("present tense")
    return f"{', '.join(said).capitalize()}." if said else ""


def scene_request(text: str, form: str, vocabulary: Vocabulary, draw: random.Random) -> str:
    """Return a request that names who and what is in a passage, and its form (person and tense)."""
    names = names_in(text, vocabulary)
    more = len(text.split()) // _WORDS_A_KEY_WORD
    words = ", ".join(key_words(text, vocabulary, min(8, draw.randint(2, 3) + more)))
    if names and words:
        request = draw.choice(_WITH_NAMES).format(
            names=" and ".join(names), words=words, appear="appear" if len(names) > 1 else "appears"
        )
    elif names:
        request = f"Write a scene with {' and '.join(names)}."
    elif words:
        request = draw.choice(_WITHOUT_NAMES).format(words=words)
    else:
        request = "Write the next scene."
    length = f"About {max(50, round(len(text.split()), -1))} words." if draw.random() < 1 / 3 else ""
    return " ".join(filter(None, (request, form, length)))


def continuation_request(before: str, count_tokens: CountTokens, most_tokens: int) -> str:
    """Return a request to go on from the last sentences of the text before, `most_tokens` of them at most."""
    lines, glue = "", ""
    for paragraph in reversed([part for part in before.split("\n\n") if part != SCENE_BREAK]):
        for sentence in reversed(sentences(paragraph)):
            longer = f"{sentence}{glue}{lines}"
            if count_tokens(longer) > most_tokens:
                if not lines:  # one sentence alone is too long: its end must do
                    lines = _last_words(sentence, count_tokens, most_tokens)
                return f"Continue this passage:\n\n{lines}"
            lines, glue = longer, " "
        glue = "\n\n" if lines else ""
    return f"Continue this passage:\n\n{lines}"


def _last_words(sentence: str, count_tokens: CountTokens, most_tokens: int) -> str:
    words = sentence.split()
    while len(words) > 1 and count_tokens(" ".join(words)) > most_tokens:
        words = words[max(1, len(words) // 8) :]
    return " ".join(words)


def build_examples(
    passages: Sequence[Passage],
    vocabulary: Vocabulary,
    system_prompt: str,
    config: DatasetConfig,
    count_tokens: CountTokens,
) -> list[ChatExample]:
    """Return one example a passage; `scene_share` of them ask for a scene, the others to continue the lines before.

    The lines before come from the passages given, so one part never quotes another. A passage without any, such as
    the first of a chapter, is always asked for as a scene.
    """
    before = {
        (passage.manuscript, passage.position): earlier.text
        for earlier, passage in zip(passages, passages[1:], strict=False)
        if (earlier.manuscript, earlier.chapter, earlier.position + 1)
        == (passage.manuscript, passage.chapter, passage.position)
    }
    chapters: dict[tuple[str, int], list[str]] = {}
    for passage in passages:
        chapters.setdefault((passage.manuscript, passage.chapter), []).append(passage.text)
    forms = {key: person_and_tense("\n\n".join(texts), vocabulary.quotes) for key, texts in chapters.items()}
    continued = sorted(before)
    random.Random(config.seed).shuffle(continued)
    continuations = set(continued[: round((1 - config.scene_share) * len(passages))])
    examples = []
    for passage in passages:
        place = (passage.manuscript, passage.position)
        draw = random.Random(f"{config.seed}:{place}")
        if place in continuations:
            most = draw.randint(config.max_tokens // 10, config.max_tokens // 5)
            kind, request = "continuation", continuation_request(before[place], count_tokens, most)
        else:
            kind, request = "scene", scene_request(passage.text, forms[place[0], passage.chapter], vocabulary, draw)
        messages = (Message("system", system_prompt), Message("user", request), Message("assistant", passage.text))
        examples.append(ChatExample(messages, passage.manuscript, kind))
    return examples
