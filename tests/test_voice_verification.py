"""A small version of the validation: the sample author against texts made for the tests, and the figures by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from voice_modern import MODERN_KINDS
from voice_prose import ESSAYIST, MODERN

from benchmarks.figures import Outcome, auc, c_at_1, calibration_error, report, six_chunk_auc
from benchmarks.style_verification import CorpusError, cut, works_of
from style_tuner.config import SAMPLES
from style_tuner.voice.author import AuthorVoice
from style_tuner.voice.keep import pack, unpack
from style_tuner.voice.profile import build_profile
from style_tuner.voice.score import compare_drafts, score_drafts
from style_tuner.voice.segment import paragraphs, pieces, sentences, words
from style_tuner.voice.verification.calibration import Calibration, for_profile, logistic, own_level, simulate
from style_tuner.voice.verification.linear import (
    SHARES,
    Weighing,
    separate,
    separate_less_each,
    similarities,
    training_rows,
    weigh,
    weighing_of,
)
from style_tuner.voice.verification.machine import learn, of_strangers
from style_tuner.voice.verification.ngrams import of_paragraphs
from style_tuner.voice.verification.panel import load_panel
from style_tuner.voice.verification.parting import Parting, lost, oddly_parted
from style_tuner.voice.verification.pooling import OwnPassages
from style_tuner.voice.verification.verifier import fit_verifier

STORIES = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("manuscripts/*.txt"))]
UNSEEN = pieces(STORIES[-1], 500)
OTHERS = {**MODERN_KINDS, "essayist": ESSAYIST, "modern prose": MODERN}


@pytest.fixture(scope="module")
def verifier():
    return fit_verifier(STORIES[:-1], load_panel())


def probabilities(verifier, texts):
    decisions = verifier.decide(verifier.count(texts))
    return [verifier.probability(float(value), len(words(text))) for value, text in zip(decisions, texts, strict=True)]


def test_unseen_passages_of_the_author_are_told_from_all_others(verifier):
    own, others = (verifier.decide(verifier.count(texts)) for texts in (UNSEEN, list(OTHERS.values())))
    assert auc(own, others) >= 0.99
    assert np.mean(np.array(probabilities(verifier, UNSEEN)) >= 0.75) >= 0.8


@pytest.mark.parametrize("name", sorted(OTHERS.keys() - {"hard-boiled"}))
def test_a_text_does_not_score_high_for_being_modern(verifier, name):
    assert probabilities(verifier, [OTHERS[name]])[0] < 0.25


def test_modern_texts_pooled_do_not_score_high_either(verifier):
    assert probabilities(verifier, ["\n\n".join(MODERN_KINDS.values())])[0] < 0.25


def test_a_modern_story_in_the_authors_person_and_plainness_stays_below_the_authors_own(verifier):
    own = verifier.decide(verifier.count(UNSEEN))
    assert verifier.decide(verifier.count([MODERN_KINDS["hard-boiled"]]))[0] < own.min()


def test_a_draft_is_placed_among_passages_of_consecutive_text(verifier):
    own, foreign = (pieces(text, 250)[:4] for text in (STORIES[-1], ESSAYIST))
    pairs = ["\n\n".join(own[place : place + 2]) for place in range(3)]
    lowest = verifier.decide(verifier.count(pairs)).min()
    within = OwnPassages(verifier, [*own, *foreign]).percentile(lowest, 500)
    assert within <= 100 * (1 + len(foreign)) / (len(own) + len(foreign) - 1)


def test_a_file_that_lost_its_apostrophes_reads_as_before(verifier):
    damaged = [text.replace("'", " ").replace("’", " ") for text in UNSEEN]
    before, after = (verifier.decide(verifier.count(texts)).mean() for texts in (UNSEEN, damaged))
    assert after == pytest.approx(before, abs=0.1)


def in_one_block(text):
    return " ".join(text.split())


def test_a_draft_that_lost_its_paragraphs_is_judged_without_them_and_still_the_authors(verifier):
    whole = ["\n\n".join(UNSEEN[place : place + 2]) for place in range(0, len(UNSEEN) - 1, 2)]
    blocks = [in_one_block(text) for text in whole]
    each = ["\n\n".join(sentences(text)) for text in blocks]
    assert all(verifier.judging([text]) is verifier for text in whole)
    found = []
    for text in (*blocks, *each):
        judge = verifier.judging([text])
        assert not judge.sees_paragraphs
        found.append(judge.probability(float(judge.decide(judge.count([text]))[0]), 1000))
    assert min(found) >= 0.75


def test_the_score_says_that_a_draft_was_judged_without_its_paragraphs(verifier):
    author = AuthorVoice(STORIES[:-1], UNSEEN[2:], build_profile(STORIES[:1]), lambda: verifier)
    whole = "\n\n".join(UNSEEN[:2])
    scored = [score_drafts([text], author) for text in (whole, in_one_block(whole))]
    said = "The draft has no paragraphs: it was judged without them."
    assert [said in score.notes for score in scored] == [False, True]
    assert scored[1].score >= 75 and scored[1].percentile is not None
    compared = compare_drafts([in_one_block(ESSAYIST)], [in_one_block(whole)], author)
    assert compared.raw_low > 0 and compared.gap_closed > 0.5


def test_paragraphs_are_missed_where_several_were_to_be_expected_and_no_sooner():
    own = Parting(words=10_000, edges=200, stops=600)
    assert oddly_parted(Parting(1000, 0, 60), own) == "The draft has no paragraphs"
    assert oddly_parted(Parting(1000, 4, 60), own) == "The draft has hardly any paragraphs"
    assert oddly_parted(Parting(1000, 52, 60), own) == "The draft has a paragraph for nearly every sentence"
    for ordinary in (Parting(1000, 6, 60), Parting(100, 0, 5), Parting(1000, 40, 60)):
        assert oddly_parted(ordinary, own) == ""
    assert oddly_parted(Parting(1000, 52, 60), Parting(10_000, 500, 600)) == ""
    assert lost(Parting(10_000, 10, 600), own) and not lost(own, own)


def test_an_author_whose_manuscripts_have_lost_their_paragraphs_is_learned_without_them():
    blind = fit_verifier([in_one_block(text) for text in STORIES[:2]], small_panel(3))
    assert not blind.sees_paragraphs and blind.notes == ()
    parted, whole = (blind.decide(blind.count(texts)) for texts in (UNSEEN[:2], [*map(in_one_block, UNSEEN[:2])]))
    assert parted == pytest.approx(whole)


def test_passages_are_parted_where_one_ends(verifier):
    passages = [paragraph for text in STORIES[:-1] for paragraph in paragraphs(text)]
    apart = fit_verifier(passages, small_panel(3))
    assert apart.parting.edges == pytest.approx(verifier.parting.edges, rel=0.02)


def small_panel(number, *more):
    """The shipped panel less all authors but some."""
    panel = load_panel()
    kept = {*[name for name in panel.authors if name not in ("Trollope", "Eliot")][:number], *more}
    for name in set(panel.authors) - kept:
        panel = panel.without(name)
    return panel


def test_what_is_learned_without_paragraphs_does_not_see_whether_they_are_there():
    panel = load_panel()
    own, other = (panel.counts_of(name) for name in ("Trollope", "Eliot"))
    blocks = type(other)(other.multiply(np.array([not of_paragraphs(feature) for feature in panel.features])))
    blocks.eliminate_zeros()
    assert blocks.nnz < other.nnz
    seeing, blind = (learn(own, small_panel(5), paragraphs) for paragraphs in (True, False))
    assert blind.decide(blocks) == pytest.approx(blind.decide(other))
    assert seeing.decide(blocks).mean() > seeing.decide(other).mean() + 0.05


def test_an_author_of_the_panel_is_found_there_by_another_work_and_nobody_else_is():
    panel = small_panel(5, "Trollope")
    trollope = np.flatnonzero(panel.unit_authors == panel.authors.index("Trollope"))
    earlier, last = trollope[:160], trollope[160:]
    kept = np.setdiff1d(np.arange(len(panel.unit_authors)), earlier)
    with_last = replace(panel, counts=panel.counts[kept], unit_authors=panel.unit_authors[kept])
    own = panel.counts[earlier]
    strangers = of_strangers(own, with_last)
    assert set(with_last.present) - set(strangers.present) == {"Trollope"}
    machine = learn(own, strangers)
    assert machine.probability(float(machine.decide(panel.counts[last]).mean()), 250) > 0.75
    assert of_strangers(own, strangers) is strangers


def test_an_author_left_out_of_the_panel_is_said_and_kept(verifier):
    assert verifier.left_out == () and verifier.notes == ()
    known = replace(verifier, left_out=("Trollope",))
    assert known.notes == (
        "The panel holds novels by Trollope, which cannot be told from yours: Trollope was left out of it.",
    )
    kept = unpack(pack(known), verifier.panel)
    assert kept.left_out == ("Trollope",) and kept.parting == verifier.parting
    assert kept.blind.bias == verifier.blind.bias and not np.array_equal(kept.blind.weights, kept.weights)


def test_a_longer_text_and_a_larger_profile_have_curves_of_their_own(verifier):
    by_words = {curve.words: curve for curve in verifier.calibrations}
    assert set(by_words) == {250, 500, 1000, 2000}
    assert by_words[250].own_deviation > by_words[2000].own_deviation
    small, middle, large = (for_profile(verifier.panel.calibrations, units, -1.0)[0] for units in (1, 120, 10_000))
    assert min(small.slope, large.slope) <= middle.slope <= max(small.slope, large.slope)
    assert small.own_mean < middle.own_mean < large.own_mean
    value = middle.own_mean
    assert logistic(value, small) > logistic(value, large)


def test_a_value_far_below_the_own_level_of_a_singular_author_speaks_for_nobody():
    curve = Calibration(400, 1000, 5.0, 3.0, own_mean=0.1, own_deviation=0.3, own_fall=-0.8, highest_level=0.9)
    usual, singular = (for_profile([curve], 400, level)[0] for level in (0.8, 1.5))
    assert logistic(-0.6, usual) == pytest.approx(0.5) and logistic(0.7, singular) == pytest.approx(0.1)
    assert logistic(-0.1, singular) < 0.05 < 0.9 < logistic(-0.1, usual)


def test_each_kind_of_feature_has_the_same_share_in_every_row():
    from scipy.sparse import csr_array

    weighing = Weighing(np.array([1.0, 2.0, 1.0, 1.0, 3.0, 1.0]), np.array([0, 0, 1, 1, 1, 2]))
    counts = csr_array(np.array([[1, 9, 40, 3, 1, 2], [2, 0, 1, 0, 0, 70], [3, 1, 0, 0, 0, 0]], dtype=np.float32))
    rows = weigh(counts, weighing).toarray()
    squares = np.stack([(rows[:, weighing.kinds == kind] ** 2).sum(axis=1) for kind in range(3)], axis=1)
    assert squares[:2] == pytest.approx(np.array([SHARES, SHARES]))
    assert squares[2] == pytest.approx([SHARES[0], 0, 0])
    assert rows[0, 1] / rows[0, 0] == pytest.approx(2 * (1 + np.log(9)))


def test_an_authors_own_level_is_that_of_one_work_judged_by_another():
    from scipy.sparse import csr_array, vstack

    chance = np.random.default_rng(3)

    def rows(favoured, number):
        rates = np.where(np.isin(np.arange(12), favoured), 6.0, 1.5)
        return csr_array(chance.poisson(rates, size=(number, 12)).astype(np.float32))

    others = vstack([rows([0, 1], 20), rows([10, 11], 20)], format="csr")
    weighing = weighing_of(others, np.zeros(12, dtype=int))
    alike, changed = (
        own_level(vstack(works, format="csr"), training_rows(others, weighing), weighing)
        for works in (
            [rows([4, 5], 26), rows([4, 5], 38)],
            [rows([4, 5], 26), rows([8, 9], 38)],
        )
    )
    assert alike > changed + 0.3


def test_leaving_out_each_author_at_once_gives_what_learning_without_each_gives():
    chance = np.random.default_rng(2)
    from scipy.sparse import csr_array

    own, others = (chance.random((number, 12)).astype(np.float32) for number in (8, 30))
    groups = np.r_[np.zeros(6, dtype=int), 3, 3, 1 + np.arange(30) // 10 % 2]
    weights, constants = separate_less_each(own, others, similarities(others, others), groups)
    for place, group in enumerate((1, 2, 3)):
        kept = groups != group
        expected, constant = separate(csr_array(own[kept[:8]]), csr_array(others[kept[8:]]))
        assert weights[:, place] == pytest.approx(expected, abs=0.01)
        assert constants[place] == pytest.approx(constant, abs=0.01)


def test_the_panel_learns_what_decision_values_mean_from_authors_that_differ():
    chance = np.random.default_rng(1)
    from scipy.sparse import csr_array

    def rows(author, number):
        rates = np.full(30, 2.0)
        rates[3 * author : 3 * author + 3] = 6.0
        return csr_array(chance.poisson(rates, size=(number, 30)).astype(np.float32))

    panel = [rows(author, 24) for author in range(8)]
    weights = weighing_of(panel[0], np.zeros(30, dtype=int))
    curves = simulate([rows(a, 40) for a in range(8)], [rows(a, 16) for a in range(8)], panel, weights)
    assert {curve.words for curve in curves} == {250, 500, 1000, 2000}
    for curve in curves:
        assert isinstance(curve, Calibration) and curve.slope > 0
    for curve in for_profile(curves, 40, -1.0):
        assert logistic(curve.own_mean, curve) > 0.75


def test_figures_are_those_worked_out_by_hand():
    own, others = np.array([0.9, 0.52, 0.8, 0.2]), np.array([0.1, 0.1, 0.6, 0.1])
    assert auc(own, others) == 14 / 16
    assert c_at_1(own, others) == pytest.approx((2 / 8 + 3 / 8) * (1 + 1 / 8))
    gaps = [3 * 0.1, 0.8, 0.48, 0.6, 0.2, 0.1]
    assert calibration_error(own, others) == pytest.approx(sum(gaps) / 8)
    one = Outcome(np.arange(6.0) + 3, {"B": np.arange(6.0)}, own, others)
    assert six_chunk_auc({"A": one}) == 1
    found = report({"A": one})
    assert found["own_at_75"] == 0.5 and found["false_accept_at_75"] == 0
    assert found["per_author"]["A"]["auc"] == pytest.approx((36 - 6 + 3 / 2) / 36, abs=0.1)


def test_passages_hold_just_so_many_words_in_runs_of_six():
    text = " ".join(f"{chr(97 + place // 26)}{chr(97 + place % 26)}," for place in range(650))
    found = cut(text, 10, number=12)
    assert [len(words(passage)) for passage in found] == [10] * 12
    assert "".join(found[:6]) in text and "".join(found) not in text
    assert cut("too short", 10) == []


def test_an_author_with_one_work_is_no_target_and_a_name_without_a_year_is_refused(tmp_path: Path, capsys):
    for name in ("Ann_Early_1890", "Ann_Late_1901", "Bob_Early_1880", "Bob_Late_1882", "Cid_Only_1899"):
        (tmp_path / f"{name}.txt").write_text("words", encoding="utf-8")
    found = works_of(tmp_path)
    assert {author: files[-1].stem for author, files in found.items()} == {
        "Ann": "Ann_Late_1901",
        "Bob": "Bob_Late_1882",
    }
    assert "Cid" in capsys.readouterr().err
    (tmp_path / "Ann_Middle_soon.txt").write_text("words", encoding="utf-8")
    with pytest.raises(CorpusError, match="year"):
        works_of(tmp_path)
