import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pypandoc
import pytest

from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts import words_in
from style_tuner.manuscripts.read import read_manuscript
from style_tuner.records import Manuscript

BOOK = """---
title: The Salt Road
---

# Chapter One

She walked *home* along the wall.[^1] The tide—slow, grey—came in.

> Come at once, the letter said.

| O salt and stone
| O bone and tide

"Who's there?" he said.

# Chapter Two

1986 was the year. See [the site](https://example.org/x).

| left | right |
|------|-------|
| bread | cheese |

[^1]: A footnote about walls.
"""
MARKDOWN = """---
title: The Salt Road
tags: [a, b]
---
# The Salt Road

## 1

He wrote to @joe about $5 and ~x~, then <br>stopped. <!-- mend this -->

The line before a rule that an author types without a blank line.
---

1986. That was the year.

    Indented by a novice
    over two lines.

<center>Set in the middle</center>

#

Another scene &amp; more. [A link](http://example.org/y) ~~gone~~ kept.[^n]

## 2

The end.

[^n]: Foot note.
"""
DATED = 'w:id="1" w:author="a" w:date="2026-01-01T00:00:00Z"'


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for kind in ("docx", "odt", "epub"):
        pypandoc.convert_text(BOOK, kind, format="markdown", outputfile=str(folder / f"book.{kind}"))
    return folder


def patch(source: Path, target: Path, part: str, change: Callable[[str], str]) -> Path:
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as patched:
        for entry in archive.infolist():
            data = archive.read(entry)
            patched.writestr(entry, change(data.decode()) if entry.filename == part else data)
    return target


@pytest.mark.parametrize("kind", ["docx", "odt", "epub"])
def test_a_document_becomes_chapters_with_nothing_lost_untold(documents: Path, kind: str) -> None:
    manuscript = read_manuscript(documents / f"book.{kind}")
    assert manuscript.title == "The Salt Road"
    assert [(chapter.title, chapter.text) for chapter in manuscript.chapters] == [
        (
            "Chapter One",
            "She walked home along the wall. The tide—slow, grey—came in.\n\nCome at once, the letter said.\n\n"
            "O salt and stone\nO bone and tide\n\n“Who’s there?” he said.",
        ),
        ("Chapter Two", "1986 was the year. See the site.\n\nleft\n\nright\n\nbread\n\ncheese"),
    ]
    assert [note.split(" left out")[0] for note in manuscript.notes] == [
        "Footnotes",
        "Link addresses",
        "Table frames (their cells are kept as paragraphs)",
    ]


def test_markdown_is_read_as_prose_not_as_commands(tmp_path: Path) -> None:
    path = tmp_path / "book.md"
    path.write_text(MARKDOWN, encoding="utf-8")
    manuscript = read_manuscript(path)
    assert manuscript.title == "The Salt Road"
    assert [(chapter.title, chapter.text.split("\n\n")) for chapter in manuscript.chapters] == [
        (
            "1",
            [
                "He wrote to @joe about $5 and ~x~, then\nstopped.",
                "The line before a rule that an author types without a blank line.",
                "***",
                "1986. That was the year.",
                "Indented by a novice over two lines.",
                "Set in the middle",
                "***",
                "Another scene & more. A link kept.",
            ],
        ),
        ("2", ["The end."]),
    ]
    assert manuscript.notes == (
        "Encoding: UTF-8.",
        "The front matter (the lines between --- at the top) is left out of the text.",
        "Comments left out of the text: 1; the uploaded file keeps them.",
        "HTML tags left out of the text: 2; the uploaded file keeps them.",
        "Link addresses left out of the text: 1; the uploaded file keeps them.",
        "Struck-out pieces left out of the text: 1; the uploaded file keeps them.",
        "Footnotes left out of the text: 1; the uploaded file keeps them.",
    )


def places(manuscript: Manuscript) -> list[tuple[str, str, str]]:
    """Each removed piece: its reason, its text, and the words of its paragraph with a bar where it stood."""
    found = []
    for piece in manuscript.removed:
        paragraphs = [*manuscript.chapters[piece.chapter].text.split("\n\n"), ""]
        around = paragraphs[piece.paragraph]
        at = piece.offset
        shown = f"| {around[:12]}" if at is None else f"{around[max(0, at - 8) : at]}|{around[at : at + 8]}"
        found.append((piece.reason, piece.text, shown))
    return found


def test_what_markdown_leaves_out_is_kept_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "book.md"
    path.write_text(MARKDOWN, encoding="utf-8")
    manuscript = read_manuscript(path)
    assert places(manuscript) == [
        ("front matter", "title: The Salt Road\ntags: [a, b]", "| He wrote to "),
        ("repeated title", "The Salt Road", "| He wrote to "),
        ("comment", "<!-- mend this -->", "stopped.|"),
        ("HTML tag", "<center>", "|Set in t"),
        ("HTML tag", "</center>", "e middle|"),
        ("link address", "http://example.org/y", ". A link| kept."),
        ("struck-out piece", "gone", " A link |kept."),
        ("footnote", "Foot note.", "nk kept.|"),
    ]
    assert [piece.chapter for piece in manuscript.removed] == [0] * 8


