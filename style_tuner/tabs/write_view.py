"""How drafts are shown: prose with one line below it, what was sent of the world, and the history of briefs.

In a blind reading nothing that is rendered may depend on which model wrote what, before the author has chosen.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from style_tuner import history
from style_tuner.errors import ServerError
from style_tuner.history import Summary
from style_tuner.scores import interval
from style_tuner.serving import server
from style_tuner.tabs import views
from style_tuner.tabs.world_parts import REASONS
from style_tuner.takes import Column, Measure, Take
from style_tuner.workspace import Workspace, read_tail

EMPTY = "Say above what happens, and press Write. The drafts appear here as they are written, and every one is kept."
ENDS = {"stop": "", "length": "cut at the longest reply", "stopped": "stopped", "failed": "broke off"}
READINGS = {"": "", "open": "blind", "voice": "chose your voice", "base": "chose base", "unsure": "could not tell"}
MOST_SHOWN = 300
BRIEF_LETTERS = 70
BRIEF_SHOWN = 1_500
"""Letters of a brief that stand above its drafts; the rest of it is folded."""
WORDS_A_TOKEN = 0.75
MOST_WORDS = 6_000
"""Words of a brief where nothing is known of how much the model can read."""
SHOW_TAKE = """element.addEventListener('click', event => {
  const take = event.target.closest('[data-take]')?.dataset.take;
  if (take) trigger('click', {take});
})"""
FOLD = """element.addEventListener('click', event => {
  if (!event.target.closest('button')) return;
  localStorage.setItem('drawer', document.body.classList.toggle('drawer-away') ? 'away' : '');
})"""
FOLD_BUTTON = (
    "<button type='button'><span class='fold'>Hide the drawer</span>"
    "<span class='unfold'>Show the drawer</span></button>"
)


def places(take: Take, compare: bool) -> list[tuple[int, str]]:
    """Return the columns to show from left to right, each with its heading; the voice alone without comparing."""
    names = ["Base" if take.request.is_base(column.model) else "Your voice" for column in take.columns]
    if take.hidden:
        return [(number, letter) for number, letter in zip(take.order, "AB", strict=True)]
    if len(names) > 1 and not compare:
        return [(number, name) for number, name in enumerate(names) if name != "Base"][-1:]
    if take.request.blind_order:
        return [(number, f"{letter}: {names[number]}") for number, letter in zip(take.order, "AB", strict=True)]
    return list(enumerate(names))


def draft(workspace: Workspace, take: Take, number: int, heading: str, unmeasured: str) -> tuple[str, str]:
    """Return prose and line of one column; `unmeasured` is said in place of a score that is not there."""
    column, hidden = take.columns[number], take.hidden
    name = "" if hidden else column.model
    title = Markup("<h3>{} <small class='caption'>{}</small></h3>").format(heading, name)
    measured = "score after your choice" if hidden else _score(column.measure, unmeasured)
    below = views.sentence(_line(take, column, measured, hidden), "caption")
    if column.message and not hidden:
        state = server.state(workspace)
        log = read_tail(Path(state.log)) if state and state.log else ""
        below += views.sentence(column.message, "bad") + (views.details("Show details", log) if log else Markup(""))
    if column.measure and column.measure.message and not hidden:
        below += views.sentence(f"Not scored. {column.measure.message}", "caption")
    if column.kept:
        below += views.sentence(f"Kept in {history.kept_file(workspace, column.kept)}", "good")
    return str(title + views.prose(column.text)), str(below)


def _line(take: Take, column: Column, measured: str, hidden: bool) -> str:
    """Return score, words, copied and sources of a draft; while it is being written, the words so far."""
    if not column.finish_reason:
        return f"writing… {column.words:,} words so far"
    copied = column.measure.copied if column.measure and not hidden else None
    count = len(column.sources)
    parts = [
        measured if column.text.strip() else "",
        f"{column.words:,} word{'' if column.words == 1 else 's'}",
        "" if copied is None else f"{copied:.0%} copied".replace("%", " %"),
        f"{count or 'no'} source{'' if count == 1 else 's'}",
        ENDS.get(column.finish_reason, column.finish_reason),
    ]
    return " · ".join(filter(None, parts))


def _score(measure: Measure | None, unmeasured: str) -> str:
    if measure is None:
        return unmeasured
    if measure.message:
        return "no score"
    return "too short to score" if measure.score is None else f"score {interval(asdict(measure))}"


def refuse_long(prompt: str, context_length: int | None, reply: int) -> None:
    """Raise where a brief is longer than the model can read and still answer."""
    words = max(len(prompt.split()), len(prompt) // 8)  # some languages write no spaces
    room = context_length and context_length - min(reply, context_length // 2)
    fits = int(room * WORDS_A_TOKEN) if room else MOST_WORDS
    if words > fits:
        raise ServerError(
            f"The brief has {words:,} words, and about {fits:,} fit into what the model can read beside its reply: "
            "shorten it, or ask for the scene in parts."
        )


def asked(take: Take, variants: Sequence[str]) -> str:
    """Return the brief that the drafts answer, when it was asked, and which variant this is."""
    which = f"variant {variants.index(take.id) + 1} of {len(variants)}" if len(variants) > 1 else ""
    line = " · ".join(filter(None, [_day(take.id), _clock(take.id), which]))
    prompt, whole = take.request.prompt, Markup("")
    if len(prompt) > BRIEF_SHOWN:
        whole = views.details(f"Show the whole brief ({len(prompt.split()):,} words)", prompt)
        prompt = prompt[:BRIEF_SHOWN].rsplit(" ", 1)[0] + "…"
    return str(Markup("<div class='asked'>{}</div>").format(prompt) + whole + views.sentence(line, "caption"))


def facts(take: Take) -> str:
    """Return the world's entries that were sent along, each with the reason."""
    world, found = take.request.world, take.request.facts
    if world is None:
        return str(views.sentence("Written without the world: no facts were sent along.", "caption"))
    if not found and not any(column.sources for column in take.columns):
        return str(views.sentence(f"No entry of {world} fits this brief, so none was sent.", "caption"))
    rows = (
        Markup("<dt><b>{}</b> <small class='caption'>{}</small></dt><dd>{}</dd>").format(
            fact["name"], REASONS[fact["reason"]], fact["text"]
        )
        for fact in found
    )
    head = Markup("<h4>Facts sent from {}</h4>").format(world)
    return str(head + Markup("<dl class='hits'>{}</dl>").format(Markup("").join(rows)))


