"""Headings, paragraphs and scene breaks: what every reader makes, and how they become chapters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from style_tuner.manuscripts.cuts import Cut
from style_tuner.records import Chapter, Removed

SCENE_BREAK = "***"
"""The paragraph that stands for every kind of scene break in a cleaned chapter."""
_NEEDLESS = Cut(SCENE_BREAK, "needless scene break")

_BREAK = re.compile(r"[*#~⁂•·◆❦❧=_\s]*[*#~⁂•·◆❦❧=_][*#~⁂•·◆❦❧=_\s]*|[-–—](?:\s*[-–—]){2,}")
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last"
_NUMBER = rf"(?:\d{{1,3}}|[ivxlc]+|(?:the )?(?:{_ORDINALS})|{_TEENS}|(?:{_TENS})(?:[- ](?:{_ONES}))?|{_ONES})"
_NUMBERED = re.compile(
    rf"(?i:(?:chapter|part|book|volume|act|scene|canto|letter|episode|section) {_NUMBER})"
    r"(?:\s*[.:—–-]+\s*(?P<after>\S.*)?|\s+(?P<title>[A-Z0-9\"“‘'].*))?"
)
_NAMED = re.compile(
    r"(?i:prologue|epilogue|preface|foreword|afterword|interlude|prelude|postscript|coda)(?:\s*[.:—–-]+\s*\S.*|\.)?"
)
_BARE_NUMBER = re.compile(r"(?:(?P<arabic>\d{1,3})|(?P<roman>[IVXLC]+))\.?")
_LONGEST_HEADING = 80


@dataclass(frozen=True)
class Block:
    """One heading, paragraph or scene break; a paragraph may hold line ends (verse), a break holds no text."""

    kind: Literal["heading", "paragraph", "break"]
    text: str = ""
    level: int = 1
    """Of a heading: 1 is the highest."""
    in_table: bool = False
    """A cell of a table, which is never taken for a heading."""
    cuts: tuple[Cut, ...] = ()
    """What reading took out of it, or next to it."""


def tidy(text: str) -> str:
    """Compose accents, take out invisible characters, and turn every kind of space and line end into plain ones."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text)
    text = re.sub(r"[\u00ad\u200b\u2060\ufeff]", "", text)
    text = re.sub(r"[^\S\n]", " ", text)
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", "", text)


def words_of(text: str) -> Counter[str]:
    """Count the words of a text, marks and spaces left out, so that two forms of one text can be compared."""
    return Counter(re.findall(r"\w+", tidy(text)))


def laid_out(text: str) -> str:
    """Return a tidied paragraph without needless spaces and empty lines."""
    return "\n".join(line for line in (re.sub(r" +", " ", part).strip() for part in text.split("\n")) if line)


def paragraph_or_break(text: str) -> Block | None:
    """Return the block for one tidied paragraph, or None if nothing is in it."""
    text = laid_out(text)
    if not text:
        return None
    return Block("break") if _BREAK.fullmatch(text) else Block("paragraph", text)


def _is_heading(text: str) -> bool:
    line = re.sub(r"\s+", " ", text).strip("*_ ")
    if len(line) > _LONGEST_HEADING or text.count("\n") > 2:
        return False
    if _NAMED.fullmatch(line):
        return True
    found = _NUMBERED.fullmatch(line)
    if not found:
        return False
    title = found["after"] or found["title"] or ""
    return not re.search(r"[.,;]$", title)


def find_headings(blocks: Sequence[Block]) -> list[Block]:
    """Turn paragraphs that are chapter headings into headings: `Chapter One`, `PART II: The Sea`, `Prologue`.

    Bare numbers (`1.`, `IV`) count only where they run on from one, since a lone number may be the author's text.
    """
    found = [
        replace(block, kind="heading") if _may_head(block) and _is_heading(block.text) else block for block in blocks
    ]
    numbers = {index: _bare_number(block.text) for index, block in enumerate(found) if _may_head(block)}
    run = _chapter_numbers(found, {index: number for index, number in numbers.items() if number})
    steps = zip([0, *(number for _, number in run)], (number for _, number in run), strict=False)
    if len(run) > 1 and all(number in (1, before + 1) for before, number in steps):
        for index, _ in run:
            found[index] = replace(found[index], kind="heading")
    return found


def _may_head(block: Block) -> bool:
    return block.kind == "paragraph" and not block.in_table


