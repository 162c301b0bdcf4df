"""From manuscripts to a dataset folder: cut, part, set aside, profile, ask, write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from style_tuner.config import DatasetConfig
from style_tuner.dataset.chapters import WholeChapter, whole_chapters
from style_tuner.dataset.passages import CountTokens, split_passages
from style_tuner.dataset.prompts import build_examples, learn_vocabulary
from style_tuner.dataset.split import drop_repeats, drop_shared, split_blocks
from style_tuner.errors import DatasetError
from style_tuner.records import ChatExample, Manuscript, Passage, QuotedPassage, SetAside, StyleProfile
from style_tuner.workspace import Workspace, newest, write_json, write_jsonl

Report = Callable[[int, int, str], None]
ENOUGH_TO_HEAR = 100
BETTER = 300
"""Passages from which a voice is heard, and from which it is learned well (the guide's numbers)."""


ENOUGH_TO_SCORE = 1500
"""Held-out words from which a score has a narrow interval."""


@dataclass(frozen=True)
class PreparedDataset:
    """Examples of the three parts, what was set aside, and the voice measured on all that is not held out.

    `system_prompt` is the one in the rows: `measured_prompt`, or the author's own wording of it. `quoted` are the
    passages most and least typical of the author.
    """

    train: tuple[ChatExample, ...]
    validation: tuple[ChatExample, ...]
    held_out: tuple[ChatExample, ...]
    set_aside: tuple[SetAside, ...]
    chapters: tuple[WholeChapter, ...]
    profile: StyleProfile
    quoted: tuple[QuotedPassage, ...]
    system_prompt: str
    measured_prompt: str
    passage_tokens: tuple[int, ...]


def prepare(
    manuscripts: Sequence[Manuscript],
    config: DatasetConfig,
    count_tokens: CountTokens,
    report: Report | None = None,
    own_prompt: str | None = None,
) -> PreparedDataset:
    """Make a dataset of whole works; the same manuscripts and settings always give the same one.

    `count_tokens` measures text with the tokenizer of the model to train; `own_prompt` is the author's own system
    prompt, which takes the place of the measured one. Raises `DatasetError` where there is too
    little text for `min_passages`, saying how much there is, how much is needed, and whether long paragraphs are why.
    """
    from style_tuner.voice.describe import system_prompt as describe
    from style_tuner.voice.profile import build_profile
    from style_tuner.voice.typical import quoted_passages

    total = len(manuscripts) + 3
    passages: list[Passage] = []
    aside: list[SetAside] = []
    for step, manuscript in enumerate(_one_id_each(manuscripts)):
        _say(report, step, total, f"Cutting “{manuscript.title}” into passages")
        found, rejected = split_passages(manuscript, config, count_tokens)
        passages += found
        aside += rejected
    _say(report, total - 3, total, "Parting training, validation and held-out passages")
    passages, repeated = drop_repeats(passages)
    aside += repeated
    _require_enough(manuscripts, passages, aside, config, count_tokens)
    train, validation, held_out = _parts(passages, config, aside)
    _say(report, total - 2, total, "Measuring the voice")
    chapters = whole_chapters(manuscripts, held_out)
    profile = build_profile([learned for chapter in chapters if (learned := chapter.learned)])
    measured_prompt = describe(profile)
    prompt = own_prompt or measured_prompt
    quoted = quoted_passages(train, profile.quote_style)
    _say(report, total - 1, total, "Writing the requests")
    vocabulary = learn_vocabulary(train)
    parts = [
        tuple(build_examples(part, vocabulary, prompt, config, count_tokens)) for part in (train, validation, held_out)
    ]
    _say(report, total, total, "Done")
    return PreparedDataset(
        train=parts[0],
        validation=parts[1],
        held_out=parts[2],
        set_aside=tuple(aside),
        chapters=tuple(chapters),
        profile=profile,
        quoted=quoted,
        system_prompt=prompt,
        measured_prompt=measured_prompt,
        passage_tokens=tuple(passage.tokens for part in (train, validation, held_out) for passage in part),
    )


def _say(report: Report | None, step: int, total: int, what: str) -> None:
    if report:
        report(step, total, what)


def _one_id_each(manuscripts: Sequence[Manuscript]) -> list[Manuscript]:
    """Give works that share an id (two files of one name) numbers, so that their passages stay apart."""
    taken: set[str] = set()
    found = []
    for manuscript in manuscripts:
        names = (manuscript.id, *(f"{manuscript.id}-{number}" for number in range(2, len(manuscripts) + 2)))
        own = next(name for name in names if name not in taken)
        taken.add(own)
        found.append(replace(manuscript, id=own))
    return found


def _require_enough(
    manuscripts: Sequence[Manuscript],
    passages: Sequence[Passage],
    aside: Sequence[SetAside],
    config: DatasetConfig,
    count_tokens: CountTokens,
) -> None:
    if len(passages) >= config.min_passages:
        return
    words = sum(manuscript.words for manuscript in manuscripts)
    works = "manuscript" if len(manuscripts) == 1 else "manuscripts"
    made = f"{len(passages)} passage{'' if len(passages) == 1 else 's'}"
    said = [
        f"There are too few passages to train on: {words:,} words in {len(manuscripts)} {works} make {made} "
        f"of {config.min_tokens:,} to {config.max_tokens:,} tokens, and {config.min_passages} are needed."
    ]
    paragraphs = [piece.text for piece in aside if "\n\n" not in piece.text]
    too_long = [(text, tokens) for text in paragraphs if (tokens := count_tokens(text)) > config.max_tokens]
    lost = sum(len(text.split()) for text, _ in too_long)
    if too_long:
        are = "1 paragraph is" if len(too_long) == 1 else f"{len(too_long):,} paragraphs are"
        said.append(
            f"{are} longer than a passage may be ({config.max_tokens:,} tokens) and set aside, {lost:,} words in all; "
            f"the longest has {max(tokens for _, tokens in too_long):,} tokens. Put blank lines between the "
            "paragraphs, or raise --max-tokens."
        )
    if 2 * lost <= words:
        if passages:
            each = sum(passage.words for passage in passages) / len(passages)
            said.append(f"A passage has {each:,.0f} words on average.")
        said.append("Add more text, or cut shorter passages with a smaller --min-tokens and --max-tokens.")
    raise DatasetError(" ".join(said))


def _parts(
    passages: Sequence[Passage], config: DatasetConfig, aside: list[SetAside]
) -> tuple[list[Passage], list[Passage], list[Passage]]:
    """Part the passages; what would repeat in another part is set aside, the scored part being kept whole."""
    train, validation, held_out = split_blocks(passages, config)
    validation, shared = drop_shared(validation, held_out, "the held-out part")
    train, shared_too = drop_shared(train, [*validation, *held_out], "the validation or held-out part")
    aside += shared + shared_too
    if not train or not validation:
        raise DatasetError(
            f"Of {len(passages)} passages {len(train)} are left for training and {len(validation)} for validation: the "
            "works repeat one another. Remove the manuscripts that are versions of another, or add more text."
        )
    return train, validation, held_out


def write_dataset(
    prepared: PreparedDataset, folder: Path, model: str, config: DatasetConfig, train_name: str = "train.jsonl"
) -> None:
    """Write the three JSONL files, then what the voice is measured and looked for in, and `dataset.json` last.

    These are `profile.json`, `passages.json` (the quoted ones) and `chapters.json` (the whole text).
    """
    from style_tuner.voice.profile import profile_to_json

    parts = {train_name: prepared.train, "validation.jsonl": prepared.validation, "heldout.jsonl": prepared.held_out}
    for name, examples in parts.items():
        write_jsonl(folder / name, (example.row() for example in examples))
    write_json(folder / "profile.json", profile_to_json(prepared.profile))
    write_json(folder / "passages.json", [asdict(passage) for passage in prepared.quoted])
    write_json(folder / "chapters.json", [asdict(chapter) for chapter in prepared.chapters])
    counts = {"train": len(prepared.train), "validation": len(prepared.validation), "held_out": len(prepared.held_out)}
    write_json(
        folder / "dataset.json",
        {
            "model": model,
            "config": config.model_dump(),
            "counts": counts,
            "words": sum(_words(examples) for examples in parts.values()),
            "held_out_words": _words(prepared.held_out),
            "kinds": dict(Counter(example.kind for example in prepared.train)),
            "passage_tokens": list(prepared.passage_tokens),
            "set_aside": [
                {
                    "manuscript": piece.manuscript,
                    "chapter": piece.chapter + 1,
                    "words": len(piece.text.split()),
                    "reason": piece.reason,
                }
                for piece in prepared.set_aside
            ],
            "system_prompt": prepared.system_prompt,
            "measured_prompt": prepared.measured_prompt,
            "advice": advice(prepared),
        },
    )


def _words(examples: Sequence[ChatExample]) -> int:
    return sum(len(example.messages[-1].content.split()) for example in examples)


def advice(prepared: PreparedDataset) -> list[str]:
    """Say in sentences whether there is enough to learn from and to score with, and what to do where there is not."""
    number, sentences = len(prepared.train), []
    if number < ENOUGH_TO_HEAR:
        sentences.append(
            f"{number} passages for training: few. {ENOUGH_TO_HEAR} are enough to hear a voice, {BETTER} are better: "
            "add more text if you have it."
        )
    elif number < BETTER:
        sentences.append(f"{number} passages for training: enough to hear a voice; {BETTER} are better.")
    else:
        sentences.append(f"{number} passages for training: enough to learn a voice well.")
    if (words := _words(prepared.held_out)) < ENOUGH_TO_SCORE:
        sentences.append(
            f"{words:,} words are held out for scoring; {ENOUGH_TO_SCORE:,} or more make the score firm: add more "
            "text, or hold out a larger share."
        )
    lost = sum(len(piece.text.split()) for piece in prepared.set_aside)
    kept = sum(map(_words, (prepared.train, prepared.validation, prepared.held_out)))
    if lost > 0.1 * (lost + kept):
        sentences.append(
            f"{lost / (lost + kept):.0%} of the words are set aside; the list says why. Other passage lengths may keep "
            "more of them."
        )
    return sentences


def latest_dataset(workspace: Workspace) -> Path | None:
    """Return the newest dataset folder of the workspace, or None."""
    return newest(workspace.datasets)
