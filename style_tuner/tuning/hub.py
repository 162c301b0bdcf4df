"""The Hugging Face Hub: asked before anything long starts, and given the voice where the settings say so."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.errors import ModelError
from style_tuner.tuning.hub_rights import missing_right, repository_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from transformers import TrainerControl, TrainerState, TrainingArguments

log = logging.getLogger(__name__)
HUB = "https://huggingface.co"
TOKENS = f"{HUB}/settings/tokens"
VOICE_FILES = ["*.safetensors", "*.json", "*.jinja", "README.md"]
"""What of a checkpoint is the voice; the optimiser's state and the trainer's own files stay here."""
NEVER = ["trainer_state.json", "*/**"]
Kind = Literal["model", "dataset"]


def hub_client() -> HfApi:
    """Return the client of the Hub; it reads HF_TOKEN from the environment by itself.

    Of each of its new tries it would write two lines; what comes of them is said in a sentence.
    """
    from huggingface_hub import HfApi

    logging.getLogger("huggingface_hub.utils._http").setLevel(logging.ERROR)
    return HfApi()


@contextmanager
def hub_errors(name: str, kind: Kind, has_token: bool) -> Iterator[None]:
    """Turn a refusal of the Hub into a sentence with the remedy; a missing network is left to the caller."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    page = f"{HUB}/{'datasets/' if kind == 'dataset' else ''}{name}"
    try:
        yield
    except GatedRepoError as error:
        if not has_token:
            raise ModelError(
                f"The {kind} {name} is behind a licence and there is no access token: accept the licence on {page}, "
                f"make a token on {TOKENS}, and set HF_TOKEN to it."
            ) from error
        raise ModelError(
            f"The account of this HF_TOKEN has not been let in to the {kind} {name}: accept its licence on {page} and "
            "wait until the page says that access was granted. A fine-grained token must also allow reading gated "
            f"repositories ({TOKENS})."
        ) from error
    except RepositoryNotFoundError as error:
        private = "the account of this HF_TOKEN may not read it" if has_token else "it is private and HF_TOKEN is unset"
        raise ModelError(
            f"The Hub has no {kind} {name}, or {private}: check the spelling on {page}, or name a folder on this disk."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == 401:
            raise ModelError(
                f"The Hub does not accept this HF_TOKEN: it is mistyped or was revoked. Make a new one on {TOKENS}."
            ) from error
        if status == 403:
            raise ModelError(
                f"This HF_TOKEN does not allow that for the {kind} {name}: make one that does on {TOKENS}."
            ) from error
        raise ModelError(f"The Hub answered {status} for the {kind} {name}: try again in a while.") from error


def check_access(name: str, kind: Kind, hub: HfApi) -> bool:
    """Return whether the Hub can be reached and lets us read `name`; raise a `ModelError` where it refuses."""
    from httpx2 import HTTPError

    try:
        with hub_errors(name, kind, has_token(hub)):
            hub.auth_check(name, repo_type=kind)
    except (HTTPError, OSError) as error:  # no network, or told not to use it
        log.info("The Hub cannot be reached (%s).", str(error).splitlines()[0] if str(error) else type(error).__name__)
        return False
    return True


def has_token(hub: HfApi) -> bool:
    """Say whether there is an access token: the client's own, HF_TOKEN, or one that `hf auth login` kept."""
    from huggingface_hub import get_token

    return bool(hub.token or get_token())


def check_base_model(config: TrainingConfig, hub: HfApi) -> None:
    """Raise a `ModelError` where the base model can be had neither from the Hub nor from the cache on this disk."""
    name = resolve_model(config.base_model)
    if not is_hub_name(name):
        return
    missing = missing_from_cache(name)
    if not missing:
        return
    if check_access(name, "model", hub):
        if "config.json" not in missing:
            log.info("%s is here in part; the rest is downloaded now: %s.", name, ", ".join(missing))
        return
    if "config.json" in missing:
        raise ModelError(
            f"The base model {name} is not on this disk and the Hub cannot be reached: connect to the network (and "
            f"unset HF_HUB_OFFLINE), or run `hf download {name}` elsewhere and set base_model to that folder."
        )
    raise ModelError(
        f"The download of {name} is incomplete ({', '.join(missing)} missing) and the Hub cannot be reached: connect "
        f"to the network (and unset HF_HUB_OFFLINE) and run `hf download {name}`, which goes on where it stopped."
    )


def missing_from_cache(name: str) -> list[str]:
    """Return which files of a Hub model are not in the cache on this disk, as far as can be told without the Hub."""
    if _cached(name, "config.json") is None:
        return ["config.json"]
    missing = [file for file in ("tokenizer_config.json",) if _cached(name, file) is None]
    if _cached(name, "model.safetensors"):
        return missing
    index = _cached(name, "model.safetensors.index.json")
    if index is None:
        return [*missing, "model.safetensors"]
    shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    return missing + [shard for shard in shards if _cached(name, shard) is None]


def _cached(name: str, file: str) -> Path | None:
    from huggingface_hub import constants, try_to_load_from_cache

    found = try_to_load_from_cache(name, file, cache_dir=constants.HF_HUB_CACHE)
    return Path(found) if isinstance(found, str) else None


def check_upload(config: TrainingConfig, hub: HfApi) -> str | None:
    """Return the repository that the voice is to be uploaded to, None if to none.

    Raises `ModelError` where there is no token that may write there, the name is none, or the repository is public
    against the settings.
    """
    from httpx2 import HTTPError
    from huggingface_hub.errors import RepositoryNotFoundError

    if not config.push_to_hub:
        return None
    if not has_token(hub):
        raise ModelError(
            f"The Hub is to get the voice, but there is no access token: make one that may write on {TOKENS} and set "
            "HF_TOKEN to it. A run that is not to be uploaded has push_to_hub: false."
        )
    named = config.hub_model_id or str(config.run_name)
    try:
        with hub_errors(named, "model", True):
            account = hub.whoami()
        repository = repository_of(named, account["name"])
        if missing := missing_right(repository, account, TOKENS):
            raise ModelError(f"The Hub is to get the voice, but {missing}")
        try:
            private = hub.model_info(repository).private
        except RepositoryNotFoundError:
            return repository
        with hub_errors(repository, "model", True):
            hub.auth_check(repository, write=True)
    except (HTTPError, OSError) as error:
        raise ModelError(
            f"The Hub is to get the voice, but cannot be reached ({error}): connect to the network, or train with "
            "push_to_hub: false and `push` the voice later."
        ) from error
    if config.hub_private_repo and private is False:
        raise ModelError(
            f"The repository {repository} exists and is public, while hub_private_repo is true: make it private on "
            f"{HUB}/{repository}/settings, name another hub_model_id, or set hub_private_repo to false."
        )
    return repository


class Uploader:
    """Uploads the voice to one repository of the Hub; `train` joins it to `transformers.TrainerCallback`.

    A failed upload is logged and ends no training: the next one, or the one at the end, brings all of it.
    """

    def __init__(self, hub: HfApi, repository: str, config: TrainingConfig) -> None:
        self.hub = hub
        self.repository = repository
        self.config = config
        self._made = False

    def on_save(self, arguments: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any) -> None:
        """Upload the checkpoint that was just written, where the settings ask for every one."""
        if self.config.hub_strategy == "every_save":
            step = state.global_step
            self.upload(Path(str(arguments.output_dir)) / f"checkpoint-{step}", f"Step {step} of {state.max_steps}")

    def upload(self, folder: Path, message: str) -> bool:
        """Upload the voice in `folder` and return whether that worked."""
        from httpx2 import HTTPError

        try:
            if not self._made:
                self.hub.create_repo(self.repository, private=self.config.hub_private_repo, exist_ok=True)
                self._made = True
            self.hub.upload_folder(
                repo_id=self.repository,
                folder_path=folder,
                commit_message=message,
                allow_patterns=VOICE_FILES,
                ignore_patterns=NEVER,
            )
        except (HTTPError, OSError) as error:
            log.warning(
                "The upload to %s failed (%s); the training goes on. Later: hf upload %s %s",
                self.repository,
                str(error).splitlines()[0] if str(error) else type(error).__name__,
                self.repository,
                folder,
            )
            return False
        log.info("Uploaded to %s/%s: %s.", HUB, self.repository, message)
        return True
