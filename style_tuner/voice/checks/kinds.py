"""Say what kind of text a draft is before it is scored: prose, verse, a list, mark-up, another language, one word.

A voice is learned from prose, so that a number rests on prose alone: lines of verse and of lists are left out of it, as
mark-up is, and where nothing else remains there is no number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from style_tuner.manuscripts.lines import ENDS_SENTENCE, LINE_WORDS, SHORTEST_VERSE, line_ends_meant
from style_tuner.voice.checks.languages import ENGLISH, LEAST_LANGUAGE_WORDS, NO_LANGUAGE, language_of
from style_tuner.voice.checks.signs import not_prose
from style_tuner.voice.reference import lowered
from style_tuner.voice.segment import words

MOST_SAME = 0.5
SAME_FORM = 10
FORM_WORDS = 3
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]{0,500})?/?>|<!--")
_TAG_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)")
_BLANK_LINE = re.compile(r"\s*\n[ \t\r]*\n\s*")
_FENCE = re.compile(r"^[ \t]*(```|~~~).*?^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_MARKDOWN = (
    (re.compile(r"!\[[^\[\]\n]{0,300}\]\([^)\n]{0,500}\)"), ""),
    (re.compile(r"\[([^\[\]\n]{1,300})\]\([^)\n]{0,500}\)"), r"\1"),
    (re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+([^\n]*)$", re.MULTILINE), r"\n\1\n"),
    (re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"(?<!\w)(\*{1,3}|_{2,3})(?=\S)([^*_\n]+?)(?<=\S)\1(?!\w)"), r"\2"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
)
_ITEM = re.compile(r"^\s*(?:[*•·◦▪+]\s+|\(?\d{1,3}[.)]\s+|\(?[a-z][.)]\s+|\[[ xX]\]\s+|-\s+(?!.*[.!?…][\"'”’]*\s*$))")
_MARKED_OR_NUMBERED = re.compile(r"\d|^\s*[-–*•]\s")
_BREAKS = {"p", "br", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "blockquote", "section", "hr"}


@dataclass(frozen=True)
class Reading:
    """Drafts as they can be scored, in prose, with what was left out or is odd about them.

    `refusal` says why there can be no number, where there can be none; it is empty otherwise.
    """

    texts: tuple[str, ...]
    notes: tuple[str, ...]
    refusal: str


def read_drafts(texts: Sequence[str], least_words: int, learned: str = ENGLISH) -> Reading:
    """Return the prose of drafts, without mark-up, verse and lists, and say what kind of text they are.

    `least_words` is the fewest words of prose that a number can rest on, `learned` the language of the voice.
    """
    if not any(text.strip() for text in texts):
        return Reading((), (), "There is no text to score.")
    notes: list[str] = []
    plain = [plain_text(text) for text in texts]
    if any(marked for _, marked in plain):
        notes.append("The mark-up (tags, headings' and links' signs) was left out before scoring.")
    bare = sum(len(words(text)) for text, _ in plain) < least_words
    signs = not_prose("\n\n".join(texts if bare else (text for text, _ in plain)))
    if signs:
        return Reading((), tuple(notes), f"This is {signs}, not prose: there is no voice in it to score.")
    same = repeated_word([text for text, _ in plain])
    if same:
        return Reading((), tuple(notes), f"This is one word over and over, “{same}”: there is no voice in it to score.")
    language = language_of([text for text, _ in plain])
    if language == NO_LANGUAGE:
        said = "This is text in no language (numbers, signs, or rows of data), not prose"
        return Reading((), tuple(notes), f"{said}: there is no voice in it to score.")
    if language not in ("", learned):
        return Reading((), tuple(notes), f"This looks like {language}; the voice was learned from {learned}.")
    kept, left_out = [], Counter[str]()
    for text, _ in plain:
        prose, out = prose_of(text)
        kept.append(prose)
        left_out.update(out)
    prose_words = sum(len(words(text)) for text in kept)
    for kind, number in sorted(left_out.items()):
        if prose_words < least_words <= prose_words + left_out.total():
            said = "a list" if kind == "list" else "verse"
            return Reading((), tuple(notes), _not_prose(said, number, prose_words, least_words))
        said = "of lists" if kind == "list" else "of verse"
        notes.append(f"{number:,} words {said} were left out: the score rests on the {prose_words:,} words of prose.")
    return Reading(tuple(text for text in kept if words(text)), tuple(notes), "")


def _not_prose(said: str, number: int, prose_words: int, least_words: int) -> str:
    rest = f"only {prose_words} words of it are prose" if prose_words else "none of it is prose"
    return (
        f"This looks like {said} ({number:,} words), and {rest}. The voice was learned from prose, whose sentences are "
        f"what a score rests on, so there is no number for fewer than {least_words} words of prose."
    )


def plain_text(text: str) -> tuple[str, bool]:
    """Return a text without HTML and Markdown, and whether there was any."""
    plain = text
    if len(_TAG.findall(text)) >= 2:
        reader = _TextOf(any(tag.lower() in _BREAKS for tag in _TAG_NAME.findall(text)))
        reader.feed(text)
        reader.close()
        plain = "".join(reader.found)
    plain = _FENCE.sub("\n\n", plain)
    for pattern, kept in _MARKDOWN:
        plain = pattern.sub(kept, plain)
    plain = re.sub(r"\n{3,}", "\n\n", plain).strip()
    return (plain, True) if plain != re.sub(r"\n{3,}", "\n\n", text).strip() else (text, False)


class _TextOf(HTMLParser):
    """Collect the text of HTML; paragraphs end in blank lines, and scripts and style sheets are no text.

    Where no tag makes paragraphs or lines (`laid_out`), the text's own line ends do.
    """

    def __init__(self, laid_out: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._laid_out = laid_out
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a paragraph or an item where the tag does, and hide what is no text."""
        self._hidden += tag in ("script", "style")
        if tag in _BREAKS:
            self.found.append("\n" if tag in ("br", "li") else "\n\n")
        if tag == "li":
            self.found.append("* ")

    def handle_endtag(self, tag: str) -> None:
        """End a paragraph where the tag does."""
        self._hidden -= tag in ("script", "style") and self._hidden > 0
        if tag in _BREAKS and tag != "li":
            self.found.append("\n\n")

    def handle_data(self, data: str) -> None:
        """Keep text; single line ends mean nothing in HTML that is laid out by tags."""
        if self._hidden:
            return
        parts = _BLANK_LINE.split(data) if self._laid_out else [data]
        self.found.append("\n\n".join(re.sub(r"\s+", " ", part) if self._laid_out else part for part in parts))


