"""A trained voice to take away: a GGUF file, a folder for Ollama, a zip for another machine, or a place on the Hub.

Manuscripts and rows are in none of them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from style_tuner import jobs, stages
from style_tuner.bin import size
from style_tuner.card import model_card, public_name
from style_tuner.config import SamplingConfig, TrainingConfig, resolve_model
from style_tuner.errors import JobError, ModelError
from style_tuner.jobs import Job
from style_tuner.training import kept_settings
from style_tuner.tuning.destination import check_destination, check_room, let_others_read
from style_tuner.tuning.gguf import Quantization, export_gguf, gguf_size
from style_tuner.tuning.hub import HUB, Uploader, check_upload
from style_tuner.tuning.ollama import modelfile
from style_tuner.tuning.shards import merged_size
from style_tuner.workspace import Workspace, new_folder, read_json, write_text
from style_tuner.zips import INSTRUCTIONS, write_zip

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Target = Literal["gguf", "ollama", "zip"]
TARGETS: tuple[Target, ...] = get_args(Target)
Part = Literal["adapter", "merged"]
PARTS: tuple[Part, ...] = get_args(Part)
"""Folders of a run that are the voice."""
SERVE_IT = {
    "merged": "- `merged/` is a whole model in bfloat16: `vllm serve merged`.",
    "adapter": """- `adapter/` is the voice alone: `vllm serve {base} --enable-lora --max-lora-rank {rank}
  --lora-modules {name}=adapter`, with the base model there.""",
    "settings": "- `settings.json` holds the settings of the training.",
}
TO_OLLAMA = "ollama create {name} -f Modelfile && ollama run {name}"


def export_voice(workspace: Workspace, run_id: str, to: Target, quantization: Quantization, own: Job) -> Path:
    """Export a run's voice into the workspace's exports, merging it first where that was not done; return where to."""
    folder = workspace.runs / run_id
    jobs.load(workspace, run_id)
    if not any((folder / part).is_dir() for part in PARTS):
        raise JobError(f"The run {run_id!r} has no trained voice yet: let it train, or resume it.")
    names = {"gguf": f"{run_id}-{quantization}.gguf", "ollama": f"{run_id}-ollama", "zip": f"{run_id}.zip"}
    path = workspace.exports / names[to]
    _check_room(workspace, run_id, path, to, quantization)
    if not (folder / "merged").is_dir():
        stages.merge_run(workspace, run_id, own)
    if to == "gguf":
        own.result = asdict(export_gguf(folder / "merged", path, quantization, own.report))
        own.message = f"One file for llama.cpp, Ollama or LM Studio: {path}"
    elif to == "ollama":
        path = _for_ollama(workspace, run_id, quantization, own)
    else:
        _zip(workspace, run_id, path)
        own.result = {"output": str(path), "bytes": path.stat().st_size}
        own.message = f"Everything for another machine, without your manuscripts: {path}"
    return path


def _check_room(workspace: Workspace, run_id: str, path: Path, to: Target, quantization: Quantization) -> None:
    """Raise a `StorageError` where what is to be exported, and merged before it, cannot be written."""
    folder = workspace.runs / run_id
    there = (folder / "merged").is_dir()
    config, _ = kept_settings(workspace, run_id)
    merged = merged_size(str(folder / "merged") if there else resolve_model(config.base_model))
    taken = gguf_size(merged, quantization) if to != "zip" else merged + size(folder / "adapter")
    needed = taken + (0 if there else merged)
    if to == "ollama":  # a folder of its own, with a number where there is one
        check_room(path, needed)
    else:
        check_destination(path, needed)


def _for_ollama(workspace: Workspace, run_id: str, quantization: Quantization, own: Job) -> Path:
    merged = workspace.runs / run_id / "merged"
    name = f"{run_id}-{quantization}.gguf"
    text = modelfile(merged, name, system_prompt_of(workspace, run_id), SamplingConfig())
    path = new_folder(workspace.exports, f"{run_id}-ollama")
    try:
        own.result = asdict(export_gguf(merged, path / name, quantization, own.report)) | {"output": str(path)}
        write_text(path / "Modelfile", text)
    except BaseException:
        shutil.rmtree(path)
        raise
    let_others_read(path)
    own.message = f"In {path}: {TO_OLLAMA.format(name=run_id)}"
    return path


def system_prompt_of(workspace: Workspace, run_id: str) -> str:
    """Return the system prompt of the rows that a run was trained on; empty for rows of another format."""
    _, dataset = kept_settings(workspace, run_id)
    described = Path(dataset) / "dataset.json"
    return str(read_json(described).get("system_prompt", "")) if described.is_file() else ""


def _zip(workspace: Workspace, run_id: str, path: Path) -> None:
    """Write adapter, merged model, settings and figures of a run, and how to use them."""
    folder = workspace.runs / run_id
    config, _ = kept_settings(workspace, run_id)
    there = [part for part in ("merged", "adapter") if (folder / part).is_dir()]
    lines = [SERVE_IT[part] for part in (*there, "settings")]
    serve_it = f"\n{INSTRUCTIONS}\n\n" + "\n".join(lines) + "\n"
    told = serve_it.format(base=public_name(config), name=run_id, rank=config.lora_r)
    texts = {"README.md": model_card(workspace, run_id) + told, "settings.json": config.model_dump_json(indent=2)}
    files = {}
    for file in (file for part in there for file in sorted((folder / part).rglob("*")) if file.is_file()):
        name = str(file.relative_to(folder))
        if file.name == "adapter_config.json":
            texts[name] = _public_adapter(file, config)
        elif file.name != "README.md":  # PEFT's own is an empty form
            files[name] = file
    write_zip(path, run_id, texts, files)


def _public_adapter(settings: Path, config: TrainingConfig) -> str:
    """Return an adapter's settings without the base model's folder on this disk, which is nobody's business."""
    return json.dumps(read_json(settings) | {"base_model_name_or_path": public_name(config)}, indent=2)


