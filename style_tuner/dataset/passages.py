"""Cut chapters into passages: whole paragraphs, scene by scene, of many lengths between the two bounds."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from style_tuner.config import DatasetConfig
from style_tuner.manuscripts.blocks import SCENE_BREAK
from style_tuner.records import Manuscript, Passage, SetAside
from style_tuner.voice.segment import narrated_part, quote_style

CountTokens = Callable[[str], int]
_MOST_SPEECH = 0.95
_SENTENCE_END = re.compile(r"[.!?…—–:;,][\"'”’»)\]*_]*$")


@dataclass(frozen=True)
class _Piece:
    """One paragraph with its length in tokens."""

    text: str
    tokens: int


def split_passages(
    manuscript: Manuscript, config: DatasetConfig, count_tokens: CountTokens
) -> tuple[list[Passage], list[SetAside]]:
    """Return a manuscript's passages of `min_tokens` to `max_tokens`, and what did not become one, with the reason.

    A passage is whole paragraphs of one chapter. It ends at a scene break where both sides are long enough, and
    otherwise at lengths drawn evenly between the bounds, so that a model learns short and long replies alike.
    """
    passages: list[Passage] = []
    aside: list[SetAside] = []
    style = quote_style([text for chapter in manuscript.chapters for text in chapter.text.split("\n\n")])
    position = 0
    for number, chapter in enumerate(manuscript.chapters):
        draw = random.Random(f"{config.seed}:{manuscript.id}:{number}")
        for run in _runs(chapter.text, config, count_tokens, aside, manuscript.id, number):
            position += 1  # what was set aside between two runs leaves a gap, so that neither continues the other
            for pieces in _cut_run(run, config, draw):
                text = _joined(pieces)
                tokens = count_tokens(text)
                if reason := _fault(text, tokens, style, config):
                    aside.append(SetAside(manuscript.id, number, text, reason))
                else:
                    passages.append(Passage(manuscript.id, number, position, text, tokens))
                position += 1
    return passages, aside


def _cut_run(scenes: Sequence[Sequence[_Piece]], config: DatasetConfig, draw: random.Random) -> Iterator[list[_Piece]]:
    for scene in _join_short_scenes(scenes, config):
        for part in _cut(scene, config, draw):
            if pieces := _without_edge_breaks(part):
                yield pieces


def _joined(pieces: Sequence[_Piece]) -> str:
    return "\n\n".join(piece.text for piece in pieces)


def _total(pieces: Sequence[_Piece]) -> int:
    return sum(piece.tokens for piece in pieces)


def _runs(
    text: str, config: DatasetConfig, count_tokens: CountTokens, aside: list[SetAside], manuscript: str, chapter: int
) -> list[list[list[_Piece]]]:
    """Return runs of scenes of paragraphs; a paragraph that is too long is set aside and ends a run."""
    gap = count_tokens("\n\n")
    runs: list[list[list[_Piece]]] = [[[]]]
    for paragraph in text.split("\n\n"):
        if paragraph == SCENE_BREAK:
            runs[-1].append([])
            continue
        tokens = count_tokens(paragraph)
        if tokens > config.max_tokens:
            reason = f"one paragraph of {tokens:,} tokens, longer than a passage may be ({config.max_tokens:,})"
            aside.append(SetAside(manuscript, chapter, paragraph, reason))
            runs.append([[]])
        elif paragraph:
            runs[-1][-1].append(_Piece(paragraph, tokens + gap))
    return [[scene for scene in run if scene] for run in runs]


def _join_short_scenes(scenes: Sequence[Sequence[_Piece]], config: DatasetConfig) -> list[list[_Piece]]:
    """Join a scene that is too short to stand alone with the one before it, the break kept between them."""
    joined: list[list[_Piece]] = []
    for scene in scenes:
        if joined and min(_total(joined[-1]), _total(scene)) < config.min_tokens:
            joined[-1] += [_Piece(SCENE_BREAK, 3), *scene]
        else:
            joined.append(list(scene))
    return joined


def _cut(pieces: Sequence[_Piece], config: DatasetConfig, draw: random.Random) -> list[list[_Piece]]:
    """Cut one scene into passages; a short tail goes to the passage before it, or the two are parted anew."""
    parts: list[list[_Piece]] = [[]]
    target = draw.randint(config.min_tokens, config.max_tokens)
    for piece in pieces:
        size = _total(parts[-1])
        if parts[-1] and (size >= target or size + piece.tokens > config.max_tokens):
            parts.append([])
            target = draw.randint(config.min_tokens, config.max_tokens)
        parts[-1].append(piece)
    if len(parts) > 1 and _total(parts[-1]) < config.min_tokens:
        tail = parts.pop()
        parts[-1:] = _part_anew(parts[-1] + tail, len(parts[-1]), config)
    return parts


def _part_anew(pieces: Sequence[_Piece], cut: int, config: DatasetConfig) -> list[list[_Piece]]:
    """Return the pieces whole if they fit, else parted as evenly as the paragraphs allow, else as they were."""
    if _total(pieces) <= config.max_tokens:
        return [list(pieces)]
    best = max(range(1, len(pieces)), key=lambda at: min(_total(pieces[:at]), _total(pieces[at:])))
    if min(_total(pieces[:best]), _total(pieces[best:])) >= config.min_tokens:
        cut = best
    return [list(pieces[:cut]), list(pieces[cut:])]


def _without_edge_breaks(pieces: list[_Piece]) -> list[_Piece]:
    while pieces and pieces[0].text == SCENE_BREAK:
        pieces = pieces[1:]
    while pieces and pieces[-1].text == SCENE_BREAK:
        pieces = pieces[:-1]
    return pieces


def _fault(text: str, tokens: int, style: str, config: DatasetConfig) -> str:
    """Say why a text is no passage to learn from, or return nothing."""
    if tokens < config.min_tokens:
        return f"a fragment of {tokens:,} tokens, shorter than a passage must be ({config.min_tokens:,})"
    if tokens > config.max_tokens:
        return f"{tokens:,} tokens, longer than a passage may be ({config.max_tokens:,})"
    paragraphs = [paragraph for paragraph in text.split("\n\n") if paragraph != SCENE_BREAK]
    if sum(bool(_SENTENCE_END.search(paragraph)) for paragraph in paragraphs) * 2 < len(paragraphs):
        return "fragments: most of its paragraphs do not end as sentences do"
    narrated = sum(len(narrated_part(paragraph, style).split()) for paragraph in paragraphs)
    if narrated <= (1 - _MOST_SPEECH) * len(text.split()):
        return "dialogue only: it has next to no narration to learn a voice from"
    return ""
