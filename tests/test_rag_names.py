import pytest

from rag.retrieval.names import NameIndex


def index(**names: list[str]) -> NameIndex:
    made = NameIndex()
    for entry, its in names.items():
        for name in its:
            made.add(entry, name)
    return made


def found(made: NameIndex, text: str, ordinary: str = "") -> list[tuple[str, str]]:
    those = set(ordinary.split())
    return [(one.entry, one.written) for one in made.find(text, lambda entry: True, those.__contains__)]


def test_the_longest_name_wins() -> None:
    made = index(carrow=["Mother Carrow"], furnace=["Mother"])
    assert found(made, "Mother Carrow went in.") == [("carrow", "Mother Carrow")]
    assert found(made, "The furnace called Mother.") == [("furnace", "Mother")]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("He called Dust to heel.", True),
        ("The dust lay thick.", False),
        ("She wiped the dust off.", False),
        ("He said to his DUST, come.", True),
    ],
)
def test_an_ordinary_word_is_a_name_only_with_its_capital(text: str, named: bool) -> None:
    assert bool(found(index(dog=["Dust"]), text, "dust")) is named


def test_where_a_sentence_begins_an_ordinary_word_is_half_a_name() -> None:
    (mention,) = index(dog=["Dust"]).find("Dust growls.", lambda entry: True, {"dust"}.__contains__)
    assert mention.certainty == 0.5


def test_a_name_with_an_article_is_found_without_it_where_it_has_its_capital() -> None:
    made = index(bowl=["The Bowl"])
    assert found(made, "He put the Bowl down; his Bowl!") == [("bowl", "the Bowl"), ("bowl", "Bowl")]
    assert found(made, "a bowl of soup") == []


def test_both_kinds_of_apostrophe_are_one() -> None:
    assert found(index(hall=["Foundlings' Hall"]), "At the Foundlings’ Hall") == [("hall", "Foundlings' Hall")]


def test_only_what_counts_is_found_and_a_name_can_be_shared_and_dropped() -> None:
    made = index(one=["Joss"], two=["Joss"])
    assert [m.entry for m in made.find("Joss came", lambda entry: True)] == ["one", "two"]
    assert [m.entry for m in made.find("Joss came", lambda entry: entry == "two")] == ["two"]
    made.drop("one", "Joss")
    assert found(made, "Joss came") == [("two", "Joss")]
    made.drop("two", "Joss")
    assert found(made, "Joss came") == []
    assert made.owners("joss") == []


class Counting(dict):
    """Counts how often it is asked."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


def test_a_text_is_looked_through_once_for_a_hundred_thousand_names() -> None:
    text = "Then Place 777 burnt, and everybody went over the water to the other shore and stayed. " * 4
    made = NameIndex()
    for number in range(100_000):
        made.add(f"n{number}", f"Place {number}")
    made._owners = Counting(made._owners)
    assert [mention.entry for mention in made.find(text, lambda entry: True)] == ["n777"] * 4
    assert made._owners.asked < len(text.split())