def verdict(workspace: Workspace, take: Take) -> str:
    """Return what the author chose in a blind reading, and how all of them went so far."""
    if not take.request.blind_order:
        return ""
    if take.hidden:
        said = "Read both. Which sounds more like you?" if take.done else "A blind reading: the names come afterwards."
        return str(views.sentence(said) + views.sentence(history.tally(workspace), "caption"))
    if not take.judged:
        return str(views.sentence("One draft broke off, so that this is no blind reading.", "caption"))
    if take.choice is None:
        said = "You could not tell them apart."
    else:
        base = take.request.is_base(take.columns[take.choice].model)
        said = f"You chose {'AB'[take.order.index(take.choice)]}: {'the base model' if base else 'your voice'}."
    return str(views.sentence(said, "good") + views.sentence(history.tally(workspace), "caption"))


def commands(workspace: Workspace, take: Take) -> str:
    """Return the commands that would write the same drafts in a shell."""
    if take.hidden:
        return "<div class='last'>The same in a shell: shown after your choice.</div>"
    request, made = take.request, []
    for model in request.models:
        parts = ["python", "-m", "style_tuner", "generate", request.prompt, "--model", model]
        parts += ["--workspace", workspace.name, *(["--world", request.world] if request.world else [])]
        parts += [] if request.seed is None else ["--seed", str(request.seed)]
        parts += ["--temperature", f"{request.sampling.temperature:g}"]
        made.append(shlex.join([*parts, "--max-tokens", str(request.sampling.max_tokens)]))
    if len(request.prompt) > BRIEF_SHOWN:
        folded = views.details("The same in a shell", "\n\n".join(made))
        return str(Markup("<div class='last'>{}</div>").format(folded))
    lines = Markup("<br>").join(views.command(line) for line in made)
    return str(Markup("<div class='last'>{}</div>").format(lines))


def tree(found: Sequence[Summary], shown: str | None, folder: Path) -> str:
    """Return the briefs by day, the newest first, and under each its variants; a click shows one."""
    if not found:
        return str(views.sentence("Every draft will be listed here by day.", "caption"))
    briefs: dict[str, list[Summary]] = {}
    for one in found[:MOST_SHOWN]:
        briefs.setdefault(one.brief, []).append(one)
    newest_first = sorted(briefs.values(), key=lambda family: family[0].id, reverse=True)
    days = Markup("")
    for number, (day, families) in enumerate(groupby(newest_first, key=lambda family: family[0].id[:8])):
        listed = list(families)
        unfolded = number == 0 or any(one.id == shown for family in listed for one in family)
        days += Markup("<details{}><summary>{}</summary><ul>{}</ul></details>").format(
            Markup(" open") if unfolded else "", _day(day), Markup("").join(_brief(one, shown) for one in listed)
        )
    left = len(found) - MOST_SHOWN
    older = views.sentence(f"{left} older ones lie in {folder}", "caption") if left > 0 else Markup("")
    return str(Markup("<nav class='history' aria-label='History'>{}</nav>").format(days) + older)


def _brief(family: Sequence[Summary], shown: str | None) -> Markup:
    """Return one brief with its variants, the oldest first; a brief with one draft is a single line."""
    variants = sorted(family)
    prompt = " ".join(variants[0].prompt.split())
    text = prompt if len(prompt) <= BRIEF_LETTERS else prompt[:BRIEF_LETTERS].rsplit(" ", 1)[0] + "…"
    if len(variants) == 1:
        return Markup("<li>{}</li>").format(_entry(variants[0], text, shown))
    entries = (_entry(one, f"Variant {number}", shown) for number, one in enumerate(variants, 1))
    items = Markup("").join(Markup("<li>{}</li>").format(entry) for entry in entries)
    return Markup("<li><span>{}</span><ul>{}</ul></li>").format(text, items)


def _entry(one: Summary, text: str, shown: str | None) -> Markup:
    notes = " · ".join(filter(None, [_clock(one.id), "kept" if one.kept else "", READINGS[one.reading]]))
    here = Markup(" aria-current='true'") if one.id == shown else ""
    return Markup("<button type='button' data-take='{}'{}>{} <small>{}</small></button>").format(
        one.id, here, text, notes
    )


def _day(take_id: str) -> str:
    return time.strftime("%d %b %Y", time.strptime(take_id[:8], "%Y%m%d"))


def _clock(take_id: str) -> str:
    return f"{take_id[9:11]}:{take_id[11:13]}"
