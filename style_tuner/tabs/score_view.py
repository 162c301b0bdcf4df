"""How a score is shown: one large number with its interval, the verdict, the four comparisons, and gates that fired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from style_tuner import score_report
from style_tuner.scores import interval
from style_tuner.scores import newest_of as newest_of
from style_tuner.tabs import views

EXPLAINED = "These four explain the score. The number itself comes from a verifier that tells you from other authors."
ONLY_ITS_OWN = "A dash: of each model only its own most different words are kept, and this was none of the base's."
GAP = (
    "Of the gap: 0 % is as far from your own held-out writing as the base model, 100 % as near as that writing itself. "
    "It is measured on the verifier's own scale, which does not end where the score's 0 and 100 do."
)


def big(score: dict[str, Any], what: str) -> Markup:
    """Return the number, its interval, and the verdict."""
    number = "–" if score["score"] is None else f"{score['score']:.0f}"
    span = "" if score["low"] is None else f"between {score['low']:.0f} and {score['high']:.0f} (90 % interval)"
    span = f"held at {number} by a check" if score_report.held(score) else span
    line = " · ".join(filter(None, ["of 100", span, f"{score['words']:,} words", what]))
    return Markup(
        "<div class='big' role='img' aria-label='Style score {}'>{}</div><p class='caption'>{}</p>"
        "<p class='verdict'>{}</p>"
    ).format(number, number, line, score["verdict"]) + (
        Markup("") if score["score"] is None else views.sentence(score_report.MANNER, "caption")
    )


def gates(score: dict[str, Any]) -> Markup:
    """Return what was left out of the text, and the checks that fired or that none did."""
    notes = views.bullets(score["notes"]) if score.get("notes") else Markup("")
    if score["score"] is None:
        return notes
    fired = [gate["sentence"] for gate in score["gates"] if gate["fired"]]
    if not fired:
        said = "No check fired: it is prose of your language, neither copied nor repeating itself."
        return notes + views.sentence(said, "caption")
    return notes + views.sentence("The score is held down because:", "bad") + views.bullets(fired)


def heat(value: dict[str, Any]) -> Markup:
    """Return the draft with every sentence marked; nothing for scores of models."""
    if not value.get("heat_map"):
        return Markup("")
    what = "Sentence by sentence: rest on a marked one, or reach it with the Tab key, to see what makes it so."
    title = Markup("<h4>The draft, marked</h4>")
    return title + views.sentence(what, "caption") + score_report.heat_map(value["heat_map"])


def explained(value: dict[str, Any], name: str) -> Markup:
    """Return what explains a score without making it: the four comparisons, copies, and generic writing."""
    main = value["models"][name]
    parts = []
    if main.get("figures"):
        base = next(iter(value["models"].values())).get("figures", ()) if value.get("comparison") else ()
        drawn = score_report.paired_figures(main["figures"], main["comparisons"], name, base)
        said = f"{EXPLAINED} {ONLY_ITS_OWN}" if base else EXPLAINED
        parts.append(Markup("<h4>What differs</h4>") + views.sentence(said, "caption") + drawn)
    if value.get("copying", {}).get("spans"):
        copied = value["copying"]
        said = f"{copied['share']:.0%} of its words stand in your passages in spans of five or more; the longest:"
        spans = views.bullets(span["sentence"] for span in copied["spans"])
        parts.append(Markup("<h4>Copied words</h4>") + views.sentence(said, "caption") + spans)
    if value.get("generic"):
        found = value["generic"]
        findings = views.bullets(finding["sentence"] for finding in found["findings"])
        title = Markup("<h4>Reads like a language model?</h4>")
        parts.append(title + views.sentence(found["summary"]) + findings)
    return Markup("").join(parts)


def comparison(value: dict[str, Any]) -> Markup:
    """Return base against voice: difference with interval, gap closed, and the verdict."""
    found = value["comparison"]
    who = {"base": "base", "voice": "tuned", "your own held-out writing": "own"}
    pairs: list[tuple[str, Any]] = [(name, interval(found[key])) for name, key in who.items()]
    if found.get("difference") is not None:
        span = "" if found.get("low") is None else f" ({found['low']:+.0f} to {found['high']:+.0f})"
        pairs.append(("points, voice against base", f"{found['difference']:+.0f}{span}"))
    if found.get("gap_closed") is not None:
        low, high = found.get("gap_low"), found.get("gap_high")
        span = "" if low is None else f" ({100 * low:.0f} to {100 * high:.0f} %)"
        pairs.append(("of the gap to your own writing closed", f"{100 * found['gap_closed']:.0f} %{span}"))
    explained = views.sentence(GAP, "caption") if found.get("gap_closed") is not None else Markup("")
    return views.facts(pairs) + explained + views.sentence(found.get("verdict", ""))


def figures(score: dict[str, Any]) -> Sequence[tuple[str, float]]:
    """Return the guide's four comparisons by name."""
    return [(name.replace("_", " ").capitalize(), value) for name, value in score["comparisons"].items()]
