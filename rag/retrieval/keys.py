"""Regular expressions as keys of entries, each with a time limit, so that none can hang a request."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import regex

KEY_SECONDS = 0.05
"""Longest search for one regular expression; one that needs longer is switched off until its entry is changed."""
ALL_SECONDS = 0.25
"""Longest search for all of them in one request."""
LONGEST_TEXT = 20_000
"""Characters at the end of a text that are searched."""
SLASHED = re.compile(r"/(?P<pattern>.+)/(?P<flags>[a-z]*)\Z", re.DOTALL)
FLAGS = {"i": regex.IGNORECASE, "s": regex.DOTALL, "m": regex.MULTILINE, "u": 0, "g": 0, "x": regex.VERBOSE}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeyFault:
    """A key that is not searched for, and why."""

    entry: str
    key: str
    reason: str


@dataclass(frozen=True)
class KeyMatch:
    """A key that matched: whose it is and what it matched."""

    entry: str
    key: str
    written: str


def is_regex(key: str) -> bool:
    """Say whether a key is written as /regular expression/."""
    return SLASHED.fullmatch(key) is not None


class KeyPatterns:
    """The regular expressions of a world's entries."""

    def __init__(self) -> None:
        self._patterns: dict[tuple[str, str], Any] = {}
        self._faults: dict[tuple[str, str], KeyFault] = {}

    def add(self, entry: str, key: str) -> None:
        """Take in a key; one that is no regular expression is kept as a fault."""
        slashed = SLASHED.fullmatch(key)
        assert slashed is not None
        try:
            flags = 0
            for flag in slashed["flags"]:
                if flag not in FLAGS:
                    raise regex.error(f"the flag {flag!r} is unknown")
                flags |= FLAGS[flag]
            self._patterns[entry, key] = regex.compile(slashed["pattern"], flags)
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            self._faults[entry, key] = KeyFault(entry, key, f"it is no regular expression: {error}")

    def drop(self, entry: str, key: str) -> None:
        """Let go of a key."""
        self._patterns.pop((entry, key), None)
        self._faults.pop((entry, key), None)

    @property
    def faults(self) -> list[KeyFault]:
        """The keys that are not searched for."""
        return list(self._faults.values())

    def find(self, text: str, counts: Callable[[str], bool]) -> list[KeyMatch]:
        """Return what matches in a text; a key that runs out of time is a fault from then on."""
        found: list[KeyMatch] = []
        left = ALL_SECONDS
        for (entry, key), pattern in list(self._patterns.items()):
            if not counts(entry):
                continue
            matched, took = self._search(entry, key, pattern, text[-LONGEST_TEXT:], min(KEY_SECONDS, left))
            left = max(0.001, left - took)
            if matched:
                found.append(KeyMatch(entry, key, matched))
        return found

    def _search(self, entry: str, key: str, pattern: Any, text: str, seconds: float) -> tuple[str, float]:
        began = time.perf_counter()
        try:
            match = pattern.search(text, timeout=seconds)
        except TimeoutError:
            del self._patterns[entry, key]
            reason = (
                f"it took longer than {KEY_SECONDS * 1000:.0f} ms and is switched off: write it without nested repeats"
            )
            self._faults[entry, key] = KeyFault(entry, key, reason)
            log.warning("The key %s of %s took too long and is switched off.", key, entry)
            return "", time.perf_counter() - began
        return (match.group() if match else ""), time.perf_counter() - began
