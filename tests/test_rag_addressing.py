"""Model, world and moment by the model's name, by headers, or by default."""

import pytest

from rag.front.addressing import Asked, asked_for
from style_tuner.errors import WorldError
from style_tuner.records import Moment


@pytest.mark.parametrize(
    ("model", "headers", "found"),
    [
        ("base", {}, Asked("base", "home", Moment())),
        (None, {"x-world": "none"}, Asked(None, "none", Moment())),
        ("base", {"x-world": "Mond%20%C3%BC", "x-chapter": "3"}, Asked("base", "Mond ü", Moment("", 3))),
        ("base@scifi", {"x-world": "other"}, Asked("base", "scifi", Moment(), True)),
        ("meta/llama@Mond ü#12", {"x-chapter": "3"}, Asked("meta/llama", "Mond ü", Moment("", 12), True)),
        ("base@scifi", {"x-chapter": "3", "x-book": "B%C3%BCch"}, Asked("base", "scifi", Moment("Büch", 3), True)),
        ("a@b@none", {}, Asked("a@b", "none", Moment(), True)),
        ("base@", {}, Asked("base@", "home", Moment())),
    ],
)
def test_what_a_request_asks_for(model: str | None, headers: dict[str, str], found: Asked) -> None:
    assert asked_for(model, headers, "home") == found


def test_without_any_world_there_is_none() -> None:
    assert asked_for("base", {}, None).world == "none"


@pytest.mark.parametrize("chapter", ["twelve", "-1", "0", "1.5", "9999999", "٣"])
def test_a_chapter_that_is_no_number_is_refused(chapter: str) -> None:
    with pytest.raises(WorldError, match="X-Chapter"):
        asked_for("base", {"x-chapter": chapter}, None)


@pytest.mark.parametrize("chapter", ["", "twelve", "-1", "0", "1.5", "3#4", "٣"])
def test_a_chapter_in_a_models_name_that_is_no_number_is_refused(chapter: str) -> None:
    with pytest.raises(WorldError, match="after #"):
        asked_for(f"base@scifi#{chapter}", {}, None)
