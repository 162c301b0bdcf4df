"""How every plot looks, so that it reads on a light and on a dark page alike; plotly loads when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ACCENT, SECOND, INK, GRID = "#2d8f8b", "#b7793a", "#8a857d", "rgba(138,133,125,0.25)"
ACCENT_SHADE = "rgba(45,143,139,0.18)"
OWN, VOICE, BASE = ACCENT, SECOND, INK
"""Whose writing a colour stands for, wherever they are drawn side by side."""
FONT = "system-ui, Segoe UI, Roboto, Liberation Sans, sans-serif"


def blank(x_title: str, y_title: str, height: int = 300) -> Figure:
    """Return a figure with axes, titles and colours and nothing drawn yet."""
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
