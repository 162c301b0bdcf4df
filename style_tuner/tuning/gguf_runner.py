"""Run llama.cpp's converter in a process of its own, for vocabularies too that it does not know by name.

    python -m style_tuner.tuning.gguf_runner CONVERTER_FOLDER MODEL --outfile FILE --outtype q8_0

The converter knows a byte-pair vocabulary by a hash of what it makes of one sentence, to tell llama.cpp how text is cut
before pairs are joined. A vocabulary trained anew has another hash; where its `tokenizer.json` says that text is cut as
GPT-2 does it, that name is given.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

from style_tuner.tuning.quiet import quiet_libraries


def cut_as_gpt2(model: Path) -> bool:
    """Say whether a model's tokenizer cuts text as GPT-2 does: bytes, with the regular expression built in."""
    cutting = json.loads((model / "tokenizer.json").read_text(encoding="utf-8")).get("pre_tokenizer") or {}
    return cutting.get("type") == "ByteLevel" and bool(cutting.get("use_regex")) and not cutting["add_prefix_space"]


def main(converter: str, model: str, *options: str) -> None:
    """Convert a model folder; the options are the converter's own."""
    quiet_libraries()
    sys.path[:0] = [converter, f"{converter}/gguf-py"]
    from conversion.base import TextModel

    known = TextModel.get_vocab_base_pre

    def named(self: Any, tokenizer: Any) -> str:
        try:
            return str(known(self, tokenizer))
        except NotImplementedError:
            if not cut_as_gpt2(Path(model)):
                raise
            return "gpt-2"

    TextModel.get_vocab_base_pre = named
    script = f"{converter}/convert_hf_to_gguf.py"
    sys.argv = [script, model, *options]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
