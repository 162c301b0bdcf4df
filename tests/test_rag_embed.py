from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.vectors.embed import REMEMBERED, MiniLM, package_folder
from style_tuner.errors import ModelError


def test_vectors_have_length_one_and_near_meanings_are_near() -> None:
    vectors = MiniLM().embed(["a bar where people drink gin", "somebody orders a drink", "tax law"])
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-4)
    assert vectors[0] @ vectors[1] > 0.3 > vectors[0] @ vectors[2]


def test_texts_of_many_callers_get_the_vectors_that_they_get_alone() -> None:
    """They go through the model together, in an order of its own; those of an import go in parts."""
    texts = [f"{'The ferry goes down. ' * (number % 5)}Scene {number}" for number in range(30)]
    model = MiniLM()
    alone = np.concatenate([model.embed([text]) for text in texts])
    with ThreadPoolExecutor(10) as pool:
        asked = [texts, *([text] for text in texts), texts[:9]]
        imported, *single, several = pool.map(model.embed, asked)
    np.testing.assert_allclose(imported, alone, atol=1e-5)
    np.testing.assert_allclose(np.concatenate(single), alone, atol=1e-5)
    np.testing.assert_allclose(several, alone[:9], atol=1e-5)
    assert model.embed([]).shape == (0, 384)


def test_a_text_that_was_embedded_lately_is_not_embedded_again() -> None:
    model = MiniLM()
    first = model.read(["Elena walks in."])[0]
    assert model.read(["Elena walks in."])[0] is first
    model.embed([f"Scene {number}" for number in range(REMEMBERED)])
    assert model.read(["Elena walks in."])[0] is not first


def test_a_fault_is_told_to_every_caller(tmp_path: Path) -> None:
    def told(model: MiniLM) -> str:
        with pytest.raises(ModelError) as caught:
            model.embed(["a"])
        return str(caught.value)

    with ThreadPoolExecutor(5) as pool:
        assert all("missing" in said for said in pool.map(told, [MiniLM(tmp_path)] * 5))


def test_vectors_are_those_of_the_model_as_it_is_published() -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["a bar where people drink gin", "tax law " * 300]
    plain = SentenceTransformer(str(package_folder()), device="cpu", local_files_only=True)
    expected = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(MiniLM().embed(texts), expected, atol=1e-5)


def test_other_weights_than_the_official_ones_are_refused(tmp_path: Path) -> None:
    for file in package_folder().iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="missing"):
        MiniLM(tmp_path).embed(["a"])
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ModelError, match="not the official"):
        MiniLM(tmp_path).embed(["a"])


def test_a_reading_tells_the_vector_of_each_word_piece_and_its_place() -> None:
    text = "Wenna sold the unsellable mallet."
    (reading,) = MiniLM().read([text])
    written = [text[start:end] for start, end in reading.places]
    assert written[:2] == ["Wen", "na"]
    assert "".join(written) == text.replace(" ", "")
    assert reading.pieces.shape == (len(written), 384)
    np.testing.assert_allclose(reading.vector, MiniLM().embed([text])[0], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(reading.pieces, axis=1), 1, atol=1e-5)
