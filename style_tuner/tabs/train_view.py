"""What the tab Train shows of runs: figures, plots, samples and signs, each put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from style_tuner import jobs
from style_tuner.config import TrainingConfig, validated
from style_tuner.records import Run
from style_tuner.tabs import views
from style_tuner.tuning.samples import Sample, best_and_worst, read_samples
from style_tuner.tuning.signs import FEW_PASSAGES, read_signs
from style_tuner.turns import queue
from style_tuner.workspace import Workspace, read_json

FIGURES = (
    ("loss", "loss", "{:.3f}"),
    ("validation_loss", "loss on unseen passages", "{:.3f}"),
    ("perplexity", "perplexity (pieces of words it wavers between)", "{:.1f}"),
    ("learning_rate", "learning rate", "{:.1e}"),
    ("grad_norm", "gradient norm", "{:.2f}"),
    ("tokens_per_second", "pieces of words a second", "{:,.0f}"),
    ("memory_gib", "GB of memory", "{:.1f}"),
)
"""Key of a report, what it is called on the page, and how it is written."""


def last_reports(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that hold a loss, without those of steps that were done again after a resume."""
    kept: list[dict[str, Any]] = []
    for row in rows:
        kinds = {"loss", "validation_loss"} & row.keys()
        if not kinds:
            continue
        step = row["step"]
        if any(other["step"] > step or (other["step"] == step and kinds & other.keys()) for other in kept[-2:]):
            kept = [other for other in kept if other["step"] < step]
        kept.append(row)
    return kept


def losses(rows: Sequence[dict[str, Any]]) -> list[tuple[int, float]]:
    """Return validation losses by step."""
    return [(row["step"], row["validation_loss"]) for row in rows if "validation_loss" in row]


def loss_sentence(rows: Sequence[dict[str, Any]], run: Run) -> str:
    """Say in words what the plot shows now."""
    found = losses(rows)
    if len(found) < 2:
        return "The validation loss is measured several times in a run; lower is closer to passages it has not seen."
    lowest_step, lowest = min(found, key=lambda pair: pair[1])
    first, (last_step, last) = found[0][1], found[-1]
    kept_step = kept(run)
    if lowest_step == found[0][0]:
        state = "" if kept_step is None else f" The state of step {kept_step} is kept."
        why = ": the learning rate may be too high." if last > first else " so far."
        return f"Validation loss has not fallen below {first:.3f}{why}{state}"
    fell = f"Validation loss fell from {first:.3f} to {lowest:.3f}"
    if kept_step is not None and (loss := dict(found).get(kept_step, lowest)) > lowest:
        return f"{fell} at step {lowest_step}. The state of step {kept_step}, with {loss:.3f}, is the voice."
    if kept_step is not None:
        place = f"by step {last_step}, its last;" if kept_step == last_step else f"at step {kept_step};"
        return f"{fell} {place} that state is kept."
    if last > lowest:
        return f"{fell}, its lowest at step {lowest_step}, which is the best so far."
    return f"{fell} and is still falling." if run.status == "running" else f"{fell} by step {last_step}, its last."


def kept(run: Run) -> int | None:
    """Return the step whose state a run that is over has kept."""
    return run.result.get("best_step") if run.status in ("done", "stopped") else None


