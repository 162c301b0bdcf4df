"""The plots of the page but those of the fingerprint; plotly loads when first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from style_tuner.charts import ACCENT, BASE, INK, OWN, VOICE, blank

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

WHOSE = {"base": BASE, "voice": VOICE, "your own": OWN}


def loss(rows: Sequence[dict[str, Any]], best_step: int | None = None) -> Figure:
    """Plot loss and validation loss by step; the kept step is marked."""
    from plotly.graph_objects import Scatter

    figure = blank("Step", "Loss (nats a token)", 340)
    training = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    validation = [(row["step"], row["validation_loss"]) for row in rows if "validation_loss" in row]
    for name, points, colour, mode in (
        ("Loss", training, INK, "lines"),
        ("Validation loss", validation, ACCENT, "lines+markers"),
    ):
        steps, values = zip(*points, strict=True) if points else ((), ())
        line = {"color": colour, "width": 1.6 if mode == "lines" else 2.4}
        figure.add_trace(Scatter(x=steps, y=values, name=name, mode=mode, line=line))
    if best_step is not None:
        figure.add_vline(x=best_step, line={"color": ACCENT, "dash": "dot", "width": 1}, annotation_text="kept")
    return figure


def overlay(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Plot the validation losses of several runs by epoch, each run with its lowest marked."""
    from plotly.colors import qualitative
    from plotly.graph_objects import Scatter

    figure = blank("Epoch", "Validation loss (nats a token)", 340)
    for number, (name, points) in enumerate(curves.items()):
        colour = [ACCENT, *qualitative.Safe[1:]][number % len(qualitative.Safe)]
        epochs, values = zip(*points, strict=True) if points else ((), ())
        lowest = min(values, default=None)
        sizes = [10 if value == lowest else 4 for value in values]
        line, marker = {"color": colour, "width": 2}, {"size": sizes, "color": colour}
        figure.add_trace(Scatter(x=epochs, y=values, name=name, mode="lines+markers", line=line, marker=marker))
    return figure


def histogram(values: Sequence[float], x_title: str, y_title: str, bins: int = 24) -> Figure:
    """Plot how often each length occurs."""
    from plotly.graph_objects import Histogram

    figure = blank(x_title, y_title, 260)
    figure.add_trace(Histogram(x=list(values), nbinsx=bins, marker={"color": ACCENT}))
    return figure


def matches(names: Sequence[str], groups: Mapping[str, Sequence[float]]) -> Figure:
    """Plot how well base, voice and the author's own writing match, from 0 to 100, side by side for each name."""
    from plotly.graph_objects import Bar

    figure = blank("", "Match (0–100)", 280)
    figure.update_layout(bargap=0.45)
    for name, values in groups.items():
        figure.add_trace(Bar(x=list(names), y=list(values), name=name, marker={"color": WHOSE[name]}))
    figure.update_yaxes(range=[0, 100])
    return figure
