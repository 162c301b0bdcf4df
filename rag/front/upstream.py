"""Where the model server is: at the address that was given, else where this home's server file says that it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from style_tuner.config import ServingConfig
from style_tuner.workspace import read_json

USUAL_URL = f"http://{ServingConfig().host}:{ServingConfig().port}/v1"
"""Where a model server is looked for when none was started here."""
_BOTH = {
    "model",
    "stream",
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "stop",
    "frequency_penalty",
    "generation_config",
}
_CHAT_ONLY = {"messages", "max_completion_tokens", "logit_bias", "tools", "chat_template_kwargs"}
TAKEN_BY_TRANSFORMERS: Mapping[str, set[str]] = {
    "/chat/completions": _BOTH | _CHAT_ONLY,
    "/completions": _BOTH | {"prompt", "suffix"},
}
"""The fields that `transformers serve` heeds; it refuses unknown ones (422) and ignores the rest without a word."""


@dataclass(frozen=True)
class ModelServer:
    """A model server's address, and what its file tells: `engine` is empty and the context None where it tells none.

    `ended` is the address of the one that ran here last, where the usual address is asked because it runs no more.
    """

    url: str
    engine: str = ""
    context_length: int | None = None
    ended: str = ""

    def takes(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a request that this server heeds at `path`, in the form that it reads."""
        if self.engine != "transformers":
            return dict(fields)
        taken = {name: value for name, value in fields.items() if name in TAKEN_BY_TRANSFORMERS[path]}
        prompt = taken.get("prompt")
        return taken | ({"prompt": prompt[0]} if isinstance(prompt, list) and len(prompt) == 1 else {})


def completed(url: str) -> str:
    """Return an address with /v1 where it has no path: that is where every engine answers OpenAI's API."""
    return url if urlsplit(url).path.strip("/") else url.rstrip("/") + "/v1"


def model_server(servers: Path, given: str | None) -> ModelServer:
    """Return the server to ask now: the given one, else the one that runs here, else the one at the usual address.

    The file is read each time, so that a server that comes back at another port is found there.
    """
    try:
        state = read_json(servers / "model.json")
    except FileNotFoundError:
        state = {"url": ""}
    here = str(state["url"]).rstrip("/")
    running = state.get("health") in ("starting", "up")
    url = (given or (here if running else USUAL_URL)).rstrip("/")
    if url != here:
        return ModelServer(url, ended="" if given else here)
    return ModelServer(url, state.get("engine", ""), state.get("context_length"))