def test_footnotes_of_a_document_are_kept_with_their_place(documents: Path) -> None:
    for kind in ("docx", "odt"):
        assert places(read_manuscript(documents / f"book.{kind}")) == [
            ("footnote", "A footnote about walls.", "he wall.| The tid"),
            ("link address", "https://example.org/x", "the site|."),
        ]


def test_the_ends_of_a_document_and_its_title_lines_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "book.docx"
    head = "---\ntitle: Salt\nauthor: Ede Tallack\n---\n\n"
    book = f"{head}# One[^1]\n\nShe walked.\n\n~~Gone at the end.~~\n\n[^1]: A note.\n"
    pypandoc.convert_text(book, "docx", format="markdown", outputfile=str(path))
    manuscript = read_manuscript(path)
    assert [(chapter.title, chapter.text) for chapter in manuscript.chapters] == [("One", "She walked.")]
    assert places(manuscript) == [
        ("author line", "Ede Tallack", "| She walked."),
        ("footnote", "A note.", "| She walked."),
        ("struck-out piece", "Gone at the end.", "| "),
    ]
    assert "Author lines left out of the text: 1; the uploaded file keeps them." in manuscript.notes


def test_tracked_deletions_and_comments_of_a_docx_are_kept_with_their_place(documents: Path, tmp_path: Path) -> None:
    """A deleted end of a paragraph joins it to the next; a wholly deleted paragraph stands on its own."""
    gone = f"<w:pPr><w:rPr><w:del {DATED}/></w:rPr></w:pPr>"
    added = (
        f'<w:p><w:r><w:t>Kept</w:t></w:r><w:del {DATED}><w:r><w:delText xml:space="preserve"> and &lt;b&gt; old'
        f"</w:delText></w:r></w:del><w:r><w:t> words.</w:t></w:r></w:p>"
        f"<w:p>{gone}<w:r><w:t>First half</w:t></w:r><w:del {DATED}><w:r><w:delText> lost.</w:delText></w:r></w:del>"
        f"</w:p><w:p><w:r><w:t>second half.</w:t></w:r></w:p>"
        f"<w:p>{gone}<w:del {DATED}><w:r><w:delText>A whole paragraph.</w:delText></w:r></w:del></w:p>"
        f"<w:p><w:r><w:t>After it.</w:t></w:r></w:p>"
        f"<w:p>{gone}<w:del {DATED}><w:r><w:delText>The end.</w:delText></w:r></w:del></w:p>"
        f"<w:p>{gone}<w:r><w:t>Nothing follows</w:t></w:r></w:p>"
    )
    path = patch(
        documents / "book.docx",
        tmp_path / "tracked.docx",
        "word/document.xml",
        lambda xml: xml.replace("<w:sectPr", f"{added}<w:sectPr", 1),
    )
    manuscript = read_manuscript(path)
    assert manuscript.chapters[-1].text.split("\n\n")[-4:] == [
        "Kept words.",
        "First half second half.",
        "After it.",
        "Nothing follows",
    ]
    assert places(manuscript)[2:] == [
        ("tracked deletion", "and <b> old", "Kept |words."),
        ("tracked deletion", "lost.", "st half |second h"),
        ("tracked deletion", "A whole paragraph.", "| After it."),
        ("tracked deletion", "The end.", "| Nothing foll"),
    ]
    assert not any("not in the" in note for note in manuscript.notes)


def test_tracked_deletions_and_comments_of_an_odt_are_kept_with_their_place(documents: Path, tmp_path: Path) -> None:
    removed = (
        '<text:tracked-changes><text:changed-region text:id="c1"><text:deletion><text:p>Old words.</text:p>'
        '</text:deletion></text:changed-region><text:changed-region text:id="c2"><text:deletion><text:p>A line.'
        "</text:p></text:deletion></text:changed-region></text:tracked-changes>"
    )
    comment = '<office:annotation office:name="n"><text:p>Mind this.</text:p></office:annotation>'
    text = (
        f'<text:p>Here<text:change text:change-id="c1"/> it{comment} stays.</text:p>'
        '<text:p><text:change text:change-id="c2"/></text:p>'
    )
    path = patch(
        documents / "book.odt",
        tmp_path / "tracked.odt",
        "content.xml",
        lambda xml: re.sub(r"(<office:text[^>]*>)", rf"\1{removed}", xml).replace(
            "</office:text>", f"{text}</office:text>"
        ),
    )
    manuscript = read_manuscript(path)
    assert manuscript.chapters[-1].text.endswith("Here it stays.")
    assert places(manuscript)[2:] == [
        ("tracked deletion", "Old words.", "Here| it stay"),
        ("comment", "Mind this.", "Here it| stays."),
        ("tracked deletion", "A line.", "| "),
    ]


