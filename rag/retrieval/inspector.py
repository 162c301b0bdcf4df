"""Tell in plain words what reached a prompt and why, and what changed since the one before; the last ones are kept."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import Any

from rag.retrieval.retrieve import Chosen, Retrieval
from style_tuner.records import Entry, Moment

KEPT = 20
"""Prompts of each world that are kept in memory."""
SHOWN = 300
"""Characters of a request that are kept with its inspection."""


class Inspector:
    """The last prompts of each world, the latest first; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prompts: dict[str, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=KEPT))

    def record(self, world: str, request: str, moment: Moment, retrieval: Retrieval) -> dict[str, Any]:
        """Keep what a prompt got, and return it with what changed since the prompt before."""
        with self._lock:
            before = self._prompts[world][0]["names"] if self._prompts[world] else []
            kept = {"at": time.time(), "request": request[:SHOWN], **inspection(retrieval, moment)}
            kept["added"] = [name for name in kept["names"] if name not in before]
            kept["dropped"] = [name for name in before if name not in kept["names"]]
            self._prompts[world].appendleft(kept)
            return kept

    def prompts(self, world: str) -> list[dict[str, Any]]:
        """Return the last prompts of a world, the latest first."""
        with self._lock:
            return list(self._prompts[world])


def inspection(retrieval: Retrieval, moment: Moment) -> dict[str, Any]:
    """Return what a prompt gets, why, and what it does not get, as plain values with sentences."""
    rows = [_row(one) for one in retrieval.chosen]
    rows += [_not_true(entry, written, moment) for entry, written in retrieval.not_true]
    return {
        "book": moment.book,
        "chapter": moment.chapter,
        "names": [row["name"] for row in rows if row["sent"]],
        "entries": rows,
        "words": retrieval.words,
        "tokens": retrieval.tokens,
        "tokens_counted": retrieval.room.ruler.exact,
        "room": {
            "entries": retrieval.room.entries,
            "words": retrieval.room.words,
            "tokens": retrieval.room.tokens,
            "note": retrieval.room.note,
        },
        "keys_off": list(retrieval.keys_off),
    }


def _row(one: Chosen) -> dict[str, Any]:
    entry = one.hit.entry
    return {
        "id": entry.id,
        "name": entry.name,
        "kind": entry.kind,
        "reason": one.hit.reason,
        "why": why(one),
        "rank": one.rank,
        "score": one.hit.score,
        "words": one.words,
        "tokens": one.tokens,
        "sent": not one.cut,
        "cut": one.cut,
    }


def _not_true(entry: Entry, written: str, moment: Moment) -> dict[str, Any]:
    row = {"id": entry.id, "name": entry.name, "kind": entry.kind, "reason": "mention", "rank": 0, "score": 0.0}
    return row | {
        "why": f"named as “{written}”",
        "words": 0,
        "tokens": 0,
        "sent": False,
        "cut": why_not_true(entry, moment),
    }


def why(one: Chosen) -> str:
    """Return in an author's words why an entry was chosen."""
    plain = {
        "always-on": "always on",
        "mention": "named in the request",
        "key": "one of its keys was found",
        "meaning": "near in meaning",
        "keywords": "shares telling words",
        "link": "linked with what the scene needs",
    }
    return one.matched or plain[one.hit.reason]


def why_not_true(entry: Entry, moment: Moment) -> str:
    """Return in an author's words why an entry does not hold at a moment."""
    if entry.book and moment.book and entry.book.casefold() != moment.book.casefold():
        return f"it belongs to another book, {entry.book}"
    if moment.chapter is None:
        return f"no longer true at the end of the story (only until chapter {entry.to_chapter})"
    if entry.from_chapter is not None and moment.chapter < entry.from_chapter:
        return f"not true yet in chapter {moment.chapter} (from chapter {entry.from_chapter})"
    return f"no longer true in chapter {moment.chapter} (only until chapter {entry.to_chapter})"
