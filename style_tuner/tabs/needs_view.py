"""What stands folded below a run's estimate: usual sizes and methods, advice, the guides' tables, an example."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from style_tuner.config import TrainingConfig
from style_tuner.hardware import hardware
from style_tuner.tabs import views
from style_tuner.tabs.common import changed
from style_tuner.tuning import needs
from style_tuner.tuning.memory import GIBIBYTE
from style_tuner.tuning.needs import GPUS, Gpu

SHOWN_GPUS = ("RTX 4070 Ti SUPER", "RTX 4090", "RTX 5090", "A100 80 GB")
LEARNED = "background: color-mix(in srgb, var(--color-accent) 22%, transparent); color: inherit"
EXAMPLE = 1500
"""Characters of each stretch of the example that are shown."""


def fold(title: str, inside: Markup) -> Markup:
    """Return a part of the page that opens at a click."""
    return Markup('<details class="more"><summary>{}</summary>{}</details>').format(title, inside)


def sizes(config: TrainingConfig) -> Markup:
    """Return memory, disk and pace of every usual size and method with these settings, and where it fits."""
    named = [gpu for gpu in GPUS if gpu.name in SHOWN_GPUS]
    found = hardware().gpus
    own = [Gpu("this GPU", found[0].memory_total / GIBIBYTE, 0.0)] if found else []
    pace = next(gpu for gpu in GPUS if gpu.name == "RTX 5090")
    rows = []
    for one in needs.needs(config, pace):
        minutes = "" if one.tokens_per_second is None else f"{1e6 / one.tokens_per_second / 60:.0f}"
        fits = ["fits" if one.fits(gpu) else "no" for gpu in [*own, *named]]
        rows.append((one.model, one.method, f"{one.memory:.0f}", f"{one.disk:.1f}", minutes, *fits))
    headers = ["Model", "Method", "Memory, GB", "Disk, GB", "Time, min"]
    headers += [f"{gpu.name} ({gpu.memory:.0f} GB)" if gpu in own else gpu.name for gpu in [*own, *named]]
    told = (
        f"With rank {config.lora_r}, {config.per_device_batch_size} rows of {config.max_seq_length} tokens at a time, "
        f"activations {'computed twice' if config.gradient_checkpointing else 'kept'}. The time is that of a million "
        f"tokens on an {pace.name}, reckoned from what was measured on an RTX 4090; of 8 bits none is known."
    )
    return views.table("Which sizes fit where", headers, rows, numbers="cde") + views.sentence(told, "caption")


def claims(config: TrainingConfig) -> Markup:
    """Return the guides' own memory tables beside the estimates, and what is wrong with them."""
    rows = [
        (one.source, one.model, one.method, one.rank, one.said, f"{one.estimate(config):.0f}", one.fault or "agrees")
        for one in needs.CLAIMS
    ]
    headers = ["From", "Model", "Method", "Rank", "Says, GB", "Estimate, GB", "Verdict"]
    text = (
        "The style guide also gives 40 to 80 tokens a second for 8B on an RTX 5090; an RTX 4090 has been measured at "
        "2,413 with 4-bit and at 3,083 with 16-bit weights."
    )
    table = views.table("The guides' tables, against this project's estimates", headers, rows, numbers="ef")
    return table + views.sentence(text, "caption")


def advised(rows: int) -> Markup:
    """Return rank, epochs and learning rate for so many rows, as the guides advise them."""
    return views.bullets(needs.advice(rows).sentences)


@dataclass(frozen=True)
class Measured:
    """Training rows as the model sees them: tokens of each, cut as the run cuts them, and the first one in stretches.

    `whole` are the tokens before the cut, `cut` the share of them that is lost; of a stretch it is said whether it is
    learned.
    """

    lengths: tuple[int, ...]
    whole: int
    rows_cut: int
    cut: float
    first: tuple[tuple[str, bool], ...]


def measured(config: TrainingConfig, source: str) -> Measured:
    """Return the rows on this disk with the tokenizer of their model; read once for each of the settings they hang on.

    Raises what a run would raise for these rows.
    """
    path = Path(source)
    files = [path, *path.iterdir()] if path.is_dir() else [path]
    return _measured(_bare(config), source, changed(*sorted(files)))


def _bare(config: TrainingConfig) -> TrainingConfig:
    """Return the settings that lengths and loss mask hang on, all others as they are by default."""
    kept = ("base_model", "max_seq_length", "seed", "rows")
    return TrainingConfig(**{name: getattr(config, name) for name in kept})


@lru_cache(maxsize=8)
def _measured(config: TrainingConfig, source: str, _: tuple[int, ...]) -> Measured:
    from style_tuner.tuning.reading import read_data
    from style_tuner.tuning.rows import loss_stretches

    data = read_data(config, source)
    rows = data.training
    lengths = tuple(min(length, rows.limit) for length in rows.lengths)
    first = tuple(loss_stretches(rows.rows[0], data.tokenizer))
    return Measured(lengths, rows.tokens, rows.rows_cut, rows.share_cut, first)


def example(found: Measured) -> Markup:
    """Return how long the rows are, and the first one as the model sees it, what it learns from coloured."""
    middle = statistics.median(found.lengths)
    figures = views.facts(
        [
            ("tokens in the shortest row", f"{min(found.lengths):,}"),
            ("in the middle one", f"{middle:,.0f}"),
            ("in the longest", f"{max(found.lengths):,}"),
            ("in all", f"{found.whole:,}"),
            ("cut off", f"{found.cut:.1%}".replace("%", " %")),
        ]
    )
    parts = (
        Markup('<mark style="{}">{}</mark>').format(LEARNED, _shortened(part)) if counted else _shortened(part)
        for part, counted in found.first
    )
    said = "A token is a piece of a word. The first row as the model sees it; it learns from the coloured text alone."
    return figures + views.sentence(said, "caption") + Markup("<pre>{}</pre>").format(Markup("").join(parts))


def _shortened(text: str) -> str:
    return text if len(text) <= EXAMPLE else f"{text[: EXAMPLE // 2]} […] {text[-EXAMPLE // 2 :]}"
