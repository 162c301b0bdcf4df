"""What a run needs of the Hugging Face Hub: what is here already, whether there is an access token, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from style_tuner.config import TrainingConfig, is_hub_name, resolve_model
from style_tuner.dataset.sources import is_hub_dataset
from style_tuner.errors import StyleTunerError
from style_tuner.tabs import views
from style_tuner.tuning import hub
from style_tuner.workspace import time_stamp

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def needed(config: TrainingConfig, source: str | None) -> list[str]:
    """Return in sentences what is fetched from the Hub and what is sent to it; nothing where the run needs neither."""
    said = []
    model = resolve_model(config.base_model)
    missing = hub.missing_from_cache(model) if is_hub_name(model) else []
    if "config.json" in missing:
        said.append(f"{model} is not on this disk: it is downloaded when the run starts.")
    elif missing:
        said.append(f"The download of {model} is incomplete: it goes on where it stopped when the run starts.")
    if source and is_hub_dataset(source):
        said.append(f"The rows of {source} come from the Hub.")
    if config.push_to_hub:
        private = "a private" if config.hub_private_repo else "a public"
        name = config.hub_model_id or str(config.run_name).replace("{time}", "and the time of the start")
        said.append(f"The voice is uploaded to {name}, {private} repository.")
    return said


def state(config: TrainingConfig, source: str | None, client: HfApi) -> Markup:
    """Return what the run needs of the Hub and whether this machine is logged in to it."""
    said = needed(config, source)
    if not said:
        return Markup("")
    if hub.has_token(client):
        said.append("An access token is set (it is not shown).")
    else:
        said.append(
            "No access token is set: models behind a licence and uploads need one. Accept the licence on the model's "
            f"page, make a token on {hub.TOKENS}, and run `hf auth login`, or set HF_TOKEN and start the page again."
        )
    return views.sentence(" ".join(said))


def ask(config: TrainingConfig, source: str | None, client: HfApi) -> Markup:
    """Ask the Hub for everything that the run will ask it for, and say what it refuses and the remedy."""
    if config.run_name:
        config = config.model_copy(update={"run_name": config.run_name.replace("{time}", time_stamp())})
    try:
        hub.check_base_model(config, client)
        repository = hub.check_upload(config, client)
        reached = not (source and is_hub_dataset(source)) or hub.check_access(str(source), "dataset", client)
    except StyleTunerError as error:
        return views.sentence(str(error), "bad")
    if not reached:
        text = f"The Hub cannot be reached for {source}: connect to the network (and unset HF_HUB_OFFLINE)."
        return views.sentence(text, "bad")
    upload = f" The voice will go to {repository}." if repository else ""
    return views.sentence(f"Everything that this run needs of the Hub can be had.{upload}", "good")
