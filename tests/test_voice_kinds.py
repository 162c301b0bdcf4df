import json
from pathlib import Path

import pytest

from style_tuner.config import SAMPLES
from style_tuner.voice.checks import kinds
from style_tuner.voice.checks.kinds import plain_text, prose_of, read_drafts, repeated_word
from style_tuner.voice.checks.languages import language_of
from style_tuner.voice.checks.signs import not_prose
from style_tuner.voice.segment import pieces, words

STORY = (SAMPLES / "manuscripts" / "02_three_calls.txt").read_text(encoding="utf-8")
PROSE = pieces(STORY, 600)[1]
LANGUAGES = {
    "French": "La vieille femme poussa la porte et regarda longtemps la mer, qui était grise ce matin-là. Elle"
    " ne disait rien. Son fils était parti depuis trois jours, et personne au village ne savait où "
    "il avait laissé la barque.",
    "German": "Die alte Frau stieß die Tür auf und sah lange auf das Meer hinaus, das an diesem Morgen grau "
    "war. Sie sagte nichts. Ihr Sohn war seit drei Tagen fort, und niemand im Dorf wusste, wo er das"
    " Boot gelassen hatte.",
    "Spanish": "La anciana empujó la puerta y miró durante mucho tiempo el mar, que aquella mañana estaba gris."
    " No decía nada. Su hijo se había marchado hacía tres días y nadie en el pueblo sabía dónde "
    "había dejado la barca.",
    "Italian": "La vecchia spinse la porta e guardò a lungo il mare, che quella mattina era grigio. Non diceva "
    "niente. Suo figlio era partito da tre giorni e nessuno in paese sapeva dove avesse lasciato la "
    "barca.",
    "Dutch": "De oude vrouw duwde de deur open en keek lang naar de zee, die die ochtend grijs was. Ze zei "
    "niets. Haar zoon was al drie dagen weg en niemand in het dorp wist waar hij de boot had "
    "gelaten.",
    "Portuguese": "A velha empurrou a porta e olhou durante muito tempo para o mar, que naquela manhã estava "
    "cinzento. Não dizia nada. O filho tinha partido havia três dias e ninguém na aldeia sabia onde "
    "ele deixara o barco.",
    "Russian": "Старая женщина толкнула дверь и долго смотрела на море, которое в то утро было серым. Она "
    "ничего не говорила. Её сын ушёл три дня назад, и никто в деревне не знал, где он оставил лодку.",
    "Japanese": "その朝、年老いた女は戸を押し開けて、灰色の海を長いあいだ見ていた。何も言わなかっ"
    "た。息子は三日前に出かけたきりで、村の誰も舟がどこにあるのか知らなかった。",
}
VERSE = """
The boat went out at break of day,
  The boat came in no more,
And she who heard the bell that rang
  Stood waiting on the shore,
With one hand on the harbour rail
  And one upon the door.

No lamp was lit, no word was said
  By any on the quay;
The wind had taken every name
  And thrown it in the sea,
And all the answer that she had
  Was one more wave to see.
""".strip()
LIST = "\n".join(f"- {number} coils of rope from the chandler" for number in range(2, 40))


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_language_is_named_and_gets_no_number(language):
    assert language_of([LANGUAGES[language]]) == language
    reading = read_drafts([LANGUAGES[language]], 10)
    assert reading.refusal == f"This looks like {language}; the voice was learned from English."
    assert reading.texts == ()


def test_a_voice_learned_from_another_language_takes_it():
    assert read_drafts([LANGUAGES["French"]], 10, "French").refusal == ""
    assert "learned from French" in read_drafts([PROSE], 250, "French").refusal


def test_english_stays_english_with_foreign_words_names_and_nonsense_in_it():
    quoted = f"{PROSE}\n\n“{LANGUAGES['French']}” she said."
    assert language_of([quoted]) == language_of([PROSE]) == "English"
    assert read_drafts([quoted], 250).refusal == ""
    assert language_of(["the tor and the gle of shavel was in ba he had to ruk it " * 5]) == "English"
    assert language_of(["Too short."]) == ""


