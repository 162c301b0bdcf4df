"""The comparison of base and tuned model as Markdown and as one HTML file, with plots that need nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchmarks.transfer_figures import NAMES
from style_tuner import score_report
from style_tuner.workspace import write_text

WIDTH, LEFT, ROW = 760, 300, 44
COLOURS = {"base": "#b7793a", "tuned": "#2d7f7c", "own": "#8a857d"}
WHO = {"base": "base model", "tuned": "tuned model", "own": "your own held-out writing"}
MARKS = {"base": "circle", "tuned": "square", "own": "line"}


def write_report(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write `<stem>.md`, `<stem>.html` and the plot `<stem>.svg` beside them."""
    drawn = plot(result["figures"])
    picture = write_text(stem.with_suffix(".svg"), str(drawn))
    markdown = write_text(stem.with_suffix(".md"), _markdown(result, picture.name))
    return markdown, write_text(stem.with_suffix(".html"), _html(result, drawn))


def plot(figures: dict[str, Any]) -> Markup:
    """Draw every figure of base, tuned and own writing on a scale from 0 to 100, with intervals as bars."""
    height = 50 + ROW * len(figures)
    parts = [_legend()]
    for number, (name, found) in enumerate(figures.items()):
        top = 62 + ROW * number
        parts.append(Markup("<text x='0' y='{}'>{}</text>").format(top + 4, NAMES[name].rsplit(" (", 1)[0]))
        parts.append(Markup("<line x1='{}' y1='{}' x2='{}' y2='{}' class='axis'/>").format(LEFT, top, WIDTH - 20, top))
        parts += [_mark(who, found[who], top + shift) for who, shift in (("own", 0), ("base", -7), ("tuned", 7))]
    style = (
        "<style>text{font:13px system-ui,sans-serif;fill:#777}.axis{stroke:#9995;stroke-width:1}"
        ".span{stroke-width:3;opacity:.5}</style>"
    )
    return Markup(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' width='{}' role='img' "
        "aria-label='Figures of base, tuned and own writing, 0 to 100'>{}{}</svg>\n"
    ).format(WIDTH, height, WIDTH, Markup(style), Markup("").join(parts))


def _legend() -> Markup:
    parts = []
    for number, (who, said) in enumerate(WHO.items()):
        left = LEFT + 130 * number
        parts.append(_shape(who, left, 18))
        parts.append(Markup("<text x='{}' y='22'>{}</text>").format(left + 12, said))
    parts += [
        Markup("<text x='{}' y='42' text-anchor='middle'>{}</text>").format(_place(value), value)
        for value in (0, 25, 50, 75, 100)
    ]
    return Markup("").join(parts)


def _place(value: float) -> float:
    return round(LEFT + (WIDTH - 20 - LEFT) * min(100.0, max(0.0, value)) / 100, 1)


def _shape(who: str, left: float, top: float) -> Markup:
    shapes = {
        "circle": "<circle cx='{0}' cy='{1}' r='5' fill='{2}'/>",
        "square": "<rect x='{3}' y='{4}' width='10' height='10' fill='{2}'/>",
        "line": "<line x1='{0}' y1='{5}' x2='{0}' y2='{6}' stroke='{2}' stroke-width='3'/>",
    }
    return Markup(shapes[MARKS[who]]).format(left, top, COLOURS[who], left - 5, top - 5, top - 12, top + 12)


def _mark(who: str, found: dict[str, float] | None, top: float) -> Markup:
    if found is None:
        return Markup("")
    span = Markup("")
    if "low" in found:
        span = Markup("<line x1='{}' x2='{}' y1='{}' y2='{}' class='span' stroke='{}'/>").format(
            _place(found["low"]), _place(found["high"]), top, top, COLOURS[who]
        )
    return span + _shape(who, _place(found["value"]), top)


def _cell(found: dict[str, float] | None, sign: str = "") -> str:
    if found is None:
        return "–"
    span = "" if "low" not in found else f" ({found['low']:{sign}.0f} to {found['high']:{sign}.0f})"
    return f"{found['value']:{sign}.0f}{span}"


def _rows(result: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            NAMES[name],
            _cell(found["base"]),
            _cell(found["tuned"]),
            _cell(found["difference"], "+"),
            _cell(found["own"]),
        )
        for name, found in result["figures"].items()
    ]


def _said(result: dict[str, Any]) -> list[str]:
    said = [f"{result['pairs']} pairs of drafts of the same held-out requests with the same seeds; 90 % intervals."]
    if result["gap_closed"] is not None:
        span = f"{result['gap_low']:.0%} to {result['gap_high']:.0%}"
        said.append(f"Gap between the base model and your own writing closed: {result['gap_closed']:.0%} ({span}).")
    for who in ("base", "tuned"):
        said += [f"{WHO[who].capitalize()}: {sentence}" for sentence in result["checks"][who]]
    return said


def _markdown(result: dict[str, Any], picture: str) -> str:
    head = ["Figure", result["names"]["base"], result["names"]["tuned"], "difference", "your own"]
    table = [head, ["---", *["---:"] * 4], *_rows(result)]
    shown = "\n".join(f"| {' | '.join(row)} |" for row in table)
    lines = "\n".join(f"- {sentence}" for sentence in _said(result))
    samples = "\n\n".join(
        f"### {result['names'][who]}\n\n{_quoted(result['sample'][who])}" for who in ("base", "tuned")
    )
    return (
        f"# Style transfer: {result['names']['tuned']} against {result['names']['base']}\n\n{result['verdict']}\n\n"
        f"{lines}\n\n{shown}\n\n![Every figure with its interval]({picture})\n\n"
        "## The same request, answered by both\n\n"
        f"{_quoted(result['sample']['prompt'])}\n\n{samples}\n"
    )


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _html(result: dict[str, Any], drawn: Markup) -> str:
    table = Markup("<table><tr>{}</tr>{}</table>").format(
        _cells("th", ["", result["names"]["base"], result["names"]["tuned"], "difference", "your own"]),
        Markup("").join(Markup("<tr>{}</tr>").format(_cells("td", row)) for row in _rows(result)),
    )
    style = Markup(
        "<style>table{border-collapse:collapse}td,th{text-align:right;padding:.3rem .9rem .3rem 0;"
        "border-bottom:1px solid #9995}td:first-child{text-align:left}svg{max-width:100%;height:auto}"
        ".prose{font:17px/1.7 Georgia,serif;white-space:pre-wrap;max-width:70ch}</style>"
    )
    paired = score_report.paired_figures(result["pairs_drawn"], result["matches"], result["names"]["tuned"])
    samples = Markup("").join(
        Markup("<h3>{}</h3><div class='prose'>{}</div>").format(result["names"][who], result["sample"][who])
        for who in ("base", "tuned")
    )
    body = [
        style,
        Markup("<p class='verdict'>{}</p>").format(result["verdict"]),
        Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(line) for line in _said(result))),
        table,
        drawn,
        Markup("<h2>What the tuned model still does otherwise</h2>") + paired,
        Markup("<h2>The same request, answered by both</h2><p>{}</p>").format(result["sample"]["prompt"]) + samples,
    ]
    title = f"{result['names']['tuned']} against {result['names']['base']}"
    return str(score_report.PAGE.format(title=title, body=Markup("\n").join(body)))


def _cells(tag: str, values: Sequence[str]) -> Markup:
    return Markup("").join(Markup("<{0}>{1}</{0}>").format(Markup(tag), value) for value in values)
