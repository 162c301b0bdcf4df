import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from style_tuner.config import STARTER_CONFIG, STARTER_MODEL, DatasetConfig, load_training_config
from style_tuner.dataset.chat_jsonl import read_examples, validate_file
from style_tuner.dataset.prepare import PreparedDataset, latest_dataset, prepare, write_dataset
from style_tuner.errors import DatasetError
from style_tuner.records import Chapter, Manuscript
from style_tuner.tokenizer import load_tokenizer
from style_tuner.workspace import Workspace, read_json

CONFIG = load_training_config(STARTER_CONFIG).dataset
SUBJECTS = ("Elena", "The keeper", "Old Marcus", "The boat", "Mrs. Gale", "The rain", "Nobody", "Her brother")
VERBS = ("carried", "forgot", "counted", "mended", "painted", "wanted", "burned", "followed")
OBJECTS = ("lamp", "letter", "rope", "bell", "ledger", "window", "basket", "tide", "wall", "song")
PLACES = (
    "by the gate",
    "on the quay",
    "under the stairs",
    "in the cold yard",
    "past the mill",
    "at the turn of the road",
)


def story(name: str, words: int, seed: int) -> Manuscript:
    """Make a work of two chapters whose sentences are drawn so that no two passages are alike."""
    draw = random.Random(seed)

    def sentence() -> str:
        numbers = [draw.randrange(10**6) for _ in range(3)]
        return (
            f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {numbers[0]} of the {draw.choice(OBJECTS)} {numbers[1]} "
            f"{draw.choice(PLACES)}, and Elena saw it {numbers[2]} times."
        )

    def chapter() -> str:
        paragraphs: list[str] = []
        while sum(len(paragraph.split()) for paragraph in paragraphs) < words / 2:
            paragraphs.append(" ".join(sentence() for _ in range(draw.randint(1, 4))))
        return "\n\n".join(paragraphs)

    return Manuscript(name, name.title(), (Chapter("One", chapter()), Chapter("Two", chapter())))


WORKS = [story("first", 3500, 1), story("second", 3500, 2), story("third", 3500, 3)]


@pytest.fixture(scope="module")
def count_tokens() -> Callable[[str], int]:
    tokenizer = load_tokenizer(str(STARTER_MODEL))
    return lambda text: len(tokenizer(text, add_special_tokens=False).input_ids)


@pytest.fixture(scope="module")
def prepared(count_tokens: Callable[[str], int]) -> PreparedDataset:
    return prepare(WORKS, CONFIG, count_tokens)


def replies(examples: tuple) -> set[str]:
    return {example.messages[-1].content for example in examples}


def test_every_reply_is_the_authors_own_text_within_the_bounds(
    prepared: PreparedDataset, count_tokens: Callable[[str], int]
) -> None:
    texts = [chapter.text for work in WORKS for chapter in work.chapters]
    everything = [*prepared.train, *prepared.validation, *prepared.held_out]
    assert len(everything) > 40
    for example in everything:
        reply = example.messages[-1].content
        assert any(reply in text for text in texts)
        assert CONFIG.min_tokens <= count_tokens(reply) <= CONFIG.max_tokens
        assert example.messages[0].content == prepared.system_prompt


def test_no_part_shows_text_of_another(prepared: PreparedDataset) -> None:
    parts = (prepared.train, prepared.validation, prepared.held_out)
    for part in parts:
        others = "\n\n".join(text for other in parts if other is not part for text in replies(other))
        for example in part:
            assert example.messages[-1].content not in others
            if example.kind == "continuation":
                assert example.messages[1].content.split("\n\n")[-1] not in others


def test_the_profile_is_measured_on_all_that_is_not_held_out(prepared: PreparedDataset) -> None:
    learned = [paragraph for chapter in prepared.chapters for paragraph in chapter.learned.split("\n\n")]
    paragraphs = {
        part: {paragraph for example in part for paragraph in example.messages[-1].content.split("\n\n")}
        for part in (prepared.train, prepared.validation, prepared.held_out)
    }
    assert paragraphs[prepared.train] | paragraphs[prepared.validation] <= set(learned)
    assert not paragraphs[prepared.held_out] & set(learned)
    assert prepared.profile.words == len(" ".join(learned).split())


def test_the_same_manuscripts_give_the_same_dataset(
    prepared: PreparedDataset, count_tokens: Callable[[str], int]
) -> None:
    told: list[tuple[int, int, str]] = []
    again = prepare(WORKS, CONFIG, count_tokens, lambda *step: told.append(step))
    assert again == prepared
    assert [step for step, _, _ in told] == list(range(len(WORKS) + 4))
    assert told[0][2] == "Cutting “First” into passages"
    assert told[-1][0] == told[-1][1]


