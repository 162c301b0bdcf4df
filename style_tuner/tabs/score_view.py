"""How a score is shown: one large number with its interval, the verdict, the four comparisons, and gates that fired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from style_tuner.tabs import views
from style_tuner.workspace import Workspace, read_json


def scores(workspace: Workspace) -> list[tuple[str, dict[str, Any]]]:
    """Return the scores kept in the workspace, file name and value, the newest first."""
    if not workspace.scores.is_dir():
        return []
    return [(path.stem, read_json(path)) for path in sorted(workspace.scores.glob("*.json"), reverse=True)]


def interval(score: dict[str, Any]) -> str:
    """Return a score as `72 (61–80)`, or a dash where there is none."""
    if score["score"] is None:
        return "too short"
    if score["low"] is None:
        return f"{score['score']:.0f}"
    return f"{score['score']:.0f} ({score['low']:.0f}–{score['high']:.0f})"


def newest_of(workspace: Workspace, model: str) -> str:
    """Return the newest score of a model, in words, or nothing."""
    for _, value in scores(workspace):
        if model in value["models"]:
            return interval(value["models"][model])
    return ""


def big(score: dict[str, Any], what: str) -> Markup:
    """Return the number, its interval, and the verdict."""
    number = "–" if score["score"] is None else f"{score['score']:.0f}"
    span = "" if score["low"] is None else f"between {score['low']:.0f} and {score['high']:.0f} (90 % interval)"
    line = " · ".join(filter(None, ["of 100", span, f"{score['words']:,} words", what]))
    return Markup(
        "<div class='big' role='img' aria-label='Style score {}'>{}</div><p class='caption'>{}</p>"
        "<p class='verdict'>{}</p>"
    ).format(number, number, line, score["verdict"])


def gates(score: dict[str, Any]) -> Markup:
    """Return the checks that fired, or that none did."""
    fired = [gate["sentence"] for gate in score["gates"] if gate["fired"]]
    if not fired:
        return views.sentence("No check fired: it is language, neither copied nor repeating itself.", "caption")
    return views.sentence("The score is held down because:", "bad") + views.bullets(fired)


def comparison(value: dict[str, Any]) -> Markup:
    """Return base against voice: difference with interval, gap closed, and the verdict."""
    found = value["comparison"]
    who = {"base": "base", "voice": "tuned", "your own held-out writing": "own"}
    pairs: list[tuple[str, Any]] = [(name, interval(found[key])) for name, key in who.items()]
    if found.get("difference") is not None:
        span = "" if found.get("low") is None else f" ({found['low']:+.0f} to {found['high']:+.0f})"
        pairs.append(("points, voice against base", f"{found['difference']:+.0f}{span}"))
    if found.get("gap_closed") is not None:
        pairs.append(("of the gap to your own writing closed", f"{100 * found['gap_closed']:.0f} %"))
    return views.facts(pairs) + views.sentence(found.get("verdict", ""))


def figures(score: dict[str, Any]) -> Sequence[tuple[str, float]]:
    """Return the guide's four comparisons by name."""
    return [(name.replace("_", " ").capitalize(), value) for name, value in score["comparisons"].items()]
