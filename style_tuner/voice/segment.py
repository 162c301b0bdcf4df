"""Cut text into paragraphs, sentences and words, and find its dialogue, by rules fast enough for whole novels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from style_tuner.voice.lexicon import SPEECH_VERBS

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n\s*")
_ABBREVIATION = re.compile(
    r"\b(Mr|Mrs|Ms|Dr|St|Messrs|Prof|Capt|Col|Gen|Lieut|Rev|Hon|Sr|Jr|Mme|Mlle|vs|etc|No)\.(?=\s)"
)
_SENTENCE_END = re.compile(r"[.!?…]+[\"'“”‘’)\]»«]*(?=\s+[\"'“‘„‚«»(\[—–-]*[^\W\d_a-z]|\s*$)")
_LINE_ENDS_SENTENCE = re.compile(r"[.!?…:;—–-][\"'“”‘’)\]»«*_]*\s*$")
_HIDDEN_DOT = "\ue000"

_BEFORE_QUOTE = r"(?<![^\s(\[—–\"“-])"
_ELIDED = r"(?!(?:tis|twas|twere|twill|em|til|till|cause|bout|round|neath|ere|im|is|un|n|d)\b)"
_ENDS_SPEECH = r"(?<=[.,!?;:—–…-])"


def _single(opening: str, closing: str) -> re.Pattern[str]:
    """Speech in single quotes: an apostrophe neither opens it (’em, ’tis) nor closes it (the boys’ names).

    It ends after a punctuation mark and holds no second opening; at the head of a paragraph it may go on into the next.
    """
    opens = rf"{_BEFORE_QUOTE}{opening}(?=[^\s]){_ELIDED}"
    inside = rf"(?:(?!{opens}).)"
    whole_paragraph = rf"\A{opening}(?=[^\s])(?i:{_ELIDED}){inside}+\Z"
    return re.compile(rf"{opens}{inside}{{1,5000}}?{_ENDS_SPEECH}{closing}(?!\w)|{whole_paragraph}", re.DOTALL)


QUOTE_STYLES: dict[str, re.Pattern[str]] = {
    "double": re.compile(r'(?<!\w)"[^"]{1,5000}(?:"|$)'),
    "curly double": re.compile(r"(?<![\w.,!?…])“[^”„]{1,5000}(?:”|$)"),
    "low double": re.compile(r"„[^“”„]{1,5000}(?:[“”]|$)"),
    "guillemets": re.compile(r"(?<![^\s(\[—–-])«[^»]{1,5000}(?:»|$)"),
    "inverted guillemets": re.compile(r"(?<![^\s(\[—–-])»(?=\S)[^«]{1,5000}(?:«|$)"),
    "curly single": _single("‘", "’"),
    "single": _single("'", "'"),
    "low single": re.compile(r"(?<!\w)‚(?=\S)[^‘‚]{1,5000}(?:‘|$)"),
    "dash": re.compile(r"\A(?:[—–―]|--)\s*\w.*|\A-\s+\w.*", re.DOTALL),
}
"""How manuscripts mark speech; each pattern is applied to one paragraph. Order breaks ties."""

_TELLER = r"(?:he|she|they|we|I|(?:the|my|his|her|our)\s+[\w’']+(?:\s+[\w’']+)?|[A-Z][\w’']+(?:\.?\s[A-Z][\w’']+)?)"
_VERB = rf"(?:{'|'.join(sorted(SPEECH_VERBS))})"
_TOLD_IN_DASHES = re.compile(
    rf"(?<=[,?!…])\s+(?:{_TELLER}\s+{_VERB}|{_VERB}\s+{_TELLER})\b[^.!?:]*(?:[.:]|\Z)"
    rf"|(?<!\A)\s*[—–―]\s*(?:{_TELLER}\s+{_VERB}|{_VERB}\s+{_TELLER})\b[^—–―]*(?:[—–―]|\Z)"
)
"""What a teller puts between speech that only a dash opens: `, said Ann.` and `— she said —`."""


def one_dash(text: str) -> str:
    """Return a text with one sign, —, for every dash, as manuscripts have them: —, –, ―, -- and a lone hyphen.

    How a dash is typed is the publisher's or the keyboard's manner, not the author's.
    """
    return text.replace("–", "—").replace("―", "—").replace("--", "—").replace(" - ", " — ")


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
    edges = [0, *sentence_ends(paragraph)]
    found = [paragraph[start:end].strip() for start, end in pairwise(edges)]
    return [sentence for sentence in found if WORD.search(sentence)]


def sentence_ends(paragraph: str) -> list[int]:
    """Return where the sentences of one paragraph end, the last always at the paragraph's end."""
    hidden = _ABBREVIATION.sub(rf"\1{_HIDDEN_DOT}", paragraph)
    ends = [match.end() for match in _SENTENCE_END.finditer(hidden)]
    return ends if ends and ends[-1] == len(paragraph) else [*ends, len(paragraph)]


def quote_style(paragraph_texts: Sequence[str]) -> str:
    """Return the key of `QUOTE_STYLES` that marks most words as speech, or `none`."""
    sample = paragraph_texts[:: max(1, len(paragraph_texts) // 2000)]
    spoken = {
        style: sum(end - start for text in sample for start, end in spoken_spans(text, style)) for style in QUOTE_STYLES
    }
    best = max(spoken, key=lambda style: spoken[style])
    return best if spoken[best] else "none"


def spoken_spans(paragraph: str, style: str) -> list[tuple[int, int]]:
    """Return where a paragraph is said aloud (from, to), given the manuscript's quote style; marks belong to it."""
    pattern = QUOTE_STYLES.get(style)
    found = [match.span() for match in pattern.finditer(paragraph)] if pattern else []
    if style != "dash" or not found:
        return found
    told = [match.span() for match in _TOLD_IN_DASHES.finditer(paragraph)]
    edges = [0, *(edge for span in told for edge in span), len(paragraph)]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def spoken_part(paragraph: str, style: str) -> str:
    """Return what is said aloud in a paragraph, given the manuscript's quote style."""
    return " ".join(paragraph[start:end] for start, end in spoken_spans(paragraph, style))


def narrated_part(paragraph: str, style: str) -> str:
    """Return a paragraph without what is said aloud in it."""
    return " ".join(narrated_parts(paragraph, spoken_spans(paragraph, style)))


def narrated_parts(paragraph: str, spoken: Sequence[tuple[int, int]]) -> list[str]:
    """Return what stands before, between and after the spoken spans; one part more than there are spans."""
    edges = [0, *(edge for span in spoken for edge in span), len(paragraph)]
    return [paragraph[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


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
