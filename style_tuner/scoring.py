"""Score drafts as the author's own text is scored; let base model and voice answer the same held-out requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from style_tuner.config import SamplingConfig, ScoreConfig
from style_tuner.dataset.chat_jsonl import read_examples
from style_tuner.drafting import running_server
from style_tuner.errors import DatasetError
from style_tuner.jobs import Job
from style_tuner.manuscripts.read import read_manuscript
from style_tuner.records import ChatExample, Draft
from style_tuner.stages import manuscript_files, new_score_file, newest_dataset
from style_tuner.workspace import Workspace, append_jsonl, read_json, write_json


class AuthorVoice:
    """What a dataset says of its author: training and held-out passages, profile, and the verifier made of them."""

    def __init__(self, dataset: Path, panel: Path | None = None) -> None:
        from style_tuner.voice.panel import PANEL, load_panel
        from style_tuner.voice.profile import profile_from_json
        from style_tuner.voice.verifier import fit_verifier

        rows = [*read_examples(dataset / "train.jsonl"), *read_examples(dataset / "validation.jsonl")]
        self.training = texts_of(rows)
        self.held_out = texts_of(read_examples(dataset / "heldout.jsonl"))
        self.profile = profile_from_json(read_json(dataset / "profile.json"))
        self.verifier = fit_verifier(self.training, load_panel(panel or PANEL))

    def score(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the pooled score of some texts as plain values."""
        from style_tuner.voice.score import score_drafts

        return asdict(score_drafts(texts, self.verifier, self.profile, self.training, self.held_out))


def texts_of(examples: Sequence[ChatExample]) -> list[str]:
    """Return the author's own passages."""
    return [example.messages[-1].content for example in examples]


def write_pairs(
    url: str, models: Sequence[str], dataset: Path, sampling: SamplingConfig, score: ScoreConfig, own: Job
) -> dict[str, list[Draft]]:
    """Return each model's drafts, pair by pair for the same held-out request and seed.

    At least `score.drafts` each; then more, up to twice as many, until each model has `score.firm_words` words. Each is
    kept in the job's folder as it comes.
    """
    from style_tuner.serving.client import complete_chat

    requests = [example.messages[:-1] for example in read_examples(dataset / "heldout.jsonl")]
    if not requests:
        raise DatasetError(f"{dataset} has no held-out rows, so there is nothing to score with: prepare it again.")
    drafts: dict[str, list[Draft]] = {model: [] for model in models}
    for number in range(score.drafts * 2):
        short = min(sum(draft.words for draft in found) for found in drafts.values()) < score.firm_words
        if number >= score.drafts and not short:
            break
        own.report(number, score.drafts + 1, f"Writing draft {number + 1} with each model")
        messages, seed = requests[number % len(requests)], 1000 + number
        for model in models:  # one after the other: `transformers serve` draws both from one generator
            draft = complete_chat(url, model, messages, sampling, seed)
            append_jsonl(own.folder / "drafts.jsonl", asdict(draft))
            drafts[model].append(draft)
    return drafts


def compare(dataset: Path, base: Sequence[Draft], voice: Sequence[Draft], panel: Path | None = None) -> dict[str, Any]:
    """Score base, voice and the author's own held-out passages; add the paired difference and the gap closed."""
    from style_tuner.voice.score import compare_drafts

    author = AuthorVoice(dataset, panel)
    base_texts, voice_texts = [draft.text for draft in base], [draft.text for draft in voice]
    comparison = asdict(
        compare_drafts(base_texts, voice_texts, author.held_out, author.verifier, author.profile, author.training)
    )
    return {
        "models": {base[0].model: author.score(base_texts), voice[0].model: author.score(voice_texts)},
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
    workspace: Workspace, files: Sequence[Path], dataset: Path | None, panel: Path | None = None
) -> dict[str, Any]:
    """Score the text of some files, pooled, and keep the result in the workspace."""
    found = [path for file in files for path in manuscript_files(file)]
    texts = [chapter.text for path in found for chapter in read_manuscript(path).chapters]
    data = dataset or newest_dataset(workspace)
    result = AuthorVoice(data, panel).score(texts)
    files_named = [str(path) for path in found]
    scored = {"models": {"draft": result}, "verdict": result["verdict"]}
    return _kept(workspace, scored | {"files": files_named, "dataset": str(data)})


def _kept(workspace: Workspace, result: dict[str, Any]) -> dict[str, Any]:
    path = new_score_file(workspace)
    write_json(path, result | {"created": time.time()})
    return result | {"path": str(path)}


def lines(result: dict[str, Any]) -> list[str]:
    """Put a result into lines to print: each score with its interval, what capped it, and the verdict."""
    said = []
    for name, score in result["models"].items():
        number = "no score" if score["score"] is None else f"{score['score']:.0f}"
        span = "" if score["low"] is None else f" (90 % interval {score['low']:.0f} to {score['high']:.0f})"
        said.append(f"{name}: {number}{span}, {score['words']:,} words")
        said += [f"  {gate['sentence']}" for gate in score["gates"] if gate["fired"]]
        said += [f"  {what}: {value:.0f}" for what, value in score["comparisons"].items()]
    return [*said, result["verdict"]]