def _chapter_numbers(blocks: Sequence[Block], numbers: dict[int, int]) -> list[tuple[int, int]]:
    """Return the bare numbers, by index, that may head a chapter.

    Those that stand one after another are a list. Those right above a heading belong to it where all numbers stand so;
    where others stand above text, they are the end of the text before.
    """
    alone = [index for index in numbers if index - 1 not in numbers and index + 1 not in numbers]
    above_text = [index for index in alone if index + 1 == len(blocks) or blocks[index + 1].kind != "heading"]
    return [(index, numbers[index]) for index in above_text or alone]


def _bare_number(text: str) -> int:
    """Return the value of a paragraph that is a number and nothing else, or 0."""
    found = _BARE_NUMBER.fullmatch(text)
    if not found:
        return 0
    if found["arabic"]:
        return int(found["arabic"])
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in found["roman"]]
    return sum(-value if value < max(values[index:]) else value for index, value in enumerate(values))


def split_title(blocks: Sequence[Block]) -> tuple[str, list[Block]]:
    """Take off the manuscript's own title: the one heading of its level, or a first short line."""
    blocks = list(blocks)
    if len(blocks) < 2:
        return "", blocks
    first, second = blocks[0], blocks[1]
    if first.kind == "heading":
        highest = all(block.level > first.level for block in blocks[1:] if block.kind == "heading")
        if (second.kind == "heading" or highest) and not _is_heading(first.text) and not _bare_number(first.text):
            return first.text.replace("\n", " "), without_first(blocks)
    elif (
        first.kind == "paragraph"
        and len(first.text) <= _LONGEST_HEADING
        and len(first.text.split()) <= 12
        and not re.search(r"[.,;:!?…\"'”’—-]$", first.text)
        and "\n" not in first.text
    ):
        return first.text, without_first(blocks)
    return "", blocks


def without_first(blocks: Sequence[Block], *cuts: Cut) -> list[Block]:
    """Take off the first block; what was taken out of it, and `cuts`, are told of before the next one."""
    first, *rest = blocks
    told = (*(replace(cut, place="before") for cut in first.cuts), *cuts)
    return [replace(rest[0], cuts=(*told, *rest[0].cuts)), *rest[1:]] if rest else []


def assemble(blocks: Iterable[Block]) -> tuple[tuple[Chapter, ...], tuple[Removed, ...]]:
    """Gather blocks under their headings; headings that follow one another are joined, edge breaks dropped.

    Returns the chapters, and what is not in them with the place where it stood.
    """
    drafts = [_Draft()]
    for block in blocks:
        if block.kind == "heading":
            heading = re.sub(r"\s+", " ", block.text).strip()
            if drafts[-1].paragraphs:
                drafts.append(_Draft(heading))
            else:
                drafts[-1].title = " — ".join(filter(None, (drafts[-1].title, heading)))
        drafts[-1].add(block)
    for draft in drafts:
        draft.close()
    first = drafts[0]
    if not first.title and not first.paragraphs and len(drafts) > 1:
        drafts[1].cuts[:0] = [(0, replace(cut, place="before")) for _, cut in first.cuts]
        del drafts[0]
    kept = [draft for draft in drafts if draft.title or draft.paragraphs]
    removed = (
        Removed(cut.text, cut.reason, chapter, place, cut.offset if cut.place == "inside" else None)
        for chapter, draft in enumerate(kept)
        for place, cut in draft.cuts
    )
    return tuple(Chapter(draft.title, "\n\n".join(draft.paragraphs)) for draft in kept), tuple(removed)


@dataclass
class _Draft:
    """A chapter in the making; each cut with the number of the paragraph that it stood in, or before."""

    title: str = ""
    paragraphs: list[str] = field(default_factory=list)
    cuts: list[tuple[int, Cut]] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Add a paragraph or a scene break; of a heading only what was taken out of it."""
        here = len(self.paragraphs)
        if block.kind == "paragraph":
            self.paragraphs.append(block.text)
        elif block.kind == "break":
            if self.paragraphs and self.paragraphs[-1] != SCENE_BREAK:
                self.paragraphs.append(SCENE_BREAK)
            else:
                self.cuts.append((here, _NEEDLESS))
        for cut in block.cuts:
            if block.kind != "paragraph" and cut.place == "inside":
                cut = replace(cut, place="before")
            self.cuts.append((len(self.paragraphs) if cut.place == "after" else here, cut))

    def close(self) -> None:
        """Drop a scene break at the end."""
        if self.paragraphs and self.paragraphs[-1] == SCENE_BREAK:
            self.paragraphs.pop()
            self.cuts.append((len(self.paragraphs), _NEEDLESS))
        self.cuts = sorted(
            ((min(place, len(self.paragraphs)), cut) for place, cut in self.cuts), key=lambda own: own[0]
        )
