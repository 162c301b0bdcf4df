from pathlib import Path

import numpy as np
import pytest

from rag.embed import MiniLM, package_folder
from style_tuner.errors import ModelError


def test_vectors_have_length_one_and_near_meanings_are_near() -> None:
    vectors = MiniLM().embed(["a bar where people drink gin", "somebody orders a drink", "tax law"])
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-4)
    assert vectors[0] @ vectors[1] > 0.3 > vectors[0] @ vectors[2]


def test_other_weights_than_the_official_ones_are_refused(tmp_path: Path) -> None:
    for file in package_folder().iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="missing"):
        MiniLM(tmp_path).embed(["a"])
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ModelError, match="not the official"):
        MiniLM(tmp_path).embed(["a"])
