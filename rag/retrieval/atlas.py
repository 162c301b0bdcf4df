"""What a world's entries are found by besides vectors: names, keys, words and links; kept in step with the store."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from rag.lore.store import pieces
from rag.retrieval.keys import KeyPatterns, is_regex
from rag.retrieval.keywords import Keywords, Stemmer
from rag.retrieval.names import NameIndex, fold
from style_tuner.records import Entry

LOWER_CASE_WORD = re.compile(r"(?<![\w'’])[^\W\d_]+")


class Atlas:
    """One world's names, keys, words and links."""

    def __init__(self, stemmer: Stemmer) -> None:
        self.entries: dict[str, Entry] = {}
        self.names = NameIndex()
        self.keys = NameIndex()
        self.patterns = KeyPatterns()
        self.keywords = Keywords(stemmer)
        self._full_names: dict[str, list[str]] = {}
        self._folded: dict[str, str] = {}
        self._linked_from: dict[str, set[str]] = {}
        self._ordinary: Counter[str] = Counter()
        self._always_on: set[str] = set()
        self._pieces: dict[str, tuple[str, ...]] = {}

    def update(self, changes: Mapping[str, Entry | None]) -> None:
        """Take in new and changed entries by id; None takes one out."""
        for entry_id, entry in changes.items():
            self._pieces.pop(entry_id, None)
            if (before := self.entries.pop(entry_id, None)) is not None:
                self._forget(before)
            if entry is not None:
                self.entries[entry_id] = entry
                self._learn(entry)
        gone = [entry_id for entry_id, entry in changes.items() if entry is None]
        self.keywords.put([entry for entry in changes.values() if entry is not None], gone)

    def always_on(self) -> list[Entry]:
        """Return the entries that reach every prompt, in the order in which they stand there."""
        return sorted((self.entries[one] for one in self._always_on), key=lambda entry: (-entry.priority, entry.id))

    def ordinary(self, word: str) -> bool:
        """Say whether the world's own texts use a word, given in lower case, for something that has no name."""
        return self._ordinary[word] > 0

    def neighbours(self, entry_id: str) -> set[str]:
        """Return the entries that one links to, and those that link to it."""
        entry = self.entries[entry_id]
        to = {other for link in entry.links for other in self._full_names.get(fold(link).strip(), ())}
        return (to | self._linked_from.get(self._folded[entry_id], set())) - {entry_id}

    def pieces(self, entry_id: str) -> tuple[str, ...]:
        """Return the texts by which an entry is embedded, cut once."""
        if (found := self._pieces.get(entry_id)) is None:
            found = self._pieces[entry_id] = pieces(self.entries[entry_id])
        return found

    def _learn(self, entry: Entry) -> None:
        self._each_name(entry, self.names.add, self.keys.add, self.patterns.add)
        self._folded[entry.id] = fold(entry.name).strip()
        self._full_names.setdefault(self._folded[entry.id], []).append(entry.id)
        for link in entry.links:
            self._linked_from.setdefault(fold(link).strip(), set()).add(entry.id)
        self._ordinary.update(_lower_case_words(entry))
        if entry.always_on:
            self._always_on.add(entry.id)

    def _forget(self, entry: Entry) -> None:
        self._each_name(entry, self.names.drop, self.keys.drop, self.patterns.drop)
        self._full_names[self._folded.pop(entry.id)].remove(entry.id)
        for link in entry.links:
            self._linked_from.get(fold(link).strip(), set()).discard(entry.id)
        self._ordinary.subtract(_lower_case_words(entry))
        self._always_on.discard(entry.id)

    def _each_name(
        self,
        entry: Entry,
        name: Callable[[str, str], None],
        key: Callable[[str, str], None],
        pattern: Callable[[str, str], None],
    ) -> None:
        for own in (entry.name, *entry.aliases):
            name(entry.id, own)
        for one in entry.keys:
            (pattern if is_regex(one) else key)(entry.id, one)


def _lower_case_words(entry: Entry) -> Iterable[str]:
    return {word for word in LOWER_CASE_WORD.findall(entry.facts) if word.islower()}
