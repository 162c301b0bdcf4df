import re
import shutil
import textwrap

import numpy as np
import pytest

from style_tuner.commands.voice import build_panel as build_panel_command
from style_tuner.config import SAMPLES
from style_tuner.errors import ModelError, StyleTunerError
from style_tuner.voice.verification.masking import (
    EDGE,
    MASK,
    NUMBER,
    RHYTHM,
    masked,
    parted_tokens,
    rhythm_grams,
    shaped,
    tokens,
    word_grams,
)
from style_tuner.voice.verification.ngrams import choose_features, grams, kind, of_paragraphs, units
from style_tuner.voice.verification.panel import PANEL, build_panel, load_panel
from style_tuner.workspace import read_json


def test_quotes_and_dashes_are_one_sign_each_however_they_are_set():
    plain = tokens('"I don\'t," he said -- "not now..."')
    assert plain == tokens("“I don’t,” he said—“not now…”") == tokens("'I don't,' he said – 'not now...'")
    assert plain[:3] == ['"', "i", "don't"]


def test_masking_leaves_common_words_and_hides_the_rest():
    assert masked(tokens("The captain had 12 goats."), frozenset({"the", "had"})) == [
        "the",
        MASK,
        "had",
        NUMBER,
        MASK,
        ".",
    ]
    assert word_grams(["the", MASK, "."]) == {"the": 1, MASK: 1, ".": 1, "the #": 1, "# .": 1, "the # .": 1}


def test_lost_apostrophes_are_put_back_and_spaced_dots_are_one_sign():
    assert tokens("I don t think he s here . . . we ll see, mother s gone.") == tokens(
        "I don't think he's here ... we'll see, mother's gone."
    )
    assert tokens("He drew a T and an S. _Never_ mind") == [
        "he",
        "drew",
        "a",
        "t",
        "and",
        "an",
        "s",
        ".",
        "never",
        "mind",
    ]


def test_a_file_with_blanks_for_all_its_quotes_and_dashes_reads_as_before():
    whole = "“I don’t,” said Clare, “know—or care.”\n“Well!” he said. “I’ll go.”\nShe went."
    lost = " I don t,  said Clare,  know   or care. \n Well!  he said.  I ll go. \nShe went."
    assert tokens(lost) == tokens(whole)
    typed = "I didn't go.  He did.  We all   did."
    assert '"' not in tokens(typed) and "—" not in tokens(typed)
    assert '"' not in tokens("I did not go.  He did.")


def test_the_rhythm_of_marks_counts_words_between_them_in_bands():
    found = rhythm_grams(tokens("One two three, four. Five!"))
    runs = {gram.removeprefix(RHYTHM): count for gram, count in found.items()}
    assert runs == {
        **{"p3,": 1, "p1.": 1, "p1!": 1, "p3, 1.": 1, "p1. 1!": 1, "p3, 1. 1!": 1},
        **{"m, .": 1, "m. !": 1, "m, . !": 1},
        **{"s1": 1, "s0": 1, "s1 0": 1},
    }


PARAGRAPHS = [
    "The river ran low that summer, and the men who worked the ferry sat all day in the shade of the alders, telling "
    "one another what they had told one another the summer before.",
    "“Will it rain?” said the boy.",
    "Nobody answered him. The oldest of them looked at the sky, which was white from one end of the valley to the "
    "other, and then at the rope, which hung so slack that the middle of it lay in the water among the weeds.",
    "“It will rain,” he said, “when it rains.”",
]


def test_paragraphs_are_the_same_however_a_file_sets_them():
    parted = parted_tokens("\n\n".join(PARAGRAPHS))
    assert parted.count(EDGE) == 3
    wrapped = [textwrap.fill(paragraph, 72) for paragraph in PARAGRAPHS]
    for text in ("\n".join(PARAGRAPHS), "\n\n".join(wrapped), "\n".join(wrapped), "\r\n\r\n".join(wrapped)):
        assert parted_tokens(text) == parted
    assert [token for token in parted if token != EDGE] == tokens("\n\n".join(PARAGRAPHS))


def test_a_text_in_one_paragraph_tells_nothing_about_paragraphs():
    whole = " ".join(PARAGRAPHS)
    assert parted_tokens(whole) == tokens(whole) == parted_tokens(whole.replace("rain", "¶ rain"))
    assert not any(gram.startswith(f"{RHYTHM}b") for gram in rhythm_grams(parted_tokens(whole)))


