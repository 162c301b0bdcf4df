"""A merged model as one GGUF file for llama.cpp, Ollama and LM Studio, and the proof that it is the same model."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from style_tuner.errors import ModelError
from style_tuner.tokenizer import load_tokenizer
from style_tuner.tuning.check import check_model
from style_tuner.tuning.checkpoints import LEAST_FREE, disk_errors
from style_tuner.tuning.comparing import PROBE, agreement, answers, divergence
from style_tuner.tuning.destination import check_destination
from style_tuner.tuning.quiet import quiet_libraries
from style_tuner.tuning.shards import merged_size
from style_tuner.workspace import PROJECT_ROOT

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)
Report = Callable[[int, int, str], None]
Quantization = Literal["f16", "bf16", "q8_0", "q4_k_m"]
QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)
CONVERTER = PROJECT_ROOT / ".llama.cpp"
LEAST_AGREEMENT = {"f16": 0.95, "bf16": 0.95, "q8_0": 0.85, "q4_k_m": 0.75}
"""Smallest share of tokens for which file and model name the same likeliest next token; small models flip the most."""
MOST_DIVERGENCE = {"f16": 0.001, "bf16": 0.001, "q8_0": 0.02, "q4_k_m": 0.1}
"""Largest mean Kullback-Leibler divergence of the file from the model, nats a token: on the starter model, whose six
layers forgive least, 0.00000002 were seen for f16, 0.0002 for q8_0 and 0.02 for q4_k_m (92 % of first choices)."""
SHARE = {"f16": 1.0, "bf16": 1.0, "q8_0": 0.55, "q4_k_m": 1.35}
"""What an export takes of the disk against the model in bfloat16; the last is quantised from a file in float16."""
# The last is what NumPy says of a write that ended half-way.
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|\d+ requested and \d+ written")
_GENERATION_TAG = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")


@dataclass(frozen=True)
class GgufReport:
    """A GGUF file and how it compares with the model it was made from; the divergence is in nats a token."""

    output: str
    quantization: Quantization
    bytes: int
    divergence: float
    agreement: float
    tokens_compared: int
    seconds: float


def export_gguf(
    model: Path, output: Path, quantization: Quantization = "q8_0", report: Report | None = None
) -> GgufReport:
    """Write a whole model's folder as the new file `output`, and check it against the folder.

    Raises `StorageError` if `output` exists, `ModelError` if the model is not whole, the converter or llama.cpp's
    quantiser is missing, or the file does not read and answer as the model does.
    """
    quiet_libraries()
    began = time.monotonic()
    tell = report or (lambda step, total, what: log.info("%d/%d %s", step, total, what))
    check_destination(output, gguf_size(merged_size(str(model)), quantization))
    converter, quantizer = find_converter(), find_quantizer() if quantization == "q4_k_m" else None
    tell(0, 3, "checking the model")
    found = check_model(model)
    if not found.ok:
        raise ModelError(f"{model} is not a whole model: {' '.join(found.findings)}")
    with disk_errors(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as place:
            new = Path(place) / output.name
            tell(1, 3, "converting")
            with _with_plain_template(model) as folder:
                first = Path(place) / "f16.gguf" if quantizer else new
                kind = "f16" if quantizer else quantization
                _run(
                    [
                        sys.executable, "-m", "style_tuner.tuning.gguf_runner", str(converter), str(folder),
                        "--outfile", str(first), "--outtype", kind,
                    ],
                    Path(place),
                )  # fmt: skip
            if quantizer:
                _run([str(quantizer), str(first), str(new), "Q4_K_M"], Path(place))
                first.unlink()
            tell(2, 3, "asking the file")
            apart, alike, tokens = compare(model, new, found.parameters)
            _accept(quantization, apart, alike)
            new.rename(output)
    tell(3, 3, "exported")
    return GgufReport(
        output=str(output),
        quantization=quantization,
        bytes=output.stat().st_size,
        divergence=apart,
        agreement=alike,
        tokens_compared=tokens,
        seconds=round(time.monotonic() - began, 1),
    )


def gguf_size(merged: int, quantization: Quantization) -> int:
    """Return the bytes that an export takes at its largest, of a model that takes `merged` bytes in bfloat16."""
    return round(merged * SHARE[quantization])


def find_converter() -> Path:
    """Return the folder of llama.cpp's converter: LLAMA_CPP, what `make gguf` fetched, or a `ModelError`."""
    given = os.environ.get("LLAMA_CPP")
    for folder in [*([Path(given).expanduser()] if given else []), CONVERTER]:
        if (folder / "convert_hf_to_gguf.py").is_file() and (folder / "conversion").is_dir():
            return folder
    if given:
        raise ModelError(f"LLAMA_CPP is {given}, where there is no convert_hf_to_gguf.py: name llama.cpp's folder.")
    raise ModelError("llama.cpp's converter is not here: run `make gguf` once, a download of 77 MB, and export again.")


