import textwrap
from pathlib import Path

import pytest

from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts.blocks import words_of
from style_tuner.manuscripts.plain import decode
from style_tuner.manuscripts.read import read_manuscript
from style_tuner.records import Manuscript

PROSE = "“It’s late,” said Zoë—the café had closed. "


def read(folder: Path, data: str | bytes, name: str = "story.txt") -> Manuscript:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return read_manuscript(path)


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("cp1252", "Windows-1252"),
        ("mac_roman", "Mac Roman"),
    ],
)
def test_the_encoding_is_found_and_told(tmp_path: Path, encoding: str, named: str) -> None:
    manuscript = read(tmp_path, (PROSE * 20).encode(encoding))
    assert manuscript.chapters[0].text == (PROSE * 20).strip()
    assert manuscript.notes == (f"Encoding: {named}.",)


def test_latin_1_reads_as_its_superset() -> None:
    text = "The caf\xe9 was na\xefve; the r\xf4le suited her. " * 10
    assert decode(text.encode("latin-1"), "story.txt")[0] == text


def test_other_scripts_are_read_too() -> None:
    text = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 20
    assert decode(text.encode("shift_jis"), "cat.txt")[0] == text


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "is empty"),
        (b"  \n\n \n", "is empty"),
        ("***\n\n---\n\n…".encode(), "holds no words"),
        (b"PK\x03\x04" + b"\x00" * 50, r"zipped file such as \.docx"),
        (b"%PDF-1.7 and so on", "is a PDF"),
        (bytes(range(256)) * 40, "not readable text|binary file"),
        ("Chapter".encode("utf-16") + b"\x00", "breaks it at byte 16"),
    ],
)
def test_what_is_no_text_is_refused_with_the_file_and_the_remedy(tmp_path: Path, data: bytes, fault: str) -> None:
    with pytest.raises(ManuscriptError, match=fault) as caught:
        read(tmp_path, data)
    assert "story.txt" in str(caught.value)
    assert any(word in str(caught.value).lower() for word in ("save", "again"))


@pytest.mark.parametrize("name", ["story.pdf", "story.doc", "story"])
def test_another_kind_of_file_is_refused_with_the_kinds_that_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManuscriptError, match=r"\.txt, \.md, \.docx, \.odt or \.epub") as caught:
        read(tmp_path, "Words.", name)
    assert name in str(caught.value)


def test_a_missing_or_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManuscriptError, match=r"gone\.txt does not exist"):
        read_manuscript(tmp_path / "gone.txt")
    with (tmp_path / "huge.txt").open("wb") as stream:
        stream.truncate(60 * 2**20)
    with pytest.raises(ManuscriptError, match=r"huge\.txt has 60 MB, more than the 50 MB"):
        read_manuscript(tmp_path / "huge.txt")


def test_damaged_characters_are_told_with_a_place(tmp_path: Path) -> None:
    manuscript = read(tmp_path, "She said itâ€™s late, and he did not answer her at all.")
    assert any("1 damaged character" in note and "She said" in note for note in manuscript.notes)


def test_hard_wrapped_lines_become_paragraphs_and_verse_keeps_its_lines(tmp_path: Path) -> None:
    manuscript = read(
        tmp_path,
        "The road went down to the water, and nobody who had gone down it in the\n"
        "last nine years had come up again by the same way.\n"
        '"Go on," she said.\n'
        "He went on, since there was nothing else that he could do about it, and\n"
        "the rain began.\n"
        "\n"
        "    O salt and stone\n"
        "    O bone and tide\n"
        "\n"
        "In the morning they found the lamp still burning on the step of the house.\n",
    )
    assert manuscript.chapters[0].text.split("\n\n") == [
        "The road went down to the water, and nobody who had gone down it in the last nine years had come up again "
        "by the same way.",
        '"Go on," she said.',
        "He went on, since there was nothing else that he could do about it, and the rain began.",
        "O salt and stone\nO bone and tide",
        "In the morning they found the lamp still burning on the step of the house.",
    ]


def test_lines_wrapped_wider_than_a_terminal_become_paragraphs_too(tmp_path: Path) -> None:
    sentence = "The road went down to the water, and nobody who had gone down it had come up again the same way. "
    paragraphs = [(sentence * number).strip() for number in (4, 3, 6, 5)]
    wrapped = "\n".join(textwrap.fill(paragraph, 106) for paragraph in paragraphs)
    assert read(tmp_path, wrapped).chapters[0].text.split("\n\n") == paragraphs


SONNET = """Two boats went out upon the morning tide,
And one came home with nothing in the hold,
The other lay upon her weather side
With all her timbers silvered by the cold,
And no one living ever spoke of her
Until the summer when the water fell"""


@pytest.mark.parametrize("name", ["verse.txt", "verse.md"])
def test_verse_of_any_width_keeps_its_lines_beside_wrapped_prose(tmp_path: Path, name: str) -> None:
    prose = "He read it to the end, and then he put the book away where nobody\nwould look for it, and went to bed."
    path = tmp_path / name
    path.write_text(f"{prose}\n\n{SONNET}\n\n{prose}\n", encoding="utf-8")
    before, verse, after = read_manuscript(path).chapters[0].text.split("\n\n")
    assert before == after == prose.replace("\n", " ")
    assert verse == SONNET