def test_lengths_of_paragraphs_are_counted_in_bands_with_those_that_open_with_speech():
    found = rhythm_grams(parted_tokens("\n\n".join(PARAGRAPHS)))
    lengths = {gram.removeprefix(RHYTHM): count for gram, count in found.items() if gram.startswith(f"{RHYTHM}b")}
    assert lengths == {"b5": 2, 'b1"': 1, 'b5 1"': 1, 'b1" 5': 1, 'b5 1" 5': 1}


def test_what_a_text_in_one_paragraph_lacks_are_the_features_of_paragraphs():
    whole, parted = (set(grams(parted_tokens(joint.join(PARAGRAPHS)))) for joint in (" ", "\n\n"))
    assert not any(map(of_paragraphs, whole))
    assert parted - whole == {gram for gram in parted if of_paragraphs(gram)}


def test_so_many_features_of_each_kind_are_chosen_the_most_widely_held_first():
    rows = [{"the": 1, "a": 1, "\tab": 2, "\tcd": 1, f"{RHYTHM}p1.": 1} for _ in range(4)]
    rows.append({"the": 1, "\tcd": 1})
    chosen = choose_features(rows, range(5), (1, 1, 5))
    assert list(chosen) == ["\tcd", "the", f"{RHYTHM}p1."] and [kind(gram) for gram in chosen] == [1, 0, 2]


def test_masked_words_keep_their_endings_where_features_are_counted():
    known = frozenset({"the", "was"})
    assert shaped(tokens("The captain's walking 9 dogs was red."), known) == [
        "the",
        "#'s",
        "#ing",
        NUMBER,
        "#s",
        "was",
        MASK,
        ".",
    ]


def test_units_hold_the_same_number_of_words():
    cut = units(["a", ",", MASK, "b", ".", "c"], words=2)
    assert cut == [["a", ",", MASK], ["b", ".", "c"]]


def test_the_shipped_panel_has_many_authors_and_no_readable_words_beyond_the_mask_list():
    panel = load_panel()
    assert len(panel.authors) >= 20
    assert panel.counts.shape == (len(panel.unit_authors), len(panel.features))
    assert len(panel.known) == 800 and len(panel.vocabulary) <= 2000 and panel.known < panel.vocabulary
    word_features = [feature for feature in panel.features if kind(feature) == 0]
    shown = {word for feature in word_features for word in feature.split() if re.match(r"[a-z]", word)}
    assert shown <= panel.vocabulary
    assert sum(path.stat().st_size for path in PANEL.iterdir()) < 11_000_000


def test_an_author_can_be_left_out_of_the_panel():
    panel = load_panel()
    less = panel.without(panel.authors[3])
    assert 3 not in less.unit_authors
    assert less.present == (*panel.authors[:3], *panel.authors[4:])
    assert less.counts.shape[0] == len(less.unit_authors) == int((panel.unit_authors != 3).sum())


def test_order_of_words_tells_in_prose_and_not_in_shuffled_words():
    panel = load_panel()
    text = panel.masked((SAMPLES / "manuscripts" / "01_the_long_stride.txt").read_text(encoding="utf-8"))
    shuffled = list(np.random.default_rng(1).permutation(text))
    assert panel.grammar.order(text) > 0.5
    assert panel.grammar.order(shuffled) < 0
    assert panel.grammar.order([]) == 0


def test_a_panel_is_built_from_a_folder_saved_and_loaded_alike(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, story in enumerate(sorted(SAMPLES.glob("manuscripts/*.txt"))[:5]):
        shutil.copy(story, corpus / f"Author{number}_Story_19{number:02}.txt")
    (corpus / "Damaged_Story_1901.txt").write_text("no marks at all " * 2000, encoding="utf-8")
    panel = build_panel(corpus)
    assert panel.authors == ("Author0", "Author1", "Author2", "Author3", "Author4")
    build_panel_command(corpus, tmp_path / "panel")
    loaded = load_panel(tmp_path / "panel")
    assert loaded.features == panel.features and loaded.known == panel.known
    assert loaded.vocabulary == panel.vocabulary and loaded.calibrations == panel.calibrations
    assert (abs(loaded.counts - panel.counts)).sum() == 0
    assert np.array_equal(loaded.grammar.trigram_keys, panel.grammar.trigram_keys)
    assert read_json(tmp_path / "panel" / "reference.json")["authors"] == 5


def test_a_folder_with_too_few_authors_is_refused(tmp_path):
    with pytest.raises(StyleTunerError, match="four or more"):
        build_panel(tmp_path)


def test_a_damaged_panel_is_named_with_the_remedy(tmp_path):
    folder = tmp_path / "panel"
    shutil.copytree(PANEL, folder)
    (folder / "panel.npz").write_bytes(b"not an archive")
    with pytest.raises(ModelError, match=r"panel build --corpus"):
        load_panel(folder)
