"""Cut text into paragraphs, sentences and words, and find its dialogue, by rules fast enough for whole novels."""

from __future__ import annotations

import re
from collections.abc import Sequence

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n\s*")
_ABBREVIATION = re.compile(
    r"\b(Mr|Mrs|Ms|Dr|St|Messrs|Prof|Capt|Col|Gen|Lieut|Rev|Hon|Sr|Jr|Mme|Mlle|vs|etc|No)\.(?=\s)"
)
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]»]*(?=\s+[\"'“‘«(\[—–-]*[^\W\d_a-z]|\s*$)")
_LINE_ENDS_SENTENCE = re.compile(r"[.!?…:;—–-][\"'”’)\]»*_]*\s*$")
_HIDDEN_DOT = "\ue000"

QUOTE_STYLES: dict[str, re.Pattern[str]] = {
    "double": re.compile(r'"[^"]{1,5000}(?:"|$)'),
    "curly double": re.compile(r"“[^”]{1,5000}(?:”|$)"),
    "guillemets": re.compile(r"«[^»]{1,5000}(?:»|$)|»[^«]{1,5000}(?:«|$)"),
    "curly single": re.compile(r"(?<!\w)‘.{1,5000}?(?<=[.,!?;:—–…-])’(?!\w)", re.DOTALL),
    "single": re.compile(r"(?<!\w)'(?=\w).{1,5000}?(?<=[.,!?;:—–…-])'(?!\w)", re.DOTALL),
    "dash": re.compile(r"\A[—–]\s*\w.*|\A-\s+\w.*", re.DOTALL),
}
"""How manuscripts mark speech; each pattern is applied to one paragraph. Order breaks ties."""


def words(text: str) -> list[str]:
    """Return the words as written; apostrophes inside a word belong to it, numbers are no words."""
    return WORD.findall(text)


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs: parted by blank lines, or by line ends where nearly all lines end a sentence."""
    blocks = [block.strip() for block in _BLANK_LINE.split(text)]
    found: list[str] = []
    for block in blocks:
        lines = [line.strip() for line in block.split("\n") if line.strip()]
        ends = sum(bool(_LINE_ENDS_SENTENCE.search(line)) for line in lines)
        if len(lines) > 1 and ends >= 0.8 * len(lines):
            found += lines
        elif lines:
            found.append(" ".join(lines))
    return [paragraph for paragraph in found if WORD.search(paragraph)]


def sentences(paragraph: str) -> list[str]:
    """Return the sentences of one paragraph; common abbreviations do not end one."""
    hidden = _ABBREVIATION.sub(rf"\1{_HIDDEN_DOT}", paragraph)
    found, start = [], 0
    for end in _SENTENCE_END.finditer(hidden):
        found.append(hidden[start : end.end()])
        start = end.end()
    found.append(hidden[start:])
    return [sentence.replace(_HIDDEN_DOT, ".").strip() for sentence in found if WORD.search(sentence)]


def quote_style(paragraph_texts: Sequence[str]) -> str:
    """Return the key of `QUOTE_STYLES` that marks most words as speech, or `none`."""
    sample = paragraph_texts[:: max(1, len(paragraph_texts) // 2000)]
    spoken = {style: sum(len(spoken_part(text, style)) for text in sample) for style in QUOTE_STYLES}
    best = max(spoken, key=lambda style: spoken[style])
    return best if spoken[best] else "none"


def spoken_part(paragraph: str, style: str) -> str:
    """Return what is said aloud in a paragraph, given the manuscript's quote style."""
    pattern = QUOTE_STYLES.get(style)
    return " ".join(pattern.findall(paragraph)) if pattern else ""


def narrated_part(paragraph: str, style: str) -> str:
    """Return a paragraph without what is said aloud in it."""
    pattern = QUOTE_STYLES.get(style)
    return pattern.sub(" ", paragraph) if pattern else paragraph


def pieces(text: str, size: int) -> list[str]:
    """Cut a text into pieces of whole paragraphs with `size` words or more; a longer paragraph is cut by sentences.

    What is left over at the end joins the last piece; a text shorter than `size` is one piece.
    """
    found: list[list[str]] = [[]]
    count = 0
    for paragraph in paragraphs(text):
        length = len(WORD.findall(paragraph))
        parts = [paragraph] if length <= 1.5 * size else _packed_sentences(paragraph, size)
        for part in parts:
            if count >= size:
                found.append([])
                count = 0
            found[-1].append(part)
            count += len(WORD.findall(part)) if len(parts) > 1 else length
    if len(found) > 1 and count < size:
        last = found.pop()
        found[-1] += last
    return ["\n\n".join(part) for part in found if part]


def _packed_sentences(paragraph: str, size: int) -> list[str]:
    """Cut a paragraph into runs of sentences of about `size` words, and by words where a sentence never ends."""
    runs: list[str] = []
    run: list[str] = []
    count = 0
    for sentence in sentences(paragraph):
        tokens = sentence.split()
        for start in range(0, len(tokens), size):
            part = tokens[start : start + size]
            run.append(" ".join(part))
            count += len(part)
            if count >= size:
                runs.append(" ".join(run))
                run, count = [], 0
    return [*runs, " ".join(run)] if run else runs