def test_a_file_of_short_verse_alone_keeps_its_lines(tmp_path: Path) -> None:
    verse = "\n".join(["The tide goes out", "And leaves the shore", "The boats lie down", "And sail no more"] * 5)
    assert read(tmp_path, verse).chapters[0].text == verse


def test_a_struck_out_piece_over_two_lines_of_markdown_is_told_in_one(tmp_path: Path) -> None:
    path = tmp_path / "cut.md"
    path.write_text("He stayed ~~for one\nmore hour~~ until the rain\nhad gone over.\n", encoding="utf-8")
    manuscript = read_manuscript(path)
    assert [piece.text for piece in manuscript.removed] == ["for one more hour"]
    assert " ".join(manuscript.chapters[0].text.split()) == "He stayed until the rain had gone over."


def test_indented_paragraphs_without_blank_lines_are_parted(tmp_path: Path) -> None:
    manuscript = read(
        tmp_path,
        "    The first paragraph is long enough to have been wrapped at a column\n"
        "that anyone would choose, and it ends here. It is followed by another one\n"
        "    The second begins with an indent, as they did in the old typescripts\n"
        "when paper was dear and a blank line was thought a waste of good white.\n",
    )
    assert [text.split()[1] for text in manuscript.chapters[0].text.split("\n\n")] == ["first", "second"]


def test_one_paragraph_a_line_needs_no_blank_lines(tmp_path: Path) -> None:
    long = "A sentence that goes on for quite a while before it comes to its end. " * 3
    manuscript = read(tmp_path, f"{long}\n{long}\nShort.\n{long}\n")
    assert len(manuscript.chapters[0].text.split("\n\n")) == 4


def test_chapter_headings_are_found_and_the_first_short_line_is_the_title(tmp_path: Path) -> None:
    manuscript = read(
        tmp_path,
        "The Salt Road\n\nPrologue\n\nBefore it all.\n\nPART TWO\n\nCHAPTER IV\n\nIt began.\n\n* * *\n\nIt went on.\n\n"
        "Chapter Twenty-One: The Sea\n\nIt ended.\n\n#\n\n",
    )
    assert manuscript.title == "The Salt Road"
    assert [(chapter.title, chapter.text) for chapter in manuscript.chapters] == [
        ("Prologue", "Before it all."),
        ("PART TWO — CHAPTER IV", "It began.\n\n***\n\nIt went on."),
        ("Chapter Twenty-One: The Sea", "It ended."),
    ]


def test_scene_breaks_at_the_edges_of_chapters_are_taken_out_and_told(tmp_path: Path) -> None:
    manuscript = read(
        tmp_path,
        "* * *\n\nChapter One\n\nIt began.\n\n* * *\n\n#\n\nIt went on.\n\n***\n\nChapter Two\n\nIt ended.\n\n#\n\n",
    )
    assert [chapter.text for chapter in manuscript.chapters] == ["It began.\n\n***\n\nIt went on.", "It ended."]
    assert {(piece.text, piece.reason, piece.offset) for piece in manuscript.removed} == {
        ("***", "needless scene break", None)
    }
    assert [(piece.chapter, piece.paragraph) for piece in manuscript.removed] == [(0, 0), (0, 2), (0, 3), (1, 1)]


@pytest.mark.parametrize(
    "line",
    [
        "Part of him wanted to go.",
        "Book one of the rooms, she said.",
        "Chapter and verse.",
        "Letter by letter he read it.",
        "Chapter One was the one that he had always liked least, and he said so to anyone who would hear it.",
        "42",
        "I",
    ],
)
def test_prose_that_begins_like_a_heading_stays_prose(tmp_path: Path, line: str) -> None:
    manuscript = read(tmp_path, f"It began so.\n\n{line}\n\nIt ended so.")
    assert [chapter.title for chapter in manuscript.chapters] == [""]
    assert line in manuscript.chapters[0].text


@pytest.mark.parametrize("numbers", [["1.", "2.", "3."], ["I", "II", "III"], ["1", "2", "1", "2"]])
def test_bare_numbers_that_run_on_are_headings(tmp_path: Path, numbers: list[str]) -> None:
    manuscript = read(tmp_path, "\n\n".join(f"{number}\n\nSome words here." for number in numbers))
    assert [chapter.title for chapter in manuscript.chapters] == numbers


def test_no_word_of_a_plain_text_is_lost(tmp_path: Path) -> None:
    text = (
        "A Title\n\nby Someone\n\nChapter One\nThe Road\n\n1. It was cold.\n***\nHe said \x0c'no'.\r\n\r\n\tTabbed "
        "and\u00a0joined up\u2028then parted.\n\nII\n\nsoft\u00adhyphen and _under_ lines\n~\nPART\n\nTHE END\n"
    )
    manuscript = read(tmp_path, text)
    kept = "\n".join([manuscript.title, *(f"{chapter.title}\n{chapter.text}" for chapter in manuscript.chapters)])
    assert words_of(kept) == words_of(text)
    assert manuscript.notes == ("Encoding: UTF-8.",)