def test_tracked_changes_of_a_docx_are_accepted_and_counted(documents: Path, tmp_path: Path) -> None:
    added = (
        f'<w:p><w:r><w:t>Kept</w:t></w:r><w:ins {DATED}><w:r><w:t xml:space="preserve"> and new</w:t></w:r></w:ins>'
        f"<w:del {DATED}><w:r><w:delText> and old</w:delText></w:r></w:del><w:r><w:t> words.</w:t></w:r></w:p>"
        f"<w:p><w:moveTo {DATED}><w:r><w:t>Moved here.</w:t></w:r></w:moveTo></w:p>"
    )
    path = patch(
        documents / "book.docx",
        tmp_path / "tracked.docx",
        "word/document.xml",
        lambda xml: xml.replace("<w:sectPr", f"{added}<w:sectPr", 1),
    )
    manuscript = read_manuscript(path)
    assert "Kept and new words.\n\nMoved here." in manuscript.chapters[-1].text
    assert "Tracked insertions accepted: 2." in manuscript.notes
    assert "Tracked deletions accepted: 1." in manuscript.notes
    assert not any("not in the" in note for note in manuscript.notes)


def test_tracked_changes_of_an_odt_are_accepted_and_counted(documents: Path, tmp_path: Path) -> None:
    removed = (
        '<text:tracked-changes><text:changed-region text:id="c1"><text:deletion><text:p>Old words.</text:p>'
        "</text:deletion></text:changed-region></text:tracked-changes>"
    )
    path = patch(
        documents / "book.odt",
        tmp_path / "tracked.odt",
        "content.xml",
        lambda xml: re.sub(r"(<office:text[^>]*>)", rf"\1{removed}", xml).replace(
            "</office:text>", '<text:p>Here<text:change text:change-id="c1"/> it stays.</text:p></office:text>'
        ),
    )
    manuscript = read_manuscript(path)
    assert manuscript.chapters[-1].text.endswith("Here it stays.")
    assert "Tracked deletions accepted: 1." in manuscript.notes
    assert not any("not in the" in note for note in manuscript.notes)


def test_words_that_pandoc_does_not_read_are_told(documents: Path, tmp_path: Path) -> None:
    path = patch(
        documents / "book.docx",
        tmp_path / "odd.docx",
        "word/document.xml",
        lambda xml: xml.replace("<w:sectPr", "<w:odd><w:t>Unseen lines</w:t></w:odd><w:sectPr", 1),
    )
    notes = read_manuscript(path).notes
    assert "Words of the file that are not in the text: 2, among them “Unseen”, “lines”. Compare them." in notes


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("1\n\n2\n\n", "1\n\n2"),
        ("1\n\nAn hour later.\n\n2\n\n", "1\n\nAn hour later.\n\n2"),
        ("| 1 | 2 |\n|---|---|\n| Part One | 3 |\n\n", "1\n\n2\n\nPart One\n\n3"),
    ],
)
def test_numbers_and_table_cells_before_a_heading_are_text_not_its_title(
    tmp_path: Path, before: str, text: str
) -> None:
    book = f"# Chapter One\n\nHe counted.\n\n{before}# Chapter Two\n\nThe end.\n"
    path = tmp_path / "book.docx"
    pypandoc.convert_text(book, "docx", format="markdown", outputfile=str(path))
    chapters = [(chapter.title, chapter.text) for chapter in read_manuscript(path).chapters]
    assert chapters == [("Chapter One", f"He counted.\n\n{text}"), ("Chapter Two", "The end.")]


def test_a_number_above_each_heading_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "book.docx"
    book = "1\n\n# The Sea\n\nIt was grey.\n\n2\n\n# The Land\n\nIt was green.\n"
    pypandoc.convert_text(book, "docx", format="markdown", outputfile=str(path))
    assert [chapter.title for chapter in read_manuscript(path).chapters] == ["1 — The Sea", "2 — The Land"]


@pytest.mark.parametrize("kind", ["docx", "odt", "epub"])
def test_a_damaged_document_is_refused_with_the_remedy(documents: Path, tmp_path: Path, kind: str) -> None:
    whole = (documents / f"book.{kind}").read_bytes()
    for data in (whole[: len(whole) // 2], b"no document at all", b"PK\x05\x06" + b"\x00" * 18):
        path = tmp_path / f"damaged.{kind}"
        path.write_bytes(data)
        with pytest.raises(ManuscriptError, match=rf"damaged\.{kind} .*save it again as \.{kind}"):
            read_manuscript(path)


def test_a_document_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_in, "LARGEST_UNPACKED", 9_000_000)
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 12_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(ManuscriptError, match=r"bomb\.docx unpacks to 12 MB, more than the 9 MB"):
        read_manuscript(path)


def test_a_title_given_by_the_user_stands_and_the_files_own_is_noted(documents: Path) -> None:
    manuscript = read_manuscript(documents / "book.docx", title="Salt")
    assert manuscript.title == "Salt"
    assert "The file gives its title as “The Salt Road”." in manuscript.notes


def test_a_table_of_markdown_becomes_paragraphs_as_one_of_a_document_does(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    path.write_text("Before it.\n\n| ship | crew |\n|---|---|\n| Heron | nine |\n\nAfter it.\n", encoding="utf-8")
    blocks = read_manuscript(path).chapters[0].text.split("\n\n")
    assert blocks == ["Before it.", "ship", "crew", "Heron", "nine", "After it."]
