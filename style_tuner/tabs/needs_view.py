"""What stands folded below a run's estimate: usual sizes and methods, advice, the guides' tables, an example."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from style_tuner.config import TrainingConfig
from style_tuner.hardware import hardware
from style_tuner.tabs import views
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
    headers = ["Model", "Method", "Memory, GB", "Disk, GB", "Minutes for 1 M tokens (RTX 5090)"]
    headers += [f"{gpu.name} ({gpu.memory:.0f} GB)" if gpu in own else gpu.name for gpu in [*own, *named]]
    caption = (
        f"Rank {config.lora_r}, {config.per_device_batch_size} rows of {config.max_seq_length} tokens at a time, "
        f"activations {'computed twice' if config.gradient_checkpointing else 'kept'}. Minutes follow from what was "
        "measured on an RTX 4090; of 8 bits none is known."
    )
    return views.table(caption, headers, rows, numbers="cde")


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


def example(config: TrainingConfig, dataset: Path) -> Markup:
    """Return how long the rows are, and the first one as the model sees it, what it learns from coloured."""
    text, stretches = _example(config, dataset)
    parts = (
        Markup('<mark style="{}">{}</mark>').format(LEARNED, _shortened(part)) if counted else _shortened(part)
        for part, counted in stretches
    )
    said = views.sentence(text)
    caption = views.sentence("The first row as the model sees it; it learns from the coloured text alone.", "caption")
    return said + caption + Markup("<pre>{}</pre>").format(Markup("").join(parts))


def _shortened(text: str) -> str:
    return text if len(text) <= EXAMPLE else f"{text[: EXAMPLE // 2]} […] {text[-EXAMPLE // 2 :]}"


@lru_cache(maxsize=8)
def _example(config: TrainingConfig, dataset: Path) -> tuple[str, tuple[tuple[str, bool], ...]]:
    """Count a dataset's rows once for each of the settings; a dataset on disk never changes."""
    from style_tuner.tuning.reading import read_data
    from style_tuner.tuning.rows import loss_stretches

    data = read_data(config, dataset)
    return data.training.summary(), tuple(loss_stretches(data.training.rows[0], data.tokenizer))
