"""A score to look at: the draft with its sentences marked, the comparisons in pairs, and one HTML file of all of it.

Pure HTML and CSS, so that the page and the report show the same, with no script: what stands behind a mark is shown on
hover, on focus with the keyboard, and on touch. Text is always escaped (markupsafe).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup

from style_tuner import charts

MANNER = "The score hears the manner, not the sense: whether the text means anything, only reading tells."
LEVELS = (
    "like your own",
    "further than 4 in 5 of your own sentences",
    "further than 19 in 20 of your own sentences",
    "further than 99 in 100 of your own sentences",
)
STYLE = Markup("""<style>
.heat { --mark: var(--color-accent, #2d7f7c); font-family: var(--prose, Georgia, serif); font-size: 17px;
  line-height: 1.8; max-width: 70ch; overflow-wrap: anywhere; }
.heat p { position: relative; margin: 0 0 .8em; }
.heat .one { cursor: help; border-radius: 3px; padding: 1px 0; text-underline-offset: 4px; }
.heat .l1 { background: color-mix(in srgb, var(--mark) 12%, transparent); text-decoration: underline dotted 1px; }
.heat .l2 { background: color-mix(in srgb, var(--mark) 28%, transparent); text-decoration: underline dashed 1.5px; }
.heat .l3 { background: color-mix(in srgb, var(--mark) 46%, transparent); text-decoration: underline solid 2.5px; }
.heat .one:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
.heat .why { display: none; position: absolute; left: 0; right: 0; z-index: 5; padding: 8px 12px; border-radius: 6px;
  font: 14px/1.5 system-ui, sans-serif; text-decoration: none; background: var(--block-background-fill-solid, #fff);
  color: #222; border: 1px solid var(--mark); box-shadow: 0 3px 12px rgba(0, 0, 0, .18); }
.dark .heat .why { background: #26241f; color: #eee; }
.heat .one:hover > .why, .heat .one:focus > .why { display: block; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13.5px; margin: 0 0 10px; max-width: none; }
.key .one { cursor: default; } .pairs > .key { grid-column: 1 / -1; margin: 0; }
.pairs { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 18px 32px; margin: 10px 0; }
.pairs h4 { margin: 0; font-size: 14.5px; font-weight: 600; } .pairs .unit { font-size: 12.5px; opacity: .75; }
.pairs .row { display: grid; grid-template-columns: 8.5em 1fr 3em; gap: 0 8px; align-items: center; font-size: 13px;
  margin-top: 5px; }
.pairs .bars { display: grid; gap: 2px; } .pairs .value { text-align: right; font-variant-numeric: tabular-nums;
  line-height: 1.15; font-size: 12px; }
.pairs i { display: block; height: 7px; border-radius: 2px; min-width: 1px; }
.pairs .swatch { display: inline-block; width: 22px; margin-right: 6px; vertical-align: middle; }
.dark .heat { --mark: #5fb0ab; }
</style>""")
PAGE = Markup("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Style Tuner: score of {title}</title>
<style>
  :root {{ color-scheme: light dark; --color-accent: #2d7f7c; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222;
    background: #fdfcfa; }}
  .number {{ font: 64px/1.05 Georgia, serif; }} .verdict {{ font: 20px/1.45 Georgia, serif; max-width: 60ch; }}
  h2 {{ font-size: 18px; margin-top: 2rem; }} .caption {{ font-size: 14px; opacity: .8; }}
  @media (prefers-color-scheme: dark) {{ body {{ color: #eee; background: #1c1b18; }}
    .heat .why {{ background: #26241f; color: #eee; }} :root {{ --color-accent: #5fb0ab; }} }}
</style>
<h1>{title}</h1>
{body}
</html>
""")


def held(score: dict[str, Any]) -> bool:
    """Tell whether a check alone decides a score, so that no interval means anything."""
    caps = [gate["cap"] for gate in score.get("gates") or () if gate["fired"]]
    return score["score"] is not None and bool(caps) and score["score"] >= round(min(caps), 1)


def heat_map(drafts: Sequence[Sequence[dict[str, Any]]]) -> Markup:
    """Return the text of drafts with every sentence marked by its distance from the author's voice."""
    every = [sentence for draft in drafts for sentence in draft]
    if not every:
        return Markup("")
    counts = [sum(sentence["level"] == level for sentence in every) for level in range(len(LEVELS))]
    keys = (
        Markup("<span><span class='one l{}'>&nbsp;{} of {}&nbsp;</span> {}</span>").format(
            level, count, len(every), what
        )
        for level, (count, what) in enumerate(zip(counts, LEVELS, strict=True))
    )
    parts = Markup("<hr>").join(_draft(draft) for draft in drafts if draft)
    return STYLE + Markup("<div class='heat'><div class='key'>{}</div>{}</div>").format(Markup("").join(keys), parts)


def _draft(draft: Sequence[dict[str, Any]]) -> Markup:
    blocks = groupby(draft, key=lambda sentence: sentence["paragraph"])
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup(" ").join(_sentence(sentence) for sentence in block)) for _, block in blocks
    )


def _sentence(sentence: dict[str, Any]) -> Markup:
    """Return one sentence; what can be said of it is a box below its last line, reached by Tab as well."""
    level, reasons = sentence["level"], sentence["reasons"]
    if not level and not reasons:
        return Markup("<span>{}</span>").format(sentence["text"])
    said = "; ".join(reasons)
    why = f"{LEVELS[level].capitalize()}{f': {said}' if said else ''}."
    return Markup("<span class='one l{}' tabindex='0'>{}<span class='why' role='note'>{}</span></span>").format(
        level, sentence["text"], why
    )


def paired_figures(
    figures: Iterable[dict[str, Any]],
    matches: dict[str, float],
    draft_name: str = "the draft",
    base: Sequence[dict[str, Any]] = (),
) -> Markup:
    """Return the four comparisons as small plots, the draft's value below the author's own, and the base's between."""
    drawn = list(zip(figures, matches.values(), strict=False))
    made = [
        Markup("<section><h4>{}</h4><div class='unit'>{} · match {:.0f} of 100</div>{}</section>").format(
            figure["name"], figure["unit"], match, _rows(_whose(figure, draft_name, other))
        )
        for (figure, match), other in zip(drawn, [*base, *([None] * len(drawn))], strict=False)
    ]
    if not made:
        return Markup("")
    names = _whose(drawn[0][0], draft_name, base[0] if base else None)
    key = Markup("").join(
        Markup("<span><i class='swatch' style='background:{}'></i>{}</span>").format(colour, name)
        for name, (colour, _) in names.items()
    )
    return STYLE + Markup("<div class='pairs'><div class='key'>{}</div>{}</div>").format(key, Markup("").join(made))


def _whose(
    figure: dict[str, Any], draft_name: str, base: dict[str, Any] | None
) -> dict[str, tuple[str, dict[str, float]]]:
    """Return, by whose writing it is, the colour and the values by label; the base's may lack some of the labels."""
    found = {"your own writing": (charts.OWN, dict(zip(figure["labels"], figure["own"], strict=True)))}
    if base is not None:
        found["base"] = (charts.BASE, dict(zip(base["labels"], base["draft"], strict=True)))
    return found | {draft_name: (charts.VOICE, dict(zip(figure["labels"], figure["draft"], strict=True)))}


def _rows(whose: dict[str, tuple[str, dict[str, float]]]) -> Markup:
    """Return a row a label: a bar and a value for each whose writing it is, a dash where that was not measured."""
    labels = list(whose["your own writing"][1])
    most = max(1e-9, *(values.get(label, 0.0) for _, values in whose.values() for label in labels))
    rows = Markup("")
    for label in labels:
        found = [(name, colour, values.get(label)) for name, (colour, values) in whose.items()]
        bars = Markup("").join(
            Markup("<i style='width:{:.1f}%;background:{}'></i>").format(100 * (value or 0.0) / most, colour)
            for _, colour, value in found
        )
        figures = ["–" if value is None else f"{value:.1f}" for _, _, value in found]
        said = ", ".join(f"{name} {figure}" for (name, _, _), figure in zip(found, figures, strict=True))
        rows += Markup(
            "<div class='row' role='img' aria-label='{}: {}'><span>{}</span><span class='bars'>{}</span>"
            "<span class='value'>{}</span></div>"
        ).format(label, said, label, bars, Markup("<br>").join(figures))
    return rows


def document(title: str, result: dict[str, Any]) -> str:
    """Return one HTML file that needs nothing else: number, verdict, checks, heat map and comparisons."""
    score = result["models"]["draft"]
    number = "–" if score["score"] is None else f"{score['score']:.0f}"
    span = "" if score["low"] is None else f", 90 % interval {score['low']:.0f} to {score['high']:.0f}"
    span = f", held at {number} by a check" if held(score) else span
    parts = [
        Markup("<div class='number'>{}</div><p class='caption'>of 100{}; {:,} words</p>").format(
            number, span, score["words"]
        ),
        Markup("<p class='verdict'>{}</p>").format(score["verdict"]),
        Markup("<p class='caption'>{}</p>").format("" if score["score"] is None else MANNER),
        _list("What was left out", score["notes"]),
        _list("Checks that hold the score down", [gate["sentence"] for gate in score["gates"] if gate["fired"]]),
        Markup("<h2>Sentence by sentence</h2>") + heat_map(result["heat_map"]),
        _list("Copied from your passages", [span["sentence"] for span in result["copying"]["spans"]]),
        Markup("<h2>Reads like a language model?</h2><p>{}</p>").format(result["generic"]["summary"]),
        _list("", [finding["sentence"] for finding in result["generic"]["findings"]]),
        Markup("<h2>What differs</h2>") + paired_figures(score["figures"], score["comparisons"]),
    ]
    return str(PAGE.format(title=title, body=Markup("\n").join(part for part in parts if part)))


def _list(title: str, lines: Sequence[str]) -> Markup:
    if not lines:
        return Markup("")
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
    head = Markup("<h2>{}</h2>").format(title) if title else Markup("")
    return head + Markup("<ul>{}</ul>").format(items)
