import pytest

from style_tuner.voice.segment import narrated_part, paragraphs, pieces, quote_style, sentences, spoken_part, words

MARKED = {
    "double": '"Come in," she said. "It is late."',
    "curly double": "“Come in,” she said. “It is late.”",
    "single": "'Come in,' she said. 'It is late.'",
    "curly single": "‘Come in,’ she said. ‘It is late.’",
    "guillemets": "«Come in,» she said. «It is late.»",
    "dash": "— Come in. It is late.",
}


@pytest.mark.parametrize("style", MARKED)
def test_speech_is_found_in_the_manuscripts_own_quotes(style):
    plain = "The door stood open and nobody's boots were on the step, for all the dogs' noise."
    assert quote_style([plain, MARKED[style], plain]) == style
    assert words(spoken_part(MARKED[style], style)) == ["Come", "in", "It", "is", "late"]
    assert spoken_part(plain, style) == ""


def test_apostrophes_are_not_taken_for_single_quotes():
    paragraph = "'I don't know the boys' names,' he said, and the boys' mother didn't either."
    assert words(narrated_part(paragraph, "single")) == words("he said and the boys mother didn't either")


def test_titles_do_not_end_a_sentence_and_quotes_belong_to_it():
    found = sentences('Mr. Hale met Dr. Pym at St. Jude\'s. "Well?" he asked. She laughed… Then she went.')
    assert found == ["Mr. Hale met Dr. Pym at St. Jude's.", '"Well?" he asked.', "She laughed…", "Then she went."]


def test_paragraphs_are_parted_by_blank_lines_or_by_lines_that_end_sentences():
    assert paragraphs("One line\ngoes on here.\n\nAnother.") == ["One line goes on here.", "Another."]
    assert paragraphs("First one.\nSecond one!\nThird?") == ["First one.", "Second one!", "Third?"]
    assert paragraphs("* * *\n\n---\n\n") == []


def test_pieces_keep_whole_paragraphs_and_lose_no_word():
    text = "\n\n".join(f"Paragraph {'word ' * count}ends." for count in (30, 80, 10, 400, 5, 60))
    found = pieces(text, 100)
    assert [word for piece in found for word in words(piece)] == words(text)
    assert all(len(words(piece)) >= 100 for piece in found)
    assert all(paragraph in paragraphs(text) for paragraph in paragraphs(found[0]))
    assert len(pieces("word " * 1000, 100)) > 5
