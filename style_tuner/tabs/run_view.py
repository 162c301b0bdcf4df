"""What a training run was made with, and what its probe of the memory settled, in words."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml
from markupsafe import Markup

from style_tuner.config import TrainingConfig, validated
from style_tuner.records import Run
from style_tuner.tabs import views
from style_tuner.workspace import Workspace, read_json


def settled(workspace: Workspace, run: Run) -> Markup:
    """Say what the two steps at the longest rows changed, so that the run fits into memory."""
    path = workspace.runs / run.id / "settings.json"
    kept = read_json(path) if path.is_file() else {}
    batch = kept.get("batch")
    if not batch:
        return Markup("")
    asked = kept["config"]
    said = []
    if batch["per_device_batch_size"] != asked["per_device_batch_size"]:
        said.append(
            f"Memory was full with {asked['per_device_batch_size']} rows at a time: it trains with "
            f"{batch['per_device_batch_size']}, and {batch['gradient_accumulation_steps']} batches to a step. The "
            "result is the same, a little later."
        )
    if batch["keep_activations"] != asked["keep_activations"]:
        said.append("Memory was too small to keep what one pass leaves behind: it is computed twice.")
    return views.sentence(" ".join(said) or "Two steps at the longest rows fitted into memory.", "caption")


def made_with(workspace: Workspace, run: Run) -> Markup:
    """Return the settings, rows, packages and hardware of a run, so that it can be made again."""
    path = workspace.runs / run.id / "settings.json"
    if not path.is_file():
        return Markup("")
    kept = read_json(path)
    config = validated(TrainingConfig, kept["config"], str(path))
    machine = kept.get("hardware", {})
    gpus = ", ".join(gpu["name"] for gpu in machine.get("gpus", [])) or "no GPU"
    packages = ", ".join(f"{name} {version}" for name, version in kept.get("packages", {}).items())
    rows = [
        ("Method", config.technique),
        ("Base model", config.base_model),
        ("Rows", kept["dataset"]),
        ("Their SHA-256", kept.get("rows_hash", "")),
        ("Settings' hash", run.config_hash),
        ("Packages", packages),
        ("Hardware", f"{gpus}, {machine['cores']} cores, {machine['system']}" if machine else ""),
    ]
    table = views.table("Made with", ["What", "In this run"], [row for row in rows if row[1]])
    settings = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    curves = shlex.join(["tensorboard", "--logdir", str(path.parent / Path(config.output_dir).expanduser())])
    board = Markup("<p class='sentence command'>The same curves in TensorBoard: <code>{}</code></p>").format(curves)
    return table + (board if "tensorboard" in config.report_to else "") + views.details("All its settings", settings)