def figures(rows: Sequence[dict[str, Any]], run: Run) -> Markup:
    """Return the newest of each figure, and how much of the model learns."""
    shown = []
    for key, words, form in FIGURES:
        newest = next((row[key] for row in reversed(rows) if row.get(key) is not None), None)
        if newest is not None:
            shown.append((words, form.format(newest)))
    able = [row["ability_loss"] for row in rows if row.get("ability_loss") is not None]
    if able:
        text = f"{able[0]:.2f}" if len(able) == 1 else f"{able[0]:.2f} → {able[-1]:.2f}"
        shown.append(("loss on ordinary answers", text))
    if run.result.get("all_parameters"):
        share = 100 * run.result["trainable_parameters"] / run.result["all_parameters"]
        shown.append(("of the model learns", f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"))
    return views.facts(shown) if shown else Markup("")


def signs(workspace: Workspace, run: Run, rows: Sequence[dict[str, Any]]) -> Markup:
    """Return what goes wrong in a run, as far as it can be told, with the remedies."""
    found = run.result.get("signs")
    settings = workspace.runs / run.id / "settings.json"
    if found is None and settings.is_file():
        config = validated(TrainingConfig, read_json(settings)["config"], str(settings))
        samples = read_samples(workspace.runs / run.id)
        newest = [sample.text for sample in samples if sample.step and sample.step == samples[-1].step]
        passages = _passages(workspace, read_json(settings)["dataset"])
        found = [str(sign) for sign in read_signs(rows, newest, config, passages)]
    return Markup("").join(views.sentence(sentence, "bad") for sentence in found or [])


def _passages(workspace: Workspace, dataset: str) -> int:
    """Return how many passages a run learns from; rows of another format are taken to be enough."""
    facts = workspace.datasets / dataset.rpartition("/")[2] / "dataset.json"
    return int(read_json(facts)["counts"]["train"]) if facts.is_file() else FEW_PASSAGES


def samples(workspace: Workspace, run: Run) -> Markup:
    """Return what the model wrote at first and what it writes now to the same request, and the best and the worst."""
    found = read_samples(workspace.runs / run.id)
    if not found:
        return Markup("")
    first = found[0]
    last = next(sample for sample in reversed(found) if sample.prompt == first.prompt)
    parts = [
        Markup("<h3>What it writes</h3>"),
        views.sentence(f"Asked with passages it has not seen: {_short(first.prompt)}", "caption"),
        _beside([(_name(first), first)] + ([(_name(last), last)] if last.step != first.step else [])),
    ]
    extremes = best_and_worst(found)
    if extremes is not None:
        named = zip(("Best", "Worst"), extremes, strict=True)
        inner = _beside([(f"{word}: {_name(one)[0].lower()}{_name(one)[1:]}", one) for word, one in named])
        summary = "Best and worst so far, by the loss on unseen passages"
        parts.append(Markup("<details class='more'><summary>{}</summary>{}</details>").format(summary, inner))
    return Markup("").join(parts)


def _name(sample: Sample) -> str:
    when = "Before training" if sample.step == 0 else f"After epoch {sample.epoch:.3g}"
    if sample.validation_loss is None:
        return when
    if sample.loss_step in (None, sample.step):
        return f"{when} (loss {sample.validation_loss:.3f})"
    return f"{when}, step {sample.step} (loss {sample.validation_loss:.3f} at step {sample.loss_step})"


def _short(text: str, most: int = 160) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[:most].rsplit(' ', 1)[0]} …"


def _whole(text: str) -> str:
    """Return a sample with a sign that it was cut off where it was."""
    return text if text.endswith((".", "!", "?", '"', "”", "’", "'", "»")) else f"{text} …".lstrip()


def _beside(named: Sequence[tuple[str, Sample]]) -> Markup:
    column = Markup("<div style='flex:1 1 280px;min-width:0'><h4>{}</h4>{}</div>")
    made = Markup("").join(column.format(name, views.prose(_whole(sample.text))) for name, sample in named)
    return Markup("<div style='display:flex;flex-wrap:wrap;gap:8px 32px'>{}</div>").format(made)


def head(workspace: Workspace, run: Run) -> Markup:
    """Return how far a run is, or how it ended."""
    if run.status in ("queued", "running"):
        return views.progress_bar(workspace, run)
    if run.status in ("failed", "interrupted"):
        return views.sentence(run.message, "bad")
    if run.result.get("fault"):
        return views.sentence(run.message, "bad")
    if run.status == "stopped" and not run.result:
        return views.sentence(f"{run.message} It can be resumed.")
    state = "Stopped as asked; it can be used as it is, or resumed." if run.status == "stopped" else "Done."
    return views.sentence(f"{state} {run.message} Serve it on the tab Models, then write with it.", "good")


def waiting(workspace: Workspace) -> Markup:
    """Return which trainings of this computer go and wait, where there is more than one."""
    tickets = queue(workspace.home)
    if len(tickets) < 2:
        return Markup("")
    names = [one.run if one.workspace == workspace.name else f"{one.run} ({one.workspace})" for one in tickets]
    return views.sentence(f"Queue: {names[0]} is going; then {', '.join(names[1:])}. They start by themselves.")


def swept(workspace: Workspace, run: Run | None) -> Markup:
    """Return how far the newest search for a learning rate is, or its table and its advice."""
    if run is None:
        return Markup("")
    if run.status in ("queued", "running"):
        return views.progress_bar(workspace, run)
    if not run.result.get("table"):
        return views.sentence(run.message, "bad" if run.status == "failed" else "caption")
    best = run.result["best_rate"]
    rows = []
    for row in run.result["table"]:
        loss = row["best_validation_loss"]
        note = "lowest" if row["learning_rate"] == best else row["note"]
        rows.append((f"{row['learning_rate']:g}", "" if loss is None else f"{loss:.3f}", note))
    table = views.table("Learning rates", ["Rate", "Loss on unseen passages", ""], rows, numbers="ab")
    return table + views.sentence(run.result["advice"])


def curve(workspace: Workspace, run_id: str) -> list[tuple[float, float]]:
    """Return the losses on unseen passages by epoch."""
    rows = last_reports(jobs.metrics(workspace, run_id))
    return [(row.get("epoch", 0.0), row["validation_loss"]) for row in rows if "validation_loss" in row]


def lowest(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Say in words which of the compared runs came lowest, and where."""
    reached = [(loss, epoch, name) for name, points in curves.items() for epoch, loss in points]
    if not reached:
        return ""
    loss, epoch, name = min(reached)
    return str(views.sentence(f"The lowest is {loss:.3f}, of {name} at epoch {epoch:.3g}.", "caption"))
