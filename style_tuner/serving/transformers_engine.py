"""`transformers serve`: its command line, and the folder of links in which it finds the models by name."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from style_tuner.config import ServingConfig, is_hub_name
from style_tuner.errors import ServerError
from style_tuner.hardware import gpus
from style_tuner.privacy import quiet_environment
from style_tuner.serving.plan import Plan
from style_tuner.serving.voices import BASE, Voice
from style_tuner.workspace import read_json, storage_errors, write_json, write_text

_REVISION = "0" * 40


def transformers_plan(
    config: ServingConfig, base_model: str, voices: Sequence[Voice], folder: Path, follow: bool
) -> Plan:
    """Return how `transformers serve` serves a base model and merged voices; `folder` is its own.

    It looks for models whenever it is asked, so that to `follow` the workspace takes a folder of links more.
    """
    models = {BASE: base_model}
    for voice in voices:
        if voice.merged is None:
            raise ServerError(
                f"The voice {voice.name!r} is an adapter, and transformers serves merged models only: run "
                f"`python -m style_tuner merge --base-model {base_model} --adapter {voice.adapter} --output FOLDER` "
                f"and serve that folder, or install vLLM with `make vllm`."
            )
        models[voice.name] = str(voice.merged)
    hub = folder / "hub"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", "--host", config.host]
    command += ["--port", str(config.port), "--device", "auto" if gpus() else "cpu", "--model-timeout", "3600"]
    # The engine sees our folders as its whole cache, offline: the names work, and nothing else can be loaded.
    environment = quiet_environment() | {"HF_HUB_CACHE": str(hub), "HF_HUB_OFFLINE": "1"}

    def admit(voice: Voice, again: bool) -> None:
        if again:
            raise ServerError("It was merged anew since the server began: stop the server and start it again.")
        with storage_errors(hub):
            _link(voice.name, str(voice.merged), hub)

    return Plan(
        engine="transformers",
        command=tuple(command),
        environment=environment,
        models=models,
        prepare=lambda: _lay_out(models, hub),
        admit=admit if follow else None,
        preload=tuple(models)[:2],
    )


def _lay_out(models: Mapping[str, str], hub: Path) -> None:
    """Present the models under their names as a Hugging Face cache, the way in which the engine finds and lists them.

    The files are links. Only the generation settings are a copy, with `do_sample` on: the engine ignores a request's
    temperature where the model's own settings do not sample.
    """
    with storage_errors(hub):
        if hub.exists():
            shutil.rmtree(hub)
        for name, model in models.items():
            _link(name, model, hub)


def _link(name: str, model: str, hub: Path) -> None:
    source = _local_folder(model)
    repository = hub / f"models--{name}"
    if repository.exists():  # an engine that crashed had it
        shutil.rmtree(repository)
    snapshot = repository / "snapshots" / _REVISION
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    write_text(repository / "refs" / "main", _REVISION)
    for file in source.iterdir():
        if file.is_file() and file.name != "generation_config.json":
            (snapshot / file.name).symlink_to(file.resolve())
    write_json(snapshot / "generation_config.json", _sampling_on(source))


def _sampling_on(source: Path) -> dict[str, Any]:
    """Return the model's generation settings, or those that its config implies, with sampling on."""
    path = source / "generation_config.json"
    if path.is_file():
        return dict(read_json(path)) | {"do_sample": True}
    config = read_json(source / "config.json")
    ids = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {key: config[key] for key in ids if config.get(key) is not None} | {"do_sample": True}


def _local_folder(model: str) -> Path:
    """Return a model's folder; a Hub model is fetched into the user's own cache first."""
    if not is_hub_name(model):
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    wanted = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise ServerError(
            f"The model {model} could not be fetched from the Hugging Face Hub: {error}. Check the connection and, "
            "for models behind a licence, HF_TOKEN; or name a model folder instead."
        ) from error
