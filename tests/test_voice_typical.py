from style_tuner.records import Passage
from style_tuner.voice.typical import quoted_passages

PLAIN = "She walked down to the quay. The boats were in, and nobody spoke. He carried the rope up, and they went home."
LONG = (
    "When the lamps, which had been lit before anybody came, were at last put out; when the last of the guests, who "
    "had stayed because it rained, was gone; and when the house, that was never quiet, was quiet: then she wept, "
    "although nobody, unless the dog, could have heard her."
)
TALK = '"Where is it?"\n\n"Gone!"\n\n"Who took it?"\n\n"You did!"\n\n"Never!" He cried out.\n\n"Look!"'
CONTENTS = "CONTENTS\n\n" + "\n\n".join(
    f"{number}. Phineas Finn Proposes to Stand for Loughshane" for number in ("I", "II", "III", "IV", "V", "VI") * 3
)
LETTER = (
    "And so, my dear, I remain, with every good wish that an old man can have for one who has been to him, for so "
    "many years and in so many troubles, more than a daughter, and who will, he hopes, be so to the end, and with a "
    "thousand thanks for all that you have done, and for all that you would have done had it been asked of you,\n\n"
    "Yours affectionately,\n\nS. H."
)


def passages() -> list[Passage]:
    plain = [" ".join([PLAIN] * (3 + number % 3)) for number in range(12)]
    texts = [*plain[:5], " ".join([LONG] * 5), *plain[5:], "\n\n".join([TALK] * 6)]
    return [Passage("Book", 0, number, text, 0) for number, text in enumerate(texts)]


def test_the_passage_unlike_all_others_is_found_and_the_reasons_name_what_is_unusual():
    found = quoted_passages(passages(), "double")
    assert [passage.typical for passage in found] == [True] * 3 + [False] * 3
    odd = [passage for passage in found if not passage.typical]
    assert {odd[0].text[:12], odd[1].text[:12]} == {LONG[:12], TALK[:12]}
    reasons = {passage.text[:12]: " ".join(passage.reasons) for passage in odd}
    assert "79 % of it spoken (usually 0 to 5)" in reasons[TALK[:12]]
    assert "usually" in reasons[LONG[:12]]
    assert all("as usual" in reason for passage in found[:3] for reason in passage.reasons)
    distances = [passage.distance for passage in found]
    assert max(distances[:3]) < min(distances[3:])


def test_too_few_passages_quote_none():
    assert quoted_passages(passages()[:5], "double") == ()


def test_title_pages_ends_of_letters_and_talk_alone_are_not_quoted():
    talk = "\n\n".join(['"Where is it now, and who of us has taken it?"'] * 8)
    odd = [Passage("Book", 0, 40 + place, text, 0) for place, text in enumerate((CONTENTS, LETTER, talk))]
    assert all(passage.words >= 60 for passage in odd)
    found = quoted_passages([*passages(), *odd], "double")
    assert len(found) == 6 and not {passage.text for passage in odd} & {passage.text for passage in found}
    assert quoted_passages([*odd, *passages()[:7]], "double") == ()
