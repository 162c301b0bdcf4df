from pathlib import Path

import pytest

from style_tuner.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home", "default")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may touch the developer's own workspace."""
    monkeypatch.setenv("STYLE_TUNER_HOME", str(tmp_path / "home"))
