"""Tell before a run whether the works that it learns from are of one hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from style_tuner.dataset.formats import Example
from style_tuner.records import ChatExample
from style_tuner.tuning.signs import Sign

LEAST_WORDS = 5000
"""Words of a work below which nothing is said of it."""
MOST_WORKS = 6
"""Works, the longest ones, that are compared: each takes a few seconds."""
JUDGED_WORDS = 1000
"""Length of the pieces that one work's classifier judges of another."""
APART = 0.15
"""Probability below which a work is not taken for another's author's; docs/training.md says what was measured."""


def several_authors(examples: Sequence[Example]) -> Sign | None:
    """Return a sign where the works of a dataset read as if written by several people; None for fewer than two.

    Each work is learned against the panel as the style score learns an author, and judges the others. Two works are of
    one hand where either takes the other for its own, and so are those that are linked by others.
    """
    works = _works(examples)
    if len(works) < 2:
        return None
    groups = _groups(list(works), _alike(works))
    if len(groups) < 2:
        return None
    return Sign(
        "several authors",
        f"The works read as if {len(groups)} people had written them: {' – '.join(map(', '.join, groups))}.",
        "Leave out what is not yours, or make a voice of each author. If all of it is yours, train on: a book of "
        "another kind, such as one for children, can look like this.",
    )


def _works(examples: Sequence[Example]) -> dict[str, list[str]]:
    """Return the replies of the longest works that are long enough, by the work's name."""
    found: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        if isinstance(example, ChatExample) and example.manuscript:
            found[example.manuscript].append(example.messages[-1].content)
    words = {work: sum(len(text.split()) for text in texts) for work, texts in found.items()}
    longest = sorted(words, key=lambda work: -words[work])[:MOST_WORKS]
    return {work: found[work] for work in sorted(longest) if words[work] >= LEAST_WORDS}


def _alike(works: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return the pairs of works of which one at least takes the other for its own author's."""
    from style_tuner.voice.segment import pieces
    from style_tuner.voice.verification.panel import load_panel
    from style_tuner.voice.verification.verifier import fit_verifier

    panel = load_panel()
    verifiers = {work: fit_verifier(texts, panel) for work, texts in works.items()}
    counts = {
        work: panel.count(map(panel.shaped, pieces("\n\n".join(texts), JUDGED_WORDS))) for work, texts in works.items()
    }

    def takes(one: str, other: str) -> bool:
        decision = float(verifiers[one].decide(counts[other]).mean())
        return verifiers[one].probability(decision, JUDGED_WORDS) >= APART

    return [(one, other) for one, other in combinations(works, 2) if takes(one, other) or takes(other, one)]


def _groups(works: Sequence[str], alike: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the works in groups that are linked by pairs."""
    groups = [{work} for work in works]
    for pair in alike:
        joined = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if not group & set(pair)] + [set().union(*joined)]
    return sorted(sorted(group) for group in groups)
