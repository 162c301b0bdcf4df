"""Usage reporting of every library that has it, turned off; nothing leaves the machine by itself."""

from __future__ import annotations

import os

_QUIET = {
    "DO_NOT_TRACK": "1",
    "DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "WANDB_MODE": "disabled",
    "ANONYMIZED_TELEMETRY": "False",
}


def quiet_environment() -> dict[str, str]:
    """Return the variables that turn usage reporting off, without those that the user has set."""
    return {name: value for name, value in _QUIET.items() if name not in os.environ}
