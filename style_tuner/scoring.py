"""Score drafts as the author's own text is scored; let base model and voice answer the same held-out requests."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from style_tuner.config import SamplingConfig, ScoreConfig
from style_tuner.dataset.chat_jsonl import read_examples
from style_tuner.drafting import running_server
from style_tuner.errors import DatasetError
from style_tuner.jobs import Job
from style_tuner.manuscripts.read import read_manuscript
from style_tuner.records import Draft, Message
from style_tuner.score_report import held
from style_tuner.stages import manuscript_files, new_score_file, newest_dataset
from style_tuner.voice.author import NOT_CHECKED, AuthorVoice, voice_of
from style_tuner.workspace import Workspace, append_jsonl, write_json

FIRST_SEED = 1000
FURTHEST = 5
SHOWN = 90


def write_pairs(
    url: str, models: Sequence[str], dataset: Path, sampling: SamplingConfig, score: ScoreConfig, own: Job
) -> dict[str, list[Draft]]:
    """Return each model's drafts, pair by pair for the same held-out request and seed.

    At least `score.drafts` each; then more, up to twice as many, until each model has `score.firm_words` words. Each is
    kept in the job's folder as it comes.
    """
    requests = held_out_requests(dataset)
    drafts: dict[str, list[Draft]] = {model: [] for model in models}
    for number in range(score.drafts * 2):
        short = min(sum(draft.words for draft in found) for found in drafts.values()) < score.firm_words
        if number >= score.drafts and not short:
            break
        own.report(number, score.drafts + 1, f"Writing draft {number + 1} with each model")
        for draft in draft_pair(url, models, requests, number, sampling):
            append_jsonl(own.folder / "drafts.jsonl", asdict(draft))
            drafts[draft.model].append(draft)
    return drafts


def held_out_requests(dataset: Path) -> list[tuple[Message, ...]]:
    """Return the requests that neither training nor the choice of a checkpoint has seen."""
    requests = [example.messages[:-1] for example in read_examples(dataset / "heldout.jsonl")]
    if not requests:
        raise DatasetError(f"{dataset} has no held-out rows, so there is nothing to score with: prepare it again.")
    return requests


def draft_pair(
    url: str, models: Sequence[str], requests: Sequence[tuple[Message, ...]], number: int, sampling: SamplingConfig
) -> Iterator[Draft]:
    """Write the draft of this number with each model: the same request and seed, whichever the models are.

    One after the other, for `transformers serve` draws both from one generator.
    """
    from style_tuner.serving.client import complete_chat

    for model in models:
        yield complete_chat(url, model, requests[number % len(requests)], sampling, FIRST_SEED + number)


def compare(dataset: Path, base: Sequence[Draft], voice: Sequence[Draft], panel: Path | None = None) -> dict[str, Any]:
    """Score base, voice and the author's own held-out passages; add the paired difference and the gap closed."""
    texts = [[draft.text for draft in found] for found in (base, voice)]
    comparison = voice_of(dataset, panel).compare(*texts)
    return {
        "models": {base[0].model: comparison["base"], voice[0].model: comparison["tuned"]},
        "comparison": comparison,
        "drafts": {found[0].model: [asdict(draft) for draft in found] for found in (base, voice)},
        "verdict": comparison["verdict"],
    }


def score_models(
    workspace: Workspace,
    models: Sequence[str],
    score: ScoreConfig,
    dataset: Path | None,
    own: Job,
    panel: Path | None = None,
) -> dict[str, Any]:
    """Have a base model and a voice write, score both, and keep the result in the workspace."""
    if len(models) != 2 or models[0] == models[1]:
        raise DatasetError(f"Name two different models, such as base,VOICE; found {', '.join(models)!r}.")
    data = dataset or newest_dataset(workspace)
    drafts = write_pairs(running_server(workspace).url, models, data, SamplingConfig(), score, own)
    own.report(score.drafts, score.drafts + 1, "Scoring against the panel")
    result = compare(data, drafts[models[0]], drafts[models[1]], panel)
    return _kept(workspace, result | {"dataset": str(data)})


