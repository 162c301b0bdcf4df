"""Fetch llama.cpp's own converter to GGUF into `.llama.cpp`, from the source package of llama-cpp-python on PyPI (MIT).

Only the converter is kept (some 3 MB of Python): nothing is compiled. It runs in `.venv`, whose newer transformers it
works with; each file that it makes is checked against the model it was made from. Running this again does nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".llama.cpp"
MARKER = FOLDER / "complete"
SOURCE = "llama-cpp-python==0.3.36"
KEPT = ("convert_hf_to_gguf.py", "conversion", "gguf-py", "LICENSE")


def say(text: str) -> None:
    """Tell the user something at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def download(folder: Path) -> Path:
    """Return the source package; pip reads what it needs to build without building it."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python", SOURCE]
    done = subprocess.run([*command, "--dest", str(folder), "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(
            "\n".join([*done.stderr.splitlines()[-5:], f"{SOURCE} could not be downloaded: check the connection."])
        )
    return next(folder.glob("*.tar.gz"))


def main() -> None:
    """Fetch the converter if this version of it is not here yet."""
    if MARKER.is_file() and MARKER.read_text(encoding="utf-8").strip() == SOURCE:
        return
    say(f"Fetching llama.cpp's converter to GGUF ({SOURCE}, a download of 77 MB) ...")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(download(Path(folder))) as archive:
        FOLDER.mkdir(exist_ok=True)
        for member in archive:
            _, mark, name = member.name.partition("/vendor/llama.cpp/")
            if mark and name.split("/")[0] in KEPT:
                member.name = name
                archive.extract(member, FOLDER, filter="data")
    MARKER.write_text(SOURCE + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
