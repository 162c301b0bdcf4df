"""The whole pipeline on the sample author, without the page: a table, and a report in the workspace's exports."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from style_tuner import jobs, stages
from style_tuner.config import SAMPLES, ScoreConfig, ServingConfig, TrainingConfig
from style_tuner.manuscripts.store import import_file
from style_tuner.scoring import score_models
from style_tuner.serving import server
from style_tuner.serving.voices import BASE
from style_tuner.training import train_run
from style_tuner.workspace import Workspace, time_stamp, write_text


def run_demo(workspace: Workspace, training: TrainingConfig, score: ScoreConfig) -> dict[str, Any]:
    """Return losses, scores, a sample text of each model, seconds for each stage, and the path of the report."""
    seconds: dict[str, float] = {}
    with _timed(seconds, "import"):
        for path in stages.manuscript_files(SAMPLES / "manuscripts"):
            import_file(workspace, path)
    with _timed(seconds, "prepare"), jobs.job(workspace, "prepare") as own:
        dataset = stages.prepare_workspace(workspace, training, own)
    with _timed(seconds, "train"), jobs.job(workspace, "train") as own:
        train_run(workspace, own, lambda: training, dataset)
        voice, trained = own.folder.name, own.result
    with _timed(seconds, "merge"), jobs.job(workspace, "merge") as own:
        stages.merge_run(workspace, voice, own)
    with _serving(workspace, voice, seconds), _timed(seconds, "score"), jobs.job(workspace, "score") as own:
        own.result = score_models(workspace, [BASE, voice], score, dataset, own)
        scored = own.result
    result = {
        "base_validation_loss": trained["base_validation_loss"],
        "tuned_validation_loss": trained["tuned_validation_loss"],
        "base_score": scored["models"][BASE]["score"],
        "tuned_score": scored["models"][voice]["score"],
        "verdict": scored["verdict"],
        "voice": voice,
        "scores": scored["models"],
        "comparison": scored["comparison"],
        "samples": {name: scored["drafts"][name][0] for name in (BASE, voice)},
        "stages": {name: round(value, 1) for name, value in seconds.items()},
        "workspace": workspace.name,
    }
    rows = jobs.metrics(workspace, voice)
    report = workspace.exports / f"demo-{time_stamp()}.html"
    return result | {"report": str(write_text(report, _page(result, rows)))}


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - begin


@contextmanager
def _serving(workspace: Workspace, voice: str, seconds: dict[str, float]) -> Iterator[None]:
    """Serve base and voice on a free port; a server of this project that is running steps aside meanwhile."""
    before = server.state(workspace)
    if before is not None and before.running and not before.external:
        server.stop(workspace)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with _timed(seconds, "serve"):
        folder = workspace.runs / voice
        server.start(workspace, ServingConfig(port=port, engine="transformers"), "", {voice: folder})
        server.wait_until_up(workspace)
    try:
        yield
    finally:
        server.stop(workspace)
        if before is not None and before.running and not before.external:
            server.restart(workspace, before)


def _rows(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the lines of the table: what, base, voice."""

    def number(score: dict[str, Any]) -> str:
        if score["score"] is None:
            return "too little text"
        return f"{score['score']:.0f} ({score['low']:.0f}–{score['high']:.0f})"

    base, voice = result["scores"][BASE], result["scores"][result["voice"]]
    losses = (f"{result['base_validation_loss']:.3f}", f"{result['tuned_validation_loss']:.3f}")
    texts = [" ".join(draft["text"].split()[:60]) + " …" for draft in result["samples"].values()]
    explained = [
        (name.replace("_", " "), f"{value:.0f}", f"{voice['comparisons'][name]:.0f}")
        for name, value in base["comparisons"].items()
    ]
    return [
        ("validation loss (nats a token)", *losses),
        ("style score (90 % interval)", number(base), number(voice)),
        *explained,
        ("a sample (first 60 words)", texts[0], texts[1]),
    ]


def show(result: dict[str, Any]) -> None:
    """Print the table and the seconds of each stage."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "base", "your voice", title="The sample author", show_lines=True)
    for row in _rows(result):
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(result["verdict"])
    spent = ", ".join(f"{name} {value:.0f} s" for name, value in result["stages"].items())
    console.print(f"Stages: {spent}; together {sum(result['stages'].values()):.0f} s.")


def _page(result: dict[str, Any], metrics: list[dict[str, Any]]) -> str:
    """Return the report as one HTML file that needs nothing else."""
    import jinja2
    import plotly.graph_objects as graph

    figure = graph.Figure(layout={"xaxis_title": "step", "yaxis_title": "loss (nats a token)", "height": 360})
    for key, name in (("loss", "training"), ("validation_loss", "validation")):
        points = [row for row in metrics if row.get(key) is not None]
        figure.add_scatter(x=[row["step"] for row in points], y=[row[key] for row in points], name=name)
    source = Path(__file__).with_name("report.html.jinja").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True).from_string(source)
    plot = figure.to_html(full_html=False, include_plotlyjs=True)
    return template.render(result=result, rows=_rows(result), plot=plot, voice=result["voice"], base=BASE)
