"""Works of several hands are told from works of one."""

from voice_modern import MANUAL

from style_tuner.config import SAMPLES
from style_tuner.records import ChatExample, Message
from style_tuner.tuning.authors import several_authors


def rows(work: str, text: str) -> list[ChatExample]:
    """Return a work's paragraphs as training rows."""
    return [
        ChatExample((Message("user", "Write on."), Message("assistant", paragraph)), work)
        for paragraph in text.split("\n\n")
    ]


def test_a_manual_among_an_authors_stories_stands_apart_and_the_stories_belong_together() -> None:
    stories = [path.read_text() for path in sorted((SAMPLES / "manuscripts").glob("*.txt"))]
    examples = rows("early", "\n\n".join(stories[:4])) + rows("late", "\n\n".join(stories[4:]))
    sign = several_authors(examples + rows("manual", MANUAL * 25))
    assert sign is not None
    assert "as if 2 people had written them: early, late – manual." in sign.sentence


def test_nothing_is_said_of_one_work_or_of_short_ones() -> None:
    assert several_authors(rows("one", MANUAL * 25)) is None
    assert several_authors(rows("one", MANUAL) + rows("two", MANUAL)) is None
    assert several_authors(rows("", MANUAL * 25) + rows("one", MANUAL * 25)) is None