def push_voice(
    workspace: Workspace, run_id: str, part: Part, repository: str | None, private: bool, hub: HfApi, own: Job
) -> str:
    """Upload adapter or merged model with its card to a repository of the Hub, named as the run by default.

    A voice that is not merged is merged first, and before that the Hub is asked whether it will take it. Raises
    `ModelError` where it refuses, a repository is public that is to be private, or the upload fails.
    """
    run = workspace.runs / run_id
    folder = run / part
    config, _ = kept_settings(workspace, run_id)
    if not folder.is_dir() and not (part == "merged" and (run / "adapter").is_dir()):
        whole = (run / "merged").is_dir()
        remedy = "push its merged model, which is there" if whole else "let it train, or resume it"
        raise JobError(f"The run {run_id!r} has no folder {part!r}: {remedy}.")
    asked = {"push_to_hub": True, "hub_model_id": repository, "run_name": run_id, "hub_private_repo": private}
    wanted = config.model_copy(update=asked)
    name = check_upload(wanted, hub)
    if not folder.is_dir():
        stages.merge_run(workspace, run_id, own)
    own.report(0, 1, f"Uploading to {name}")
    with tempfile.TemporaryDirectory() as place:
        for file in folder.iterdir():
            (Path(place) / file.name).symlink_to(file.resolve())
        settings = Path(place) / "adapter_config.json"
        if settings.exists():
            text = _public_adapter(settings, config)
            settings.unlink()
            write_text(settings, text)
        write_text(Path(place) / "README.md", model_card(workspace, run_id))
        if not Uploader(hub, str(name), wanted).upload(Path(place), f"{run_id}, {part}"):
            raise ModelError(f"The upload to {name} failed: check the connection and push again; nothing is lost here.")
    own.report(1, 1, "Uploaded")
    own.result = {"repository": str(name), "private": private}
    own.message = f"{HUB}/{name} ({'private' if private else 'public'})"
    return str(name)
