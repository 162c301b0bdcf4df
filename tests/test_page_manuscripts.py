"""The right side of the tab Manuscripts: the text as it is kept, and what was taken out at its place."""

from pathlib import Path

from style_tuner.manuscripts.store import import_file, list_manuscripts
from style_tuner.tabs import dataset_view, manuscripts
from style_tuner.workspace import Workspace, write_text

BOOK = """---
mood: <i>grey</i>
---
# One

She <b>walked</b> home.[^1] He ~~ran~~ stayed.

<!-- mend this -->

# Two

The end.

[^1]: A *note* & more.
"""


def imported(workspace: Workspace, folder: Path, text: str = BOOK) -> str:
    return import_file(workspace, write_text(folder / "book.md", text)).id


def test_what_was_taken_out_is_struck_through_at_its_place(workspace: Workspace, tmp_path: Path) -> None:
    book = imported(workspace, tmp_path)
    shown = manuscripts.show_chapter(workspace, book, 0)
    assert (
        "<del title='Taken out: front matter'>mood: &lt;i&gt;grey&lt;/i&gt;</del>\n\n"
        "She <del title='Taken out: HTML tag'>&lt;b&gt;</del>walked<del title='Taken out: HTML tag'>&lt;/b&gt;</del> "
        "home.<del title='Taken out: footnote'>A note &amp; more.</del> He "
        "<del title='Taken out: struck-out piece'>ran</del>stayed."
    ) in shown
    assert "this chapter: 1 front matter, 2 HTML tags, 1 footnote, 1 struck-out piece." in shown
    second = manuscripts.show_chapter(workspace, book, 1)
    assert "<del title='Taken out: comment'>&lt;!-- mend this --&gt;</del>\n\nThe end." in second
    assert manuscripts.show_chapter(workspace, book, 9) == second


def test_nothing_is_struck_through_in_a_clean_chapter(workspace: Workspace, tmp_path: Path) -> None:
    book = imported(workspace, tmp_path, "# One\n\nShe walked home.\n")
    shown = manuscripts.show_chapter(workspace, book, 0)
    assert shown.endswith("She walked home.</div></div>")
    assert "del" not in shown
    assert "truck" not in shown
    assert ">clean<" in manuscripts.show_list(workspace, None)[0]


def test_the_list_counts_what_was_taken_out_and_the_notes_stand_below_the_text(
    workspace: Workspace, tmp_path: Path
) -> None:
    book = imported(workspace, tmp_path)
    listed = manuscripts.show_list(workspace, None)[0]
    assert "1 front matter, 2 HTML tags, 1 footnote, 1 struck-out piece, 1 comment removed." in listed
    assert "left out of the text" not in listed
    choice, notes = manuscripts.show_one(workspace, book)
    assert choice.choices == [("1. One (5 words)", 0), ("2. Two (2 words)", 1)]
    assert all(note in notes for note in list_manuscripts(workspace)[0].notes)


def aside(manuscript: str, chapter: int, reason: str) -> dict[str, object]:
    return {"manuscript": manuscript, "chapter": chapter, "words": 100, "reason": reason}


def test_what_was_set_aside_is_a_line_for_each_manuscript_and_reason() -> None:
    pieces = [aside("tide", chapter, "repeats an earlier passage") for chapter in (1, 1, 3)]
    pieces += [aside("tide", 2, f"one paragraph of {length} tokens, too long") for length in (400, 1_200)]
    shown = dataset_view._set_aside(pieces, {"tide": "The <b>Tide</b>"})
    assert "Set aside: 5 pieces" in shown
    assert "The &lt;b&gt;Tide&lt;/b&gt;: 3 pieces (300 words, chapters 1 to 3): repeats an earlier passage" in shown
    assert "2 pieces (200 words, chapter 2): one paragraph of 400 tokens, too long, and the like" in shown
    assert "<details" not in shown


def test_a_long_list_of_what_was_set_aside_is_folded() -> None:
    shown = dataset_view._set_aside([aside(f"book-{n}", 1, "fragments") for n in range(40)], {})
    assert shown.startswith("<details")
    assert "40 pieces" in shown
    assert "book-39" in shown


def test_an_upload_with_quotation_marks_in_its_name_is_the_manuscript_that_import_makes_of_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    here = write_text(tmp_path / 'The "Big" Book.txt', "She walked home.\n")
    sent = write_text(tmp_path / "sent" / "The %22Big%22 Book.txt", "She walked home again.\n")
    made = import_file(workspace, here)
    manuscripts.upload(workspace, [str(sent)])
    (kept,) = list_manuscripts(workspace)
    assert (kept.id, kept.version, kept.title) == (made.id, 2, 'The "Big" Book')
