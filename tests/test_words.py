"""One definition of words wherever the author sees a count."""

from style_tuner.records import Chapter, Draft, Manuscript, Passage
from style_tuner.voice.profile import build_profile

TEXT = (
    "“It’s late—too late,” said Zoë. She counted: 12, 13 … and stopped - there.\n\n***\n\n"
    "In 1986 the well-known road — long since gone — was grey."
)


def test_a_manuscript_has_as_many_words_as_its_profile() -> None:
    manuscript = Manuscript("salt", "Salt", (Chapter("One", TEXT), Chapter("Two", TEXT)))
    assert manuscript.words == build_profile([TEXT, TEXT]).words == 2 * 27


def test_passages_and_drafts_count_as_manuscripts_do() -> None:
    assert Passage("salt", 0, 0, TEXT, 60).words == Draft("base", "Write.", TEXT).words == Chapter("One", TEXT).words