def repeated_word(texts: Sequence[str]) -> str:
    """Return the word that makes up half of the texts or more, or ""."""
    counts = Counter(word for text in texts for word in lowered(words(text)))
    if counts.total() < LEAST_LANGUAGE_WORDS:
        return ""
    word, number = counts.most_common(1)[0]
    return word if number >= MOST_SAME * counts.total() else ""


def prose_of(text: str) -> tuple[str, Counter[str]]:
    """Return a text without its lines of verse and lists, and how many words of each were left out."""
    kept: list[str] = []
    left_out: Counter[str] = Counter()
    if _of_one_form(text):
        return "", Counter({"list": len(words(text))})
    blocks = _blocks(text)
    kinds = [_kind(block) for block in blocks]
    for place, block in enumerate(blocks):
        beside = {kind for kind in (*kinds[max(0, place - 1) : place], *kinds[place + 1 : place + 2]) if kind}
        kind = kinds[place] or ("verse" if "verse" in beside and _couplet(block) else "")
        if kind:
            left_out[kind] += sum(len(words(line)) for line in block)
        else:
            kept.append("\n".join(block))
    return "\n\n".join(kept), left_out


def _kind(block: Sequence[str]) -> str:
    items = [line for line in block if _ITEM.match(line)]
    listed = len(items) >= 2 and len(items) >= len(block) / 2
    return "list" if listed else line_ends_meant(block)


def _of_one_form(text: str) -> bool:
    """Tell whether half of the words or more are one item with other numbers, whatever sign it ends with."""
    lines = [line for line in text.split("\n") if _MARKED_OR_NUMBERED.search(line) and len(words(line)) >= FORM_WORDS]
    forms = Counter(re.sub(r"\d+", "0", line).lower().strip() for line in lines)
    form, number = max(forms.items(), key=lambda pair: pair[1], default=("", 0))
    return number >= SAME_FORM and 2 * number * len(words(form)) >= len(words(text))


def _couplet(block: Sequence[str]) -> bool:
    """Tell whether a block beside verse is a short stanza of it."""
    return (
        2 <= len(block) <= SHORTEST_VERSE
        and all(line.strip()[0].isupper() and len(words(line)) <= LINE_WORDS for line in block)
        and not ENDS_SENTENCE.search(block[0])
    )


def _blocks(text: str) -> list[list[str]]:
    """Return the lines between blank lines; lone lines that end no sentence are joined, as items and verses are."""
    blocks = [
        [line for line in block.split("\n") if line.strip()] for block in re.split(r"\n[ \t\r]*\n\s*", text.strip("\n"))
    ]
    joined: list[list[str]] = []
    was_loose = False
    for block in filter(None, blocks):
        loose = len(block) == 1 and bool(_ITEM.match(block[0]) or not ENDS_SENTENCE.search(block[0]))
        if loose and was_loose:
            joined[-1].append(block[0])
        else:
            joined.append(block)
        was_loose = loose
    return joined