def test_ordinary_prose_is_read_as_it_is():
    for number in range(1, 5):
        assert read_drafts([pieces(STORY, 600)[number]], 250).notes == ()
    assert read_drafts([PROSE], 250).texts == (PROSE,)


@pytest.mark.parametrize("texts", [[], [""], [" \n\n "]])
def test_nothing_is_said_to_be_nothing(texts):
    assert read_drafts(texts, 250).refusal == "There is no text to score."


def test_one_word_over_and_over_is_refused():
    assert repeated_word([PROSE]) == ""
    assert "one word over and over, “stone”" in read_drafts(["Stone stone " * 300], 250).refusal


def test_verse_and_lists_give_no_number_on_their_own():
    verse = "\n\n".join([VERSE] * 4)
    assert read_drafts([verse], 250).refusal.startswith("This looks like verse (")
    assert "none of it is prose" in read_drafts([verse], 250).refusal
    assert read_drafts([LIST], 100).refusal.startswith("This looks like a list (")
    plain = "\n".join(f"{name} and his {thing}" for name in ("Abel", "Silas", "Orrin") for thing in ("rope", "oar") * 9)
    assert "none of it is prose" in read_drafts([plain], 100).refusal


POEM = """
When all the nets are hung and all is paid for
  And none will lend a penny on the door,
When every plank is sold that it was made for
  And still the tide comes asking you for more;
When those who ate your bread forget your table
  And those you fed walk past you in the lane,
Take up the oar, and pull while you are able,
  And sing, and spit, and then take hold again:

When you have lost the light and found the shallows
  And every stone that waits there knows your keel,
When men who never sailed cry out for gallows
  And swear that it was drink that turned the wheel;
When you can stand and hear it without turning
  And tell it as it was and not as worse,
And see the yard that you had built up burning
  And never give the man who lit it curse:
""".strip()
SONNET = """
The ferry lay all winter by the wall
And no one came to ask her for the way,
The snow came down and made no sound at all
And covered up the ropes and all the bay.

And when the thaw had let the river speak
The boards had opened like a broken hand,
Yet still the old man rowed her once a week
And brought her in, half full of weed and sand.

So keep the boat, although her boards are thin,
And he who rows will always bring her in.
""".strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n\n".join([POEM] * 2), "verse"),
        ("\n\n".join([POEM.replace("\n  ", "\n")] * 2), "verse"),
        ("\n\n".join([SONNET] * 5), "verse"),
        ("\n".join(f"- item {number} of rope and tar" for number in range(150)), "a list"),
        ("\n\n".join(f"- item {number} of rope and tar." for number in range(150)), "a list"),
        ("\n".join(f"item {number} of rope and tar" for number in range(150)), "a list"),
        ("\n".join(f"Step {number}. Take the rope and coil it." for number in range(150)), "a list"),
        ("\n".join(f"{number}. Take the rope and coil it." for number in range(1, 301)), "a list"),
    ],
)
def test_stanzas_and_items_of_one_form_are_told_from_prose(text, said):
    assert len(words(text)) >= 250
    assert read_drafts([text], 250).refusal.startswith(f"This looks like {said} ({len(words(text)):,} words), and none")


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("manuscripts/*.txt")), ids=lambda path: path.stem)
def test_prose_stays_prose_at_every_width(path):
    import textwrap

    blocks = [block for block in path.read_text(encoding="utf-8").split("\n\n") if len(block) > 200]
    for width in (45, 60, 72):
        for parting in ("\n\n", "\n"):
            assert not prose_of(parting.join(textwrap.fill(block, width) for block in blocks))[1]


def test_one_inline_tag_leaves_the_paragraphs_as_they_are():
    plain, marked = plain_text(f"<b>Hi</b> {PROSE}")
    assert marked and plain == f"Hi {PROSE}"
    inside, _ = plain_text(f"<p>Hi</p> {PROSE}")
    assert inside.count("\n\n") == PROSE.count("\n\n") + 1


