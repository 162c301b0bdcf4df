"""A server that is asked for a model that is not there says so before anything starts, and names what is."""

from pathlib import Path

import pytest
from hub_fake import FakeHub, refusal
from huggingface_hub.errors import RepositoryNotFoundError
from serving_models import make_voice

from style_tuner.config import STARTER_MODEL, ServingConfig
from style_tuner.errors import ServerError
from style_tuner.records import Run
from style_tuner.serving import bases, server
from style_tuner.serving.bases import find_base
from style_tuner.workspace import Workspace, write_json

RUN = "20261121-100000-train"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("home"), "default")
    make_voice(workspace.runs / RUN)
    write_json(workspace.runs / RUN / "run.json", vars(Run(RUN, "train", (), "done", 0.0)))
    return workspace


@pytest.mark.parametrize("named", ["nosuchmodel", "nobody/nosuchmodel", "./nosuchmodel"])
def test_a_model_that_is_nowhere_is_named_with_those_that_are_here(
    place: Workspace, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bases, "hub_client", lambda: FakeHub(refuse=OSError("no network")))
    with pytest.raises(ServerError) as refused:
        server.start(place, ServingConfig(), named)
    said = str(refused.value)
    assert repr(named) in said
    assert f"Here there are: data/starter_model; without a name, the newest voice's base with the voices {RUN}." in said
    assert not (place.servers / "model.json").exists()


def test_a_model_that_the_hub_has_not_is_named_with_those_that_are_here(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = FakeHub(refuse=refusal(RepositoryNotFoundError, 404))
    monkeypatch.setattr(bases, "hub_client", lambda: hub)
    with pytest.raises(ServerError, match=r"The Hub has no model nosuchmodel.*Here there are: data/starter_model"):
        find_base(place, "nosuchmodel")
    hub.refuse = None
    assert find_base(place, "somebody/model") == "somebody/model"


def test_a_voice_that_is_taken_for_a_model_is_told_apart(place: Workspace) -> None:
    with pytest.raises(ServerError, match=f"'{RUN}' is a voice.*write with '{RUN}'"):
        find_base(place, RUN)


def test_a_folder_is_found(place: Workspace) -> None:
    assert find_base(place, "data/starter_model") == find_base(place, str(STARTER_MODEL)) == str(Path(STARTER_MODEL))
