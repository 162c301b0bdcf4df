"""Other ways to tell an author's passages from others', measured on the same passages as the verifier.

Each returns a matrix of values, one row an author, one column a passage; a higher value speaks for the author. All but
LambdaG and the guide's composite take the profiles of all authors in the run to scale their features, so they know the
authors of the negatives, which the verifier does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.figures import auc
from style_tuner.voice.measures.comparisons import compare, own_traits
from style_tuner.voice.segment import words
from style_tuner.voice.verification.masking import masked, tokens

PROFILE_WORDS = 100_000
COMPOSITE_PASSAGES = 12
LAMBDAG_PASSAGES = 8
LAMBDAG_WORDS = 10_000
LAMBDAG_ORDER = 5
LAMBDAG_REFERENCES = 6


def baselines(
    profiles: Mapping[str, str], passages: Mapping[str, Sequence[str]], known: frozenset[str], size: int
) -> dict[str, float]:
    """Return each baseline's pooled AUC; `profiles` and `passages` are texts by author, `size` a passage's words."""
    names = list(profiles)
    rows = {
        "Cosine Delta 500": (delta(profiles, passages, size, 500, "cosine"), passages),
        "Cosine Delta 1000": (delta(profiles, passages, size, 1000, "cosine"), passages),
        "Burrows' Delta 300": (delta(profiles, passages, size, 300, "cityblock"), passages),
        "character 4-gram": (character_grams(profiles, passages, size), passages),
    }
    fewer = _thinned(passages, LAMBDAG_PASSAGES)
    rows["LambdaG"] = (lambdag(profiles, fewer, known), fewer)
    fewer = _thinned(passages, COMPOSITE_PASSAGES)
    rows["the guide's composite"] = (composite(profiles, fewer), fewer)
    found = {}
    for name, (values, used) in rows.items():
        holders = np.array([author for author in names for _ in used[author]])
        own = holders[None, :] == np.array(names)[:, None]
        found[name] = auc(values[own], values[~own])
    return found


def delta(
    profiles: Mapping[str, str], passages: Mapping[str, Sequence[str]], size: int, features: int, metric: str
) -> np.ndarray:
    """Return minus the distance of standardised rates of the most frequent words (Burrows 2002)."""
    from scipy.spatial.distance import cdist

    written = {author: [word.lower() for word in words(text)] for author, text in profiles.items()}
    counts = Counter(word for text in written.values() for word in text)
    places = {word: number for number, (word, _) in enumerate(counts.most_common(features))}
    chunks = {
        author: [text[start : start + size] for start in range(0, len(text) - size + 1, size)] or [text]
        for author, text in written.items()
    }
    table = {author: np.array([_rates(chunk, places) for chunk in found]) for author, found in chunks.items()}
    every = np.concatenate(list(table.values()))
    mean, deviation = every.mean(axis=0), every.std(axis=0) + 1e-9
    centres = np.array([(found.mean(axis=0) - mean) / deviation for found in table.values()])
    rows = [[word.lower() for word in words(text)] for author in profiles for text in passages[author]]
    tests = (np.array([_rates(row, places) for row in rows]) - mean) / deviation
    distances: np.ndarray = cdist(centres, tests, metric)
    return -distances


def character_grams(profiles: Mapping[str, str], passages: Mapping[str, Sequence[str]], size: int) -> np.ndarray:
    """Return the cosine of TF-IDF rows of the 5,000 most frequent raw character 4-grams, less the authors' mean."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    letters = 6 * size
    chunks = [[text[start : start + letters] for start in range(0, len(text), letters)] for text in profiles.values()]
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(4, 4), max_features=5000, sublinear_tf=True)
    every = vectorizer.fit_transform([chunk for found in chunks for chunk in found])
    ends = np.cumsum([len(found) for found in chunks])
    centres = np.array(
        [
            np.asarray(every[end - len(found) : end].mean(axis=0)).ravel()
            for end, found in zip(ends, chunks, strict=True)
        ]
    )
    tests = vectorizer.transform([text for author in profiles for text in passages[author]]).toarray()
    mean = centres.mean(axis=0)
    centred = [(rows - mean) / np.linalg.norm(rows - mean, axis=1, keepdims=True) for rows in (centres, tests)]
    cosines: np.ndarray = centred[0] @ centred[1].T
    return cosines


def lambdag(profiles: Mapping[str, str], passages: Mapping[str, Sequence[str]], known: frozenset[str]) -> np.ndarray:
    """Return LambdaG: log likelihood under the author's masked n-gram model less the mean under reference models.

    The models are the package's own; each reference model is made of sentences by a random half of the authors, and
    an author is measured against the reference models that hold none of its sentences.
    """
    from lambdag.language_models.kneser_ney import KneserNeyLanguageModel

    names = list(profiles)
    chance = np.random.default_rng(0)
    sentences = {author: _masked_sentences(text, known) for author, text in profiles.items()}

    def likelihoods(found: Sequence[Sequence[str]]) -> np.ndarray:
        model = KneserNeyLanguageModel(order=LAMBDAG_ORDER, discount=0.75)
        left = LAMBDAG_WORDS
        for place in chance.permutation(len(found)):
            model.fit(found[place])
            left -= len(found[place])
            if left <= 0:
                break
        return np.array(
            [
                sum(float(np.log(model.probabilities(sentence)).sum()) for sentence in _masked_sentences(text, known))
                for author in names
                for text in passages[author]
            ]
        )

    own = np.array([likelihoods(sentences[author]) for author in names])
    values = np.zeros_like(own)
    used = np.zeros(len(names))
    for number in range(LAMBDAG_REFERENCES):
        if number % 2 == 0:
            order = chance.permutation(len(names))
        held = order[: len(names) // 2] if number % 2 == 0 else order[len(names) // 2 :]
        reference = likelihoods([sentence for place in held for sentence in sentences[names[place]]])
        for place in set(range(len(names))) - set(held.tolist()):
            values[place] += own[place] - reference
            used[place] += 1
    return values / used[:, None]


def composite(profiles: Mapping[str, str], passages: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Return the mean of the guide's four comparisons."""
    texts = [text for author in profiles for text in passages[author]]
    traits = [own_traits([" ".join(text.split(" ")[:PROFILE_WORDS])]) for text in profiles.values()]
    return np.array([[np.mean(list(compare([text], own).values())) for text in texts] for own in traits])


def _rates(written: Sequence[str], places: Mapping[str, int]) -> np.ndarray:
    counts = np.zeros(len(places))
    for word in written:
        if word in places:
            counts[places[word]] += 1
    return counts / max(1, len(written))


def _thinned(passages: Mapping[str, Sequence[str]], number: int) -> dict[str, Sequence[str]]:
    return {author: found[:: max(1, len(found) // number)][:number] for author, found in passages.items()}


def _masked_sentences(text: str, known: frozenset[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for token in masked(tokens(text), known):
        found[-1].append(token)
        if token in {".", "!", "?"}:
            found.append([])
    return [sentence for sentence in found if sentence]
