"""The words of a text as the keyword indexes see them, and which of them say what is meant."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate

from rag.lore.database import Database

COMMON_SHARE = 0.2
"""A word found in more than this share of a world's entries says nothing about which entry is meant."""
RANKED = 3_000
"""Entries that one search ranks by words, about 3 µs each: in a large world the rarest words asked for must do."""


def words_of(text: str) -> list[str]:
    """Return the words of a text as the keyword index sees them: lower case, without accents, three letters or more."""
    plain = text.casefold()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return [word for word in re.findall(r"[^\W_]+", plain) if len(word) > 2 or not word.isascii()]


def telling_words(database: Database, vocabulary: str, query: str, total: int) -> set[str]:
    """Return the words of a query that say which of `total` texts are meant, the rarest first where they are many."""
    asked = sorted(set(words_of(query)))
    marks = ",".join("?" * len(asked))
    counted = database.rows(f"SELECT doc, term FROM {vocabulary} WHERE term IN ({marks})", asked)
    rare = sorted((texts, term) for texts, term in counted if texts <= max(1, COMMON_SHARE * total))
    so_far = accumulate(texts for texts, _ in rare)
    return {term for at, ((_, term), all_) in enumerate(zip(rare, so_far, strict=True)) if not at or all_ <= RANKED}
