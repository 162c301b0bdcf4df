"""Every plot of the page, drawn so that it reads on a light and on a dark page alike; plotly loads when first used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ACCENT, SECOND, INK, GRID = "#2d8f8b", "#b7793a", "#8a857d", "rgba(138,133,125,0.25)"
FONT = "system-ui, Segoe UI, Roboto, Liberation Sans, sans-serif"


def _figure(x_title: str, y_title: str, height: int = 300) -> Figure:
    from plotly.graph_objects import Figure

    figure = Figure()
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True, "fixedrange": True}
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 12, "t": 34, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": INK},
        xaxis=axis | {"title": x_title},
        yaxis=axis | {"title": y_title},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        bargap=0.08,
        hovermode="closest",
    )
    return figure


def loss(rows: Sequence[dict[str, Any]], best_step: int | None = None) -> Figure:
    """Plot loss and validation loss by step; the kept step is marked."""
    from plotly.graph_objects import Scatter

    figure = _figure("Step", "Loss (nats a token)", 340)
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


def histogram(values: Sequence[float], x_title: str, y_title: str, bins: int = 24) -> Figure:
    """Plot how often each length occurs."""
    from plotly.graph_objects import Histogram

    figure = _figure(x_title, y_title, 260)
    figure.add_trace(Histogram(x=list(values), nbinsx=bins, marker={"color": ACCENT}))
    return figure


def bars(values: Sequence[float], x_title: str, y_title: str, height: int = 240) -> Figure:
    """Plot values in their order, such as the lengths of consecutive sentences."""
    from plotly.graph_objects import Bar

    figure = _figure(x_title, y_title, height)
    figure.add_trace(Bar(x=list(range(1, len(values) + 1)), y=list(values), marker={"color": ACCENT}))
    return figure


def named_bars(pairs: Sequence[tuple[str, float]], x_title: str, height: int = 0) -> Figure:
    """Plot named values as horizontal bars, the first on top."""
    from plotly.graph_objects import Bar

    figure = _figure(x_title, "", height or 90 + 26 * len(pairs))
    names, values = zip(*reversed(pairs), strict=True) if pairs else ((), ())
    figure.add_trace(Bar(x=values, y=names, orientation="h", marker={"color": ACCENT}))
    return figure


def paired(names: Sequence[str], groups: Mapping[str, Sequence[float]], y_title: str) -> Figure:
    """Plot groups (such as base and voice) side by side for each name, from 0 to 100."""
    from plotly.graph_objects import Bar

    figure = _figure("", y_title, 280)
    figure.update_layout(bargap=0.45)
    colours = [SECOND, INK, ACCENT][-len(groups) :]
    for (name, values), colour in zip(groups.items(), colours, strict=True):
        figure.add_trace(Bar(x=list(names), y=list(values), name=name, marker={"color": colour}))
    figure.update_yaxes(range=[0, 100])
    return figure
