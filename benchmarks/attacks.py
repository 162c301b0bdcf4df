"""Try to win a high style score without writing in the author's voice, and report what each try reaches.

    python -m benchmarks.attacks --corpus DIR --author NAME

`DIR` holds novels named `Author_Title_Year.txt`; without it the sample author is attacked. Each figure is the median
score, 0 to 100, over some passages of one length: under 50 the attack has failed. `--author all` tries the texts that
are the same for everyone, such as generic prose of a language model, on every author with two works or more.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from style_tuner.config import SAMPLES
from style_tuner.records import StyleProfile
from style_tuner.voice.author import AuthorVoice
from style_tuner.voice.checks.copying import Sources
from style_tuner.voice.checks.gates import check
from style_tuner.voice.profile import build_profile
from style_tuner.voice.reference import lowered, reference_words
from style_tuner.voice.score import score_drafts
from style_tuner.voice.segment import WORD, paragraphs, pieces, sentences, words
from style_tuner.voice.verification.panel import load_panel
from style_tuner.voice.verification.verifier import Verifier, fit_verifier
from style_tuner.workspace import PROJECT_ROOT

TEXTS = PROJECT_ROOT / "tests" / "voice_texts"
LENGTHS = (1000, 2000)
PASSAGES = 5
STUFFED = 0.15
KEYWORDS = 200
PROFILE_WORDS = 50_000
NOT_CAUGHT = frozenset({"own unseen text, sentences out of order", "own unseen text, paragraphs out of order"})
"""Tries that no check of words and their neighbours can see: each sentence is the author's. Reported, not failed."""
SYLLABLES = ("ba", "tor", "min", "gle", "sha", "ruk", "vel", "on", "ti", "dra")


def attack_medians(
    author_texts: Sequence[str],
    held_out_texts: Sequence[str],
    other_texts: Sequence[str],
    verifier: Verifier,
    *,
    profile: StyleProfile | None = None,
    passages: int = PASSAGES,
    lengths: Sequence[int] = LENGTHS,
) -> dict[str, float]:
    """Return each attack's median score at each length, keys as 'word soup, 1000 words'.

    `author_texts` are what the verifier learned from; `held_out_texts` are the author's unseen writing, which most
    attacks start from; `other_texts` are another author's. Copies are looked for in the author's texts alone: held-out
    text stands here for what the author has yet to write.
    """
    author = _voice(author_texts, verifier, profile)
    found = {}
    for length in lengths:
        tries = attacks(author_texts, held_out_texts, other_texts, length, passages)
        for name, texts in tries.items():
            scores = [score_drafts([text], author).score for text in texts]
            kept = [0.0 if score is None else score for score in scores]
            if kept:
                found[f"{name}, {length} words"] = round(statistics.median(kept), 1)
    return found


def attacks(
    author_texts: Sequence[str],
    held_out_texts: Sequence[str],
    other_texts: Sequence[str],
    length: int,
    passages: int = PASSAGES,
) -> dict[str, list[str]]:
    """Return the passages of each attack, each of about `length` words; the same for the same texts."""
    chance = random.Random(1)
    own, others, copies = (_spread(texts, length, passages) for texts in (held_out_texts, other_texts, author_texts))
    every = " ".join(author_texts).split()
    keywords, phrases = _keywords(author_texts), _phrases(author_texts)
    each: dict[str, tuple[list[str], Callable[[str], str]]] = {
        "other author": (others, str),
        "other author, paragraphs taken out": (others, _in_one_block),
        "other author, a paragraph for each sentence": (others, _a_paragraph_each),
        "other author stuffed with 15 % own keywords": (others, partial(_stuffed, own=keywords, chance=chance)),
        "other author stuffed with 15 % own phrases": (others, partial(_stuffed, own=phrases, chance=chance)),
        "soup of own words": (own, lambda text: " ".join(chance.choices(every, k=length))),
        "own text, words shuffled": (own, partial(_shuffled, chance=chance)),
        "own text, words of each sentence shuffled": (own, partial(_sentence_words_shuffled, chance=chance)),
        "own unseen text, sentences out of order": (own, partial(_sentences_shuffled, chance=chance)),
        "own unseen text, paragraphs out of order": (own, partial(_paragraphs_shuffled, chance=chance)),
        "own function words with babble": (own, partial(_babble, chance=chance)),
        "copy of training text": (copies, str),
        "copy of training text, one word in four replaced": (
            copies,
            partial(_replaced, own=every, chance=chance),
        ),
        "one paragraph repeated": (own, partial(_repeated, length=length)),
        "one word repeated": (own[:1], lambda text: f"{words(text)[0]} " * length),
    }
    made = {name: [change(text) for text in texts] for name, (texts, change) in each.items()}
    return made | {name: _spread([text], length, passages) for name, text in _fixed_texts().items()}