def test_the_authors_own_system_prompt_stands_in_every_row_and_the_measured_one_is_kept_beside_it(
    prepared: PreparedDataset, count_tokens: Callable[[str], int], tmp_path: Path
) -> None:
    own = prepare(WORKS, CONFIG, count_tokens, own_prompt="You write of the sea.")
    assert {example.messages[0].content for example in own.train + own.validation} == {"You write of the sea."}
    write_dataset(own, tmp_path, "some/model", CONFIG)
    facts = read_json(tmp_path / "dataset.json")
    assert facts["system_prompt"] == "You write of the sea."
    assert facts["measured_prompt"] == prepared.system_prompt == prepared.measured_prompt


def test_a_dataset_folder_holds_all_that_later_stages_read(prepared: PreparedDataset, tmp_path: Path) -> None:
    write_dataset(prepared, tmp_path, "some/model", CONFIG, "training.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "chapters.json",
        "dataset.json",
        "heldout.jsonl",
        "passages.json",
        "profile.json",
        "training.jsonl",
        "validation.jsonl",
    ]
    assert tuple(read_examples(tmp_path / "training.jsonl")) == prepared.train
    assert tuple(read_examples(tmp_path / "heldout.jsonl")) == prepared.held_out
    assert not validate_file(tmp_path / "validation.jsonl").faults
    first = json.loads((tmp_path / "training.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert set(first["messages"][0]) == {"role", "content"}
    facts = read_json(tmp_path / "dataset.json")
    assert facts["model"] == "some/model"
    assert DatasetConfig(**facts["config"]) == CONFIG
    assert facts["counts"] == {
        "train": len(prepared.train),
        "validation": len(prepared.validation),
        "held_out": len(prepared.held_out),
    }
    assert len(facts["passage_tokens"]) == sum(facts["counts"].values())
    assert facts["words"] + sum(piece["words"] for piece in facts["set_aside"]) == sum(work.words for work in WORKS)
    assert facts["advice"][0].startswith(f"{len(prepared.train)} passages for training: few.")


def test_a_work_that_is_there_twice_is_learned_once_and_said(count_tokens: Callable[[str], int]) -> None:
    found = prepare([*WORKS, WORKS[0]], CONFIG, count_tokens)
    assert {piece.manuscript for piece in found.set_aside if "repeats" in piece.reason} == {"first-2"}
    assert sum(len(text.split()) for text in replies((*found.train, *found.validation, *found.held_out))) <= sum(
        work.words for work in WORKS
    )


def test_too_little_text_says_how_much_there_is_and_how_much_is_needed(count_tokens: Callable[[str], int]) -> None:
    short = story("short", 600, 4)
    with pytest.raises(DatasetError, match=r"words in 1 manuscript make \d passages") as caught:
        prepare([short], CONFIG, count_tokens)
    for part in (f"{short.words:,} words", "90 to 330 tokens", "12 are needed", "Add more text", "--min-tokens"):
        assert part in str(caught.value)
    with pytest.raises(DatasetError, match="0 words in 0 manuscripts") as nothing:
        prepare([], CONFIG, count_tokens)
    assert "on average" in str(caught.value) and "on average" not in str(nothing.value)


def test_paragraphs_that_are_too_long_are_named_as_the_reason(count_tokens: Callable[[str], int]) -> None:
    text = " ".join(chapter.text for chapter in WORKS[0].chapters).replace("\n\n", " ")
    with pytest.raises(DatasetError) as caught:
        prepare([Manuscript("one", "One", (Chapter("", text),))], CONFIG, count_tokens)
    said = str(caught.value)
    for part in (
        f"{len(text.split()):,} words",
        "1 paragraph is longer than a passage may be (330 tokens)",
        f"the longest has {count_tokens(text):,}",
        "Put blank lines between the paragraphs, or raise --max-tokens.",
    ):
        assert part in said
    assert "Add more text" not in said
    with pytest.raises(DatasetError, match=r"2 paragraphs are longer.* raise --max-tokens\. .*Add more text"):
        long = "\n\n".join([" ".join(text.split()[:200])] * 2)
        prepare([story("short", 600, 4), Manuscript("b", "B", (Chapter("", long),))], CONFIG, count_tokens)


def test_the_newest_dataset_is_found_and_unfinished_ones_are_not(workspace: Workspace) -> None:
    assert latest_dataset(workspace) is None
    for name in ("20260101-090000-prepare", "20260102-090000-prepare", ".20260103-090000-prepare"):
        (workspace.datasets / name).mkdir(parents=True)
    assert latest_dataset(workspace) == workspace.datasets / "20260102-090000-prepare"
