from style_tuner.records import Passage
from style_tuner.voice.typical import quoted_passages

PLAIN = "She walked down to the quay. The boats were in, and nobody spoke. He carried the rope up, and they went home."
LONG = (
    "When the lamps, which had been lit before anybody came, were at last put out; when the last of the guests, who "
    "had stayed because it rained, was gone; and when the house, that was never quiet, was quiet: then she wept, "
    "although nobody, unless the dog, could have heard her."
)
TALK = '"Where is it?"\n\n"Gone!"\n\n"Who took it?"\n\n"You did!"\n\n"Never!"\n\n"Look!"'


def passages() -> list[Passage]:
    plain = [" ".join([PLAIN] * (3 + number % 3)) for number in range(12)]
    texts = [*plain[:5], " ".join([LONG] * 3), *plain[5:], "\n\n".join([TALK] * 6)]
    return [Passage("Book", 0, number, text, 0) for number, text in enumerate(texts)]


def test_the_passage_unlike_all_others_is_found_and_the_reasons_name_what_is_unusual():
    found = quoted_passages(passages(), "double")
    assert [passage.typical for passage in found] == [True] * 3 + [False] * 3
    odd = [passage for passage in found if not passage.typical]
    assert {odd[0].text[:12], odd[1].text[:12]} == {LONG[:12], TALK[:12]}
    reasons = {passage.text[:12]: " ".join(passage.reasons) for passage in odd}
    assert "100 % of it spoken (usually 0 to 5)" in reasons[TALK[:12]]
    assert "usually" in reasons[LONG[:12]]
    assert all("as usual" in reason for passage in found[:3] for reason in passage.reasons)
    distances = [passage.distance for passage in found]
    assert max(distances[:3]) < min(distances[3:])


def test_too_few_passages_quote_none():
    assert quoted_passages(passages()[:5], "double") == ()
