"""The whole text of an author: what passages leave out is heard and known, what is held out is not learned."""

from pathlib import Path

from style_tuner.config import DatasetConfig
from style_tuner.dataset.chapters import whole_chapters
from style_tuner.dataset.prepare import prepare, write_dataset
from style_tuner.records import Chapter, Manuscript, Passage
from style_tuner.voice.author import voice_of


def story(seed: int, paragraphs: int, words: int = 60) -> list[str]:
    """Paragraphs of words that occur nowhere else."""
    return [
        " ".join(f"w{seed}x{number}x{place}" for place in range(words - 1)) + " end." for number in range(paragraphs)
    ]


def work(name: str, *chapters: list[str]) -> Manuscript:
    return Manuscript(name, name.title(), tuple(Chapter("", "\n\n".join(chapter)) for chapter in chapters))


def test_held_out_paragraphs_are_not_learned_and_short_ones_go_with_their_neighbours() -> None:
    told = story(1, 6)
    text = [told[0], "“Yes.”", told[1], "“No.”", told[2], told[3], "“Go.”", told[4], told[5]]
    held_out = [Passage("first", 0, 3, "\n\n".join([told[3], "“Go.”", told[4], told[5]]), 100)]
    (chapter,) = whole_chapters([work("first", text)], held_out)
    assert chapter.learned == "\n\n".join(text[:5])
    assert chapter.text == "\n\n".join(text)


def test_another_version_of_what_is_held_out_is_not_learned_and_no_text_is_learned_twice() -> None:
    told = story(2, 4)
    revised = [told[0], told[1].replace("w2x1x30", "another"), told[3].replace("w2x3x30", "another")]
    held_out = [Passage("first", 0, 3, told[3], 100)]
    first, second = whole_chapters([work("first", told), work("second", revised)], held_out)
    assert first.learned == "\n\n".join(told[:3])
    assert second.learned == ""
    assert second.unlearned == (0, 1, 2)


def test_chapters_are_named_as_an_author_looks_them_up() -> None:
    named = Manuscript("m", "The Salt Road", (Chapter("The Ferry", "One."), Chapter("", "Two.")))
    assert [chapter.name for chapter in whole_chapters([named], [])] == [
        "‘The Salt Road’, chapter 1, “The Ferry”",
        "‘The Salt Road’, chapter 2",
    ]


def test_a_copy_of_what_no_passage_holds_is_traced_to_its_chapter(tmp_path: Path) -> None:
    longest = story(4, 1, words=900)[0]
    config = DatasetConfig(min_tokens=50, max_tokens=400, min_passages=4)
    made = prepare([work("tale", [*story(3, 30), longest])], config, lambda text: len(text.split()))
    assert any(piece.text == longest for piece in made.set_aside)
    write_dataset(made, tmp_path, "some/model", config)
    copying = voice_of(tmp_path).copying([longest])
    assert copying["share"] > 0.99
    assert copying["spans"][0]["source"] == "‘Tale’, chapter 1"
