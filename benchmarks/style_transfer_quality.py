"""How near a tuned model writes to the author, against its base model, on requests that training never saw.

    python -m benchmarks.style_transfer_quality --model base --output results/style_base.json
    python -m benchmarks.style_transfer_quality --model finetuned --output results/style_finetuned.json
    python -m benchmarks.style_transfer_quality --compare results/style_base.json results/style_finetuned.json

The models are those of the workspace's running server, or of `--url`. Both get the same held-out requests and seeds.
Every draft is kept as it comes (`<output>.drafts.jsonl`), and the same command goes on where it was cut off. The last
line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it runs as a script, too

from benchmarks.transfer_figures import differences, measured, rounded, with_intervals
from benchmarks.transfer_report import write_report
from style_tuner.config import SamplingConfig, ScoreConfig
from style_tuner.drafting import running_server
from style_tuner.errors import DatasetError, ServerError, StyleTunerError
from style_tuner.scoring import draft_pair, held_out_requests
from style_tuner.serving.client import list_models
from style_tuner.serving.voices import BASE
from style_tuner.stages import newest_dataset
from style_tuner.voice.author import AuthorVoice, voice_of
from style_tuner.workspace import append_jsonl, existing_workspace, read_json, read_jsonl, write_json


def main(arguments: Sequence[str] | None = None) -> None:
    """Write drafts with one model and score them, or compare two sets that were written before."""
    chosen = _parser().parse_args(arguments)
    try:
        result = compare(chosen.compare[0], chosen.compare[1], chosen.panel) if chosen.compare else generate(chosen)
    except StyleTunerError as error:
        sys.exit(str(error))
    print(json.dumps(result, ensure_ascii=False))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", choices=("base", "finetuned"), help="Write drafts with this model and score them.")
    what.add_argument("--compare", nargs=2, type=Path, metavar=("BASE", "TUNED"), help="Compare two outputs.")
    parser.add_argument("--output", type=Path, help="JSON file for drafts and figures (with --model).")
    parser.add_argument("--workspace", default="default", help="Workspace of the author.")
    parser.add_argument("--dataset", type=Path, help="Dataset of the author. Default: the workspace's newest.")
    parser.add_argument("--url", help="Model server, ending in /v1. Default: the workspace's running one.")
    parser.add_argument("--name", help="Name of the model at the server, where it is not plain which is meant.")
    parser.add_argument("--drafts", type=int, default=ScoreConfig().drafts, help="Drafts to write.")
    parser.add_argument("--max-tokens", type=int, default=SamplingConfig().max_tokens, help="Longest draft.")
    parser.add_argument("--panel", type=Path, help="Folder of a panel of your own.")
    return parser


def generate(chosen: argparse.Namespace) -> dict[str, Any]:
    """Write what is missing of the drafts, score them together, and return the figures with their intervals."""
    if chosen.output is None:
        raise DatasetError("Name a file for drafts and figures: --output results/style_base.json.")
    workspace = existing_workspace(chosen.workspace)
    dataset = (chosen.dataset or newest_dataset(workspace)).resolve()
    url = chosen.url or running_server(workspace).url
    name = chosen.name or _served(list_models(url), chosen.model, url)
    sampling = SamplingConfig(max_tokens=chosen.max_tokens)
    settings = {"name": name, "dataset": str(dataset), "sampling": sampling.model_dump()}
    drafts = _drafts(chosen.output.with_suffix(".drafts.jsonl"), settings, url, chosen.drafts)
    texts = [draft["text"] for draft in drafts]
    author = voice_of(dataset, chosen.panel)
    score = author.score(texts)
    found = {"style_score": _score(score)} | with_intervals(measured(texts, author))
    result = {"model": chosen.model, **settings, "score": score, "figures": rounded(found), "drafts": drafts}
    path = write_json(chosen.output, result | {"generic": author.generic(texts), "copying": author.copying(texts)})
    shown = {key: result[key] for key in ("model", "name", "figures")}
    return shown | {"drafts": len(drafts), "words": score["words"], "verdict": score["verdict"], "output": str(path)}


def _served(names: Sequence[str], model: str, url: str) -> str:
    """Return the served name that is meant; a server with one model serves that, whichever it is."""
    if len(names) == 1:
        return names[0]
    others = [name for name in names if name != BASE]
    if model == "base" and BASE in names:
        return BASE
    if model == "finetuned" and BASE in names and len(others) == 1:
        return others[0]
    raise ServerError(f"The server at {url} has {', '.join(names) or 'no model'}: say which is meant with --name.")


def _drafts(path: Path, settings: dict[str, Any], url: str, number: int) -> list[dict[str, Any]]:
    """Return the drafts, those written before first; each is on disk before the next is asked for."""
    requests = held_out_requests(Path(settings["dataset"]))
    kept = read_jsonl(path) if path.exists() else []
    if kept and kept[0] != settings:
        raise DatasetError(f"{path} holds drafts made with other settings: name another output, or move it away.")
    if not kept:
        append_jsonl(path, settings)
    found = kept[1:]
    for place in range(len(found), number):
        print(f"Draft {place + 1} of {number} with {settings['name']}", file=sys.stderr)
        sampling = SamplingConfig(**settings["sampling"])
        (draft,) = draft_pair(url, [settings["name"]], requests, place, sampling)
        append_jsonl(path, asdict(draft))
        found.append(asdict(draft))
    return found[:number]


def compare(base_file: Path, tuned_file: Path, panel: Path | None = None) -> dict[str, Any]:
    """Compare two outputs draft by draft, write the reports beside the second, and return the figures."""
    base, tuned = (_read(path) for path in (base_file, tuned_file))
    for key in ("dataset", "sampling"):
        if base[key] != tuned[key]:
            raise DatasetError(f"{base_file} and {tuned_file} were made with another {key}: make one of them again.")
    pairs = _pairs(base["drafts"], tuned["drafts"])
    if not pairs:
        raise DatasetError(f"{base_file} and {tuned_file} have no request with the same seed in common.")
    author = voice_of(Path(base["dataset"]), panel)
    texts = [[pair[side]["text"] for pair in pairs] for side in (0, 1)]
    found = author.compare(*texts)
    result = _result(found, texts, author) | {
        "names": {"base": base["name"], "tuned": tuned["name"]},
        "pairs": len(pairs),
        "sample": {"prompt": pairs[0][0]["prompt"], "base": texts[0][0], "tuned": texts[1][0]},
    }
    stem = tuned_file.with_name(f"{base_file.stem}-{tuned_file.stem}")
    markdown, page = write_report(result, stem)
    left_out = ("sample", "pairs_drawn", "matches", "checks")
    shown = {key: value for key, value in result.items() if key not in left_out}
    print(f"{result['verdict']}\nReports: {markdown} and {page}", file=sys.stderr)
    return shown | {"markdown": str(markdown), "html": str(page)}


def _result(found: dict[str, Any], texts: Sequence[Sequence[str]], author: AuthorVoice) -> dict[str, Any]:
    base, tuned, apart = differences(*(measured(side, author) for side in texts))
    own = measured(author.held_out, author).figures()
    every: dict[str, Any] = {
        "style_score": {
            "base": _score(found["base"]),
            "tuned": _score(found["tuned"]),
            "difference": _between(found, "difference", "low", "high"),
            "own": _score(found["own"]),
        }
    }
    for name in base:
        beside = None if name == "copied" else {"value": own[name]}  # own passages are the source of copies
        every[name] = {"base": base[name], "tuned": tuned[name], "difference": apart[name], "own": beside}
    checks = {who: [gate["sentence"] for gate in found[who]["gates"] if gate["fired"]] for who in ("base", "tuned")}
    return {
        "verdict": found["verdict"],
        "gap_closed": found["gap_closed"],
        "gap_low": found["gap_low"],
        "gap_high": found["gap_high"],
        "decision_difference": _between(found, "raw_difference", "raw_low", "raw_high"),
        "figures": rounded(every),
        "checks": checks,
        "pairs_drawn": found["tuned"]["figures"],
        "matches": found["tuned"]["comparisons"],
    }


def _score(score: dict[str, Any]) -> dict[str, float] | None:
    return _between(score, "score", "low", "high")


def _between(found: dict[str, Any], value: str, low: str, high: str) -> dict[str, float] | None:
    if found[value] is None:
        return None
    return {"value": found[value], "low": found[low], "high": found[high]}


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = read_json(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}): make it with --model and --output.") from error
    if not isinstance(found, dict) or not {"drafts", "dataset", "sampling", "name"} <= found.keys():
        raise DatasetError(f"{path} is no output of this benchmark: make it with --model and --output.")
    return found


def _pairs(base: Sequence[dict[str, Any]], tuned: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], ...]]:
    """Return the drafts of both that answer the same request with the same seed."""
    known = {(draft["prompt"], draft["seed"]): draft for draft in tuned}
    return [(draft, known[key]) for draft in base if (key := (draft["prompt"], draft["seed"])) in known]


if __name__ == "__main__":
    main()