def test_a_song_or_a_list_inside_prose_is_left_out_and_said():
    reading = read_drafts([f"{PROSE}\n\n{VERSE}\n\n{LIST}\n\n{PROSE}"], 250)
    assert reading.refusal == ""
    number = 2 * len(words(PROSE))
    assert f"the score rests on the {number:,} words of prose" in reading.notes[0]
    assert sum(len(words(text)) for text in reading.texts) == number


def test_wrapped_prose_and_dialogue_are_neither_verse_nor_lists():
    import textwrap

    wrapped = "\n\n".join(textwrap.fill(paragraph, 70) for paragraph in PROSE.split("\n\n"))
    talk = "— Come in.\n— It is late.\n— It is always late with you.\n— Then go."
    dashes = "- Come in.\n- It is late.\n- It is always late.\n- Then go."
    for text in (wrapped, talk, dashes, talk.replace("\n", "\n\n")):
        assert prose_of(text)[1].total() == 0


def test_html_is_read_as_its_text():
    tags = "<html><head><style>p {color: red}</style></head><body><h2>One</h2>"
    html = tags + "".join(f"<p>{part} &amp; so on<br/></p>\n" for part in PROSE.split("\n\n")) + "</body></html>"
    plain, marked = plain_text(html)
    assert marked and "<" not in plain and "color" not in plain and "&amp;" not in plain
    assert plain.count("\n\n") >= PROSE.count("\n\n")
    reading = read_drafts([html], 250)
    assert reading.refusal == "" and "mark-up" in reading.notes[0]


def test_markdown_signs_are_taken_off():
    plain, marked = plain_text(
        "# One\n\nShe **ran** to the [boat](http://x.org), *slowly*, and `sang`.\n\n```\ncode\n```\n"
    )
    assert marked
    assert plain == "One\n\nShe ran to the boat, slowly, and sang."
    for untouched in ("2 * 3 * 4 is a lot", "He said_so", "a < b and c > d", PROSE):
        assert plain_text(untouched) == (untouched, False)


CODE = Path(kinds.__file__).read_text(encoding="utf-8")
SCRIPT = """
const express = require('express');
const app = express();
// Answer every request.
app.get('/', (request, response) => {
    let count = 0;
    for (const one of request.query.names) {
        count += one.length;
    }
    response.send(`There are ${count}`);
});
app.listen(3000);
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps([{"id": number, "text": "She walked down to the quay."} for number in range(40)]), "data (JSON)"),
        (json.dumps({"sizes": list(range(200)), "name": "quay", "ok": True}, indent=2), "data (JSON)"),
        ("\n".join(json.dumps({"id": number, "text": "She walked."}) for number in range(40)), "data (JSON)"),
        (json.dumps({"rows": [{"a": number} for number in range(90)]}, indent=1)[:-20], "data (JSON)"),
        (CODE, "program code"),
        (SCRIPT * 5, "program code"),
        (f"```js\n{SCRIPT * 5}\n```", "program code"),
    ],
    ids=["list", "indented", "lines", "cut", "python", "script", "fenced"],
)
def test_data_and_program_code_are_called_what_they_are(text, said):
    reading = read_drafts([text], 250)
    assert reading.texts == () and reading.refusal == f"This is {said}, not prose: there is no voice in it to score."


@pytest.mark.parametrize("text", [STORY, VERSE, LIST, "[She] wept; so did he.\n\n{He} went = home.\n\nNo (or yes)."])
def test_prose_verse_and_lists_are_not_taken_for_code(text):
    assert not_prose(text) == ""


def test_columns_of_numbers_are_said_to_be_in_no_language():
    reading = read_drafts(["\n".join(f"x{number} kg {number * 7} mm {number * 3}" for number in range(300))], 250)
    assert reading.texts == () and "(zxx)" not in reading.refusal
