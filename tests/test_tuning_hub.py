import logging
from pathlib import Path

import httpx2
import pytest
from hub_fake import FakeHub, refusal
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from tuning_rows import write_rows

from style_tuner.config import STARTER_MODEL, TrainingConfig
from style_tuner.errors import ModelError
from style_tuner.jobs import Job
from style_tuner.tuning.hub import Uploader, check_base_model, check_upload, hub_client, missing_from_cache
from style_tuner.tuning.train import dry_run, train

LLAMA = "meta-llama/Llama-3.2-3B"
MAY_READ = {"entity": {"type": "user", "name": "author"}, "permissions": ["repo.content.read"]}
MAY_WRITE = {"entity": {"type": "user", "name": "author"}, "permissions": ["repo.content.read", "repo.write"]}
NO_NETWORK = httpx2.ConnectError("Name or service not known")


def settings(**changes) -> TrainingConfig:
    return TrainingConfig(**({"base_model": LLAMA} | changes))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, and no token but the client's."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    return tmp_path / "hub" / f"models--{LLAMA.replace('/', '--')}"


def download(cache: Path, *files: str) -> None:
    snapshot = cache / "snapshots" / "abc"
    snapshot.mkdir(parents=True, exist_ok=True)
    (cache / "refs").mkdir(exist_ok=True)
    (cache / "refs" / "main").write_text("abc")
    for file in files:
        (snapshot / file).write_text('{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}')


@pytest.mark.parametrize(
    ("hub", "words"),
    [
        (
            FakeHub(token=None, refuse=refusal(GatedRepoError, 401)),
            "accept the licence on .*3B, make a token .*HF_",
        ),
        (FakeHub(refuse=refusal(GatedRepoError, 403)), "has not been let in .* accept its licence on .* wait until"),
        (FakeHub(refuse=refusal(RepositoryNotFoundError, 404)), "The Hub has no model .* check the spelling"),
        (FakeHub(token=None, refuse=refusal(RepositoryNotFoundError, 401)), "it is private and HF_TOKEN is unset"),
        (FakeHub(refuse=refusal(HfHubHTTPError, 401)), "does not accept this HF_TOKEN: it is mistyped"),
        (FakeHub(refuse=refusal(HfHubHTTPError, 403)), "does not allow that"),
        (FakeHub(refuse=refusal(HfHubHTTPError, 503)), "answered 503 .* try again"),
        (FakeHub(refuse=NO_NETWORK), "not on this disk and the Hub cannot be reached: connect .*hf download"),
        (FakeHub(refuse=OfflineModeIsEnabled("offline")), "unset HF_HUB_OFFLINE"),
    ],
)
def test_each_refusal_says_what_to_do_before_anything_is_downloaded(hub, words, tmp_path) -> None:
    rows = write_rows(tmp_path)
    with pytest.raises(ModelError, match=words):
        dry_run(settings(), rows, hub)
    job = Job(tmp_path / "run")
    job.folder.mkdir()
    with pytest.raises(ModelError, match=words):
        train(settings(), rows, job.folder, job, hub)


def test_a_half_downloaded_model_says_what_is_missing_and_how_to_go_on(cache) -> None:
    download(cache, "config.json", "tokenizer_config.json", "model.safetensors.index.json", "model-1.safetensors")
    assert missing_from_cache(LLAMA) == ["model-2.safetensors"]
    check_base_model(settings(), FakeHub())  # with a network the rest is downloaded
    with pytest.raises(ModelError, match=r"incomplete \(model-2.safetensors missing\) .*hf download .* goes on"):
        check_base_model(settings(), FakeHub(refuse=NO_NETWORK))


def test_a_model_that_is_here_whole_needs_no_hub(cache) -> None:
    download(cache, "config.json", "tokenizer_config.json", "model.safetensors")
    check_base_model(settings(), FakeHub(refuse=refusal(GatedRepoError, 403)))


