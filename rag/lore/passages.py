"""Passages of the author's own manuscripts as a second source: a few paragraphs each, and where they stand."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.lore.store import ASKED_AT_ONCE, LoreStore, batches
from rag.retrieval.words import telling_words
from rag.vectors.pieces import Changed, windows
from style_tuner.records import Manuscript, Moment

LEAST_WORDS, MOST_WORDS = 120, 200
"""A passage is closed once it has the first number of words, or before it would have more than the second."""
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’»)])\s+")


@dataclass(frozen=True)
class Cut:
    """Consecutive paragraphs of one chapter; chapters and paragraphs count from 1."""

    chapter: int
    title: str
    place: int
    text: str


@dataclass(frozen=True)
class FoundPassage:
    """A passage, the manuscript and the place where it stands, and how well it fits (1 is best)."""

    number: int
    manuscript: str
    book: str
    chapter: int
    title: str
    place: int
    text: str
    reason: Literal["meaning", "keywords"] = "meaning"
    score: float = 0.0


@dataclass(frozen=True)
class Linked:
    """A manuscript whose passages belong to a world, and what its last indexing changed."""

    workspace: str
    manuscript: str
    title: str
    version: int
    passages: int
    new: int = 0
    gone: int = 0


def cut(manuscript: Manuscript) -> list[Cut]:
    """Return the passages of a manuscript, in order; no word is lost, and none stands in two of them."""
    found = []
    for number, chapter in enumerate(manuscript.chapters, 1):
        held: list[str] = []
        first, words = 1, 0
        for place, part in _parts(chapter.text):
            more = len(part.split())
            if held and (words >= LEAST_WORDS or words + more > MOST_WORDS):
                found.append(Cut(number, chapter.title, first, "\n\n".join(held)))
                held, words = [], 0
            first = first if held else place
            held.append(part)
            words += more
        if held:
            found.append(Cut(number, chapter.title, first, "\n\n".join(held)))
    return found


def _parts(text: str) -> Iterable[tuple[int, str]]:
    """Return a chapter's paragraphs with their numbers; one that is longer than a passage comes in several parts."""
    for place, paragraph in enumerate(filter(str.strip, text.split("\n\n")), 1):
        if len(paragraph.split()) <= MOST_WORDS:
            yield place, paragraph.strip()
            continue
        held: list[str] = []
        for sentence in SENTENCE_END.split(paragraph):
            for piece in batches(sentence.split(), MOST_WORDS):
                if held and len(held) + len(piece) > MOST_WORDS:
                    yield place, " ".join(held)
                    held = []
                held += piece
        if held:
            yield place, " ".join(held)


