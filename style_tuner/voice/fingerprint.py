"""The fingerprint of a voice, to look at rather than read: its parts for the page, one HTML file, one picture."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from math import log, sqrt
from pathlib import Path

from markupsafe import Markup

from style_tuner.errors import StorageError
from style_tuner.records import Chapter, Favourite, Manuscript, QuotedPassage, StyleProfile
from style_tuner.voice import drawings
from style_tuner.voice.describe import summary
from style_tuner.voice.drawings import Drawn
from style_tuner.workspace import storage_errors, write_text

EXCERPT_WORDS = 110
SMALLEST, LARGEST = 15, 34
"""Pixels of the weakest and the strongest favourite word."""
PICTURE_WIDTH, PICTURE_HEIGHT = 940, 9000
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
CSS = """
body { max-width: 860px; margin: 40px auto; padding: 0 20px; font: 16px/1.5 system-ui, 'Liberation Sans', sans-serif;
  color: #222; background: #fdfcfa }
h1, .cloud, blockquote { font-family: Charter, 'Noto Serif', 'Liberation Serif', Georgia, serif }
h2 { font-size: 17px; margin: 34px 0 6px } .caption, .why { color: #6b665e; font-size: 14px; margin: 4px 0 10px }
.facts { display: flex; flex-wrap: wrap; gap: 6px 28px } .cloud { line-height: 1.9 } .cloud span { margin-right: .6em }
blockquote.quote { border-left: 3px solid #d8d3ca; margin: 14px 0; padding: 2px 0 2px 14px; line-height: 1.65;
  white-space: pre-wrap; max-width: 70ch } details summary { cursor: pointer }
"""


def facts(profile: StyleProfile) -> Markup:
    """Return the main figures in one line."""
    pairs = [
        ("words", f"{profile.words:,}"),
        ("words a sentence", f"{profile.sentence_length:.1f}"),
        ("words a paragraph", f"{profile.paragraph_length:.0f}"),
        ("dialogue", f"{100 * profile.dialogue:.0f} %"),
        ("person", profile.person),
        ("tense", profile.tense),
    ]
    made = (Markup("<span><b>{}</b> {}</span>").format(value, what) for what, value in pairs)
    return Markup("<div class='facts'>{}</div>").format(Markup("").join(made))


def measurements(profile: StyleProfile) -> Markup:
    """Return all that was measured, in sentences, folded."""
    lines = Markup("").join(Markup("<li>{}</li>").format(line) for line in summary(profile))
    return Markup("<details class='more'><summary>All measurements in words</summary><ul>{}</ul></details>").format(
        lines
    )


def favourites(profile: StyleProfile) -> Markup:
    """Return favourite words and phrases, set the larger the further they stand above their usual rate."""
    parts = [
        Markup("<h4>{}</h4><div class='cloud'>{}</div>").format(title, _cloud(found)) + _largest(found)
        for title, found in (
            ("Favourite words", profile.favourite_words),
            ("Favourite phrases", profile.favourite_phrases),
        )
        if found
    ]
    if not parts:
        return Markup("<p class='caption'>No word stands out yet: there is too little text.</p>")
    return Markup("").join(parts)


def _largest(found: Sequence[Favourite]) -> Markup:
    first = max(found, key=_weight)
    said = Markup("<p class='caption'>The largest, “{}”, stands {} times in your text, {} as often as usual.</p>")
    return said.format(first.text, first.count, _times(first.ratio))


def _weight(one: Favourite) -> float:
    return sqrt(one.count * log(max(2.0, one.ratio)))


def _cloud(found: Sequence[Favourite]) -> Markup:
    weights = {one.text: _weight(one) for one in found}
    least, most = min(weights.values()), max(weights.values())
    return Markup("").join(
        Markup("<span style='font-size:{:.0f}px' title='{} times, {} as often as usual'>{}</span> ").format(
            SMALLEST + (LARGEST - SMALLEST) * (weights[one.text] - least) / max(1e-9, most - least),
            one.count,
            _times(one.ratio),
            one.text,
        )
        for one in sorted(found, key=lambda one: -weights[one.text])
    )


def _times(ratio: float) -> str:
    return "over 100 times" if ratio > 100 else f"{ratio:.1f} times"


def quotes(passages: Iterable[QuotedPassage], titles: dict[str, str]) -> Markup:
    """Return the passages most and least typical, each with why; `titles` are those of the manuscripts, by id."""
    found = list(passages)
    if not found:
        return Markup(
            "<p class='caption'>Passages are quoted here once there are eight or more that tell: prepare again.</p>"
        )
    parts = []
    for heading, typical in (("Most typical of you", True), ("Least typical of you", False)):
        shown = [_quote(passage, titles) for passage in found if passage.typical is typical]
        parts.append(Markup("<h4>{}</h4>{}").format(heading, Markup("").join(shown)))
    return Markup("").join(parts)


def _quote(passage: QuotedPassage, titles: dict[str, str]) -> Markup:
    words = passage.text.split(" ")
    excerpt = " ".join(words[:EXCERPT_WORDS]) + (" …" if len(words) > EXCERPT_WORDS else "")
    where = titles.get(passage.manuscript, passage.manuscript)
    return Markup("<blockquote class='quote prose-text'>{}</blockquote><p class='caption why'>{}: {}.</p>").format(
        excerpt, where, "; ".join(passage.reasons) or "near the middle in every measure"
    )


def chapters(manuscripts: Sequence[Manuscript]) -> dict[str, tuple[Chapter, str]]:
    """Return every chapter with its manuscript's title, by a name that an author knows it by."""
    found: dict[str, tuple[Chapter, str]] = {}
    for manuscript in manuscripts:
        for number, chapter in enumerate(manuscript.chapters, 1):
            heading = chapter.title if chapter.title not in ("", manuscript.title) else f"part {number}"
            name = f"{manuscript.title}: {heading}"
            found[name if name not in found else f"{name} ({manuscript.id}, {number})"] = (chapter, manuscript.title)
    return found


def longest_chapter(named: dict[str, tuple[Chapter, str]]) -> str | None:
    """Return the name of the chapter that is drawn first."""
    return max(named, key=lambda name: named[name][0].words, default=None)


def document(
    profile: StyleProfile,
    system_prompt: str,
    manuscripts: Sequence[Manuscript],
    passages: Sequence[QuotedPassage],
    chapter: str | None = None,
) -> str:
    """Return the fingerprint as one HTML page that needs nothing else, plots included."""
    named = chapters(manuscripts)
    chosen = chapter if chapter in named else longest_chapter(named)
    drawn: list[tuple[str, Drawn | None]] = [
        ("Rhythm of a chapter", drawings.rhythm(*named[chosen], profile) if chosen else None),
        ("Sentences", drawings.density("sentences", profile)),
        ("Paragraphs", drawings.density("paragraphs", profile)),
        ("Words", drawings.density("words", profile)),
        ("Dialogue", drawings.density("dialogue", profile)),
        ("Punctuation", drawings.punctuation(profile)),
        ("How sentences open", drawings.openings(profile)),
    ]
    plots = [
        Markup("<h2>{}</h2>{}<p class='caption'>{}</p>").format(title, _plot(one, number == 0), one.sentence)
        for number, (title, one) in enumerate((title, one) for title, one in drawn if one)
    ]
    titles = {manuscript.id: manuscript.title for manuscript in manuscripts}
    return str(
        Markup(
            "<!doctype html><html lang='en'><meta charset='utf-8'><title>Fingerprint</title><style>{}</style>"
            "<h1>Fingerprint</h1>{}{}<h2>Words and phrases</h2>{}{}<h2>Passages</h2>{}"
            "<h2>System prompt</h2><blockquote class='quote'>{}</blockquote>{}</html>"
        ).format(
            Markup(CSS), facts(profile), plots[0], favourites(profile), Markup("").join(plots[1:]),
            quotes(passages, titles), system_prompt, measurements(profile),
        )
    )  # fmt: skip


def _plot(drawn: Drawn, first: bool) -> Markup:
    return Markup(drawn.figure.to_html(full_html=False, include_plotlyjs=first, config={"displayModeBar": False}))


def browser() -> str | None:
    """Return the path of an installed Chrome, Chromium or Edge, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def write_picture(page: str, path: Path) -> Path:
    """Write the HTML page as one PNG, as a browser shows it. Raises `StorageError` where no browser is installed.

    The plots are drawn by the page's own script, so a picture needs a browser; the page is opened without a network.
    """
    from PIL import Image, ImageChops

    program = browser()
    if program is None:
        raise StorageError(
            f"{path.name} cannot be drawn: a picture needs Chrome, Chromium or Edge, and none is installed. Install "
            "one, or export HTML and print it from your browser."
        )
    with tempfile.TemporaryDirectory() as folder:
        source, shot = write_text(Path(folder) / "page.html", page), Path(folder) / "page.png"
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}/profile",
            "--virtual-time-budget=8000", f"--window-size={PICTURE_WIDTH},{PICTURE_HEIGHT}", f"--screenshot={shot}",
            source.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, capture_output=True, timeout=120, check=True)
            with Image.open(shot) as opened:
                image = opened.convert("RGB")
        except (subprocess.SubprocessError, OSError) as error:
            raise StorageError(f"{program} did not draw {path.name} ({error}): export HTML instead.") from error
    empty = Image.new("RGB", image.size, image.getpixel((0, image.height - 1)))
    bounds = ImageChops.difference(image, empty).getbbox() or (0, 0, *image.size)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        image.crop((0, 0, image.width, min(image.height, bounds[3] + 40))).save(path)
    return path
