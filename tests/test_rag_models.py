from pathlib import Path

import numpy as np
import pytest
from rag_parts import near

from rag.vectors.embed import MiniLM, package_folder
from rag.vectors.models import open_embedder
from rag.worlds import Worlds
from style_tuner.config import WorldConfig
from style_tuner.errors import ModelError
from style_tuner.records import Entry
from style_tuner.workspace import Workspace

BAR = Entry("bar", "The Perihelion", "A bar where the crew drink synthetic gin.")


def copied(folder: Path) -> Path:
    """The packaged model as anybody's folder, which is all that tells it from the packaged one."""
    folder.mkdir()
    for file in package_folder().iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def test_a_folder_is_an_embedding_model_named_by_its_weights(tmp_path: Path) -> None:
    texts = ["a bar where people drink gin", "tax law"] * 9
    other = open_embedder(str(copied(tmp_path / "other")))
    assert other.name.startswith("other@")
    assert open_embedder("").name == MiniLM.name
    np.testing.assert_allclose(other.embed(texts), open_embedder("").embed(texts), atol=1e-4)
    weights = tmp_path / "other" / "model.safetensors"
    weights.unlink()
    weights.write_bytes(b"other weights")
    changed = open_embedder(str(tmp_path / "other"))
    assert changed.name != other.name
    with pytest.raises(ModelError, match="cannot be loaded"):
        changed.embed(["a"])


def test_what_is_no_model_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"needs config\.json and weights"):
        open_embedder(str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="neither a folder nor a Hub model that lies on this disk"):
        open_embedder("nobody/no-such-embedding-model")


def test_another_model_is_offered_a_new_index_and_finds_by_it(workspace: Workspace, tmp_path: Path) -> None:
    with Worlds(workspace, WorldConfig(), MiniLM()) as worlds:
        worlds.put("scifi", [BAR])
    with Worlds(workspace, WorldConfig(), open_embedder(str(copied(tmp_path / "other")))) as worlds:
        asked = "somebody orders alcohol"
        assert near(worlds, "scifi", asked) == []
        assert "all-MiniLM-L6-v2@53aa51172d14, but other@" in worlds.notes("scifi")[0]
        worlds.rebuild("scifi")
        assert near(worlds, "scifi", asked) == ["bar"]
        assert worlds.notes("scifi") == []
