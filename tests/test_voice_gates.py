import random
import re
from pathlib import Path

import pytest

from style_tuner.config import SAMPLES
from style_tuner.voice.checks.copying import Sources
from style_tuner.voice.checks.gates import check, own_bands
from style_tuner.voice.checks.setting import faults, setting_of
from style_tuner.voice.segment import pieces
from style_tuner.voice.verification.panel import load_panel

STORIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))}
TRAINING, HELD_OUT = dict(list(STORIES.items())[:-1]), list(STORIES.values())[-1]
BROKEN = {
    path.stem: path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "voice_texts").glob("br*.txt")
}


@pytest.fixture(scope="module")
def gates():
    panel = load_panel()
    bands = own_bands(pieces("\n\n".join(TRAINING.values()), 500), panel)
    sources = Sources(list(TRAINING.values()), list(TRAINING))
    return lambda *texts: {gate.name: gate for gate in check(texts, bands, panel, sources)}


@pytest.mark.parametrize("size", [250, 1000, 4000])
def test_own_unseen_text_trips_no_check_at_any_length(gates, size):
    fired = [gate.sentence for piece in pieces(HELD_OUT, size) for gate in gates(piece).values() if gate.fired]
    assert fired == []


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("size", [500, 1000])
def test_broken_text_of_a_model_is_caught_whatever_words_it_kept(gates, name, size):
    found = [gates(piece)["typicality"] for piece in pieces(BROKEN[name], size)]
    assert sum(gate.cap < 50 for gate in found) >= 0.75 * len(found)


def test_joins_that_prose_never_has_are_quoted(gates):
    gate = gates(BROKEN["broken_text_of_a_voice_at_twice_its_strength"])["typicality"]
    assert gate.sentence.startswith("Many of its common words are joined as prose hardly ever joins them: “")
    assert gate.sentence.count("“") == 4


def test_the_places_of_joins_that_prose_hardly_ever_has_are_told():
    panel = load_panel()
    plain, broken = (panel.masked(text) for text in ("I had to go home to it.", "He would have you it for five men."))
    value, places = panel.grammar.odd_joins(broken)
    assert value > panel.grammar.odd_joins(plain)[0]
    assert [broken[place : place + 3] for place in places] == [["would", "have", "you"]]
    assert panel.grammar.odd_joins([]) == (0.0, [])


def test_names_are_no_unknown_words_but_nonsense_is_under_capitals_too(gates):
    chance = random.Random(1)
    words = HELD_OUT.split()[:1500]

    def mixed(made, share=0.15):
        return " ".join(made(word) if chance.random() < share else word for word in words)

    assert not gates(mixed(lambda word: "Zorvath"))["language"].fired
    assert gates(mixed(lambda word: "zorvath"))["language"].fired
    assert gates(mixed(lambda word: "zorvath").upper())["language"].fired


def test_another_language_is_named_with_what_the_voice_was_learned_from(gates):
    french = "La vieille femme poussa la porte et regarda longtemps la mer, qui était grise ce matin-là. " * 20
    assert gates(french)["language"].sentence == "This looks like French; the voice was learned from English."
    assert gates(french)["language"].cap == 0


def test_a_copy_is_traced_to_its_story_and_quoted(gates):
    copied = pieces(TRAINING["05_the_bowl"], 300)[3]
    gate = gates(f"{pieces(HELD_OUT, 600)[0]}\n\n{copied}")["copying"]
    assert gate.fired
    assert "words in a row as in 05_the_bowl (from its word" in gate.sentence
    assert " ".join(copied.split()[2:8]) in gate.sentence


def test_prose_without_sentence_ends_or_in_letters_of_one_size_is_remarked_and_held_down(gates):
    piece = pieces(HELD_OUT, 1000)[0]
    bare = re.sub(r"[^\w\s'’-]", "", piece)
    cases = {piece.lower(): "hardly any capitals", piece.upper(): "set in capitals", bare: "hardly any sentence ends"}
    for text, said in cases.items():
        gate = gates(text)["punctuation and capitals"]
        assert gate.fired and gate.cap < 50 and said in gate.sentence
    both = gates(bare.lower())["punctuation and capitals"]
    assert "sentence ends: none at all" in both.sentence and "capitals" in both.sentence
    mixed = gates(piece, piece, piece.upper())["punctuation and capitals"]
    assert not mixed.fired


def test_an_author_who_writes_without_capitals_or_stops_may_do_so():
    bare = re.sub(r"[^\w\s'’-]", "", HELD_OUT).lower()
    own = setting_of([bare])
    assert faults(setting_of([bare[:2000]]), own) == []
    assert [said[:23] for _, said in faults(setting_of([bare.upper()]), own)] == ["It is set in capitals: "]
    assert faults(setting_of(["Das Haus. Der Hof! Und das Meer?"]), setting_of([HELD_OUT])) == []
