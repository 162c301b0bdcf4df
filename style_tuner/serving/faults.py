"""What an engine's log complains of, as a sentence with its remedy."""

from __future__ import annotations

import re

_TOO_LONG = (
    "The model leaves too little memory for so long a text: give a smaller --max-model-len, or more --gpu-memory."
)
_HINTS = {
    r"max_model_len \(\d+\) is greater than": (
        "So long a text is more than the model reads: give a smaller --max-model-len, or none."
    ),
    r"out of memory|OutOfMemoryError": "The memory is full: close other programs, or serve a smaller model.",
    r"No available memory for the cache blocks|KV cache is needed|max seq len .* larger": _TOO_LONG,
    r"Free memory on device .* less than desired": "Another program holds the GPU: end it, or give less --gpu-memory.",
    r"address already in use": "The port is in use: stop the program that holds it, or choose another --port.",
    r"LoRA rank": "The voice's rank does not fit: merge the voice and serve the merged folder.",
}


def hint(log_text: str) -> str:
    """Return the remedy for what the engine's log complains of; empty where it is nothing known."""
    found = (remedy for pattern, remedy in _HINTS.items() if re.search(pattern, log_text, re.IGNORECASE))
    return next(found, "")


def explain(log_text: str) -> str:
    """Return the remedy for what the engine's log complains of, else its last error line."""
    errors = re.findall(r"^(?!.*WARNING).*?(\w*(?:Error|Exception): .+)$", log_text, re.MULTILINE)
    return hint(log_text) or (f"It said: {errors[-1].strip()[:400]}" if errors else "Its log says more.")