def find_quantizer() -> Path:
    """Return llama.cpp's `llama-quantize`, which is compiled and comes with an installed llama.cpp."""
    given = Path(os.environ.get("LLAMA_CPP", "."))
    found = shutil.which("llama-quantize") or shutil.which("llama-quantize", path=str(given / "build" / "bin"))
    if found is None:
        raise ModelError(
            "Q4_K_M needs llama.cpp's `llama-quantize`, which is not on this machine: install llama.cpp, or set "
            "LLAMA_CPP to its folder; or export q8_0, which needs neither."
        )
    return Path(found)


@contextmanager
def _with_plain_template(model: Path) -> Iterator[Path]:
    """Give a folder of links to the model's files whose chat template has no marks that only training reads."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / model.name
        folder.mkdir()
        for file in model.iterdir():
            if file.name != "chat_template.jinja":
                (folder / file.name).symlink_to(file.resolve())
        template = model / "chat_template.jinja"
        if template.is_file():
            plain = _GENERATION_TAG.sub("", template.read_text(encoding="utf-8"))
            (folder / template.name).write_text(plain, encoding="utf-8")
        yield folder


def _run(command: list[str], place: Path) -> None:
    """Run what writes a file to `place`; an `OSError` if the disk is full, a `ModelError` if it fails otherwise."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL)
    log.info("%s", done.stderr.strip())
    if done.returncode != 0:
        if _NO_SPACE.search(done.stderr) or shutil.disk_usage(place).free < LEAST_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise ModelError(
            f"{Path(command[0]).name} could not write the GGUF file ({last[0]}): llama.cpp may not know this kind of "
            "model yet. A newer llama.cpp can be named with LLAMA_CPP; the merged model itself is whole."
        )


def compare(model: Path, file: Path, parameters: int) -> tuple[float, float, int]:
    """Return mean divergence, share of like first choices, and how many tokens of the probe were compared.

    In float32 unless memory is too short for that many parameters. Raises `ModelError` where the file reads text as
    other tokens than the model does.
    """
    import psutil
    import torch

    tokens = _same_tokens(load_tokenizer(str(model)), file)
    needed = 5 * parameters  # 4 bytes each, and room to work
    dtype = torch.float32 if psutil.virtual_memory().available > needed else torch.bfloat16
    expected, found = (_answer(source, tokens, dtype) for source in (model, file))
    return divergence(expected, found).mean().item(), agreement(expected, found), len(tokens)


def _same_tokens(tokenizer: PreTrainedTokenizerBase, file: Path) -> list[int]:
    """Return the tokens of the probe, which model and file must read alike."""
    from transformers import AutoTokenizer

    other = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    text = "\n\n".join(message.content for message in PROBE) + " 1997 — naïve cafés; “no”…\n"
    expected, found = (one(text).input_ids for one in (tokenizer, other))
    if list(expected) != list(found):
        raise ModelError(
            f"{file.name} reads text as other tokens than the model does, so it would write nonsense: nothing was "
            "kept. Export with a newer llama.cpp (LLAMA_CPP), and report the model's name."
        )
    return list(expected)


def _answer(source: Path, tokens: list[int], dtype: torch.dtype) -> torch.Tensor:
    """Return log probabilities (tokens, vocabulary) of a model folder or a GGUF file, float32."""
    from transformers import AutoModelForCausalLM

    model: Any
    if source.is_dir():
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    else:
        model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=dtype)
    return answers(model, [tokens])


def _accept(quantization: Quantization, divergence: float, agreement: float) -> None:
    most, least = MOST_DIVERGENCE[quantization], LEAST_AGREEMENT[quantization]
    if divergence > most or agreement < least:
        raise ModelError(
            f"The {quantization} file does not answer as the model does: {divergence:.4f} nats a token apart (at most "
            f"{most}), the same likeliest token for {agreement:.0%} (at least {least:.0%}). Nothing was kept: export "
            "with less loss (q8_0, or f16)."
        )