def score_files(
    workspace: Workspace, files: Sequence[Path], dataset: Path | None, own: Job, panel: Path | None = None
) -> dict[str, Any]:
    """Score the text of some files, pooled, and keep the result in the workspace."""
    found = [path for file in files for path in manuscript_files(file)]
    texts = [chapter.text for path in found for chapter in read_manuscript(path).chapters]
    data = dataset or newest_dataset(workspace)
    own.report(1, 3, "Fetching your voice")
    author = voice_of(data, panel)
    own.report(2, 3, "Scoring against the panel")
    result = score_texts(author, texts)
    return _kept(workspace, result | {"files": [str(path) for path in found], "dataset": str(data)})


def score_texts(author: AuthorVoice, texts: Sequence[str]) -> dict[str, Any]:
    """Return the pooled score of some texts with every sentence marked, as plain values."""
    scored = author.score(texts)
    refused = scored["score"] is None
    return {
        "models": {"draft": scored},
        "verdict": scored["verdict"],
        "heat_map": [] if refused else author.heat_map(texts),
        "copying": author.copying(texts),
        "generic": {"summary": NOT_CHECKED, "findings": []} if refused else author.generic(texts),
    }


def _kept(workspace: Workspace, result: dict[str, Any]) -> dict[str, Any]:
    path = new_score_file(workspace)
    write_json(path, result | {"created": time.time()})
    return result | {"path": str(path)}


def lines(result: dict[str, Any]) -> list[str]:
    """Put a result into lines to print: verdict, each score with its interval, what caps it, and what stands out."""
    said = [result["verdict"], ""]
    for name, score in result["models"].items():
        number = "no score" if score["score"] is None else f"{score['score']:.0f} of 100"
        span = "" if score["low"] is None else f" (90 % interval {score['low']:.0f} to {score['high']:.0f})"
        if held(score):
            number, span = f"held at {score['score']:.0f} of 100 by a check", ""
        said.append(f"{name}: {number}{span}, {score['words']:,} words")
        said += [f"  {note}" for note in score["notes"]]
        said += [f"  {gate['sentence']}" for gate in score["gates"] if gate["fired"]]
        said += [f"  {what.replace('_', ' ')}: {value:.0f}" for what, value in score["comparisons"].items()]
    if result.get("comparison"):
        said += ["", *_difference(result["comparison"])]
    if result.get("heat_map") and not any(map(held, result["models"].values())):
        said += ["", *_furthest(result["heat_map"])]
    if result.get("copying", {}).get("spans"):
        said += ["", "Longest copies:", *(f"  {span['sentence']}" for span in result["copying"]["spans"])]
    if result.get("generic"):
        found = result["generic"]
        said += ["", found["summary"], *(f"  {finding['sentence']}" for finding in found["findings"])]
    return said


def _difference(found: dict[str, Any]) -> list[str]:
    if found["difference"] is None:
        return []
    said = [f"difference: {found['difference']:+.0f} points ({found['low']:+.0f} to {found['high']:+.0f})"]
    if found["gap_closed"] is not None:
        span = f"{found['gap_low']:.0%} to {found['gap_high']:.0%}"
        said.append(f"gap to your own writing closed: {found['gap_closed']:.0%} ({span})")
    return said


def _furthest(drafts: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """Return the sentences furthest from the voice, with the reasons."""
    every = [sentence for draft in drafts for sentence in draft]
    marked = sorted((sentence for sentence in every if sentence["level"] > 1), key=lambda one: one["distance"])
    once = {" ".join(sentence["text"].split()).casefold(): sentence for sentence in marked}
    far = sorted(once.values(), key=lambda one: -one["distance"])[:FURTHEST]
    if not far:
        return [f"None of its {len(every)} sentences stands far from your own."]
    number = sum(sentence["level"] > 1 for sentence in every)
    stand = "stands" if number == 1 else "stand"
    said = [f"{number} of its {len(every)} sentences {stand} far from your own; the furthest:"]
    for sentence in far:
        shown = " ".join(sentence["text"].split())
        shown = shown if len(shown) <= SHOWN else shown[:SHOWN].rsplit(" ", 1)[0] + " …"
        said.append(f"  {shown}")
        said += [f"    {reason}" for reason in sentence["reasons"]]
    return said
