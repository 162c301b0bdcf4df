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


SPOKEN = {
    "double": (
        '"You\'ll not go," said Hob, "not while I\'ve the keys." He set down the 6" nail and laughed.',
        "You'll not go not while I've the keys",
    ),
    "curly double": (
        "“‘Never,’ is what he told me,” she said—“and then he went.” The ’flu had taken the rest of them.",
        "Never is what he told me and then he went",
    ),
    "low double": ("„Komm herein“, sagte sie. „Es ist spät.“ Er schloss die Tür.", "Komm herein Es ist spät"),
    "low single": ("‚Komm herein‘, sagte sie. ‚Es ist spät.‘ Er schloss die Tür.", "Komm herein Es ist spät"),
    "guillemets": ("« Entrez », dit-elle. « Il est tard. » Il ferma la porte.", "Entrez Il est tard"),
    "inverted guillemets": ("»Komm herein«, sagte sie. »Es ist spät.« Er schloss die Tür.", "Komm herein Es ist spät"),
    "single": (
        "'Don't touch 'em,' said the boys' mother. 'Leave the “holy” relics be. Is it late?' She rose.",
        "Don't touch em Leave the holy relics be Is it late",
    ),
    "curly single": (
        "‘Don’t touch ’em,’ said the boys’ mother. ‘It was called the “long house,” and ’tis late!’ She rose.",
        "Don’t touch em It was called the long house and tis late",
    ),
    "dash": (
        "—Come up, Kinch! he said. You’ll miss the boat.",
        "Come up Kinch You’ll miss the boat",
    ),
}


@pytest.mark.parametrize("style", SPOKEN)
def test_speech_is_told_from_narration_as_real_pages_set_it(style):
    paragraph, spoken = SPOKEN[style]
    plain = "All the neighbours' lamps were out, and the sexton's dog, who'd barked since six o'clock, was still."
    assert quote_style([plain, paragraph, plain]) == style
    assert words(spoken_part(paragraph, style)) == spoken.split()


def test_an_incise_between_dashes_is_narration():
    paragraph = "— No puede ser — dijo Ana — . No hoy.".replace("dijo", "said")
    assert words(spoken_part(paragraph, "dash")) == ["No", "puede", "ser", "No", "hoy"]
    interrupted = "— I thought — no, never mind."
    assert words(spoken_part(interrupted, "dash")) == words(interrupted)


def test_single_quotes_are_not_opened_by_what_is_left_out_of_a_word():
    paragraph = (
        "'Twas a cold night, and they'd shot 'em all. 'Come in,' he said, 'for 'tis the wolves' hour.' None came."
    )
    assert words(spoken_part(paragraph, "single")) == words("Come in for tis the wolves' hour")
    assert spoken_part("Rock 'n' roll, the '90s, and the dogs' bowls, said he.", "single") == ""


@pytest.mark.parametrize(("style", "mark"), [("single", "'"), ("curly single", "‘"), ("double", '"')])
def test_speech_that_goes_on_in_the_next_paragraph_needs_no_closing_mark(style, mark):
    paragraph = f"{mark}I shall begin with the house. It stood by the water."
    assert words(spoken_part(paragraph, style)) == words(paragraph)


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
