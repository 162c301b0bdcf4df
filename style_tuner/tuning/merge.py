"""Merge an adapter into a plain bfloat16 model, and prove that the result answers as the adapter does."""

from __future__ import annotations

import logging
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from style_tuner.bin import size
from style_tuner.errors import ModelError, StorageError
from style_tuner.tuning.adapters import check_adapter, with_adapter
from style_tuner.tuning.check import check_model
from style_tuner.tuning.checkpoints import disk_errors
from style_tuner.tuning.comparing import Conversation
from style_tuner.tuning.destination import check_destination, let_others_read, unfinished
from style_tuner.tuning.likeness import Likeness, compare, expect, tokenizer_of
from style_tuner.tuning.model import load_weights
from style_tuner.tuning.quiet import quiet_libraries
from style_tuner.tuning.shards import MARK, begun, merge_shards, merged_size

log = logging.getLogger(__name__)
Report = Callable[[int, int, str], None]
SHARD_SIZE = "5GB"


@dataclass(frozen=True)
class MergeReport(Likeness):
    """A merged model, and how it compares with base and adapter."""

    output: str
    base_model: str
    adapter: str
    parameters: int
    bytes: int
    seconds: float


def merge(
    base_model: str,
    adapter: Path,
    output: Path,
    report: Report | None = None,
    held_out: Sequence[Conversation] = (),
) -> MergeReport:
    """Merge `adapter` into a bfloat16 copy of `base_model`, write it to the new folder `output`, and check it.

    Adapter and merged model are compared over the passages `held_out`.

    The folder appears whole or not at all, with weights, tokenizer, chat template and generation config. A merge that
    was interrupted goes on with the weight files that it lacks.

    Raises `StorageError` if `output` exists or cannot be written, `ModelError` if base or adapter are missing, damaged
    or do not belong together, or if the merged model does not answer as the adapter does.
    """
    quiet_libraries()
    began = time.monotonic()
    tell = report or (lambda step, total, what: log.info("%d/%d %s", step, total, what))
    new = unfinished(output)
    check_destination(output, merged_size(base_model) - size(new))
    check_adapter(base_model, adapter)
    tell(0, 4, "asking the base model and the adapter")
    tokenizer = tokenizer_of(base_model, adapter)
    expected = expect(base_model, adapter, held_out)
    with _kept_for_later(new), disk_errors(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            tell(1, 4, "merging")
            _write_merged(base_model, adapter, new, lambda done, of: tell(1, 4, f"merging, file {done + 1} of {of}"))
            tokenizer.save_pretrained(new)
            tell(2, 4, "checking the files")
            if not expected.reads_alike(new):
                raise ModelError(
                    f"The merged model's tokenizer reads text as other tokens than that of {adapter}: nothing was "
                    "kept. Serve the voice as it is, and report the base model's name."
                )
            found = check_model(new, plain=not tokenizer.chat_template)
            if not found.ok:
                raise ModelError(f"The merged model is not whole: {' '.join(found.findings)}")
            tell(3, 4, "asking the merged model")
            likeness = compare(new, expected)
            if fault := likeness.fault():
                raise ModelError(
                    f"{fault} Nothing was kept; serve the adapter as it is, and train again with a lower learning rate "
                    "if this repeats."
                )
            (new / MARK).unlink(missing_ok=True)
            let_others_read(new)
            new.rename(output)
        except ModelError:
            shutil.rmtree(new, ignore_errors=True)
            raise
    tell(4, 4, "merged")
    return MergeReport(
        **asdict(likeness),
        output=str(output),
        base_model=base_model,
        adapter=str(adapter),
        parameters=found.parameters,
        bytes=found.bytes,
        seconds=round(time.monotonic() - began, 1),
    )


@contextmanager
def _kept_for_later(folder: Path) -> Iterator[None]:
    """Say of what an interrupted merge leaves where it lies, how to go on with it and how to be rid of it."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, StorageError) as error:
        if not begun(folder):  # nothing that could be gone on with
            shutil.rmtree(folder, ignore_errors=True)
            raise
        said = (
            f"What was merged so far is kept in {folder}, {size(folder) / 1e9:.3f} GB: the same command goes on from "
            f"it. To do without it, delete that folder: rm -r {shlex.quote(str(folder))}"
        )
        if isinstance(error, StorageError):
            raise StorageError(f"{error} {said}") from error
        log.warning("%s", said)
        raise


def _write_merged(base_model: str, adapter: Path, folder: Path, tell: Callable[[int, int], None]) -> None:
    """Write the merged weights file by file, or all at once by PEFT where the adapter is of a rarer kind."""
    import torch

    if merge_shards(base_model, adapter, folder, tell):
        return
    shutil.rmtree(folder, ignore_errors=True)
    model: Any = with_adapter(load_weights(base_model, torch.bfloat16), adapter)
    model.merge_and_unload(safe_merge=True).save_pretrained(folder, max_shard_size=SHARD_SIZE)
