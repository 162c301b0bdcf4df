"""Which embedding model is used: the packaged one, or another by its folder or its name on the Hub."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.vectors.embed import TOGETHER, Embedder, MiniLM, load_folder
from style_tuner.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

WEIGHTS = ("*.safetensors", "*.bin", "*/*.safetensors")
"""What a model's digest is taken of."""


class OtherModel:
    """A sentence-transformers model in a folder, loaded at first use; on the CPU, safe for threads."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._model: SentenceTransformer | None = None
        self._using = threading.Lock()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector of length 1 a text; shape (texts, dimensions of the model)."""
        import numpy as np

        parts = [list(texts[start : start + TOGETHER]) for start in range(0, len(texts), TOGETHER)]
        return np.concatenate([self._embed(part) for part in parts]) if parts else np.empty((0, 0), np.float32)

    def _embed(self, texts: list[str]) -> np.ndarray:
        with self._using:
            if self._model is None:
                self._model = load_folder(self._folder)
            return self._model.encode(texts, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False)


def open_embedder(model: str) -> Embedder:
    """Return the embedding model of a name: the packaged one for an empty name, else a folder or one of the Hub.

    The name of what is returned holds a digest of the weights, or the Hub's revision, so that vectors of two versions
    are told apart.
    """
    if not model:
        return MiniLM()
    folder = Path(model).expanduser()
    if folder.is_dir():
        return OtherModel(folder, f"{folder.resolve().name}@{_digest(folder)}")
    return _from_hub(model)


def _digest(folder: Path) -> str:
    files = sorted({path for pattern in WEIGHTS for path in folder.glob(pattern)})
    if not files or not (folder / "config.json").is_file():
        raise ModelError(
            f"The folder {folder} is no embedding model: it needs config.json and weights, as sentence-transformers "
            "saves them."
        )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:12]


def _from_hub(model: str) -> OtherModel:
    """Return a model of the Hub as it lies on this disk, fetched before only where the Hub may be reached."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        folder = Path(snapshot_download(model))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, HFValidationError, OSError) as error:
        raise ModelError(
            f"The embedding model {model!r} is neither a folder nor a Hub model that lies on this disk: name a folder, "
            f"or set HF_HUB_OFFLINE=0 once, so that it is fetched ({type(error).__name__})."
        ) from error
    return OtherModel(folder, f"{model}@{folder.name[:12]}")
