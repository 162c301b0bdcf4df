"""Keep the libraries' chatter out of the run's log, and their usage reports from leaving the machine."""

from __future__ import annotations

import logging
import warnings

DEPRECATED = r"`(is_)?gradient_checkpointing` is deprecated and will be removed in v6"
"""Transformers 5 says this of names that TRL 1.16 and PEFT still use."""
PAGED = "Paged optimizers are not supported on CPU"
"""bitsandbytes 0.50 says this where it uses the plain form instead, which has the same result."""


def quiet_libraries() -> None:
    """Turn off progress bars, which fill a log file, TRL's usage reports, and advice on parts that are not used here.

    TRL 1.16 sends a report for every trainer it makes unless this constant or `HF_HUB_DISABLE_TELEMETRY` is set;
    bitsandbytes 0.50 advises a package that would fetch a CPU kernel from the Hub; accelerate 1.15 warns at every
    validation of a remainder that TRL sums up itself.
    """
    for name in ("bitsandbytes", "accelerate"):  # before the imports below, which speak as they load
        logging.getLogger(name).setLevel(logging.ERROR)
    import datasets
    import huggingface_hub.constants
    from transformers.utils import logging as transformers_logging

    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    warnings.filterwarnings("ignore", DEPRECATED, FutureWarning)
    warnings.filterwarnings("ignore", PAGED, UserWarning)
