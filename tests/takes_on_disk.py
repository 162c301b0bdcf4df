"""Takes as they lie on disk once they are written, for tests of what becomes of them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from style_tuner import takes
from style_tuner.config import SamplingConfig
from style_tuner.records import Message
from style_tuner.takes import Request, Take
from style_tuner.workspace import Workspace, write_jsonl

BASE_TEXT = "The boat went over the water and nobody spoke."
VOICE_TEXT = "She rowed him over; he paid, and that was that."


def put(
    workspace: Workspace,
    take_id: str,
    texts: Sequence[str] = (BASE_TEXT, VOICE_TEXT),
    reason: str = "stop",
    **more: Any,
) -> Take:
    """Write a finished take of base and voice, or of as many of them as there are texts, and return it."""
    models = ("base", "elena")[: len(texts)]
    values = {"prompt": "Ede rows.", "messages": (Message("user", "Ede rows."),), "models": models} | more
    request = Request(**{"sampling": SamplingConfig(), "seed": 7} | values)
    rows = [asdict(request) | {"sampling": request.sampling.model_dump()}]
    for number, text in enumerate(texts):
        rows.append({"column": number, "text": text})
        rows.append({"column": number, "finish_reason": reason, "message": "", "sources": []})
    write_jsonl(takes.folder(workspace) / f"{take_id}.jsonl", rows)
    return takes.load(workspace, take_id)
