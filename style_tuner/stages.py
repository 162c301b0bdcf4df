"""The stages as the command line and the page run them: a workspace in, files and a plain result out."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from style_tuner import jobs
from style_tuner.config import (
    CONFIGS,
    STARTER_CONFIG,
    DatasetConfig,
    TrainingConfig,
    resolve_model,
    validated,
)
from style_tuner.errors import DatasetError, JobError
from style_tuner.jobs import Job
from style_tuner.records import Manuscript, Message, SetAside
from style_tuner.workspace import Workspace, new_folder, read_json, time_stamp

if TYPE_CHECKING:
    from style_tuner.tuning.handover import Trainer

REASONS = 3
WORLD_FOLDERS = {"world", "worlds", "lore"}


def default_config() -> Path:
    """Return the guide's recipe where there is a GPU, else the starter model's."""
    from style_tuner.hardware import gpus

    return CONFIGS / "qlora_style_transfer.yaml" if gpus() else STARTER_CONFIG


def manuscript_files(path: Path) -> list[Path]:
    """Return the file itself, or the manuscripts in a folder, by name; see `left_out` for what is none there."""
    from style_tuner.manuscripts.read import SUFFIXES

    if path.is_dir():
        others = left_out(path)
        found = [file for file in _texts(path) if file not in others]
        if not found:
            only = (
                f": its {len(others)} files are notes of a world, README, prompts, or of another kind" if others else ""
            )
            raise DatasetError(f"The folder {path} holds no manuscripts ({', '.join(SUFFIXES)}){only}.")
        return found
    if not path.is_file():
        raise DatasetError(f"{path} does not exist: name a file or a folder of manuscripts.")
    return [path]


def left_out(folder: Path) -> list[Path]:
    """Return the files in a folder that are no manuscripts: what is called README or prompts, notes of a world, others.

    A note of a world begins with front matter and lies in a folder called world, worlds or lore, at any depth. Hidden
    files are not looked at.
    """
    texts = _texts(folder)
    others = sorted(file for file in folder.rglob("*") if file.is_file() and not _is_hidden(file, folder))
    return [file for file in others if file not in texts or _is_no_story(file) or is_note(file, folder)]


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _is_no_story(file: Path) -> bool:
    return file.name.lower().startswith("readme") or file.stem.lower() == "prompts"


def is_note(file: Path, folder: Path) -> bool:
    """Say whether a file in a folder is a note of a world."""
    above = {folder.resolve().name.lower(), *(part.lower() for part in file.relative_to(folder).parts[:-1])}
    if file.suffix.lower() != ".md" or not above & WORLD_FOLDERS:
        return False
    with file.open("rb") as note:
        return note.readline(8).strip(b"\xef\xbb\xbf \t\r\n") == b"---"


def _texts(folder: Path) -> list[Path]:
    from style_tuner.manuscripts.read import SUFFIXES

    found = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(file for file in found if not _is_hidden(file, folder))


def prepare_workspace(workspace: Workspace, config: TrainingConfig, own: Job) -> Path:
    """Make a new dataset of the workspace's manuscripts and return its folder."""
    from style_tuner.dataset.system_prompt import edited_prompt
    from style_tuner.manuscripts.store import list_manuscripts

    manuscripts = list_manuscripts(workspace)
    if not manuscripts:
        raise DatasetError(
            f"The workspace {workspace.name!r} has no manuscripts yet: add some on the page, or with "
            "`python -m style_tuner import FILES`."
        )
    folder = new_folder(workspace.datasets, f".{own.folder.name}")
    try:
        own.result = _prepare(manuscripts, config, folder, "train.jsonl", own, edited_prompt(workspace))
    except BaseException:
        shutil.rmtree(folder)
        raise
    final = folder.rename(workspace.datasets / own.folder.name)
    own.result["dataset"] = str(final)
    return final


def prepare_files(inputs: Path, output: Path, config: TrainingConfig, own: Job) -> Path:
    """Make a dataset of a file or folder; `output` is a folder, or the training file with the others beside it."""
    from style_tuner.manuscripts.read import read_manuscript

    manuscripts = [read_manuscript(path) for path in manuscript_files(inputs)]
    folder, name = (output.parent, output.name) if output.suffix == ".jsonl" else (output, "train.jsonl")
    existing = [folder / file for file in (name, "validation.jsonl", "heldout.jsonl") if (folder / file).exists()]
    if existing:
        raise DatasetError(f"{existing[0]} exists and is not overwritten: name another --output, or move it away.")
    folder.mkdir(parents=True, exist_ok=True)
    own.result = _prepare(manuscripts, config, folder, name, own) | {"dataset": str(folder)}
    return folder


def _prepare(
    manuscripts: Sequence[Manuscript],
    config: TrainingConfig,
    folder: Path,
    train_name: str,
    own: Job,
    own_prompt: str | None = None,
) -> dict[str, Any]:
    from style_tuner.dataset.prepare import prepare, write_dataset
    from style_tuner.tokenizer import load_tokenizer

    model = resolve_model(config.base_model)
    tokenizer = load_tokenizer(model)
    prepared = prepare(
        manuscripts,
        config.dataset,
        lambda text: len(tokenizer(text, add_special_tokens=False, verbose=False).input_ids),
        lambda step, total, what: own.report(step, total, what),
        own_prompt,
    )
    write_dataset(prepared, folder, model, config.dataset, train_name)
    own.message = (
        f"{len(prepared.train)} passages for training, {len(prepared.validation)} for validation, "
        f"{len(prepared.held_out)} held out for scoring; {_aside(prepared.set_aside)}."
    )
    return {
        "train": len(prepared.train),
        "validation": len(prepared.validation),
        "held_out": len(prepared.held_out),
        "set_aside": len(prepared.set_aside),
        "system_prompt": prepared.system_prompt,
    }


