"""Keep the libraries' chatter out of the run's log, and their usage reports from leaving the machine."""

from __future__ import annotations

import logging


def quiet_libraries() -> None:
    """Turn off progress bars, which fill a log file, TRL's usage reports, and advice on parts that are not used here.

    TRL 1.16 sends a report for every trainer it makes unless this constant or `HF_HUB_DISABLE_TELEMETRY` is set;
    bitsandbytes 0.50 advises a package that would fetch a CPU kernel from the Hub; accelerate 1.15 warns at every
    validation of a remainder that TRL sums up itself.
    """
    import datasets
    import huggingface_hub.constants
    from transformers.utils import logging as transformers_logging

    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    for name in ("bitsandbytes", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
