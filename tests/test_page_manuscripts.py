"""The right side of the tab Manuscripts: the text as it is kept, and what was taken out at its place."""

from pathlib import Path

from style_tuner.manuscripts.store import import_file, list_manuscripts
from style_tuner.tabs import manuscripts
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