def every_author(corpus: Path) -> dict[str, dict[str, float]]:
    """Return, for each text that is the same for everyone, its score against every author with two works or more."""
    panel, found = load_panel(), defaultdict[str, dict[str, float]](dict)
    for name in _authors(corpus):
        training = _works(corpus, name)[:-1]
        if training:
            author = _voice(training, fit_verifier(training, panel.without(name)))
            for tried, text in _fixed_texts().items():
                found[tried][name] = score_drafts([text], author).score or 0.0
    return dict(found)


def own_medians(
    author_texts: Sequence[str], held_out_texts: Sequence[str], verifier: Verifier, lengths: Sequence[int] = LENGTHS
) -> dict[str, float]:
    """Return the median score of the author's own unseen passages at each length, to set beside the attacks."""
    author = _voice(author_texts, verifier)
    found = {}
    for length in lengths:
        scored = [score_drafts([text], author).score for text in _spread(held_out_texts, length, PASSAGES)]
        found[f"own unseen text, {length} words"] = round(statistics.median(value or 0.0 for value in scored), 1)
    return found


def own_passages_capped(
    author_texts: Sequence[str], held_out_texts: Sequence[str], verifier: Verifier, lengths: Sequence[int] = LENGTHS
) -> dict[str, list[str]]:
    """Return the checks that fired on each of the author's own unseen passages, by length; none should."""
    sources = Sources(author_texts)
    return {
        f"{length} words": [
            " and ".join(gate.name for gate in check([text], verifier.bands, verifier.panel, sources) if gate.fired)
            for held_out in held_out_texts
            for text in pieces(held_out, length)
        ]
        for length in lengths
    }


def _fixed_texts() -> dict[str, str]:
    return {file.stem.replace("_", " "): file.read_text(encoding="utf-8") for file in sorted(TEXTS.glob("*.txt"))}


def _voice(author_texts: Sequence[str], verifier: Verifier, profile: StyleProfile | None = None) -> AuthorVoice:
    known = profile or build_profile([_first(author_texts, PROFILE_WORDS)])
    return AuthorVoice(author_texts, (), known, lambda: verifier)


