"""An author's voice to hold drafts against: the score of some texts, and all that is shown beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from style_tuner.dataset.chapters import WholeChapter
from style_tuner.dataset.chat_jsonl import read_examples
from style_tuner.records import ChatExample, StyleProfile
from style_tuner.voice.reference import REFERENCE
from style_tuner.workspace import read_json

if TYPE_CHECKING:
    from style_tuner.voice.checks.copying import Sources
    from style_tuner.voice.sentences import OwnSentences
    from style_tuner.voice.verification.pooling import OwnPassages
    from style_tuner.voice.verification.verifier import Verifier

SPANS = 5
NOT_CHECKED = "Not checked: there is too little prose here to judge."
Value = TypeVar("Value")


def _made(name: str, make: Callable[[], Value]) -> Value:
    return make()


class AuthorVoice:
    """The author's text and held-out passages, the profile, and what is learned, each worked out when first asked for.

    `training` is one text a chapter or passage, and none of it is held out; `fit` gives the verifier; `sources` are
    names and texts in which copied words are looked for, where these are not simply all passages; `keep` may find what
    was worked out before under its name, and calls what makes it otherwise.
    """

    def __init__(
        self,
        training: Sequence[str],
        held_out: Sequence[str],
        profile: StyleProfile,
        fit: Callable[[], Verifier],
        sources: Sequence[tuple[str, str]] = (),
        keep: Callable[[str, Callable[[], Any]], Any] = _made,
    ) -> None:
        self.training, self.held_out, self.profile = tuple(training), tuple(held_out), profile
        self._fit, self._named, self._keep = fit, tuple(sources), keep

    @cached_property
    def verifier(self) -> Verifier:
        """What tells the author from the panel."""
        found: Verifier = self._keep("verifier", self._fit)
        return found

    @cached_property
    def own(self) -> OwnPassages | None:
        """The held-out passages, to place drafts among them; None where there are none."""
        from style_tuner.voice.verification.pooling import OwnPassages

        return OwnPassages(self.verifier, self.held_out) if self.held_out else None

    @cached_property
    def sources(self) -> Sources:
        """The index of the author's text, in which copied words are looked for."""
        from style_tuner.voice.checks.copying import Sources

        if not self._named:
            return Sources((*self.training, *self.held_out))
        return Sources([text for _, text in self._named], [name for name, _ in self._named])

    @cached_property
    def _sentences(self) -> OwnSentences:
        from style_tuner.voice.sentences import own_sentences

        found: OwnSentences = self._keep(
            "sentences", lambda: own_sentences(self.verifier, self.training, self.held_out)
        )
        return found

    def with_held_out(self, texts: Sequence[str]) -> AuthorVoice:
        """Return the same voice with other held-out passages; the verifier is not fitted again."""
        return AuthorVoice(self.training, texts, self.profile, lambda: self.verifier)

    def score(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the pooled score of some texts as plain values."""
        from style_tuner.voice.score import score_drafts

        return asdict(score_drafts(texts, self))

    def compare(self, base: Sequence[str], voice: Sequence[str]) -> dict[str, Any]:
        """Return the paired comparison of two models' drafts as plain values."""
        from style_tuner.voice.score import compare_drafts

        return asdict(compare_drafts(base, voice, self))

    def heat_map(self, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
        """Return every sentence of what is prose in each text, with its distance from the voice and the reasons."""
        from style_tuner.voice.checks.kinds import read_drafts
        from style_tuner.voice.sentences import mark_sentences

        prose = read_drafts(texts, 1).texts
        marked = mark_sentences(prose, self.verifier, self._sentences, self.profile)
        return [[asdict(sentence) for sentence in draft] for draft in marked]

    def copying(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the share of copied words, and the longest spans with the passages that they stand in."""
        found = [self.sources.compare(text) for text in texts]
        longest_first = sorted((span for copy in found for span in copy.spans), key=lambda span: -span.words)
        spans = list({span.text.casefold(): span for span in reversed(longest_first)}.values())
        spans = sorted(spans, key=lambda span: -span.words)[:SPANS]
        return {
            "share": sum(copy.share * copy.words for copy in found) / max(1, sum(copy.words for copy in found)),
            "longest": max((copy.longest for copy in found), default=0),
            "spans": [asdict(span) | {"sentence": span.sentence()} for span in spans],
        }

    def generic(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return what reads more like a language model than the author's own writing does; no part of the score."""
        from style_tuner.voice.checks.generic import generic_findings, own_habits, summary
        from style_tuner.voice.checks.kinds import read_drafts
        from style_tuner.voice.checks.languages import ENGLISH
        from style_tuner.voice.segment import words

        if self.verifier.bands.language not in ("", ENGLISH):
            return {"summary": "Not checked: the words and phrases that it knows are English.", "findings": []}
        texts = read_drafts(texts, 1).texts
        if not any(words(text) for text in texts):
            return {"summary": NOT_CHECKED, "findings": []}
        found = generic_findings(texts, own_habits(self.training))
        number = sum(len(words(text)) for text in texts)
        return {"summary": summary(found, number), "findings": [asdict(finding) for finding in found]}


def voice_of(dataset: Path, panel: Path | None = None) -> AuthorVoice:
    """Return the voice that a dataset was made from, against the shipped panel or another.

    It is learned from the author's whole text less what is held out; a dataset of an earlier version has its passages
    alone. What is learned is kept beside the dataset, and made anew when the text, the panel or the code change.
    """
    from style_tuner.voice.keep import kept, key_of
    from style_tuner.voice.profile import profile_from_json
    from style_tuner.voice.verification.panel import PANEL, load_panel
    from style_tuner.voice.verification.verifier import fit_verifier

    folder = panel or PANEL
    parts = [dataset / f"{name}.jsonl" for name in ("train", "validation", "heldout")]
    held_out = read_examples(parts[2])
    if (whole := dataset / "chapters.json").is_file():
        parts.append(whole)
        chapters = [WholeChapter(**chapter) for chapter in read_json(whole)]
        texts = [learned for chapter in chapters if (learned := chapter.learned)]
        sources = [(chapter.name, chapter.text) for chapter in chapters]
    else:
        training = [*read_examples(parts[0]), *read_examples(parts[1])]
        texts, sources = texts_of(training), _passages([*training, *held_out])

    def keep(name: str, make: Callable[[], Any]) -> Any:
        key = key_of([*parts, folder / "panel.json", folder / "panel.npz", REFERENCE])
        return kept(dataset, name, key, load_panel(folder), make)

    return AuthorVoice(
        texts,
        texts_of(held_out),
        profile_from_json(read_json(dataset / "profile.json")),
        lambda: fit_verifier(texts, load_panel(folder)),
        sources,
        keep,
    )


def _passages(examples: Sequence[ChatExample]) -> list[tuple[str, str]]:
    from style_tuner.voice.checks.copying import passage_names

    return list(zip(passage_names([example.manuscript for example in examples]), texts_of(examples), strict=True))


def texts_of(examples: Sequence[ChatExample]) -> list[str]:
    """Return the author's own passages."""
    return [example.messages[-1].content for example in examples]