def _aside(pieces: Sequence[SetAside]) -> str:
    """Say how many pieces are left out of a dataset and why, the most frequent reasons first."""
    reasons = Counter(piece.reason for piece in pieces).most_common(REASONS + 1)
    why = "; ".join(f"{reason}: {number:,}" for reason, number in reasons[:REASONS])
    return f"{len(pieces):,} pieces set aside" + (f" ({why}{'; and others' * (len(reasons) > REASONS)})" if why else "")


def with_dataset_settings(config: TrainingConfig, **changes: Any) -> TrainingConfig:
    """Return the settings with those dataset values changed that are not None."""
    values = config.dataset.model_dump() | {key: value for key, value in changes.items() if value is not None}
    return config.model_copy(update={"dataset": validated(DatasetConfig, values, "The settings")})


def newest_dataset(workspace: Workspace) -> Path:
    """Return the workspace's newest dataset folder."""
    from style_tuner.dataset.prepare import latest_dataset

    folder = latest_dataset(workspace)
    if folder is None:
        raise DatasetError(
            f"The workspace {workspace.name!r} has no dataset yet: press Prepare dataset, or run "
            "`python -m style_tuner prepare`."
        )
    return folder


def rows_source(workspace: Workspace, config: TrainingConfig, dataset: str | Path | None) -> str:
    """Return where the rows to train on are: as named, as the recipe says, or the workspace's newest dataset."""
    named = dataset or config.rows.source
    if not named and config.rows.format not in ("auto", "chat"):
        raise DatasetError(
            f"These settings learn from rows of the format {config.rows.format}, not from manuscripts: name them with "
            "--dataset, a file, a folder, or a dataset of the Hub (owner/name)."
        )
    if not named:
        return str(newest_dataset(workspace))
    path = Path(named).expanduser()
    return str(path.resolve()) if path.exists() else str(named)


def merge_run(workspace: Workspace, run_id: str, own: Job) -> Path:
    """Merge the adapter of a training run into its base, beside it."""
    from style_tuner.serving.voices import has_voice
    from style_tuner.tuning.merge import merge

    folder = workspace.runs / run_id
    jobs.load(workspace, run_id)
    if not has_voice(folder):
        raise JobError(f"The run {run_id!r} has no trained voice yet: let it train, or resume it.")
    settings = read_json(folder / "settings.json")["config"]
    if settings["method"] == "full":
        raise JobError(
            f"The run {run_id!r} trained every weight, so there is nothing to merge: {folder / 'merged'} is its whole "
            "model already."
        )
    if not (folder / "adapter").is_dir():
        raise JobError(
            f"The folder {folder / 'adapter'} is gone, without which there is nothing to merge: put it back, take a "
            "kept state with `use-checkpoint`, or train again."
        )
    base = settings["base_model"]
    report = merge(
        resolve_model(base), folder / "adapter", folder / "merged", own.report, unseen_by(folder / "adapter")
    )
    own.result = asdict(report)
    return folder / "merged"


def unseen_by(adapter: Path) -> list[tuple[Message, ...]]:
    """Return the passages, with their requests, that the training of an adapter in a run's folder never saw.

    There are none where the adapter lies in no run, or the dataset is gone.
    """
    from style_tuner.dataset.chat_jsonl import read_examples

    settings = (folder / "settings.json" for folder in adapter.resolve().parents if (folder / "run.json").is_file())
    kept = next((path for path in settings if path.is_file()), None)
    if kept is None:
        return []
    held_out = Path(read_json(kept)["dataset"]) / "heldout.jsonl"
    return [example.messages for example in read_examples(held_out)] if held_out.is_file() else []


def export_run(workspace: Workspace, run_id: str, to: Trainer, output: Path) -> Path:
    """Write a training run's settings and rows for another trainer; return the configuration's file."""
    from style_tuner.tuning.handover import hand_over

    jobs.load(workspace, run_id)
    settings = workspace.runs / run_id / "settings.json"
    if not settings.is_file():
        raise JobError(f"The run {run_id!r} holds no training settings: name a training run.")
    kept = read_json(settings)
    return hand_over(validated(TrainingConfig, kept["config"], str(settings)), kept["dataset"], to, output)


def trained_runs(workspace: Workspace) -> list[str]:
    """Return the ids of training runs that left a voice, the newest first."""
    from style_tuner.serving.voices import has_voice

    return [run.id for run in jobs.runs(workspace, "train") if has_voice(workspace.runs / run.id)]


def newest_voice(workspace: Workspace) -> str:
    """Return the id of the newest training run that left a voice."""
    found = trained_runs(workspace)
    if not found:
        raise JobError(f"The workspace {workspace.name!r} has no trained voice yet: run `python -m style_tuner train`.")
    return found[0]


def new_score_file(workspace: Workspace) -> Path:
    """Return a path for a new score, named by time."""
    return workspace.scores / f"{time_stamp()}-{time.time_ns() % 1_000_000:06d}.json"
