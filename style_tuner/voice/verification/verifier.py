"""One author against the panel: a linear classifier on masked n-grams, calibrated by length on text it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from style_tuner.errors import ManuscriptError
from style_tuner.voice.checks.gates import OwnBands, own_bands
from style_tuner.voice.measures.comparisons import OwnTraits, own_traits
from style_tuner.voice.segment import pieces
from style_tuner.voice.verification.machine import Machine, learn, of_strangers
from style_tuner.voice.verification.masking import EDGE
from style_tuner.voice.verification.ngrams import UNIT_WORDS, runs, units
from style_tuner.voice.verification.panel import Panel
from style_tuner.voice.verification.parting import Parting, lost, oddly_parted, parting, parting_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

OWN_UNITS = 400
LEAST_UNITS = 12


@dataclass(frozen=True)
class Verifier(Machine):
    """An author's classifier: positive decision values speak for the author, negative ones for somebody else.

    `left_out` are panel authors who cannot be told from this one; `blind` is what was learned without paragraphs, for
    drafts that have lost theirs, and `oddity` says why it judges, "" where it does not.
    """

    panel: Panel
    own_words: int
    bands: OwnBands
    traits: OwnTraits
    left_out: tuple[str, ...]
    parting: Parting
    blind: Machine
    sees_paragraphs: bool
    oddity: str = ""

    def judging(self, *drafts: Sequence[str]) -> Verifier:
        """Return the verifier for these drafts: one that sees no paragraphs where those of one have been lost."""
        if not self.sees_paragraphs:
            return self
        found = (oddly_parted(parting(map(self.panel.shaped, texts)), self.parting) for texts in drafts)
        oddity = next(filter(None, found), "")
        return self._blinded(oddity) if oddity else self

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be said beside any score of this verifier."""
        said = (
            f"The panel holds novels by {name}, which cannot be told from yours: {name} was left out of it."
            for name in self.left_out
        )
        return (*said, *([f"{self.oddity}: it was judged without them."] if self.oddity else []))

    def count(self, texts: Sequence[str]) -> csr_array:
        """Return the feature counts, one row a text; rows can be added up to pool texts."""
        shaped = map(self.panel.shaped, texts)
        if self.sees_paragraphs:
            return self.panel.count(shaped)
        return self.panel.count([token for token in text if token != EDGE] for text in shaped)

    def _blinded(self, oddity: str) -> Verifier:
        learned = {field.name: getattr(self.blind, field.name) for field in fields(Machine)}
        return replace(self, **learned, sees_paragraphs=False, oddity=oddity)


def fit_verifier(own_texts: Sequence[str], panel: Panel) -> Verifier:
    """Learn an author's manner from training text, one string a work or chapter, never from held-out text.

    Raises `ManuscriptError` where there are fewer than 3,000 words. What decision values mean comes from the panel,
    whose authors have each played the author under test with a profile of like size.
    """
    shaped = [token for text in own_texts for token in (*panel.shaped(text), EDGE)]
    every = units(shaped)
    if len(every) < LEAST_UNITS:
        raise ManuscriptError(
            f"The training text has {len(every) * UNIT_WORDS:,} words or a little more: a style score needs at least "
            f"{LEAST_UNITS * UNIT_WORDS:,}. Add manuscripts and prepare the dataset again."
        )
    own = panel.count(every if len(every) <= OWN_UNITS else runs(every, OWN_UNITS))
    strangers = of_strangers(own, panel)
    machine = learn(own, strangers)
    found = parting([shaped])
    fitted = Verifier(
        **{field.name: getattr(machine, field.name) for field in fields(Machine)},
        panel=strangers,
        own_words=found.words,
        bands=own_bands(pieces("\n\n".join(own_texts), 2 * UNIT_WORDS), panel),
        traits=own_traits(own_texts),
        left_out=tuple(name for name in panel.present if name not in strangers.present),
        parting=found,
        blind=learn(own, strangers, paragraphs=False, curves=machine.calibrations),
        sees_paragraphs=True,
    )
    return fitted._blinded("") if lost(found, parting_of(panel)) else fitted
