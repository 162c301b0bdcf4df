"""Tell program code and data, such as JSON, from prose."""

from __future__ import annotations

import json
import re

LEAST_LINES = 3
SHARE = 0.4
"""Share of lines that read as code from which a text is code; comments are not such lines, and prose has none."""
_DATA_LINE = re.compile(r'^\s*(?:"[^"\n]+"\s*:\s*\S|[\]}]+,?\s*$|[\[{]\s*$|\{".*\}\s*,?\s*$)')
_CODE_LINE = re.compile(
    r"^\s*(?:"
    r"(?:async\s+)?(?:def|class|fn|func|function|struct|enum|interface|impl|namespace|package)\s+\w+.*[({:;]\s*$"
    r"|(?:import|from|using|use|require|include)\s+[\w.:*{}'\"<>/@]+(?:\s+(?:import|as|from)\s+.+)?;?\s*$"
    r"|#\s*(?:include|define|ifdef|ifndef|endif)\b|#!|//|/\*|\*/|@\w+(?:\(.*\))?\s*$"
    r"|(?:if|elif|else|for|while|try|except|switch|case|with|catch|finally|do)\b.*[:{]\s*$"
    r"|(?:return|raise|throw|yield|await|print|assert|break|continue|pass)\b.*(?:[()\[\]{};=]|^\s*\w+\s*$)"
    r"|(?:const|let|var|public|private|protected|static|final|export)\s+\w+.*[=;({]"
    r"|[\w.\[\]'\"]+(?:\s*:\s*[\w\[\], |.]+)?\s*(?:[-+*/|&]?=|:=|==|=>|<-)\s*\S"
    r"|[\w.]+\(.*\)\s*[;{,:]?\s*$"
    r"|[)\]}]+[;,)]*\s*$"
    r"|.*\)\s*[;{]\s*$"
    r")"
)


def not_prose(text: str) -> str:
    """Return what a text is where it is no prose but program code or data, or ""."""
    lines = [line for line in text.split("\n") if line.strip()]
    if _is_json(text) or _share(lines, _DATA_LINE) >= SHARE:
        return "data (JSON)"
    return "program code" if _share(lines, _CODE_LINE) >= SHARE else ""


def _is_json(text: str) -> bool:
    first = text.strip()[:1]
    if first not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _share(lines: list[str], form: re.Pattern[str]) -> float:
    if len(lines) < LEAST_LINES:
        return 0.0
    return sum(bool(form.match(line)) for line in lines) / len(lines)
