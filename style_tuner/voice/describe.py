"""Put a measured voice into words: a short system prompt for the model, and sentences with numbers for the author."""

from __future__ import annotations

import math

from style_tuner.records import StyleProfile

_QUOTES = {
    "double": "double quotes",
    "curly double": "double quotes",
    "single": "single quotes",
    "curly single": "single quotes",
    "guillemets": "guillemets",
    "dash": "dashes",
}


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
    )


def summary(profile: StyleProfile) -> list[str]:
    """Return what was measured in sentences, each with its numbers."""
    low, middle, high = (round(value) for value in profile.sentence_quartiles)
    lines = [
        f"Measured on {profile.words:,} words in {profile.sentences:,} sentences and {profile.paragraphs:,} "
        "paragraphs.",
        f"Vocabulary: {profile.vocabulary_level}; {profile.word_length:.1f} letters a word, "
        f"{profile.long_words:.0%} of words have seven letters or more, and of any 500 words "
        f"{round(500 * profile.lexical_variety)} are different ones.",
        f"Sentences: {profile.sentence_pattern}; {profile.sentence_length:.1f} words on average, half of them between "
        f"{low} and {high}, the middle one {middle}; {profile.subordination:.0%} have a subordinate clause.",
        f"Paragraphs: {profile.paragraph_length:.0f} words on average, the middle one "
        f"{profile.paragraph_quartiles[1]:.0f}.",
        f"Dialogue: {profile.dialogue:.0%} of the words are spoken"
        + (f", marked with {_QUOTES[profile.quote_style]}." if profile.quote_style in _QUOTES else "."),
        f"Told in the {profile.person} person and {profile.tense} tense.",
        f"Pacing: {profile.action_verbs:.0f} action verbs and {profile.transitions:.0f} transition words in 1,000.",
        "Punctuation in 1,000 words: "
        + ", ".join(f"{mark} {rate:.1f}" for mark, rate in profile.punctuation.items() if rate >= 0.05)
        + ".",
    ]
    if profile.openings:
        first = list(profile.openings.items())[:5]
        lines.append("Sentences often open with " + ", ".join(f"'{word}' ({share:.0%})" for word, share in first) + ".")
    if profile.favourite_words:
        lines.append(
            "Favourite words: "
            + ", ".join(
                f"{word.text} ({word.count}, {_times(word.ratio)} as often as other novelists)"
                for word in profile.favourite_words[:6]
            )
            + "."
        )
    if profile.favourite_phrases:
        lines.append(
            "Frequent phrases: "
            + ", ".join(f"'{phrase.text}' ({phrase.count})" for phrase in profile.favourite_phrases[:6])
            + "."
        )
    return lines


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
