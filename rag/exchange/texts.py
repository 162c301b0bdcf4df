"""Texts and keys of other programs in plain words: markup and placeholders out, names told from other keys."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from rag.lore.lorebook import lines, one_line
from rag.retrieval.keys import FLAGS, SLASHED

MARKUP = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|code|del|details|div|em|font|h[1-6]|hr|i|img|ins|li|mark|ol|p|pre|q|"
    r"small|span|strike|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>]*|\s*/)?>",
    re.IGNORECASE,
)
UNSEEN = [
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<style\b[^<>]*>", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE)),
    (re.compile(r"<script\b[^<>]*>", re.IGNORECASE), re.compile(r"</script\s*>", re.IGNORECASE)),
]
"""What begins and ends the parts of HTML that nobody reads."""
LINE_ENDS = re.compile(r"<(?:br\b[^<>]*|hr\b[^<>]*|/(?:p|div|li|tr|h[1-6]|table|blockquote))>", re.IGNORECASE)
CHARACTER = re.compile(r"\{\{\s*char\s*\}\}|<char>|<bot>", re.IGNORECASE)
READER = re.compile(r"\{\{\s*user\s*\}\}|<user>", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\{\{[^{}]+\}\}")
DECORATORS = re.compile(r"\A(?:\s*@@@?\w+[^\n]*(?:\n|\Z))+")

HTML_OUT = "HTML was taken out of the text; it is given back at export while the text is as it was"
UNKNOWN_CHARACTER = "{{char}} stands for a name that the file does not tell: write the name into the text"
READER_LEFT = "{{user}} was left as it is: write a name or “the reader” into the text if it should say who is meant"
PLACEHOLDERS_LEFT = "It holds placeholders ({{…}}) that only the other program fills in: they were left as they are"
BROKEN_EXPRESSION = "A key is no valid regular expression and calls nothing up; it was kept as it is: mend it"
JOINED_KEYS = "A key asks for several words at once (joined with &): here it is looked for as it is written"


@dataclass(frozen=True)
class Cleaned:
    """A text in plain words, and what to know about it."""

    text: str
    remarks: tuple[str, ...] = ()


def cleaned(text: str, character: str = "") -> Cleaned:
    """Return a text without markup and decorators, with the character's name where a placeholder stands for it."""
    remarks = []
    text = DECORATORS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    plain = _seen(text)
    if MARKUP.search(plain) or plain != text:
        seen = MARKUP.sub("", LINE_ENDS.sub("\n", plain))
        text = re.sub(r"\n{3,}", "\n\n", html.unescape(seen).replace("\N{NO-BREAK SPACE}", " "))
        remarks.append(HTML_OUT)
    if CHARACTER.search(text):
        if character:
            text = CHARACTER.sub(lambda _: character, text)
        else:
            remarks.append(UNKNOWN_CHARACTER)
    if READER.search(text):
        remarks.append(READER_LEFT)
    if PLACEHOLDER.search(READER.sub("", CHARACTER.sub("", text))):
        remarks.append(PLACEHOLDERS_LEFT)
    return Cleaned(text.strip(), tuple(remarks))


def _seen(text: str) -> str:
    """Return a text without comments, styles and scripts, in one pass however often one of them begins."""
    for opening, closing in UNSEEN:
        kept, at = [], 0
        while (begins := opening.search(text, at)) and (ends := closing.search(text, begins.end())):
            kept.append(text[at : begins.start()])
            at = ends.end()
        text = "".join((*kept, text[at:]))
    return text


def expression(key: str) -> str | None:
    """Return the key if it is written as a regular expression, `/…/` with a program's flags, else None."""
    return key if SLASHED.fullmatch(key) else None


def broken(key: str) -> bool:
    """Say whether a key is written as a regular expression and is none."""
    found = SLASHED.fullmatch(key)
    if found is None:
        return False
    if set(found["flags"]) - set(FLAGS):  # such as the last letters of a path like /home/ada
        return True
    try:
        regex.compile(found["pattern"])
    except (regex.error, OverflowError, RecursionError):
        return True
    return False


def looks_like_name(key: str) -> bool:
    """Say whether a key has a capital at the beginning of a word, or is of a script without capitals."""
    letters = [character for character in key if character.isalpha()]
    if letters and not any(unicodedata.category(letter) in ("Lu", "Ll", "Lt") for letter in letters):
        return True
    return any(word[:1].isupper() for word in re.findall(r"\w+", key))


@dataclass(frozen=True)
class SortedKeys:
    """Keys of another program as names and other keys; `pairs` says for each as written what it is here."""

    aliases: tuple[str, ...]
    keys: tuple[str, ...]
    pairs: tuple[tuple[str, str | None], ...]


def sort_keys(name: str, written: Sequence[str], character: str = "", expressions: str | None = None) -> SortedKeys:
    """Tell names from other keys; the entry's own name is left out, for it calls the entry up anyway.

    Where `expressions` is given, each key is the inside of a regular expression with these flags.
    """
    aliases: list[str] = []
    keys: list[str] = []
    pairs: list[tuple[str, str | None]] = []
    for key in written:
        inside = lines(key)
        plain = one_line(CHARACTER.sub(lambda _: character, key) if character else key)
        ours: str | None = plain
        if not plain:
            ours = None
        elif expressions is not None or expression(inside):
            ours = inside if expressions is None else f"/{inside}/{expressions}"
            keys.append(ours)
        elif plain.casefold() == name.casefold():
            ours = None
        else:
            (aliases if looks_like_name(plain) else keys).append(plain)
        pairs.append((key, ours))
    return SortedKeys(tuple(dict.fromkeys(aliases)), tuple(dict.fromkeys(keys)), tuple(pairs))
