"""The Modelfile that tells Ollama how to talk with a voice: template, stop words, system prompt, sampling.

The template is read off the model's own chat template by rendering it, and proven on another conversation: what Ollama
sends is then what the voice was trained on, token by token.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from style_tuner.config import SamplingConfig
from style_tuner.errors import ModelError
from style_tuner.tokenizer import load_tokenizer

SYSTEM, USER, REPLY, AGAIN = ("\ue010system\ue011", "\ue010user\ue011", "\ue010reply\ue011", "\ue010again\ue011")
"""Contents that no template holds, between which its own text is found."""
PROOF = (
    {"role": "system", "content": "You write in short sentences."},
    {"role": "user", "content": "Go on:\n\nThe tide was out."},
    {"role": "assistant", "content": "Nobody came.\n\n“Wait,” she said."},
    {"role": "user", "content": "And then?"},
    {"role": "assistant", "content": "Then it rained."},
    {"role": "user", "content": "More."},
)


@dataclass(frozen=True)
class Turns:
    """What a chat template puts around the contents of a conversation that goes back and forth.

    Before the system prompt and after it, before the first request where there is none, after a request (up to where
    the reply begins) and after a reply (up to where the next request begins).
    """

    before_system: str
    after_system: str
    without_system: str
    after_request: str
    after_reply: str

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return a conversation as Ollama renders `template`."""
        text = self.without_system
        for message in messages:
            content = message["content"]
            if message["role"] == "system":
                text = self.before_system + content + self.after_system
            else:
                text += content + (self.after_request if message["role"] == "user" else self.after_reply)
        return text

    def template(self) -> str:
        """Return the same as a Go template; no sign in it trims the line ends beside it."""
        return (
            f"{{{{ if .System }}}}{self.before_system}{{{{ .System }}}}{self.after_system}"
            f"{{{{ else }}}}{self.without_system}{{{{ end }}}}"
            f'{{{{ range .Messages }}}}{{{{ if eq .Role "user" }}}}{{{{ .Content }}}}{self.after_request}'
            f'{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{self.after_reply}{{{{ end }}}}{{{{ end }}}}'
        )


def modelfile(model: Path, gguf: str, system_prompt: str, sampling: SamplingConfig) -> str:
    """Return the Modelfile of a merged model whose GGUF file has the name `gguf` and lies beside it.

    Raises `ModelError` where the model's chat template is none that goes back and forth.
    """
    tokenizer = load_tokenizer(str(model))
    turns = turns_of(tokenizer)
    generation = _json(model / "generation_config.json")
    ends = generation.get("eos_token_id", tokenizer.eos_token_id)
    stops = [str(tokenizer.decode([end])) for end in (ends if isinstance(ends, list) else [ends]) if end is not None]
    told = system_prompt.replace('"""', '"')
    lines = [f"FROM ./{gguf}", f'TEMPLATE """{turns.template()}"""', f'SYSTEM """{told}"""']
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    lines += [f"PARAMETER temperature {sampling.temperature}", f"PARAMETER top_p {sampling.top_p}"]
    lines += [f"PARAMETER num_predict {sampling.max_tokens}"]
    if longest := _json(model / "config.json").get("max_position_embeddings"):
        lines.append(f"PARAMETER num_ctx {min(int(longest), 8192)}")
    if penalty := generation.get("repetition_penalty"):
        lines.append(f"PARAMETER repeat_penalty {penalty}")
    return "\n".join(lines) + "\n"


def turns_of(tokenizer: Any) -> Turns:
    """Return what a tokenizer's chat template puts between contents, without the sign of a text's beginning.

    That sign is written by Ollama itself, as the GGUF file says.
    """

    def rendered(*messages: dict[str, str]) -> str:
        text = str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))
        return text.removeprefix(tokenizer.bos_token or "")

    system, user = {"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}
    reply, again = {"role": "assistant", "content": REPLY}, {"role": "user", "content": AGAIN}
    try:
        before_system, rest = rendered(system, user, reply, again).split(SYSTEM)
        after_system, rest = rest.split(USER)
        after_request, rest = rest.split(REPLY)
        after_reply, _ = rest.split(AGAIN)
        without_system, _ = rendered(user).split(USER)
        turns = Turns(before_system, after_system, without_system, after_request, after_reply)
        proven = all(turns.render(part) == rendered(*part) for part in (PROOF, PROOF[1:2], PROOF[1:4], PROOF[:2]))
    except ValueError:
        proven = False
    if not proven:
        raise ModelError(
            "The model's chat template cannot be written for Ollama: it does more than set contents between fixed "
            "text. Use the GGUF file with llama.cpp or LM Studio, which read the template in the file itself."
        )
    return turns


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