@pytest.mark.parametrize(
    ("hub", "changes", "words"),
    [
        (FakeHub(token=None), {}, "no access token: make one that may write"),
        (FakeHub(role="read"), {}, "may only read: make one that may write"),
        (FakeHub(refuse=NO_NETWORK), {}, "cannot be reached .* train with push_to_hub: false"),
        (FakeHub(refuse=refusal(HfHubHTTPError, 401)), {}, "does not accept this HF_TOKEN"),
        (FakeHub(public=("author/price",)), {}, "exists and is public, while hub_private_repo is true"),
        (FakeHub(), {"hub_model_id": "my voice"}, "'my voice' is no name .* letters, digits"),
        (FakeHub(), {"hub_model_id": "a/b/c"}, "'a/b/c' is no name"),
        (FakeHub(), {"hub_model_id": "us/price"}, "account 'author', .* no member of 'us'"),
        (FakeHub(orgs={"us": "read"}), {"hub_model_id": "us/price"}, "only read in 'us'"),
        (
            FakeHub(orgs={"us": "contributor"}, foreign=("us/price",)),
            {"hub_model_id": "us/price"},
            "does not allow that for the model us/price",
        ),
        (FakeHub(role="fineGrained"), {}, "fine-grained .* 'author'"),
        (FakeHub(role="fineGrained", scoped=(MAY_READ,)), {}, "fine-grained .* 'author'"),
    ],
)
def test_an_upload_that_cannot_work_is_refused_before_the_training(hub, changes, words) -> None:
    with pytest.raises(ModelError, match=words):
        check_upload(settings(push_to_hub=True, run_name="price", **changes), hub)


def test_the_repository_is_the_named_one_or_the_users_own() -> None:
    assert check_upload(settings(), FakeHub()) is None
    assert check_upload(settings(push_to_hub=True, run_name="price"), FakeHub()) == "author/price"
    member = FakeHub(orgs={"us": "contributor"})
    assert check_upload(settings(push_to_hub=True, hub_model_id="us/price"), member) == "us/price"
    scoped = FakeHub(role="fineGrained", scoped=(MAY_WRITE,))
    assert check_upload(settings(push_to_hub=True, run_name="price"), scoped) == "author/price"
    open_to_all = settings(push_to_hub=True, run_name="price", hub_private_repo=False)
    assert check_upload(open_to_all, FakeHub(public=("author/price",))) == "author/price"


def test_an_upload_that_fails_on_the_way_ends_no_training_and_says_how_to_make_up_for_it(tmp_path, caplog) -> None:
    rows = write_rows(tmp_path, 8)
    hub = FakeHub(lost=NO_NETWORK)
    config = settings(
        base_model=str(STARTER_MODEL), push_to_hub=True, run_name="quay", save_steps=1, num_epochs=1, max_seq_length=256
    )
    job = Job(tmp_path / "run")
    job.folder.mkdir()
    result = train(config, rows, job.folder, job, hub)
    assert (job.folder / "adapter" / "adapter_model.safetensors").is_file()
    assert "repository" not in result
    assert f"hf upload author/quay {job.folder / 'adapter'}" in caplog.text


def test_only_at_the_end_means_once(tmp_path) -> None:
    hub = FakeHub()
    uploader = Uploader(hub, "author/price", settings(push_to_hub=True, run_name="price", hub_strategy="end"))
    (tmp_path / "adapter_model.safetensors").write_text("")
    uploader.on_save(None, None, None)  # type: ignore[arg-type]
    assert hub.uploads == []
    assert uploader.upload(tmp_path, "The voice")
    assert hub.uploads == [("author/price", "The voice", ("adapter_model.safetensors",))]


def test_the_clients_own_retries_are_not_logged() -> None:
    hub_client()
    assert not logging.getLogger("huggingface_hub.utils._http").isEnabledFor(logging.WARNING)