class PassageStore:
    """The passages of the worlds of a store."""

    def __init__(self, store: LoreStore) -> None:
        self._store = store
        self._database = store.database

    def link(self, world: str, workspace: str, manuscript: Manuscript) -> Linked:
        """Make a manuscript's passages part of a world, or follow its newest version: what is the same is kept."""
        number, now = self._store.number(world), time.time()
        with self._database.writing() as database:
            database.execute(
                "INSERT INTO sources (world, workspace, manuscript, title, version) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
                "(world, workspace, manuscript) DO UPDATE SET title = excluded.title, version = excluded.version",
                (number, workspace, manuscript.id, manuscript.title, manuscript.version),
            )
            source = database.execute(
                "SELECT number FROM sources WHERE world = ? AND workspace = ? AND manuscript = ?",
                (number, workspace, manuscript.id),
            ).fetchone()[0]
            kept: dict[str, list[int]] = defaultdict(list)
            for passage, text in database.execute(
                "SELECT number, text FROM passages WHERE source = ? AND NOT gone ORDER BY number DESC", (source,)
            ):
                kept[text].append(passage)
            revision = self._last_revision()
            cuts = cut(manuscript)
            new = 0
            for one in cuts:
                if kept[one.text]:
                    database.execute(
                        "UPDATE passages SET chapter = ?, title = ?, place = ? WHERE number = ?",
                        (one.chapter, one.title, one.place, kept[one.text].pop()),
                    )
                    continue
                new += 1
                made = database.execute(
                    "INSERT INTO passages (world, source, chapter, title, place, text, revision, written) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (number, source, one.chapter, one.title, one.place, one.text, revision + new, now),
                )
                database.execute("INSERT INTO passage_words (rowid, text) VALUES (?, ?)", (made.lastrowid, one.text))
            gone = [passage for passages in kept.values() for passage in passages]
            for at, passage in enumerate(gone, revision + new + 1):
                database.execute("UPDATE passages SET gone = ?, gone_at = ? WHERE number = ?", (at, now, passage))
                database.execute("DELETE FROM passage_words WHERE rowid = ?", (passage,))
        title, version = manuscript.title, manuscript.version
        return Linked(workspace, manuscript.id, title, version, len(cuts), new, len(gone))

    def unlink(self, world: str, workspace: str, manuscript: str) -> bool:
        """Take a manuscript's passages out of a world and say whether they were there."""
        found = [one for one in self.linked(world) if (one.workspace, one.manuscript) == (workspace, manuscript)]
        if found:
            self.link(world, workspace, Manuscript(manuscript, found[0].title, (), found[0].version))
            with self._database.writing() as database:
                database.execute(
                    "DELETE FROM sources WHERE world = ? AND workspace = ? AND manuscript = ?",
                    (self._store.number(world), workspace, manuscript),
                )
        return bool(found)

    def linked(self, world: str) -> list[Linked]:
        """Return the manuscripts of a world in the order in which they were linked, which is that of the books."""
        rows = self._database.rows(
            "SELECT workspace, manuscript, sources.title, version, count(passages.number) FROM sources LEFT JOIN "
            "passages ON passages.source = sources.number AND NOT gone WHERE sources.world = ? "
            "GROUP BY sources.number ORDER BY sources.number",
            (self._store.number(world),),
        )
        return [Linked(*row) for row in rows]

    def match_words(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return numbers of the passages, of any world, that share telling words with the query, best first by BM25."""
        total = self._database.rows("SELECT count(*) FROM passage_words_docsize")[0][0]
        telling = telling_words(self._database, "passage_vocabulary", query, total)
        rows = self._database.rows(
            "SELECT rowid, -rank FROM passage_words WHERE passage_words MATCH ? ORDER BY rank LIMIT ?",
            (" OR ".join(f'"{word}"' for word in sorted(telling)) or '""', limit),
        )
        return [(str(number), fit) for number, fit in rows]

    def before(self, world: str, numbers: Sequence[str], moment: Moment) -> dict[str, FoundPassage]:
        """Return those of the passages that stand before a moment of the story, and all of them at its end.

        The books of a world follow one another as they were linked. Where the moment names none of them, its chapter
        is taken for one of the first book, so that nothing is given away.
        """
        books = self._database.rows(
            "SELECT number, title FROM sources WHERE world = ? ORDER BY number", (self._store.number(world),)
        )
        asked = moment.book.casefold()
        own = next((number for number, title in books if title.casefold() == asked), None)
        if own is None and asked:
            return {}
        present = own if own is not None else books[0][0] if books else 0
        found: dict[str, FoundPassage] = {}
        for some in batches(list(numbers), ASKED_AT_ONCE):
            marks = ",".join("?" * len(some))
            rows = self._database.rows(
                "SELECT passages.number, manuscript, sources.title, chapter, passages.title, place, text FROM passages "
                f"JOIN sources ON sources.number = passages.source WHERE passages.number IN ({marks}) AND NOT gone "
                "AND passages.world = ? AND (source < ? OR (source = ? AND chapter < ?) OR ?)",
                (
                    *some,
                    self._store.number(world),
                    present,
                    present,
                    moment.chapter or 2**31,
                    own is None and moment.chapter is None,
                ),
            )
            found.update({str(row[0]): FoundPassage(*row) for row in rows})
        return found

    def _last_revision(self) -> int:
        row = self._database.rows("SELECT max(max(revision), max(gone)) FROM passages")
        return int(row[0][0] or 0)


@dataclass(frozen=True)
class PassageSource:
    """The passages of one world, as an index is made of them."""

    store: LoreStore
    world: str

    @property
    def key(self) -> str:
        """What the collection is known by; no world has such a name."""
        return f"{self.world}\0passages"

    def revision(self) -> int:
        """Return the number of the last passage added or taken away."""
        row = self.store.database.rows(
            "SELECT max(max(revision), max(gone)) FROM passages WHERE world = ?", (self.store.number(self.world),)
        )
        return int(row[0][0] or 0)

    def mark(self, revision: int) -> float:
        """Return when that was."""
        rows = self.store.database.rows(
            "SELECT CASE gone WHEN ? THEN gone_at ELSE written END FROM passages "
            "WHERE world = ? AND ? IN (revision, gone)",
            (revision, self.store.number(self.world), revision),
        )
        return float(rows[0][0]) if rows else 0.0

    def changed(self, since: int, limit: int) -> list[Changed]:
        """Return what was added or taken away after revision `since`."""
        rows = self.store.database.rows(
            "SELECT max(revision, gone) AS at, number, text, gone FROM passages WHERE world = ? "
            "AND (revision > ? OR gone > ?) ORDER BY at LIMIT ?",
            (self.store.number(self.world), since, since, limit),
        )
        return [
            Changed(at, str(number), None if gone else tuple(windows(text)), bool(gone))
            for at, number, text, gone in rows
        ]

    def pending(self, since: int) -> int:
        """Return how many passages were added or taken away after revision `since`."""
        rows = self.store.database.rows(
            "SELECT count(*) FROM passages WHERE world = ? AND (revision > ? OR gone > ?)",
            (self.store.number(self.world), since, since),
        )
        return int(rows[0][0])