def _spread(texts: Sequence[str], length: int, number: int) -> list[str]:
    """Return up to `number` pieces of about `length` words, evenly spread over the texts."""
    found = [piece for text in texts for piece in pieces(text, length)]
    enough = [piece for piece in found if len(words(piece)) >= 0.9 * length] or found
    return enough[:: max(1, len(enough) // number)][:number]


def _first(texts: Sequence[str], number: int) -> str:
    return pieces("\n\n".join(texts), number)[0]


def _keywords(texts: Sequence[str]) -> list[str]:
    """Return the words an author uses far more than general English does, names among them."""
    counts = Counter(lowered(WORD.findall(" ".join(texts))))
    reference, total = reference_words(), counts.total()
    ratio = {word: 1e6 * count / total / reference.get(word, 0.5) for word, count in counts.items() if count >= 4}
    return sorted(ratio, key=lambda word: (-ratio[word] * counts[word] ** 0.5, word))[:KEYWORDS]


def _phrases(texts: Sequence[str]) -> list[str]:
    """Return the runs of three words that an author uses most."""
    found = lowered(WORD.findall(" ".join(texts)))
    runs = Counter(zip(found, found[1:], found[2:], strict=False))
    return [" ".join(run) for run, _ in sorted(runs.items(), key=lambda item: (-item[1], item[0]))[:KEYWORDS]]


def _stuffed(text: str, own: Sequence[str], chance: random.Random) -> str:
    """Replace words by the author's until they make up 15 % of the text."""
    size = len(own[0].split())
    share = STUFFED / (size - STUFFED * (size - 1))
    return re.sub(r"\S+", lambda word: chance.choice(own) if chance.random() < share else word[0], text)


def _shuffled(text: str, chance: random.Random) -> str:
    found = text.split()
    return " ".join(chance.sample(found, len(found)))


def _sentence_words_shuffled(text: str, chance: random.Random) -> str:
    found = [[_shuffled(one, chance) for one in sentences(paragraph)] for paragraph in paragraphs(text)]
    return "\n\n".join(" ".join(paragraph) for paragraph in found)


def _sentences_shuffled(text: str, chance: random.Random) -> str:
    """Deal a passage's sentences anew to its paragraphs."""
    found = [sentences(paragraph) for paragraph in paragraphs(text)]
    every = [one for paragraph in found for one in paragraph]
    dealt = iter(chance.sample(every, len(every)))
    return "\n\n".join(" ".join(next(dealt) for _ in paragraph) for paragraph in found)


def _paragraphs_shuffled(text: str, chance: random.Random) -> str:
    found = paragraphs(text)
    return "\n\n".join(chance.sample(found, len(found)))


def _in_one_block(text: str) -> str:
    return " ".join(text.split())


def _a_paragraph_each(text: str) -> str:
    return "\n\n".join(sentences(_in_one_block(text)))


def _babble(text: str, chance: random.Random) -> str:
    """Keep the most common English words and the punctuation; put syllables without sense for all others."""
    common = set(list(reference_words())[:100])

    def nonsense(found: re.Match[str]) -> str:
        word = found[0]
        return word if word.lower() in common else "".join(chance.choices(SYLLABLES, k=chance.randint(2, 3)))

    return WORD.sub(nonsense, text)


def _replaced(text: str, own: Sequence[str], chance: random.Random) -> str:
    """Put another word of the author's for every fourth, so that no five in a row stay."""
    return " ".join(chance.choice(own) if place % 4 == 3 else word for place, word in enumerate(text.split()))


def _repeated(text: str, length: int) -> str:
    said = " ".join(text.split()[: length // 8])
    return "\n\n".join([said] * 8)


def main() -> None:
    """Attack one author and print the medians."""
    parser = argparse.ArgumentParser(description="Try to win a high style score without the author's voice.")
    parser.add_argument("--corpus", type=Path, help="Folder of Author_Title_Year.txt; default: the sample author.")
    parser.add_argument(
        "--author", help="Author in the corpus to attack, or all; the next one's text is the other author's."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    chosen = parser.parse_args()
    if chosen.corpus and chosen.author == "all":
        against = every_author(chosen.corpus)
        medians = {f"{name}, median": round(statistics.median(scores.values()), 1) for name, scores in against.items()}
        _print({**medians, **against}, chosen.json)
        return
    panel = load_panel()
    if chosen.corpus:
        names = _authors(chosen.corpus)
        other = names[(names.index(chosen.author) + 1) % len(names)]
        own_works, other_works = (_works(chosen.corpus, name) for name in (chosen.author, other))
        training, held_out, others = own_works[:-1], own_works[-1:], other_works[-1:]
        panel = panel.without(chosen.author)
    else:
        stories = [file.read_text(encoding="utf-8") for file in sorted(SAMPLES.glob("manuscripts/*.txt"))]
        training, held_out = stories[:-2], stories[-2:]
        others = [file.read_text(encoding="utf-8") for file in sorted(TEXTS.glob("generic*.txt"))]
    verifier = fit_verifier(training, panel)
    figures: dict[str, object] = dict(own_medians(training, held_out, verifier))
    for length, fired in own_passages_capped(training, held_out, verifier).items():
        named = Counter(filter(None, fired))
        figures[f"own unseen passages of {length} that a check caps"] = f"{named.total()} of {len(fired)} {dict(named)}"
    figures |= attack_medians(training, held_out, others, verifier)
    _print(figures, chosen.json)


def _print(figures: Mapping[str, object], as_json: bool) -> None:
    print(json.dumps(figures) if as_json else "\n".join(f"{value!s:>6}  {name}" for name, value in figures.items()))


def _authors(corpus: Path) -> list[str]:
    return sorted({file.stem.split("_")[0] for file in corpus.glob("*_*_*.txt")})


def _works(corpus: Path, author: str) -> list[str]:
    files = sorted(corpus.glob(f"{author}_*_*.txt"), key=lambda file: int(file.stem.rsplit("_", 1)[1]))
    return [file.read_text(encoding="utf-8-sig") for file in files]


if __name__ == "__main__":
    main()
